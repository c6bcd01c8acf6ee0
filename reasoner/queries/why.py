"""Why: the complete derivation of a conclusion, down to the patient's facts, what is absent included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reasoner.answer import Answer
from reasoner.derivation import Derivation, RuleUse, SeenCondition
from reasoner.errors import RecordError, nearest
from reasoner.knowledge import Knowledge
from reasoner.page import Page, condition_words, source_words
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
    raise RecordError(f'"{name}" is no regimen, action or setting{nearest(name, allowed)}; allowed: {", ".join(allowed)}')


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


class Reader:
    """Writes a derivation as numbered parts, each shown once and referred to by its number."""

    def __init__(self, page: Page, derivation: Derivation, depth: int) -> None:
        self.page = page
        self.derivation = derivation
        self.knowledge = derivation.knowledge
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
                return "folded"
            self.numbers[atom] = len(self.numbers) + 1
            self.queue.append((atom, level))
        return f"see {self.numbers[atom]}"

    def part(self, atom: str, level: int) -> None:
        explanation = self.derivation.explain(atom)
        number = f"{self.numbers[atom]}."
        self.page.lines.append("")
        if explanation.supports:
            self.page.item(f"{number:<4}", explanation.phrase, "heading", indent=4)
            for use in explanation.supports:
                self.support(use, level)
        else:
            self.page.item(f"{number:<4}", self.word("no_record", explanation.phrase), "heading", indent=4)
            self.obstacles(explanation.blocked, level)

    def support(self, use: RuleUse, level: int) -> None:
        self.page.item("", self.origin(use), indent=4)
        for condition in self.visible(use):
            mark = "?" if condition.met == "sometimes" else "-" if condition.negated else "+"
            absent = condition.negated and condition.state != "recorded_absent"
            phrase = self.word("no_record", condition.phrase) if absent else condition.phrase
            self.page.item(f"      {mark}", f"{phrase} [{self.state(condition, level)}]", indent=8)

    def obstacles(self, uses: tuple[RuleUse, ...], level: int) -> None:
        """Write what keeps each rule from firing, the ways of one rule together."""
        ways: dict[str, list[RuleUse]] = {}
        for use in uses:
            ways.setdefault(use.rule.id, []).append(use)
        for rule, own in ways.items():
            many = f", in any of {len(own)} ways" if len(own) > 1 else ""
            self.page.item("", f"Rule {rule} ({own[0].rule.place}) does not fire{many}:", indent=4)
            for condition in dict.fromkeys(c for use in own for c in self.visible(use) if c.met != "always"):
                wanted = self.word("without", condition.phrase) if condition.negated else condition.phrase
                self.page.item("      x", f"it asks for {wanted} [{self.state(condition, level)}]", indent=8)
        if not ways:
            self.page.item("", "No rule could conclude it.", indent=4)

    def origin(self, use: RuleUse) -> str:
        """Word what a rule encodes: the whole sentence the first time, then its id."""
        if use.rule.block is None:
            return f"By definition ({use.rule.place}):"
        block = self.knowledge.blocks[use.rule.block]
        if block.id in self.shown:
            return f"{block.kind.capitalize()} {block.id}, as above ({use.rule.place}):"
        self.shown[block.id] = None
        return f"{block.text} [{source_words(block, self.knowledge)}] ({use.rule.place}):"

    def visible(self, use: RuleUse) -> Iterator[SeenCondition]:
        """Yield the conditions but those on the guideline's own data."""
        for condition in use.conditions:
            if self.knowledge.roles[condition.atom.partition("(")[0]] != "catalogue":
                yield condition

    def state(self, seen: SeenCondition, level: int) -> str:
        """Word a condition's state, and where its own reasons stand."""
        wording, program = self.knowledge.wording, self.derivation.program
        if not program.supports[program.index[seen.atom]]:
            return wording[seen.state]
        state = wording["depends" if seen.met == "sometimes" else seen.state]
        return f"{state}, {self.refer(seen.atom, level + 1)}"

    def word(self, key: str, phrase: str) -> str:
        return self.knowledge.wording[key].replace("{1}", phrase)


def title(result: Why, knowledge: Knowledge) -> str:
    """Word the conclusion and its status."""
    name = knowledge.label(result.kind, result.conclusion)
    words = [result.status.replace("_", " ")]
    for entry in result.answer.recommended:
        if entry.regimen == result.conclusion and result.kind == "regimen":
            words.append(f"rank {entry.rank}, {knowledge.label('strength', entry.strength)}")
            if entry.assuming:
                words.append(f"recommended, certain if {condition_words(entry.assuming, knowledge)}")
    for excluded in result.answer.excluded:
        if excluded.regimen == result.conclusion and result.kind == "regimen" and excluded.assuming:
            words.append(f"excluded, certain if {condition_words(excluded.assuming, knowledge)}")
    for call in result.answer.actions:
        if call.action == result.conclusion and result.kind == "action" and call.assuming:
            words.append(f"certain if {condition_words(call.assuming, knowledge)}")
    return f"{name}: {'; '.join(words)}"


def trials(shown: dict[str, None], knowledge: Knowledge) -> Iterator[str]:
    """Yield the register's entry on each trial that a shown statement rests on."""
    names = dict.fromkeys(trial for block in shown for trial in knowledge.blocks[block].trials)
    for name in names:
        trial = knowledge.trials[name]
        figures = "; ".join(f"{m.replace('_', ' ')} {value} ({cut})" for m, value, cut, _ in trial.published)
        dates = sorted({date for *_, date in trial.published})
        yield f"{trial.label}, {trial.registry}. {figures}. Register of {', '.join(dates)}. {'; '.join(trial.publications)}"


def render(result: Why, width: int = 80, colour: bool = False, depth: int = DEPTH) -> str:
    """Render a derivation as text of at most `width` columns, folded below `depth`."""
    knowledge = result.answer.derivation.knowledge
    page = Page(width, colour)
    page.opening(result.answer.patient, result.answer.guideline)
    page.item("", title(result, knowledge), "heading", indent=0)
    page.item(
        "",
        "+ holds, - is absent as the rule asks, ? depends on what is not recorded, x stands in the way",
        "faint",
        indent=0,
    )
    reader = Reader(page, result.answer.derivation, depth)
    if not result.atoms:
        page.item("", "No rule of the guideline can conclude it for a history of this length.", indent=0)
    reader.write(result.atoms)
    if reader.folded:
        page.lines.append("")
        page.item("", f"{reader.folded} deeper parts are folded; --depth {depth + 1} shows more.", "faint", indent=0)
    evidence = list(trials(reader.shown, knowledge))
    if evidence:
        page.heading("TRIALS")
        for text in evidence:
            page.item("  -", text)
    return page.closing(result.answer.guideline)
