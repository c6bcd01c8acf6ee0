"""The difference of two answers as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import Assumption
from reasoner.engine.dose_phrases import dose_words
from reasoner.engine.doses import DoseGiven
from reasoner.engine.notes import of_decision
from reasoner.engine.phrases import changed_value_words, opening_sentence, setting_words, value_words
from reasoner.engine.reading_phrases import regimens_words
from reasoner.engine.way_phrases import assuming_words, certainty_words
from reasoner.errors import printable
from reasoner.queries.fields import sets_of
from reasoner.queries.what_if import Difference, Standing, What, WhatIf
from reasoner.records.record import ONE_OF
from reasoner.render.grounds import exclusions, setting_with_grounds, source, sources_against
from reasoner.render.layout import TextLayout
from reasoner.render.short_names import ShortNames

__all__ = ["render"]


def entry_words(entry: Standing, model: GuidelineModel) -> list[str]:
    """Word what an entry says, a part for each thing that can change."""
    say = model.say
    if not isinstance(entry.strength, str) or not isinstance(entry.cautions, tuple):
        return [certainty_words(entry.certainty, entry.assuming, model)]
    cautions = say("comma").join(model.label("caution", caution) for caution in entry.cautions)
    return [
        say("rank", str(entry.rank)),
        model.label("strength", entry.strength),
        certainty_words(entry.certainty, entry.assuming, model),
        say("caution", cautions) if cautions else say("no_caution"),
    ]


def change_words(before: Standing, after: Standing, model: GuidelineModel) -> str:
    """Word how an entry changes."""
    pairs = [*zip(entry_words(before, model), entry_words(after, model), strict=True)]
    if isinstance(before.doses, tuple) and isinstance(after.doses, tuple):
        pairs += [doses_in_words(before.doses, after.doses, model)]
    return model.say("and").join(model.say("from_to", old, new) for old, new in pairs if old != new)


def doses_in_words(before: Sequence[DoseGiven], after: Sequence[DoseGiven], model: GuidelineModel) -> tuple[str, str]:
    """Word the doses that only one of two entries has."""
    old, new = ([dose for dose in own if dose not in other] for own, other in ((before, after), (after, before)))
    return only_doses(old, model), only_doses(new, model)


def only_doses(doses: Sequence[DoseGiven], model: GuidelineModel) -> str:
    return " ".join(dose_words(doses, model)) if doses else model.say("dose_not_given")


HEADINGS = {
    "setting": "heading_setting",
    "recommended": "heading_recommended",
    "excluded": "heading_excluded",
    "action": "heading_actions",
    "score": "heading_scores",
}


class WhatIfText:
    """Writes the differences of two answers, those of each kind under its heading."""

    def __init__(self, result: WhatIf, page: TextLayout) -> None:
        self.result = result
        self.page = page
        self.model = result.after.derivation.model
        self.say = self.model.say
        self.now_excluded = {entry.regimen: entry for entry in result.after.excluded}
        self.quoted: set[str] = set()

    def section(self, what: What, found: Sequence[Difference]) -> None:
        """Add the differences of one kind."""
        self.page.heading(self.say(HEADINGS[what]))
        changed: dict[str, list[str]] = {}
        if what == "excluded":
            new = [self.now_excluded[own.id] for own in found if own.before is None]
            for certain, words in exclusions(new, self.result.after.derivation):
                self.page.item("  +", words, "against" if certain else "conditional")
        for difference in found:
            before, after = difference.before, difference.after
            if isinstance(before, str) or isinstance(after, str):
                self.turned(difference)
            elif before is not None and after is not None:
                changed.setdefault(change_words(before, after, self.model), []).append(self.name(difference))
            elif what == "recommended":
                self.regimen(difference)
            elif what == "action":
                self.action(difference)
        for words, names in changed.items():
            self.page.item("  ~", self.say("labelled", self.say("and").join(names), words), "conditional")
        if what == "excluded":
            self.no_longer_excluded([own for own in found if own.after is None])

    def name(self, difference: Difference) -> str:
        if difference.what != "action":
            return self.model.label("regimen", difference.id)
        return self.model.label("action", difference.id).rstrip(".")

    def turned(self, difference: Difference) -> None:
        """Add a setting or a score that is another one."""
        say, before, after = self.say, difference.before, difference.after
        if difference.what == "score":
            old, new = (side if isinstance(side, str) else say("none") for side in (before, after))
            text = say("labelled", self.model.label("score", difference.id), say("from_to", old, new))
        else:
            decision = difference.id if difference.id in self.model.decisions else "".join(self.model.decisions[:1])
            new = setting_with_grounds(decision, str(after), self.result.after.derivation)
            text = of_decision(decision, say("from_to", setting_words(str(before), self.model), new), self.model)
        self.page.item("  ~", text, "conditional")

    def regimen(self, difference: Difference) -> None:
        """Add a regimen that is recommended now, with what recommends it; or no longer, with what keeps it from that."""
        say, name = self.say, self.name(difference)
        after = isinstance(difference.after, Standing)
        standing, answer = (difference.after, self.result.after) if after else (difference.before, self.result.before)
        assert isinstance(standing, Standing)
        (entry,) = (own for own in answer.recommended if own.regimen == difference.id)
        by = [self.model.annotations[own] for own in dict.fromkeys(reason.annotation for reason in entry.reasons)]
        sources = say("comma").join(source(own, self.model) for own in by)
        if after:
            fresh = by[0].id not in self.quoted
            text = say("now_recommended", name, entry_summary(standing, self.model))
            self.page.item("  +", text if fresh else say("with_source", text, sources), "certain", in_full=True)
            if fresh:
                self.page.item("", say("with_source", opening_sentence(by[0]), sources), in_full=True)
                self.quoted.add(by[0].id)
            return
        excluded = self.now_excluded.get(difference.id)
        self.page.item("  -", say("no_longer_recommended", name, entry_summary(standing, self.model)), "against")
        if excluded and excluded.certainty == "certain":
            self.page.item("", say("because_excluded", sources_against(difference.id, self.result.after.derivation)))
        else:
            self.page.item("", say("because_unmet", say("comma").join(own.id for own in by)))

    def action(self, difference: Difference) -> None:
        """Add an action that is called for now, or no longer."""
        answer = self.result.before if difference.after is None else self.result.after
        (entry,) = (own for own in answer.actions if own.action == difference.id)
        sources = self.say("comma").join((*(entry.statements or entry.readings), *entry.overlays))
        text = self.say("with_source", entry.text, sources)
        if difference.after is None:
            self.page.item("  -", self.say("no_longer", text), "against")
        elif entry.certainty == "certain":
            self.page.item("  +", text, "certain")
        else:
            self.page.item("  +", self.say("actions_if", assuming_words(entry.assuming, self.model), text), "conditional")

    def no_longer_excluded(self, found: Sequence[Difference]) -> None:
        """Add the regimens that are excluded no longer, those that were so under one condition together."""
        together: dict[tuple[Assumption, ...], list[str]] = {}
        for own in found:
            assert isinstance(own.before, Standing)
            together.setdefault(own.before.assuming, []).append(own.id)
        for assuming, regimens in together.items():
            text = self.say("not_excluded", regimens_words(regimens, self.model))
            self.page.item("  -", self.say("till_now_if", text, assuming_words(assuming, self.model)) if assuming else text)


def entry_summary(entry: Standing, model: GuidelineModel) -> str:
    """Word an entry that stands on one side only; that it is certain goes without saying."""
    left_out = (model.say("no_caution"), model.say("certain"))
    return model.say("comma").join(part for part in entry_words(entry, model) if part not in left_out)


def fact_set_words(key: str, value: object, was: Mapping[str, object], model: GuidelineModel) -> str:
    """Word that a fact has another value than it had, by default perhaps."""
    default = next(fact.default_value for fact in model.facts if fact.name == key)
    old, new = changed_value_words(was.get(key), value, model), changed_value_words(value, was.get(key), model)
    if key not in was and default is not None:
        old = model.say("by_default", value_words(default, model))
    return model.say("fact_set", model.label("fact", key), new, old)


def one_of_words(result: WhatIf, model: GuidelineModel) -> Iterator[str]:
    """Word which of several sets of facts is told to be true, or what each of them says otherwise."""
    if isinstance(result.set[ONE_OF], str):
        yield model.say("set_true", printable(result.set[ONE_OF]))
    elif result.set[ONE_OF] is None:
        yield model.say("none_of_set")
    else:
        before = {own["label"]: own for own in sets_of(result.was)}
        for own in sets_of(result.set):
            was = before.get(own["label"], {})
            for key, value in own.items():
                if key != "label" and value != was.get(key):
                    words = fact_set_words(key, value, was, model)
                    yield model.say("labelled", printable(str(own["label"])), words)


def render(result: WhatIf, width: int = 80, colour: bool = False) -> str:
    """Render the differences as text of at most `width` columns, with ANSI colours where `colour` is true."""
    model, info = result.after.derivation.model, result.after.guideline
    say = model.say
    page = TextLayout(width, colour, ShortNames(model))
    page.opening(result.before.patient, info, model)
    page.heading(say("heading_what_if"))
    for key, value in result.set.items():
        words = one_of_words(result, model) if key == ONE_OF else [fact_set_words(key, value, result.was, model)]
        for text in words:
            page.item("  =", text)
    if not result.differences:
        page.heading(say("heading_nothing_changes"))
        page.item("  -", say("nothing_changes"))
    else:
        page.item("", say("then_is", result.after.bottom_line), "heading", indent=0, in_full=True)
    writer = WhatIfText(result, page)
    for what, found in groupby(result.differences, key=lambda own: own.what):
        writer.section(what, list(found))
    return page.closing(info)
