"""Plain clingo on the same files: the reference that everything else is compared with.

It knows nothing of the package's evaluation: it loads the guideline's files, adds the record's facts, and reads the answer
sets, one for each completion of the record. `solve` grounds anew for each record. `PlainClingo` grounds once for each
number of courses, with all that records can say as choices, and gives a record by assumptions: the same answer sets, a
hundred times as fast; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import clingo

from reasoner import Guideline
from reasoner.compiler.model import GuidelineModel, Variable
from reasoner.compiler.variables import variables_of
from reasoner.guideline import shared_folder
from reasoner.records.record import ONE_OF, order_facts

WHAT_RECORDS_SAY = """
course(1..{courses}).
{{ say(drug_in(I, D)) : drug(D) }} :- course(I).
{{ say(outcome(I, O)) : term(outcome, O, _) }} :- course(I).
{{ say(course_has(I, F)) : course_fact(_, F, boolean) }} :- course(I).
{{ say(course_at_least(I, F, T)) : course_threshold(F, T) }} :- course(I).
{{ say(untold(I, outcome)); say(untold(I, F)) : course_fact(_, F, _) }} :- course(I).
{{ say(known(F)); say(unknown(F)) }} :- fact(_, F, _).
{{ say(recorded(F, true)); say(recorded(F, false)) }} :- fact(_, F, boolean).
{{ say(recorded(F, V)) : value(F, _, V) }} :- fact(_, F, choice).
{{ say(recorded(F, at_most(T))); say(recorded(F, more_than(T))) }} :- threshold(F, T).
{{ say(recorded(F, at_least(T))); say(recorded(F, less_than(T))) }} :- threshold(F, T).
{{ say(recorded(F, list)) }} :- fact(_, F, list).
{{ say(lists(F, V)) : term(K, V, _) }} :- members(F, K).
{{ say(lists(F, V)) : value(F, _, V) }} :- fact(_, F, list).
{{ say(undecided(R)); say(chosen(R, A)); say(chosen(R, a)) }} :- alternative(R, A).
drug_in(I, D) :- say(drug_in(I, D)).
outcome(I, O) :- say(outcome(I, O)).
course_has(I, F) :- say(course_has(I, F)).
course_at_least(I, F, T) :- say(course_at_least(I, F, T)).
untold(I, K) :- say(untold(I, K)).
known(F) :- say(known(F)).
unknown(F) :- say(unknown(F)).
recorded(F, V) :- say(recorded(F, V)).
lists(F, V) :- say(lists(F, V)).
undecided(R) :- say(undecided(R)).
chosen(R, A) :- say(chosen(R, A)).
"""
TOLD = ("patient", "history", "reading")
"""The roles of what a completion is made of."""
TRUE_SET = re.compile(r"(.*) :- true_set\((\d+)\)")


@dataclass(frozen=True)
class Completion:
    """One completion: its `variables` with the numbers of their values, which atoms hold, which set of facts is true."""

    variables: tuple[Variable, ...]
    choices: tuple[tuple[int, int], ...]
    atoms: frozenset[str]
    true_set: int = 0

    @cached_property
    def by_predicate(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for atom in self.atoms:
            name, _, arguments = atom.partition("(")
            found.setdefault(name, set()).add(arguments[:-1])
        return {name: frozenset(own) for name, own in found.items()}

    def arguments(self, name: str) -> frozenset[str]:
        """The arguments of the atoms of one predicate, as text."""
        return self.by_predicate.get(name, frozenset())


class Sets(NamedTuple):
    """What a record's facts say, once for each of several sets of facts; `one_of` tells whether there are several at all."""

    facts: tuple[frozenset[str], ...]
    one_of: bool

    @property
    def courses(self) -> list[int]:
        return [sum(fact.startswith("course(") for fact in own) for own in self.facts]


def sets_of(facts: str) -> Sets:
    """Take the text of a record's facts apart."""
    said = [fact for fact in re.split(r"\.\n", facts) if fact]
    numbers = sorted(int(fact[7:-1]) for fact in said if fact.startswith("one_of("))
    beside = frozenset(fact for fact in said if not fact.startswith("one_of(") and " :- " not in fact)
    own = [(match[1], int(match[2])) for fact in said if (match := TRUE_SET.fullmatch(fact))]
    sets = tuple(beside | {fact for fact, number in own if number == place} for place in numbers)
    return Sets(sets or (beside,), bool(numbers))


def reading_facts(readings: dict[str, str]) -> str:
    """Say in which alternatives readings are taken; "any" leaves the choice open."""
    return "".join(
        f"undecided({reading.lower()}).\n" if name == "any" else f"chosen({reading.lower()},{name}).\n"
        for reading, name in readings.items()
    )


def taken_otherwise(
    guideline: Guideline, solve: Callable[[str], list[Completion]], facts: str
) -> dict[tuple[str, str], list[Completion]]:
    """Give a record's completions under each alternative that is not taken, one at a time, of readings that are not open."""
    others = {}
    for reading, names in guideline.model.alternatives.items():
        taken = guideline.alternatives.get(reading, names[0])
        for name in names if taken != "any" else ():
            if name != taken:
                others[reading, name] = solve(facts + reading_facts({**guideline.alternatives, reading: name}))
    return others


def files_of(folder: Path, layer: str, overlays: Sequence[Path] = ()) -> list[str]:
    readings = layer == "curated" and (folder / "readings.lp").is_file()
    own = [folder / "guideline.lp", *([folder / "readings.lp"] if readings else []), *overlays]
    return [str(shared_folder() / "core" / "core.lp"), *map(str, own)]


def shown_of(model: GuidelineModel, concluded: Collection[str] = ()) -> str:
    """Let clingo show what holds of a patient: the guideline's data are the same in every answer set, and very many.

    Of what is concluded some predicates alone are shown where they are given: that is several times as fast.
    """
    of_patients = (
        name
        for name, role in model.roles.items()
        if role != "catalogue" and (not concluded or name in concluded or role in TOLD)
    )
    return "#show true_set/1.\n" + "".join(f"#show {name}/{len(model.kinds[name])}.\n" for name in of_patients)


def laid_out(model: GuidelineModel, told: Sets) -> tuple[Variable, ...]:
    """List the variables of a record: of several sets of facts which of them is true comes after the readings."""
    variables = variables_of(model, max(told.courses), told.one_of)
    if not told.one_of:
        return variables
    first = sum(variable.reading is not None for variable in variables)
    sets = Variable(tuple((str(number), ()) for number in range(1, len(told.facts) + 1)), ONE_OF)
    return (*variables[:first], sets, *variables[first:])


def completion_of(atoms: frozenset[str], model: GuidelineModel, variables: tuple[Variable, ...], number: int) -> Completion:
    choices = []
    for place, variable in enumerate(variables):
        if variable.fact == ONE_OF:
            choices.append((place, number))
            continue
        marks = atoms & {atom for _, own in variable.values for atom in own}
        held = [n for n, (_, own) in enumerate(variable.values) if marks == set(own)]
        choices.append((place, held[0] if there(variable, atoms, model) else held[-1]))
    return Completion(variables, tuple(choices), atoms, number)


def there(variable: Variable, atoms: frozenset[str], model: GuidelineModel) -> bool:
    """Tell whether there is what a variable of a course is about."""
    if variable.course is None:
        return True
    needs = model.course_facts[variable.key].needs if variable.key is not None else ()
    given = not needs or any(f"drug_in({variable.course},{drug})" in atoms for drug in needs)
    return given and f"course({variable.course})" in atoms


def solve(
    facts: str, folder: Path, layer: str, model: GuidelineModel, most: int = 0, overlays: Sequence[Path] = ()
) -> list[Completion]:
    """Solve a record's facts with clingo: all completions, in no order; of more than `most` one more than that."""
    control = clingo.Control([str(most and most + 1), "--warn=none"])
    for file in files_of(folder, layer, overlays):
        control.load(file)
    control.add("base", [], facts + shown_of(model))
    control.ground()
    told = sets_of(facts)
    variables = laid_out(model, told)
    with control.solve(yield_=True) as handle:
        found = [frozenset(map(str, answer_set.symbols(shown=True))) for answer_set in handle]
    return [completion_of(atoms, model, variables, number_of(atoms)) for atoms in found]


def consequences(
    facts: str, folder: Path, layer: str, model: GuidelineModel, overlays: Sequence[Path] = ()
) -> tuple[frozenset[str], frozenset[str]]:
    """Give what holds in every completion of a record's facts, and in some; where therapy is unknown, of short histories."""
    found = []
    for mode in ("cautious", "brave"):
        control = clingo.Control(["0", "--warn=none", f"--enum-mode={mode}"])
        for file in files_of(folder, layer, overlays):
            control.load(file)
        control.add("base", [], facts + shown_of(model))
        control.ground()
        atoms: Sequence[clingo.Symbol] = ()
        with control.solve(yield_=True) as handle:
            for answer_set in handle:
                atoms = answer_set.symbols(shown=True)
        found.append(frozenset(map(str, atoms)))
    certain, possible = found
    return certain, possible


def number_of(atoms: frozenset[str]) -> int:
    """Number the set of facts that is true, from 0."""
    return next((int(atom[9:-1]) - 1 for atom in atoms if atom.startswith("true_set(")), 0)


class Ground(NamedTuple):
    """A ground program, literals of what records say and of all that can be, texts of atoms, and those that always hold."""

    control: clingo.Control
    said: dict[str, int]
    literals: dict[str, int]
    texts: dict[clingo.Symbol, str]
    always: frozenset[str]


class PlainClingo:
    """One guideline in plain clingo, ground once for each number of courses; of what is `concluded` see `shown_of`."""

    def __init__(self, guideline: Guideline, concluded: Collection[str] = ()) -> None:
        self.model = guideline.model
        self.concluded = concluded
        self.files = files_of(guideline.folder, guideline.layer, guideline.selection.overlays)
        self.programs: dict[int, Ground] = {}

    def solve(self, facts: str, most: int = 0) -> list[Completion]:
        """Give all completions of a record's facts, in no order; where there are more than `most`, one more than that."""
        told = sets_of(facts)
        variables = laid_out(self.model, told)
        found: list[Completion] = []
        for number, (own, courses) in enumerate(zip(told.facts, told.courses, strict=True)):
            program, assumptions = self.assumed(own, courses)
            program.control.configuration.solve.models = most + 1 if most else 0  # type: ignore[union-attr]
            with program.control.solve(assumptions, yield_=True) as handle:
                for answer_set in handle:
                    atoms = frozenset(program.texts[symbol] for symbol in answer_set.symbols(shown=True))
                    found.append(completion_of(atoms, self.model, variables, number))
        return found[: most + 1] if most else found

    def consequences(self, facts: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give what holds in every completion of a record's facts, and what holds in some: cautiously and bravely."""
        told = sets_of(facts)
        certain: frozenset[str] | None = None
        possible: frozenset[str] = frozenset()
        for own, courses in zip(told.facts, told.courses, strict=True):
            program, assumptions = self.assumed(own, courses)
            for mode in ("cautious", "brave"):
                program.control.configuration.solve.models = 0  # type: ignore[union-attr]
                program.control.configuration.solve.enum_mode = mode  # type: ignore[union-attr]
                atoms: Sequence[clingo.Symbol] | None = None
                with program.control.solve(assumptions, yield_=True) as handle:
                    for answer_set in handle:
                        atoms = answer_set.symbols(shown=True)
                program.control.configuration.solve.enum_mode = "auto"  # type: ignore[union-attr]
                if atoms is not None:
                    texts = frozenset(program.texts[symbol] for symbol in atoms)
                    if mode == "brave":
                        possible |= texts
                    else:
                        certain = texts if certain is None else certain & texts
        return certain if certain is not None else frozenset(), possible

    def assumed(self, said: Iterable[str], courses: int) -> tuple[Ground, list[int]]:
        """Give the program for a number of courses, and what is assumed of it where a record says no more and no less."""
        program = self.programs.get(courses) or self.programs.setdefault(courses, self.ground(courses))
        stated = {fact for fact in said if not fact.startswith(("course(", "_order("))}
        assert stated <= set(program.said), stated - set(program.said)
        return program, [literal if atom in stated else -literal for atom, literal in program.said.items()]

    def ground(self, courses: int) -> Ground:
        control = clingo.Control(["0", "--warn=none"])
        for file in self.files:
            control.load(file)
        control.add("base", [], WHAT_RECORDS_SAY.format(courses=courses) + order_facts(self.model))
        control.add("base", [], shown_of(self.model, self.concluded))
        control.ground()
        texts = {atom.symbol: str(atom.symbol) for atom in control.symbolic_atoms}
        said = {str(atom.symbol.arguments[0]): atom.literal for atom in control.symbolic_atoms.by_signature("say", 1)}
        literals = {texts[atom.symbol]: atom.literal for atom in control.symbolic_atoms if not atom.is_fact}
        always = frozenset(texts[atom.symbol] for atom in control.symbolic_atoms if atom.is_fact)
        return Ground(control, said, literals, texts, always)


def summary(completion: Completion) -> dict[str, Any]:
    """Give one completion's conclusions."""
    names: Iterable[str] = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned")
    return {name: sorted(completion.arguments(name)) for name in names}
