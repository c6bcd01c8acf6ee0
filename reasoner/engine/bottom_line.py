"""One sentence that a reader can act on: what comes first, what it hangs on, or that the text is silent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from reasoner.compiler.model import capitalised
from reasoner.engine.comparison import Alternative, Comparison
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, SILENT, Assumption, Certainty, Missing, untreated_assumed
from reasoner.engine.derivation import Derivation
from reasoner.engine.missing_phrases import unknown_words
from reasoner.engine.notes import of_decision
from reasoner.engine.phrases import fact_words, rank_is_sure, setting_words
from reasoner.engine.predicates import EXCLUDED, INDICATED, PLACES, RECOMMENDED, SETTING, arguments_of, predicate_of
from reasoner.engine.way_phrases import requirements_of
from reasoner.records.record import ONE_OF, Record

if TYPE_CHECKING:
    from reasoner.engine.answer import ActionCall, Recommendation

__all__ = ["LONGEST", "BottomLine", "placing_grounds", "scope_facts"]

LONGEST = 200
MOST_WAYS = 2
LONGEST_SET = 80
IN_SCOPE = "in_scope"
MOST_FACTS = 2
"""So many facts are named at most on which a regimen hangs."""
FULL = 13
"""So many wordings are tried before the shortest one."""


class BottomLine:
    """Writes the bottom line of one answer: of several wordings the fullest that is short enough."""

    def __init__(
        self,
        comparison: Comparison,
        record: Record,
        recommended: Sequence[Recommendation],
        actions: Sequence[ActionCall],
        alternatives: Sequence[Alternative],
        missing: Sequence[Missing],
    ) -> None:
        self.derivation = comparison.derivation
        self.model = self.derivation.model
        self.say = self.model.say
        self.conclusions = comparison.conclusions
        self.record = record
        self.recommended = recommended
        self.urgent = [entry for entry in actions if entry.action in self.model.urgent and entry.certainty == CERTAIN]
        self.alternatives = alternatives
        self.missing = missing

    def text(self) -> str:
        """Give the bottom line, of at most 200 characters."""
        first = [entry.text for entry in self.urgent]
        named = [self.model.label("action_name", entry.action) for entry in self.urgent]
        named = [self.say("bottom_urgent", self.say("comma").join(named))] if named else []
        decisions = self.model.decisions or ("",)
        whole = (" ".join(parts) for parts in zip(*(self.wordings(decision) for decision in decisions), strict=True))
        candidates = (" ".join((*acts, text)) for text in whole for acts in (first, named))
        without_acts = self.wordings(decisions[0]) if len(decisions) == 1 else ()
        short_enough = (text for text in chain(candidates, without_acts) if len(text) <= LONGEST)
        return next(short_enough, self.say("bottom_long"))

    def wordings(self, decision: str) -> Iterator[str]:
        """Yield the bottom line of a decision in some wordings, the fullest first; the last one until there are enough."""
        found: dict[str, None] = {}
        for text in self.candidates(decision):
            if text not in found and len(found) < FULL:
                yield text
            found[text] = None
        yield from [next(reversed(found))] * (FULL + 1 - min(len(found), FULL))

    def candidates(self, decision: str) -> Iterator[str]:
        setting = self.conclusions.setting(decision)
        entries = [entry for entry in self.recommended if not decision or entry.decision == decision]
        if entries and setting not in self.model.by_design:
            silent = self.silent_sets(entries)
            yield from (" ".join(filter(None, (text, silent))) for text in self.first_of(setting, entries))
        else:
            yield from (of_decision(decision, text, self.model) for text in self.nothing(setting, decision))

    def silent_sets(self, entries: Sequence[Recommendation]) -> str:
        """Say under which of several sets of facts, of which one is true, nothing is recommended; else an empty text."""
        completions, possible = self.derivation.completions, self.derivation.possible
        values, held = self.derivation.values if possible is None else possible, completions.none
        for entry in entries:
            for _, number in self.derivation.program.table.get(RECOMMENDED, {}).get(entry.regimen, ()):
                held = held | values[number]
        for variable, places in completions.values.items():
            if completions.variables[variable].fact == ONE_OF:
                labels = [label for label, _ in completions.variables[variable].values]
                told = [(str(label), own) for label, own in zip(labels, places, strict=True) if own != completions.none]
                silent = [self.say("set_true", label) for label, own in told if own & held == completions.none]
                words = self.say("bottom_silent_set", self.say("or").join(silent)) if silent else ""
                short = self.say("bottom_silent_sets", str(len(silent)), str(len(told)))
                return words if len(words) <= LONGEST_SET else short
        return ""

    def nothing(self, setting: str, decision: str) -> Iterator[str]:
        """Word why nothing is recommended."""
        say = self.say
        if setting in self.model.by_design and self.derivation.truth(IN_SCOPE) == self.derivation.completions.all:
            yield say("bottom_silent", capitalised(setting_words(setting, self.model)))
        elif setting in self.model.by_design:
            facts = scope_facts(self.derivation, setting, self.record)
            yield say("bottom_out_of_scope", say("and_condition").join(facts)) if facts else say("bottom_no_scope")
            yield say("bottom_no_scope")
        elif setting == SILENT:
            silent = self.silence(decision)
            yield from (f"{silent} {other}" for other in self.otherwise(decision))
            yield silent
        elif self.missing and setting not in self.model.settings:
            yield say("bottom_depends", unknown_words(self.missing[0], self.model))
        elif self.conclusions.names_held(INDICATED, self.model.regimens):
            dead = say("bottom_dead_end", setting_words(setting, self.model))
            yield from (f"{dead} {other}" for other in self.otherwise(decision))
            yield dead
        else:
            yield say("bottom_nothing")

    def silence(self, decision: str) -> str:
        """Say that the text is silent, in the words of what places the patient there where a rule does."""
        grounds = placing_grounds(self.derivation, self.model.settings_in(decision))
        words = self.model.label("ground", grounds[0]) if grounds else self.say("bottom_no_history")
        return self.say("bottom_silent", capitalised(words))

    def otherwise(self, decision: str) -> Iterator[str]:
        """Word what another reading would recommend where the default has nothing."""
        for entry in self.alternatives:
            added = [n for n in entry.recommended.adds if not decision or self.model.option_of.get(n) == decision]
            if added:
                reading = f"{entry.reading}={entry.alternative}"
                regimens = self.say("comma").join(self.model.label("regimen", name) for name in added)
                yield self.say("bottom_otherwise", reading, regimens)

    def first_of(self, setting: str, entries: Sequence[Recommendation]) -> Iterator[str]:
        """Word what ranks first, in ever fewer words."""
        say, model = self.say, self.model
        best = min(entry.rank for entry in entries)
        top, rest = [e for e in entries if e.rank == best], [e for e in entries if e.rank > best]
        untreated = tuple({own for entry in entries for own in untreated_assumed(entry.assuming, model)})
        if untreated and self.record.warning:
            yield say("bottom_uncounted", model.label("fact", untreated[0].fact))
            return
        lead = self.lead(setting, entries[0].decision)
        if untreated:
            untold = say("bottom_untold", model.label("fact", untreated[0].fact))
            lead = self.begun(untold, entries[0].decision)
        full = [self.entry(entry, True, untreated) for entry in top]
        text = say("labelled", lead, say("bottom_or").join(full))
        lost = self.stronger_excluded(top, entries[0].decision)
        if lost:
            yield f"{say('bottom_end', text)} {lost}"
        if rest:
            yield say("bottom_then", text, say("bottom_or").join(self.entry(entry, True, untreated) for entry in rest))
            yield say("bottom_then", text, say("bottom_others", str(len(rest))))
        yield say("bottom_end", text)
        others = [say("bottom_others", str(len(top) - 1))] if top[1:] else []
        briefer = [[self.entry(entry, False, untreated, named) for entry in top] for named in range(MOST_FACTS, -1, -1)]
        some = [own for every in (full, *briefer) for own in (every, every[:1] + others)]
        for named in [*(briefer[:-1] if top[0].certainty == CERTAIN else []), *some]:
            yield say("bottom_end", say("labelled", lead, say("bottom_or").join(named)))
        if not others:
            yield say("bottom_end", say("labelled", lead, self.brief(top[0], untreated)))
        elif all(entry.certainty == CERTAIN for entry in top):
            yield say("bottom_count", lead, str(len(top)))
        else:
            if deciding := self.deciding(top):
                yield say("bottom_count_on", lead, str(len(top)), deciding)
            yield say("bottom_count_open", lead, str(len(top)))

    def deciding(self, top: Sequence[Recommendation]) -> str:
        """Name the unknown facts that decide the most of some regimens, at most two."""
        names = {entry.regimen for entry in top}
        courses = getattr(self.model.courses_fact, "name", "")
        found = [own for own in self.missing if own.fact != courses or own.course is not None]
        found.sort(key=lambda own: -len(names.intersection(own.decides)))
        return self.say("and_condition").join(unknown_words(own, self.model) for own in found[:2])

    def lead(self, setting: str, decision: str | UnsetType) -> str:
        """Name the setting at the beginning of the sentence, or say that there are several or that it is not decided."""
        held = self.conclusions.names_held(SETTING, self.model.settings_in(decision or ""))
        if setting not in self.model.settings:
            return self.begun(self.say("bottom_undetermined"), decision)
        words = self.say("bottom_several_settings") if len(held) > 1 else setting_words(setting, self.model)
        return self.begun(words, decision)

    def begun(self, words: str, decision: str | UnsetType) -> str:
        """Begin a sentence with words, and with the name of one of several decisions, which may say the same already."""
        if isinstance(decision, str):
            name = self.model.label("decision", decision)
            words = name if set(words.split()) <= set(name.split()) else self.say("comma").join((name, words))
        return capitalised(words)

    def stronger_excluded(self, top: Sequence[Recommendation], decision: str | UnsetType) -> str:
        """Say that a regimen which is indicated more strongly than what ranks first is excluded; nothing where none is."""
        order, every = self.model.strengths, self.derivation.completions.all
        best = min(order.index(entry.strength) for entry in top)
        for name in self.conclusions.names_held(EXCLUDED, self.model.regimens):
            if self.model.option_of.get(name, UNSET) == decision and self.conclusions.truth(EXCLUDED, name) == every:
                for strength, truth, _ in self.conclusions.held(INDICATED, name):
                    if truth == every and order.index(strength) < best:
                        label, strong = self.model.label("regimen", name), self.model.label("strength", strength)
                        return self.say("bottom_excluded", label, strong)
        return ""

    def entry(self, entry: Recommendation, full: bool, said: Sequence[Assumption], named: int = 0) -> str:
        """Name a regimen with its strength, and on what it hangs besides what is `said` already.

        That is said in `full`, or else so many facts are `named`.
        """
        say, model = self.say, self.model
        words = say("bottom_entry", model.label("regimen", entry.regimen), model.label("strength", entry.strength))
        excluded = self.also_excluded(entry)
        if excluded == CERTAIN:
            words = say("bottom_both", words)
        elif excluded is not None:
            against = self.requirements(EXCLUDED, entry, said) if full else ""
            words = say("bottom_perhaps_both", words, against) if full else say("bottom_perhaps", words)
        assuming = tuple(own for own in entry.assuming if own not in said)
        if entry.certainty == CERTAIN or (entry.assuming and not assuming):
            return words if rank_is_sure(entry, self.derivation) else say("bottom_rank_open", words)
        return (
            say("bottom_if", words, self.requirements(RECOMMENDED, entry, said))
            if full
            else self.hanging(words, entry, said, named)
        )

    def hanging(self, words: str, entry: Recommendation, said: Sequence[Assumption], named: int) -> str:
        """Add to the words of an entry the first facts on which it hangs, and how many more these are."""
        assumed = {(one.fact, one.member, one.course, one.key) for one in entry.assuming if one not in said}
        facts = [own for own in self.missing if (own.fact, own.member, own.course, own.key) in assumed]
        if not named or not facts:
            return self.say("not_recorded_decides", words)
        names = self.say("and_condition").join(unknown_words(own, self.model) for own in facts[:named])
        left = len(facts) - named
        more = [self.say("bottom_more_facts", str(left))] if left > 0 else []
        return " ".join((self.say("bottom_depending", words, names), *more))

    def requirements(self, predicate: str, entry: Recommendation, said: Sequence[Assumption]) -> str:
        return requirements_of(predicate, entry.regimen, self.derivation, said, MOST_WAYS)

    def also_excluded(self, entry: Recommendation) -> Certainty | None:
        """Give how certain it is that a recommended regimen is excluded too, wherever it is; None where it nowhere is."""
        truth, none = self.conclusions.truth, self.derivation.completions.none
        recommended, excluded = truth(RECOMMENDED, entry.regimen), truth(EXCLUDED, entry.regimen)
        if recommended & excluded == none:
            return None
        return CERTAIN if recommended & ~excluded == none else CONDITIONAL

    def brief(self, entry: Recommendation, said: Sequence[Assumption]) -> str:
        """Name a regimen, and whether it hangs on something besides what is `said` already."""
        label = self.model.label("regimen", entry.regimen)
        if self.also_excluded(entry) is not None or (entry.certainty != CERTAIN and not set(entry.assuming) <= set(said)):
            return self.say("bottom_conditional", label)
        return label if rank_is_sure(entry, self.derivation) else self.say("bottom_rank_open", label)


def placing_grounds(derivation: Derivation, settings: Sequence[str]) -> list[str]:
    """List the grounds by which a patient is placed in the settings where he stands."""
    program, found = derivation.program, []
    for name in settings:
        for _, number in program.table.get(SETTING, {}).get(name, ()):
            for use in derivation.firing(number, derivation.completions.all):
                for condition, negated in program.rules[use].conditions:
                    if not negated and predicate_of(program.atoms[condition]) == PLACES:
                        found.append(arguments_of(program.atoms[condition])[1])
    return list(dict.fromkeys(found))


def scope_facts(derivation: Derivation, setting: str, record: Record) -> list[str]:
    """Word the recorded facts by which a patient is outside of what the guideline is about."""
    program, found = derivation.program, dict[str, None]()
    for _, number in program.table.get(PLACES, {}).get(setting, ()):
        for use in derivation.firing(number, derivation.completions.all):
            for condition, negated in program.rules[use].conditions:
                for support in program.supports[condition] if negated else ():
                    for asked, absent in program.rules[support].conditions:
                        if not absent and derivation.state(asked) == "recorded_absent":
                            fact = arguments_of(program.atoms[asked])[0]
                            value = record.data.get(fact)
                            words = "" if value is None else fact_words(fact, value, derivation.model)
                            found[words or derivation.model.say("without", program.phrases[asked])] = None
    return list(found)
