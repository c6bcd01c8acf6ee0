"""Why: the complete derivation of a conclusion, down to the patient's facts, what is absent included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reasoner.answer import Answer
from reasoner.derivation import Derivation, RuleUse, SeenCondition
from reasoner.errors import RecordError, nearest
from reasoner.knowledge import Knowledge
from reasoner.page import Page, condition_words, source_words, state_words
from reasoner.trace import Trace, trace

__all__ = ["Why", "conclusion_kind", "render", "why"]

SCHEMA = "reasoner.why/1"
DEPTH = 3


class Why(NamedTuple):
    """The derivation of one conclusion.

    `kind` is "regimen", "action" or "setting"; `status` is "recommended", "excluded", "conditional" or "not_recommended" for
    a regimen, "called_for", "conditional" or "not_called_for" for an action, "holds", "conditional" or "does_not_hold" for
    a setting; `atoms` are the conclusions explained, as clingo text.
    """

    answer: Answer
    conclusion: str
    kind: str
    status: str
    atoms: tuple[str, ...]
    trace: Trace

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object of schema ``reasoner.why/1``."""
        return {
            "schema": SCHEMA,
            "guideline": self.answer.guideline.to_dict(),
            "patient": self.answer.patient,
            "conclusion": self.conclusion,
            "status": self.status,
            "derivation": self.trace.to_dict(),
        }


def conclusion_kind(name: str, knowledge: Knowledge) -> str:
    """Tell whether a name is a "regimen", an "action" or a "setting".

    Raises RecordError, with the nearest names, where it is none.
    """
    kinds = {"regimen": knowledge.regimens, "action": knowledge.actions, "setting": knowledge.settings}
    for kind, names in kinds.items():
        if name in names:
            return kind
    allowed = [known for names in kinds.values() for known in names]
    hint = nearest(name, allowed, knowledge.labels["regimen"])
    raise RecordError(f'"{name}" is no regimen, action or setting{hint}; allowed: {", ".join(allowed)}')


def why(answer: Answer, conclusion: str, depth: int | None = None) -> Why:
    """Explain a regimen's, an action's or a setting's status, `depth` rules deep or to the end.

    Raises RecordError, with the nearest names, for a conclusion that the guideline does not know.
    """
    derivation = answer.derivation
    kind = conclusion_kind(conclusion, derivation.knowledge)
    every = derivation.worlds.all
    predicates = {"regimen": ("recommended", "excluded"), "action": ("action",), "setting": ("setting",)}[kind]
    truths = {f"{predicate}({conclusion})": derivation.truth(f"{predicate}({conclusion})") for predicate in predicates}
    held = tuple(atom for atom, truth in truths.items() if truth)
    certain = [predicate for predicate, truth in zip(predicates, truths.values(), strict=True) if truth == every]
    status = STATUS[kind][certain[0] if certain else "conditional" if held else "never"]
    atoms = held or tuple(atom for atom in tuple(truths)[:1] if atom in derivation.program.index)
    return Why(answer, conclusion, kind, status, atoms, trace(derivation, answer.patient, atoms, depth))


STATUS = {
    "regimen": {
        "recommended": "recommended",
        "excluded": "excluded",
        "conditional": "conditional",
        "never": "not_recommended",
    },
    "action": {"action": "called_for", "conditional": "conditional", "never": "not_called_for"},
    "setting": {"setting": "holds", "conditional": "conditional", "never": "does_not_hold"},
}


STATUS_WORDS = {
    "recommended": "status_recommended",
    "excluded": "status_excluded",
    "conditional": "status_conditional",
    "not_recommended": "status_not_recommended",
    "called_for": "status_called_for",
    "not_called_for": "status_not_called_for",
    "holds": "status_holds",
    "does_not_hold": "status_does_not_hold",
}
AS_ABOVE = {"statement": "statement_as_above", "reading": "reading_as_above", "overlay": "overlay_as_above"}


class Reader:
    """Writes a derivation as numbered parts, each shown once and referred to by its number."""

    def __init__(self, page: Page, derivation: Derivation, depth: int) -> None:
        self.page = page
        self.derivation = derivation
        self.knowledge = derivation.knowledge
        self.say = self.knowledge.say
        self.depth = depth
        self.numbers: dict[str, int] = {}
        self.queue: list[tuple[str, int]] = []
        self.folded = 0
        self.shown: dict[str, None] = {}

    def write(self, atoms: tuple[str, ...]) -> None:
        """Write the parts, nearest to the conclusion first."""
        for atom in atoms:
            self.refer(atom, 0)
        while self.queue:
            atom, level = self.queue.pop(0)
            self.part(atom, level)

    def refer(self, atom: str, level: int) -> str:
        """Give the mark that refers to a part; parts too deep are folded."""
        if atom not in self.numbers:
            if level > self.depth:
                self.folded += 1
                return self.say("folded")
            self.numbers[atom] = len(self.numbers) + 1
            self.queue.append((atom, level))
        return self.say("see", str(self.numbers[atom]))

    def part(self, atom: str, level: int) -> None:
        explanation = self.derivation.explain(atom)
        number = f"{self.numbers[atom]}."
        self.page.lines.append("")
        if explanation.supports:
            self.page.item(f"{number:<4}", explanation.phrase, "heading", indent=4)
            for use in explanation.supports:
                self.support(use, level)
        else:
            self.page.item(f"{number:<4}", self.say("no_record", explanation.phrase), "heading", indent=4)
            self.obstacles(explanation.blocked, level)

    def support(self, use: RuleUse, level: int) -> None:
        self.page.item("", self.origin(use), indent=4)
        for condition in self.visible(use):
            mark = "?" if condition.met == "sometimes" else "-" if condition.negated else "+"
            absent = condition.negated and condition.state != "recorded_absent"
            phrase = self.say("no_record", condition.phrase) if absent else condition.phrase
            self.page.item(f"      {mark}", f"{phrase} [{self.state(condition, level)}]", indent=8)

    def obstacles(self, uses: tuple[RuleUse, ...], level: int) -> None:
        """Write what keeps each rule from firing, the ways of one rule together."""
        ways: dict[str, list[RuleUse]] = {}
        for use in uses:
            ways.setdefault(use.rule.id, []).append(use)
        for rule, own in ways.items():
            if len(own) > 1:
                lead = self.say("rule_does_not_fire_in_any_way", rule, own[0].rule.place, str(len(own)))
            else:
                lead = self.say("rule_does_not_fire", rule, own[0].rule.place)
            self.page.item("", lead, indent=4)
            for condition in dict.fromkeys(c for use in own for c in self.visible(use) if c.met != "always"):
                wanted = self.say("without", condition.phrase) if condition.negated else condition.phrase
                self.page.item("      x", f"{self.say('asks_for', wanted)} [{self.state(condition, level)}]", indent=8)
        if not ways:
            self.page.item("", self.say("no_rule_could"), indent=4)

    def origin(self, use: RuleUse) -> str:
        """Word what a rule encodes: the whole sentence the first time, then its id."""
        if use.rule.block is None:
            return self.say("by_definition", use.rule.place)
        block = self.knowledge.blocks[use.rule.block]
        if block.id in self.shown:
            return self.say(AS_ABOVE[block.kind], block.id, use.rule.place)
        self.shown[block.id] = None
        return f"{block.text} [{source_words(block, self.knowledge)}] ({use.rule.place}):"

    def visible(self, use: RuleUse) -> Iterator[SeenCondition]:
        """Yield the conditions but those on the guideline's own data."""
        for condition in use.conditions:
            if self.knowledge.roles[condition.atom.partition("(")[0]] != "catalogue":
                yield condition

    def state(self, seen: SeenCondition, level: int) -> str:
        """Word a condition's state, and where its own reasons stand."""
        program = self.derivation.program
        number = program.index[seen.atom]
        if not program.supports[number]:
            state = state_words(seen.state, self.knowledge)
            sources = self.derivation.sources(number)
            return self.say("read_from", state, self.say("and").join(sources)) if sources else state
        state = self.say("depends") if seen.met == "sometimes" else state_words(seen.state, self.knowledge)
        return self.say("comma").join((state, self.refer(seen.atom, level + 1)))


def title(result: Why, knowledge: Knowledge) -> str:
    """Word the conclusion and its status."""
    say = knowledge.say
    name = knowledge.label("action_name" if result.kind == "action" else result.kind, result.conclusion)
    words = [say(STATUS_WORDS[result.status])]
    for entry in result.answer.recommended:
        if entry.regimen == result.conclusion and result.kind == "regimen":
            words.append(say("rank_and_strength", str(entry.rank), knowledge.label("strength", entry.strength)))
            if entry.assuming:
                words.append(say("recommended_certain_if", condition_words(entry.assuming, knowledge)))
    for excluded in result.answer.excluded:
        if excluded.regimen == result.conclusion and result.kind == "regimen" and excluded.assuming:
            words.append(say("excluded_certain_if", condition_words(excluded.assuming, knowledge)))
    for call in result.answer.actions:
        if call.action == result.conclusion and result.kind == "action" and call.assuming:
            words.append(say("certain_if", condition_words(call.assuming, knowledge)))
    return f"{name}: {say('and').join(words)}"


def trials(shown: dict[str, None], knowledge: Knowledge) -> Iterator[str]:
    """Yield the register's entry on each trial that a shown statement rests on."""
    semicolon = knowledge.say("and")
    names = dict.fromkeys(trial for block in shown for trial in knowledge.blocks[block].trials)
    for name in names:
        trial = knowledge.trials[name]
        figures = semicolon.join(f"{knowledge.label('measure', m)}: {value} ({cut})" for m, value, cut, _ in trial.published)
        dates = knowledge.say("comma").join(sorted({date for *_, date in trial.published}))
        publications = semicolon.join(trial.publications)
        yield knowledge.say("trial_entry", trial.label, trial.registry, figures, dates, publications)


def render(result: Why, width: int = 80, colour: bool = False, depth: int = DEPTH) -> str:
    """Render a derivation as text of at most `width` columns, folded below `depth`."""
    knowledge = result.answer.derivation.knowledge
    page = Page(width, colour)
    page.opening(result.answer.patient, result.answer.guideline, knowledge)
    page.item("", title(result, knowledge), "heading", indent=0)
    page.item("", knowledge.say("legend"), "faint", indent=0)
    reader = Reader(page, result.answer.derivation, depth)
    if not result.atoms:
        page.item("", knowledge.say("never_concluded"), indent=0)
    reader.write(result.atoms)
    if reader.folded:
        page.lines.append("")
        page.item("", knowledge.say("parts_folded", str(reader.folded), str(depth + 1)), "faint", indent=0)
    evidence = list(trials(reader.shown, knowledge))
    if evidence:
        page.heading(knowledge.say("heading_trials"))
        for text in evidence:
            page.item("  -", text)
    return page.closing(result.answer.guideline)
