"""A guideline as plain data: what records may hold, what answers may name, what rules rest on.

Everything here is read from the guideline's ``.lp`` files. It holds no object of clingo's, so that it can be stored and
loaded without it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

import msgspec

from reasoner.compiler.intervals import ANY_NUMBER, Cut, Range, interval_names, passed_cuts, thresholds_of

__all__ = [
    "SCOPE",
    "Aggregate",
    "Annotation",
    "Condition",
    "CourseFact",
    "Dose",
    "DoseUnit",
    "Element",
    "Fact",
    "GuidelineModel",
    "Rule",
    "Trial",
    "Variable",
    "capitalised",
    "fill",
    "with_arguments",
]

SCOPE = "in_scope"
"""What the core asks of a guideline that declares it: whom the guideline is about."""
PLACE = re.compile(r"\{(\d+)\}")
ASKED = {
    "boolean": "ask_boolean",
    "choice": "ask_choice",
    "list": "ask_list",
    "number": "ask_number",
    "courses": "ask_courses",
}


def fill(text: str, *words: str) -> str:
    """Put `words` in the places {1}, {2} and so on of a text; what stands in the words stays as it is."""
    return "".join([words[own - 1] if isinstance(own, int) else own for own in parted(text)]) if words else text


def with_arguments(label: str, words: Iterable[str]) -> str:
    """Word a term that has arguments: in the places of its label, or in brackets behind it."""
    return fill(label, *words) if PLACE.search(label) else f"{label} ({', '.join(words)})"


def capitalised(text: str) -> str:
    """Begin a text with a capital, and leave the rest of it as it is."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=2**12)
def parted(text: str) -> tuple[str | int, ...]:
    """Part a text into what stands as it is and the numbers of its places."""
    parts = PLACE.split(text)
    return tuple(int(own) if number % 2 else own for number, own in enumerate(parts))


class Annotation(msgspec.Struct, frozen=True, array_like=True):
    """A statement, reading or overlay as its guideline restates it.

    `kind` is "statement", "reading", "alternative" (of a reading, its id ``R5=b``) or "overlay"; `place` is
    ``file:line``; `citations` are the source's reference numbers; `digest` the first 12 hexadecimal digits of the SHA-256
    of the source's line, for statements; `certainty` is that of their evidence, as a term.
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
    certainty: str = ""

    @property
    def first_sentence(self) -> str:
        """The text up to its first full stop."""
        first, stop, _ = self.text.partition(". ")
        return first + stop.strip()


class Condition(msgspec.Struct, frozen=True, array_like=True):
    """One condition of a rule's body: an atom or an aggregate, negated or not, as clingo text; or a comparison."""

    text: str
    negated: bool = False
    comparison: bool = False
    aggregate: Aggregate | None = None


class Element(msgspec.Struct, frozen=True, array_like=True):
    """An element of an aggregate: the terms of its tuple, and the conditions under which the tuple counts."""

    terms: tuple[str, ...]
    conditions: tuple[Condition, ...]


class Aggregate(msgspec.Struct, frozen=True, array_like=True):
    """A count or sum over conditions.

    `function` is "#count", "#sum" or "#sum+"; `guards` are what it is compared with, it standing on the left: each a
    relation and a term. `variables` are those that stand outside of the elements as well.
    """

    function: str
    elements: tuple[Element, ...]
    variables: tuple[str, ...]
    guards: tuple[tuple[str, str], ...]

    @property
    def assigned(self) -> tuple[str, ...]:
        """The terms that it is equal to."""
        return tuple(term for relation, term in self.guards if relation == "=")


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """A rule as written: `id` is stable (statement and number), `annotation` what it rests on, None in the core.

    Those with the role "aggregate" are no rules of a guideline: each stands for the ground rules that work out an aggregate.
    """

    id: str
    head: str
    body: tuple[Condition, ...]
    place: str
    annotation: str | None
    role: str

    @property
    def tested(self) -> tuple[Condition, ...]:
        """The conditions on single atoms, those in counts and sums included."""
        inner = (c for own in self.body if own.aggregate is not None for e in own.aggregate.elements for c in e.conditions)
        return tuple(c for c in (*self.body, *inner) if not c.comparison and c.aggregate is None)


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """A fact that a record can hold.

    `kind` is "boolean", "choice", "list", "number" or "courses"; `values` are the allowed values of a choice or members of a
    list; `open_members` those members that are each unknown while the list is not recorded; `default` what an absent
    fact is treated as ("true", "false", "empty"), or None where absent means unknown; `immutable` facts are over and can
    only be found out; `ever` says of a boolean that it is true of what is over, too. `cuts` are where the values of a number
    are told apart.
    """

    name: str
    kind: str
    label: str
    question: str
    values: tuple[str, ...]
    of_drugs: bool
    open_members: tuple[str, ...]
    cuts: tuple[Cut, ...]
    default: str | None
    immutable: bool
    ever: bool

    @property
    def default_value(self) -> bool | tuple[str, ...] | None:
        """What an absent fact is treated as, as a record tells it; None where absent means unknown."""
        return None if self.default is None else () if self.default == "empty" else self.default == "true"

    @property
    def thresholds(self) -> tuple[int | float, ...]:
        """The thresholds that rules compare a number with."""
        return thresholds_of(self.cuts)


class CourseFact(msgspec.Struct, frozen=True, array_like=True):
    """A fact about one course; `needs` are the drugs of which the course has one where the fact is given.

    `cuts` are where the values of a number are told apart.
    """

    name: str
    kind: str
    cuts: tuple[Cut, ...]
    needs: tuple[str, ...]

    @property
    def thresholds(self) -> tuple[int | float, ...]:
        """The thresholds that rules compare a number with."""
        return thresholds_of(self.cuts)

    def stretch(self, value: float) -> str:
        """Name the interval between cuts that holds `value`."""
        return interval_names(self.cuts)[passed_cuts(value, self.cuts)]

    def reached(self, stretch: str) -> tuple[Cut, ...]:
        """List the cuts that every value in an interval is beyond."""
        return self.cuts[: interval_names(self.cuts).index(stretch)]


class Variable(msgspec.Struct, frozen=True, array_like=True):
    """Something unknown that a completion decides.

    It is a fact, one `member` of a list, the outcome of the `course` with that number or another `key` of it, or the choice
    between the alternatives of a `reading`. `values` gives each possible value as the answer words it (None for one that
    nothing can assume: a number without a value, therapy of any kind) with the atoms that it makes true.
    """

    values: tuple[tuple[bool | str | tuple[()] | None, tuple[str, ...]], ...]
    fact: str = ""
    member: str | None = None
    course: int | None = None
    key: str | None = None
    reading: str | None = None

    @property
    def tells_therapy(self) -> bool:
        """Whether it tells if any therapy was given."""
        return self.values[0][0] == ()

    @property
    def place(self) -> tuple[str, str | None, int | None, str | None, str | None]:
        """What the variable is about, without its values."""
        return self.fact, self.member, self.course, self.key, self.reading


class DoseUnit(msgspec.Struct, frozen=True, array_like=True):
    """A unit of doses: what it measures, how many milligrams one is ("" where it is no mass), and per what it is given.

    `per` is "whole", "kg" of weight or "m2" of body surface.
    """

    measure: str
    milligrams: str
    per: str


class Dose(msgspec.Struct, frozen=True, array_like=True):
    """A dose of a drug or a regimen; by its `kind` also the least or the most that one dose is, or how long it is given.

    `amount` is a decimal number in `unit`, a name. `period` is the interval at which a dose is repeated, None for once, or
    the duration: a number with "hours", "days", "weeks" or "months". `order` is its place among the doses as written.
    """

    kind: str
    target: str
    schedule: str
    step: str
    amount: str
    unit: str
    period: tuple[int, str] | None
    statement: str
    order: int


class Trial(msgspec.Struct, frozen=True, array_like=True):
    """A trial with what the dated register says of it.

    `published` holds for each figure its measure, its value, the data cut or population, and the date of the look-up.
    """

    label: str
    registry: str
    publications: tuple[str, ...]
    published: tuple[tuple[str, str, str, str], ...]


class GuidelineModel(msgspec.Struct, frozen=True, eq=False):
    """All that answering needs besides the ground program.

    `alternatives` holds for each reading that has them the names of its alternatives, the default first. Of the
    `outcomes` of a course, those in `under_way` leave it open, and those in `as_planned` end it as planned. `parts`
    holds for each regimen the drugs that each of its parts can be; a regimen without drugs has no part. `doses` are
    those that are the same for every patient; `dosage_order` has for each rule about doses, by its id, its place among
    all. `weight` names the fact that doses per kg are multiplied by, `body_surface` that for doses per m²; `roles`
    gives each predicate's role, `kinds` those of its arguments, `phrases` its words; `data` counts the facts under each
    statement;
    `wording` holds the words of texts by key, for `say`; `overlays` are the annotations that are laid on top;
    `later` holds what was reported before or since: the statement that it bears on, the study, and the result; the text
    does not speak of what is `not_considered`. `remarks` are said of a regimen wherever it is recommended; `titrated` tells
    to what a dose is adjusted; `step_routes` are those of one step of a schedule; `urgent` actions come first, and
    `action_texts` words an action by what calls for it. In the settings `by_design` nothing is meant to be recommended;
    `typical` are the facts of the default patient. `recursive` says where the guideline depends on itself;
    `longest_history` is the number of courses up to which a check looks.
    """

    id: str
    title: str
    disclaimer: str
    facts: tuple[Fact, ...]
    course_facts: dict[str, CourseFact]
    ranges: dict[str, Range]
    alternatives: dict[str, tuple[str, ...]]
    drugs: tuple[str, ...]
    outcomes: tuple[str, ...]
    under_way: tuple[str, ...]
    as_planned: tuple[str, ...]
    regimens: tuple[str, ...]
    actions: tuple[str, ...]
    settings: tuple[str, ...]
    strengths: tuple[str, ...]
    certainties: tuple[str, ...]
    decisions: tuple[str, ...]
    setting_of: dict[str, str]
    option_of: dict[str, str]
    labels: dict[str, dict[str, str]]
    parts: dict[str, tuple[tuple[str, ...], ...]]
    doses: tuple[Dose, ...]
    dosage_order: dict[str, int]
    units: dict[str, DoseUnit]
    routes: dict[str, str]
    step_routes: dict[tuple[str, str, str], str]
    weight: str
    body_surface: str
    wording: dict[str, str]
    trials: dict[str, Trial]
    discrepancies: tuple[tuple[str, str, str], ...]
    later: tuple[tuple[str, str, str], ...]
    not_considered: tuple[str, ...]
    remarks: dict[str, tuple[str, ...]]
    titrated: dict[str, str]
    urgent: tuple[str, ...]
    action_texts: dict[tuple[str, str], str]
    by_design: tuple[str, ...]
    typical: dict[str, str]
    annotations: dict[str, Annotation]
    overlays: tuple[str, ...]
    rules: tuple[Rule, ...]
    roles: dict[str, str]
    kinds: dict[str, tuple[str, ...]]
    phrases: dict[str, str]
    data: dict[str, int]
    recursive: str | None
    longest_history: int | None

    def label(self, kind: str, name: str) -> str:
        """Word a term of the glossary; a name without a label is its own label."""
        return self.labels.get(kind, {}).get(name, name.replace("_", " "))

    def say(self, key: str, *words: str) -> str:
        """Give the text of a key of the wording with `words` in its places."""
        return fill(self.wording[key], *words) if words else self.wording[key]

    def question(self, fact: Fact) -> str:
        """Ask for a fact: by its own question, or by its words where it has none."""
        return fact.question or self.say(ASKED[fact.kind], capitalised(fact.label))

    def settings_in(self, decision: str = "") -> tuple[str, ...]:
        """List the settings of a decision, by default of the first; all of them where there is one decision alone."""
        if not self.decisions:
            return self.settings
        own = decision or self.decisions[0]
        return tuple(name for name in self.settings if self.setting_of[name] == own)

    def place(self, regimen: str) -> int:
        """Give the number of the decision that a regimen is an option of; 0 where there is one decision alone."""
        return self.decisions.index(self.option_of[regimen]) if self.decisions else 0

    @property
    def courses_fact(self) -> Fact | None:
        """The fact that holds the courses of therapy, None where the guideline declares none."""
        return next((fact for fact in self.facts if fact.kind == "courses"), None)

    @property
    def endings(self) -> tuple[str, ...]:
        """The outcomes that end a course."""
        return tuple(outcome for outcome in self.outcomes if outcome not in self.under_way)

    def is_regimen(self, drugs: Collection[str], regimen: str) -> bool:
        """Tell whether a course of `drugs` is the regimen: it has a drug for each part and none outside the parts."""
        parts = self.parts[regimen]
        return all(not set(part).isdisjoint(drugs) for part in parts) and set(drugs) <= set().union(*parts)

    def range_of(self, number: str) -> Range:
        """Give the values that a number can have, one of the patient or of a course."""
        return self.ranges.get(number, ANY_NUMBER)

    def range_words(self, number: str) -> str:
        """Word the values that a number can have, such as "at least 0, at most 100"."""
        own, words = self.range_of(number), []
        if own.minimum is not None:
            words.append(self.say("more_than" if own.above else "at_least", str(own.minimum)))
        if own.maximum is not None:
            words.append(self.say("at_most", str(own.maximum)))
        return self.say("comma").join(words)

    def interval(self, fact: str, value: float) -> str:
        """Name the interval between cuts that a number stands in, such as ``>6,<=12``."""
        cuts = next(known.cuts for known in self.facts if known.name == fact)
        return interval_names(cuts)[passed_cuts(value, cuts)]
