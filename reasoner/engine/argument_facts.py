"""The facts of the record that an argument names, in words and with how they stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import field

from reasoner.compiler.model import Variable
from reasoner.compiler.program import Program
from reasoner.engine.answer import Missing
from reasoner.engine.argument_walk import Walk, owners
from reasoner.engine.conclusions import Assumption
from reasoner.engine.missing_phrases import unknown_words
from reasoner.engine.nearest import NOWHERE, Lack
from reasoner.engine.phrases import assumption_words, course_words
from reasoner.engine.predicates import arguments_of
from reasoner.records.shapes import Shape

__all__ = ["About", "ArgumentFact", "Facts", "Standing"]

About = tuple[str, str | None, int | None, str | None]
"""What a fact is about: its name, a member of a list, a course, another key of the course than its outcome."""
Standing = Literal["recorded", "recorded_absent", "unknown", "assumed"]


class ArgumentFact(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A fact of the record: as in `assuming`, with its words, how it stands in the record, and where it was read."""

    fact: str
    member: str | None = field(default=None, name="has")
    course: int | None = None
    key: str | None = None
    value: bool | str | tuple[str, ...] | None
    words: str
    state: Standing
    origin: str = ""

    @property
    def about(self) -> About:
        """What the fact is about, without its value."""
        return self.fact, self.member, self.course, self.key


@lru_cache(maxsize=10_000)
def first_behind(program: Program, atom: int) -> int | None:
    """Give the first variable that an atom depends on."""
    own = owners(program)
    return min((own[behind] for behind in program.cone([atom]) if behind in own), default=None)


class Facts:
    """Words the facts of a record that an argument names."""

    def __init__(self, walk: Walk, data: Mapping[str, object]) -> None:
        self.walk = walk
        self.derivation = walk.derivation
        self.program = walk.program
        self.model = walk.model
        self.data = data

    def of_atoms(self, atoms: Iterable[int]) -> Iterator[ArgumentFact]:
        """Yield the facts that input atoms stand for, each once; of a course all that is read of its drugs together."""
        found: dict[tuple[object, ...], ArgumentFact] = {}
        for atom in atoms:
            fact = self.of_atom(atom)
            if fact is not None and (found.get(fact.about) is None or fact.value is not None):
                found[fact.about] = fact
        yield from found.values()

    def of_atom(self, atom: int) -> ArgumentFact | None:
        variable = self.program.variables[self.walk.owner[atom]] if atom in self.walk.owner else None
        text = self.program.atoms[atom]
        if variable is not None and variable.reading is None:
            held = next((value for value, atoms in variable.values if text in atoms and self.true_of(atoms)), None)
            return self.fact(variable.place[:4], held, atom)
        arguments = arguments_of(text)
        if self.program.roles[atom] == "history" and self.model.courses_fact is not None:
            return self.fact((self.model.courses_fact.name, None, int(arguments[0]), None), None, atom)
        known = next((fact.name for fact in self.model.facts if arguments and fact.name == arguments[0]), None)
        return None if known is None else self.fact((known, None, None, None), None, atom)

    def of_lack(self, lack: Lack) -> ArgumentFact:
        """Give the fact by which a rule that came nearest does not fire: of what is derived the first that it rests on."""
        reached = lack.atom != NOWHERE
        own = self.of_atom(lack.atom) if reached and lack.atom < len(self.program.inputs) else None
        behind = first_behind(self.program, lack.atom) if reached else None
        if behind is not None:
            about = self.program.variables[behind].place[:4]
        else:
            therapy = self.model.courses_fact
            about = (therapy.name if therapy is not None else self.model.facts[0].name, None, None, None)
        if own is not None:
            about = own.about
            if own.value is not None:
                return own
        name, member, course, key = about
        words = self.model.say("without", lack.words) if lack.kind == "missing" else lack.words
        state: Standing = "unknown" if lack.kind == "open" else "recorded"
        return ArgumentFact(fact=name, member=member, course=course, key=key, value=None, words=words, state=state)

    def words_of(self, variable: Variable, values: Sequence[int], state: Standing) -> str:
        """Word values of a variable that are not recorded; where it is unknown, what is to be found out."""
        name, member, course, key = about = variable.place[:4]
        words = [variable.values[value][0] for value in values]
        if state == "unknown" and not (course is not None and key is None and len(values) == 1):
            return unknown_words(Missing(fact=name, member=member, course=course, key=key, decides=()), self.model)
        own = next((v for v in self.program.variables if v.place[:4] == about), variable)
        atoms = [atom for value, atoms in own.values if value in words for atom in atoms if atom in self.program.index]
        if not atoms or (course is not None and key is None):
            return self.model.say("or").join(self.words(about, word) for word in words)
        return self.model.say("or").join(self.program.phrases[self.program.index[atom]] for atom in atoms)

    def true_of(self, atoms: Sequence[str]) -> bool:
        return all(self.walk.holds(self.program.index[atom]) for atom in atoms if atom in self.program.index)

    def fact(self, about: About, value: bool | str | tuple[()] | None, atom: int | None) -> ArgumentFact:
        name, member, course, key = about
        origin = "" if atom is None else "; ".join(self.derivation.sources(atom))
        words, state = self.words(about, value), self.state(about)
        if state == "unknown" and self.known(atom):
            state = "recorded"
        return ArgumentFact(
            fact=name,
            member=member,
            course=course,
            key=key,
            value=value,
            words=words,
            state=state,
            origin=origin,
        )

    def known(self, atom: int | None) -> bool:
        """Tell whether an atom holds in every completion: what is recorded then implies it."""
        return atom is not None and bool(self.derivation.values[atom] == self.derivation.completions.all)

    def state(self, about: About) -> Standing:
        """Tell how a fact stands: recorded, unknown, or taken by default."""
        name, _, course, key = about
        value = self.data.get(name)
        if course is not None and isinstance(value, list | tuple) and course <= len(value):
            value = value[course - 1].get(key or "outcome")
            return "recorded" if value is not None else "assumed" if self.default_of(name, key) else "unknown"
        if value is None:
            return "assumed" if name not in self.data and self.default_of(name, None) else "unknown"
        return "recorded"

    def recorded(self, about: About) -> str | None:
        """Give what is recorded of a fact that has one value of several; nothing of what is only there or not."""
        name, _, course, key = about
        value = self.data.get(name)
        if course is not None and isinstance(value, list | tuple) and course <= len(value):
            value = value[course - 1].get(key or "outcome")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value) if key is not None else self.model.interval(name, value)
        return value if isinstance(value, str) else None

    def default_of(self, name: str, key: str | None) -> bool:
        if key is not None:
            return self.model.course_facts[key].kind == "boolean"
        return any(fact.name == name and fact.default is not None for fact in self.model.facts)

    def words(self, about: About, value: bool | str | tuple[()] | None) -> str:
        """Word a fact: of a course, its drugs with how it ended or, where that is not recorded, the outcome argued for."""
        name, member, course, key = about
        given = self.data.get(name)
        if course is not None and key is None and isinstance(given, list | tuple) and course <= len(given):
            told = given[course - 1]
            if told.get("outcome") is None and value:
                told = {**told, "outcome": value}
            return self.model.say("course_numbered", str(course), course_words(told, self.model))
        if value is None:
            return unknown_words(Missing(fact=name, member=member, course=course, key=key, decides=()), self.model)
        return assumption_words(Assumption(fact=name, member=member, course=course, key=key, value=value), self.model)
