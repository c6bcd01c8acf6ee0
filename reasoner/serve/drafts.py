"""What the cards about an answer say, in the words of the guideline and of the wording file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer, Exclusion, Missing, Recommendation
from reasoner.engine.conclusions import CERTAIN, SILENT, UNDETERMINED, Assumption
from reasoner.engine.missing_phrases import decided_words, question_words
from reasoner.engine.phrases import setting_words
from reasoner.records.record import ONE_OF
from reasoner.serve.card_words import (
    action_words,
    brief_words,
    cautions_of,
    exclusions,
    leading_words,
    merits,
    option_words,
    reasons,
    standing,
    supposes_untreated,
    ways_out,
)
from reasoner.serve.markdown import AIMED_DETAIL, LONGEST_FIRST, LONGEST_LINE, SHORT_LINE, total
from reasoner.serve.shapes import LONGEST_SUMMARY

__all__ = ["Draft", "Line", "Suggestion", "about_orders", "about_patient", "not_judged", "unanswered"]

BRACKETS_LAST = re.compile(r" \([^()]*\)$")
MOST_SUGGESTIONS = 6
MOST_EXPLAINED = 2
MOST_OPTIONS = 3


class Suggestion(NamedTuple):
    """What a card offers to do: delete the draft orders in `references`, or where there are none create a task."""

    label: str
    references: tuple[str, ...] = ()


class Line(NamedTuple):
    """One line of a card: a heading, and what stands behind it, the most important first; all of it where it is `whole`.

    Else it takes at most `most` characters. Its parts are `sentences` or items. The first `unlinked` of them are not behind
    the card's link. `brief` stands for them where there is no room for any.
    """

    heading: str
    parts: tuple[str, ...]
    whole: bool = False
    most: int = LONGEST_LINE
    sentences: bool = False
    unlinked: int = 0
    brief: str = ""


class Draft(NamedTuple):
    """A card without what differs from call to call: ids, the link's address, the patient.

    `cautions` and `notes` are for its last line. `regimen` is the one that the card's link explains, empty for the whole
    answer. `brief` stands for a summary that is too long.
    """

    indicator: Literal["info", "warning"]
    summary: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    regimen: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    cautions: tuple[str, ...] = ()
    brief: str = ""


def about_patient(answer: Answer, therapy: Sequence[str] = ()) -> tuple[Draft, ...]:
    """Draft the cards about a patient: what is recommended, and what to record.

    `therapy` is what a chart tells of it where the record has none.
    """
    if not (answer.recommended or answer.excluded or answer.actions or answer.missing or answer.setting == SILENT):
        return ()
    derivation, model = answer.derivation, answer.derivation.model
    say = model.say
    drafts: list[Draft] = []
    for decision in model.decisions or (UNSET,):
        placed = (own.setting for own in answer.decisions or () if own.decision == decision)
        name = next(placed, answer.setting)
        setting = setting_words(name, model)
        own = [entry for entry in answer.recommended if entry.decision == decision]
        brief = ""
        options = (option_words(own[0], derivation), *(brief_words(entry, derivation) for entry in own[1:])) if own else ()
        untreated = bool(own) and all(supposes_untreated(entry, model) for entry in own)
        heading = say("card_if_untreated" if untreated else "heading_recommended")
        recommended = Line(heading, options or (say("nothing"),), most=SHORT_LINE)
        if name == UNDETERMINED and answer.missing:
            question = question_words(min(answer.missing, key=partial(weight, model)), model)
            summary = say("card_undetermined", setting, question)
            brief = say("card_undetermined", setting, say("card_see_below"))
            lines = [first_to_find_out(question, therapy, model), recommended]
        elif own:
            summary = say("card_recommended", setting, leading_words(own, derivation))
            lines = [recommended, why_line(own[0], model)]
            brief = say("card_recommended", setting, say("card_see_below"))
        else:
            summary = say("card_nothing", setting)
            lines = [recommended]
        if not drafts:
            lines.append(excluded_line(answer.excluded, model))
        cautions = cautions_of(own[0], derivation) if own else ()
        notes = () if drafts else (*(action_words(call, model) for call in answer.actions), *standing(answer))
        drafts.append(Draft("info", summary, tuple(lines), notes, cautions=cautions, brief=brief))
    return (*drafts, *missing(answer, answer.missing))


def weight(model: GuidelineModel, entry: Missing) -> tuple[bool, bool]:
    """Sort unknown facts: first what decides the setting, and of that the therapy."""
    own = model.courses_fact
    therapy = entry.course is not None or entry.fact == ONE_OF or (own is not None and entry.fact == own.name)
    return "setting" not in entry.decides, not therapy


def first_to_find_out(question: str, therapy: Sequence[str], model: GuidelineModel) -> Line:
    """Ask what the advice depends on first, with what the chart tells of therapy."""
    return Line(model.say("card_first"), (question, *therapy), most=LONGEST_FIRST, unlinked=len(therapy) + 1)


def about_orders(answer: Answer, ordered: Mapping[str, str], therapy: Sequence[str] = ()) -> tuple[Draft, ...]:
    """Draft the cards about draft orders; `ordered` gives for each drug the reference of the order that it is in.

    `therapy` is what a chart tells of it where the record has none.
    """
    model = answer.derivation.model
    recommended = {entry.regimen: entry for entry in answer.recommended}
    excluded = {entry.regimen: entry for entry in answer.excluded}
    drafts: list[Draft] = []
    spoken = [regimen for regimen in model.regimens if model.is_regimen(ordered, regimen)]
    untold = answer.derivation.completions.untold is not None
    for regimen in spoken:
        entries = [own[regimen] for own in (recommended, excluded) if regimen in own]
        if untold and not any(entry.certainty == CERTAIN for entry in entries):
            drafts.append(about_unjudged(answer, regimen, recommended.get(regimen), therapy))
        elif regimen in recommended:
            drafts.append(about_recommended(answer, recommended[regimen], excluded.get(regimen)))
        elif regimen in excluded:
            drafts.append(about_excluded(answer, excluded[regimen], ordered))
        else:
            summary = model.say("card_not_recommended", model.label("regimen", regimen))
            drafts.append(Draft("info", summary, (instead(answer, [regimen]),), standing(answer), regimen))
    if not spoken:
        for drug, reference in ordered.items():
            having = [name for name in model.regimens if any(drug in part for part in model.parts.get(name, ()))]
            against = [excluded[name] for name in having if name in excluded]
            if len(against) == len(having) > 0:
                spoken += having
                if all(entry.certainty == "certain" for entry in against):
                    drafts.append(about_drug(answer, drug, reference, against))
    return (*drafts, *missing(answer, [entry for entry in answer.missing if not set(spoken).isdisjoint(entry.decides)]))


def about_unjudged(answer: Answer, regimen: str, entry: Recommendation | None, therapy: Sequence[str]) -> Draft:
    """Draft the card about an ordered regimen on which nothing can be said before it is known which therapy was given.

    `entry` recommends it where no therapy was.
    """
    derivation, model = answer.derivation, answer.derivation.model
    say, own = model.say, model.courses_fact
    assert own is not None
    assumed = (Assumption(fact=own.name, value=()),) if entry is None else entry.assuming
    lines = (
        first_to_find_out(model.question(own), therapy, model),
        Line(say("card_rule_out"), ways_out(regimen, assumed, derivation)),
    )
    return Draft("info", say("card_unjudged", model.label("regimen", regimen)), lines, standing(answer), regimen)


def about_recommended(answer: Answer, entry: Recommendation, against: Exclusion | None) -> Draft:
    """Draft the card about an ordered regimen that is recommended: its rank, and what has to be ruled out first."""
    derivation, model = answer.derivation, answer.derivation.model
    say = model.say
    label, rank, strength, sure = merits(entry, derivation)
    summary = say("card_ordered", label, rank, strength, sure)
    brief = say("card_ordered", label, rank, strength, sure if entry.certainty == CERTAIN else say("card_conditional"))
    lines = [Line(say("heading_recommended"), (option_words(entry, derivation),))]
    if against is not None:
        lines.append(Line(say("card_rule_out"), ways_out(entry.regimen, entry.assuming, derivation)))
    lines.append(why_line(entry, model))
    cautions = cautions_of(entry, derivation)
    return Draft("info", summary, tuple(lines), standing(answer), entry.regimen, cautions=cautions, brief=brief)


def about_excluded(answer: Answer, against: Exclusion, ordered: Mapping[str, str]) -> Draft:
    """Draft the warning about an ordered regimen that is excluded: why, and what to choose instead."""
    model = answer.derivation.model
    say, label = model.say, model.label("regimen", against.regimen)
    if against.certainty != CERTAIN:
        ways = ways_out(against.regimen, (), answer.derivation)
        summary, brief = say("card_excluded_if", label, say("or").join(ways)), say("card_excluded_open", label)
    else:
        short = say("and").join(dict.fromkeys(BRACKETS_LAST.sub("", r.words) for r in against.reasons))
        ways, brief = (), say("card_excluded", label, short)
        brief = brief if len(brief) <= LONGEST_SUMMARY else say("card_excluded_below", label)
        summary = say("card_excluded", label, say("and").join(dict.fromkeys(r.words for r in against.reasons)))
    lines = (Line(say("card_excluded_when"), ways), instead(answer, [against.regimen]), why_line(against, model))
    remove = Suggestion(say("card_remove", label), tuple(dict.fromkeys(ordered.values())))
    return Draft("warning", summary, lines, standing(answer), against.regimen, (remove,), brief=brief)


def about_drug(answer: Answer, drug: str, reference: str, against: Sequence[Exclusion]) -> Draft:
    """Draft the card about an ordered drug of which every regimen is excluded."""
    model = answer.derivation.model
    say, label = model.say, model.label("drug", drug)
    lines = (
        excluded_line(against, model),
        instead(answer, [entry.regimen for entry in against]),
        why_line(against[0], model),
    )
    remove = Suggestion(say("card_remove", label), (reference,))
    return Draft("warning", say("card_drug_excluded", label), lines, standing(answer), against[0].regimen, (remove,))


def excluded_line(against: Sequence[Exclusion], model: GuidelineModel) -> Line:
    """Say what is excluded, or where there is no room for a single one, how many are for certain."""
    say, sure = model.say, sum(entry.certainty == CERTAIN for entry in against)
    brief = say("card_excluded_sure", str(sure)) if sure else say("card_excluded_unsure")
    return Line(say("heading_excluded"), exclusions(against, model), most=SHORT_LINE, brief=brief)


def why_line(entry: Recommendation | Exclusion, model: GuidelineModel) -> Line:
    return Line(model.say("card_reason"), reasons(entry, model), sentences=True)


def instead(answer: Answer, regimens: Sequence[str]) -> Line:
    """Say what the guideline recommends instead of regimens, what may be excluded last."""
    model = answer.derivation.model
    excluded = {entry.regimen for entry in answer.excluded}
    others = sorted(answer.recommended, key=lambda entry: entry.regimen in excluded)
    known = [entry for entry in others if not supposes_untreated(entry, model)]
    named = tuple(option_words(entry, answer.derivation) for entry in known if entry.regimen not in regimens)
    if not named and answer.derivation.completions.untold is not None:
        return Line(model.say("card_instead"), (model.say("card_therapy_first"),))
    return Line(model.say("card_instead"), named[:MOST_OPTIONS] or (model.say("nothing"),))


def missing(answer: Answer, entries: Iterable[Missing]) -> Iterator[Draft]:
    """Draft the card on which of the unknown facts to record, if any; members of a list are asked for together.

    Each has a suggestion, or the card says that it has none.
    """
    model = answer.derivation.model
    say = model.say
    decides: dict[str, dict[str, None]] = {}
    for entry in entries:
        decides.setdefault(question_words(entry, model), {}).update(dict.fromkeys(entry.decides))
    if not decides:
        return
    setting = setting_words(answer.setting, model)
    one = len(decides) == 1
    summary = say("card_missing_one", setting) if one else say("card_missing", setting, str(len(decides)))
    asked, room = list(decides), AIMED_DETAIL // 3
    count = next(n for n in range(MOST_SUGGESTIONS, len(asked) + MOST_SUGGESTIONS) if total(asked[n:]) <= room)
    explained = [say("card_decides", name, decided_words(list(decides[name]), model)) for name in asked[:MOST_EXPLAINED]]
    lines = [Line(say("heading_missing") if not n else "", (text,), whole=True) for n, text in enumerate(explained)]
    lines += [Line(say("card_no_suggestion"), tuple(asked[count:]), whole=True)]
    suggestions = tuple(Suggestion(say("card_record", name)) for name in asked[:count])
    yield Draft("info", summary, tuple(lines), suggestions=suggestions)


def not_judged(unknown: Sequence[str], others: Sequence[str], model: GuidelineModel) -> tuple[Draft, ...]:
    """Draft the cards about orders that are not judged: whose medication no table knows, and those about somebody else."""
    rows = ((unknown, model.say("card_order_unknown")), (others, model.say("card_order_other")))
    return tuple(Draft("info", summary, (Line(model.say("card_orders"), tuple(named)),)) for named, summary in rows if named)


def unanswered(problem: str, model: GuidelineModel) -> Draft:
    """Draft the card that says why a record cannot be answered."""
    brief = model.say("card_unanswered", model.say("card_see_below"))
    return Draft("info", model.say("card_unanswered", problem), (Line("", (problem,), whole=True),), brief=brief)
