"""A guideline as plain data: what records may hold, what answers may name, what rules rest on.

Everything here is read from the guideline's ``.lp`` files. It holds no object of clingo's, so that it can be stored and
loaded without it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Annotation", "Condition", "CourseFact", "Dose", "Fact", "Grounds", "GuidelineModel", "Rule", "Trial", "Variable", "fill"]

PLACE = re.compile(r"\{(\d+)\}")


def fill(text: str, *words: str) -> str:
    """Put `words` in the places {1}, {2} and so on of a text; what stands in the words stays as it is."""
    return PLACE.sub(lambda place: words[int(place[1]) - 1], text) if words else text


class Annotation(NamedTuple):
    """A statement, reading or overlay as its guideline restates it.

    `kind` is "statement", "reading" or "overlay"; `place` is ``file:line``; `citations` are the source's reference
    numbers; `digest` the first 12 hexadecimal digits of the SHA-256 of the source's line, for statements.
    """

    kind: str
    id: str
    text: str
    place: str
    citations: tuple[int, ...] = ()
    digest: str = ""
    trials: tuple[str, ...] = ()
    unformalised: str = ""
    reads: tuple[str, ...] = ()
    why: str = ""
    settles: str = ""


class Condition(NamedTuple):
    """One condition of a rule's body: an atom, negated or not, as clingo text; or a comparison."""

    text: str
    negated: bool = False
    comparison: bool = False


class Rule(NamedTuple):
    """A rule as written: `id` is stable (statement and number), `annotation` what it rests on, None in the core."""

    id: str
    head: str
    body: tuple[Condition, ...]
    place: str
    annotation: str | None
    role: str


class Fact(NamedTuple):
    """A fact that a record can hold.

    `kind` is "boolean", "choice", "list", "number" or "courses"; `values` are the allowed values of a choice or members of a
    list; `open_members` those members that are each unknown while the list is not recorded; `default` what an absent
    fact is treated as ("true", "false", "empty"), or None where absent means unknown; `immutable` facts are over and can only be
    found out.
    """

    name: str
    kind: str
    label: str
    question: str
    values: tuple[str, ...]
    of_drugs: bool
    open_members: tuple[str, ...]
    thresholds: tuple[int, ...]
    default: str | None
    required: bool
    immutable: bool


class CourseFact(NamedTuple):
    """A fact about one course; `needs` are the drugs of which the course has one where the fact is given."""

    name: str
    kind: str
    thresholds: tuple[int, ...]
    needs: tuple[str, ...]


class Variable(NamedTuple):
    """Something unknown that a completion decides: a fact, or one member of a list.

    `values` gives each possible value as the answer words it (None where a number has no value) with the atoms that it
    makes true.
    """

    fact: str
    member: str | None
    values: tuple[tuple[bool | str | None, tuple[str, ...]], ...]


class Dose(NamedTuple):
    """A dose of one drug.

    `amount` is a decimal number in `unit` ("mg" or "mg/kg"), given every `every_weeks` weeks, or once where that is None.
    """

    drug: str
    schedule: str
    step: str
    amount: str
    unit: str
    every_weeks: int | None
    route: str
    statement: str


class Trial(NamedTuple):
    """A trial with what the dated register says of it.

    `published` holds for each figure its measure, its value, the data cut or population, and the date of the look-up.
    """

    label: str
    registry: str
    publications: tuple[str, ...]
    published: tuple[tuple[str, str, str, str], ...]


class Grounds(NamedTuple):
    """What the derivation of a conclusion rests on, each in the order of the guideline."""

    rules: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    citations: tuple[int, ...] = ()


class GuidelineModel(NamedTuple):
    """All that answering needs besides the ground program.

    `weight` names the fact that doses per kg are multiplied by; `roles` gives each predicate's role and `kinds` those
    of its arguments; `data` counts the facts under each statement; `wording` holds the words of texts by key, for `say`;
    `recursive` says where the guideline depends on itself; `longest_history` the number of courses up to which a check
    looks; `grounds` keeps what `grounds_of` found.
    """

    id: str
    title: str
    disclaimer: str
    facts: tuple[Fact, ...]
    course_facts: dict[str, CourseFact]
    bounds: dict[str, tuple[int, bool]]
    variables: tuple[Variable, ...]
    drugs: tuple[str, ...]
    outcomes: tuple[str, ...]
    regimens: tuple[str, ...]
    actions: tuple[str, ...]
    settings: tuple[str, ...]
    strengths: tuple[str, ...]
    labels: dict[str, dict[str, str]]
    parts: dict[str, tuple[tuple[str, ...], ...]]
    doses: tuple[Dose, ...]
    weight: str
    wording: dict[str, str]
    trials: dict[str, Trial]
    discrepancies: tuple[tuple[str, str, str], ...]
    annotations: dict[str, Annotation]
    rules: tuple[Rule, ...]
    roles: dict[str, str]
    kinds: dict[str, tuple[str, ...]]
    data: dict[str, int]
    recursive: str | None
    longest_history: int | None
    grounds: dict[frozenset[int], Grounds]

    def label(self, kind: str, name: str) -> str:
        """Word a term of the glossary; a name without a label is its own label."""
        return self.labels.get(kind, {}).get(name, name.replace("_", " "))

    def say(self, key: str, *words: str) -> str:
        """Give the text of a key of the wording with `words` in its places."""
        return fill(self.wording[key], *words)

    def interval(self, fact: str, value: float) -> str:
        """Name the interval between thresholds that a number stands in, such as ``>6,<=12``."""
        variable = next(variable for variable in self.variables if variable.fact == fact)
        thresholds = next(known.thresholds for known in self.facts if known.name == fact)
        return str(variable.values[sum(value > bound for bound in thresholds)][0])

    def grounds_of(self, rules: frozenset[int]) -> Grounds:
        """Collect what rules rest on; `rules` are numbers in `rules`.

        Statements count where they take a position, or where a reading that interprets them does.
        """
        found = self.grounds.get(rules)
        if found is None:
            if len(self.grounds) > 10_000:
                self.grounds.clear()
            found = self.grounds[rules] = self._collect(rules)
        return found

    def _collect(self, rules: frozenset[int]) -> Grounds:
        own: list[str] = []
        used: dict[str, None] = {}
        stated: set[str] = set()
        for number in sorted(rules):
            rule = self.rules[number]
            if rule.annotation is not None:
                own.append(rule.id)
                used[rule.annotation] = None
                if rule.role == "position":
                    stated.update((rule.annotation, *self.annotations[rule.annotation].reads))
        statements = [
            annotation for name, annotation in self.annotations.items() if annotation.kind == "statement" and name in stated
        ]
        return Grounds(
            rules=tuple(own),
            statements=tuple(annotation.id for annotation in statements),
            readings=tuple(name for name in used if self.annotations[name].kind == "reading"),
            overlays=tuple(name for name in used if self.annotations[name].kind == "overlay"),
            trials=tuple(dict.fromkeys(trial for annotation in statements for trial in annotation.trials)),
            citations=tuple(sorted({number for annotation in statements for number in annotation.citations})),
        )
