"""What could change a conclusion, as an argument tells it: the facts of the record that would have to be otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec import field, structs

from reasoner.compiler.program import reachable
from reasoner.engine.argument_facts import About, ArgumentFact, Facts, Standing
from reasoner.engine.conclusions import Assumption
from reasoner.engine.overturning import Changed, Overturning
from reasoner.engine.phrases import member_name
from reasoner.engine.predicates import predicate_of
from reasoner.engine.way_phrases import assuming_words
from reasoner.records.shapes import Shape

__all__ = ["Block", "BlockWriter"]

Because = dict[str, list[ArgumentFact]]


class Block(Shape, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that could rule the conclusion out by a statement, reading or overlay, and how it stands in the record.

    `value` is the one, or the first, with which the conclusion is another, where the facts `besides` change with it. A
    regimen that is not recommended is excluded then where it `excludes`.
    """

    block: str
    fact: str
    member: str | None = field(default=None, name="has")
    course: int | None = None
    key: str | None = None
    value: bool | str | tuple[str, ...] | None = None
    state: Standing
    words: str
    besides: tuple[Assumption, ...] = ()
    excludes: bool = False

    @property
    def abouts(self) -> tuple[About, ...]:
        """What is changed, without values."""
        parts = ((one.fact, one.member, one.course, one.key) for one in self.besides)
        return ((self.fact, self.member, self.course, self.key), *parts)


class BlockWriter:
    """Words what could change a conclusion, behind which the atoms of `targets` stand."""

    def __init__(self, facts: Facts, targets: Sequence[int]) -> None:
        self.facts = facts
        self.walk = facts.walk
        self.program = facts.program
        self.model = facts.model
        self.targets = targets

    def write(self, found: Iterable[Overturning], because: Because, carrying: bool) -> Iterator[Block]:
        """Yield what could change a conclusion; what is recorded and read by what carries it is added to `because`.

        With `carrying` all that is recorded carries it. What is recorded to be so, and only readings that change nothing
        here ask for, is added under no statement; what a default takes to be so is left to the defaults.
        """
        named = {fact.about for own in because.values() for fact in own}
        alike: dict[tuple[About, ...], list[Overturning]] = {}
        for one in found:
            alike.setdefault(tuple(part.variable.place[:4] for part in one.parts), []).append(one)
        for abouts, ones in alike.items():
            known, state = len(abouts) == 1 and ones[0].parts[0].before is not None, self.facts.state(abouts[0])
            if known and (abouts[0] in named or (state == "assumed" and self.after(ones[0].parts[0]) is False)):
                continue
            sources = list(dict.fromkeys(name for one in ones for name in one.sources if name)) or [self.reader(abouts[0])]
            ground = next((name for name in sources if name in because), sources[0] if carrying else None)
            if ground is None and any(one.lost for one in ones) and not any(map(self.walk.carries, filter(None, sources))):
                ground = ""
            if known and state == "recorded" and ground is not None:
                because.setdefault(ground, []).append(self.as_recorded(ones[0].parts[0]))
            else:
                yield from (self.block(source, ones) for source in sources)

    def before(self, part: Changed) -> bool | str | tuple[()] | None:
        return None if part.before is None else part.variable.values[part.before][0]

    def after(self, part: Changed) -> bool | str | tuple[()] | None:
        return part.variable.values[part.after][0]

    def as_recorded(self, part: Changed) -> ArgumentFact:
        about = part.variable.place[:4]
        found = self.facts.fact(about, self.before(part), None)
        recorded = self.facts.recorded(about) if about[3] is not None else None
        return found if recorded is None else structs.replace(found, words=self.facts.words(about, recorded))

    def block(self, source: str, found: Sequence[Overturning]) -> Block:
        first, *rest = found[0].parts
        name, member, course, key = about = first.variable.place[:4]
        state: Standing = "unknown" if first.before is None else self.facts.state(about)
        before = self.before(first)
        if state == "recorded" and before in (False, ()):
            state = "recorded_absent"
        if rest:
            words = self.together(found[0].parts)
        elif state == "recorded":
            words = self.facts.words(about, self.facts.recorded(about) or before)
        else:
            words = self.facts.words_of(first.variable, [one.parts[0].after for one in found], state)
        return Block(
            block=source,
            fact=name,
            member=member,
            course=course,
            key=key,
            value=self.after(first),
            state=state,
            words=words,
            besides=tuple(map(assumed, rest)),
            excludes=all(one.excludes for one in found),
        )

    def together(self, parts: Sequence[Changed]) -> str:
        """Word a change of several facts; members of one list are named together."""
        say, joint = self.model.say, self.model.say("and_condition")
        members = [part.variable.member for part in parts if part.variable.member is not None]
        if len(members) == len(parts) and len({part.variable.fact for part in parts}) == 1:
            names = joint.join(member_name(member, self.model) for member in members)
            return say("member", names, self.model.label("fact", parts[0].variable.fact))
        changed = groupby(map(assumed, parts), key=lambda one: one.course)
        return joint.join(assuming_words(list(own), self.model) for _, own in changed)

    def reader(self, about: About) -> str:
        """Name the first annotation among the rules behind the conclusion that reads a fact."""
        own = {number for number, v in self.walk.owner.items() if self.program.variables[v].place[:4] == about}
        for atom in sorted(self.program.cone(self.targets), reverse=True):
            for rule in self.program.supports[atom]:
                name = self.model.rules[self.program.rules[rule].rule].annotation
                if name is not None and any(c in own for c, _ in self.program.rules[rule].conditions):
                    return name
        return ""

    def needs_no_history(self, name: str) -> bool:
        """Tell whether a statement, reading or overlay asks for the absence of what courses of therapy bring about."""
        model = self.model
        denied = [predicate_of(c.text) for r in model.rules if r.annotation == name for c in r.tested if c.negated]

        def asked(predicate: str) -> Iterator[str]:
            own = (rule for rule in model.rules if predicate_of(rule.head) == predicate and rule.role != "position")
            return (predicate_of(c.text) for rule in own for c in rule.tested if not c.negated)

        return any(model.roles[predicate] == "history" for predicate in reachable(denied, asked))


def assumed(part: Changed) -> Assumption:
    """Say what is so after a part of a change."""
    name, member, course, key = part.variable.place[:4]
    value = part.variable.values[part.after][0]
    assert value is not None
    return Assumption(fact=name, member=member, course=course, key=key, value=value)
