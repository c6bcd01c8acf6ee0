"""The words of a ground guideline's atoms, by the phrases of their predicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import clingo

from reasoner.compiler.aggregates import Interval
from reasoner.compiler.catalogue import symbol_text, tables_of
from reasoner.compiler.model import fill, with_arguments
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.program import Counted
from reasoner.compiler.sums import Elements
from reasoner.compiler.vocabulary import FACT_KINDS, GIVEN

__all__ = ["Phrasing"]

MOST_NAMED = 8
"""So many elements of an aggregate are named; of more, the first of them."""


class Phrasing:
    """Words the atoms of one guideline."""

    def __init__(self, parsed: ParsedGuideline) -> None:
        self.predicates = parsed.predicates
        self.labels = {(str(kind), str(name)): label.string for kind, name, label in parsed.catalogue.get("term", [])}
        readings = (name for name, known in parsed.annotations.items() if known.kind == "reading")
        self.labels |= {("reading", name.lower()): name for name in readings}
        self.wording = tables_of(parsed).pairs("wording")

    def say(self, key: str, *words: str) -> str:
        """Give the text of a key of the wording with `words` in its places."""
        return fill(self.wording[key], *words)

    def atom(self, symbol: clingo.Symbol) -> str:
        """Word an atom by the phrase of its predicate, with the labels of its arguments."""
        kinds, _, phrase = self.predicates[symbol.name]
        for number, (kind, argument) in enumerate(zip(kinds, symbol.arguments, strict=True), start=1):
            phrase = phrase.replace("{" + str(number) + "}", self.term(str(kind), argument))
        return phrase

    def term(self, kind: str, argument: clingo.Symbol) -> str:
        """Word an argument of an atom by its label; what has arguments itself by theirs, too."""
        if argument.type == clingo.SymbolType.Function and argument.arguments and kind == "any":
            name = self.labels.get(("action_name", argument.name), argument.name.replace("_", " "))
            return with_arguments(name, (self.term(kind, inner) for inner in argument.arguments))
        name = symbol_text(argument)
        candidates = (f"{kind}_name", kind, "fact", "value", "drug", "class", "regimen", "reading")
        return next((self.labels[candidate, name] for candidate in candidates if (candidate, name) in self.labels), name)

    def aggregate(self, name: str, allowed: Sequence[Interval], counted: Sequence[Counted]) -> str:
        """Word that a count or a sum has one of the values allowed."""
        values = self.say("or").join(self.interval(low, high) for low, high in allowed)
        named = [self.say("counted", c.words, str(c.weight)) if name == "_sum" else c.words for c in counted]
        words = self.say("comma").join(named[:MOST_NAMED])
        if len(named) > MOST_NAMED:
            words = self.say("and_more", words, str(len(named) - MOST_NAMED))
        return self.say("count_of" if name == "_count" else "sum_of", values, words or self.say("nothing"))

    def interval(self, low: int | None, high: int | None) -> str:
        """Word whole numbers from `low` on, below `high`."""
        if low is None:
            return self.say("any_number") if high is None else self.say("at_most", str(high - 1))
        if high is None:
            return self.say("at_least", str(low))
        return self.say("exactly", str(low)) if low + 1 == high else self.say("from_to_number", str(low), str(high - 1))

    def counted(self, elements: Elements, index: Mapping[clingo.Symbol, int], function: str) -> tuple[Counted, ...]:
        """Word what an aggregate counts, the heaviest first."""
        found = []
        for terms, bodies in elements.items():
            shown = [self.shown(body) for body in sorted(bodies)]
            words = (self.say("and_condition").join(map(self.condition, body)) for body in shown)
            label = self.say("or").join(dict.fromkeys(text for text in words if text))
            weight = 1 if function == "#count" else terms[0].number
            if weight == 0 or (weight < 0 and function == "#sum+"):
                continue
            found.append(
                Counted(
                    weight,
                    tuple(tuple((index[symbol], negated) for symbol, negated in body) for body in shown),
                    label or self.say("comma").join(map(symbol_text, terms)),
                    next((fact for body in shown for symbol, _ in body if (fact := self.fact(symbol)) is not None), None),
                )
            )
        return tuple(sorted(found, key=lambda c: -abs(c.weight)))

    def shown(self, body: Sequence[tuple[clingo.Symbol, bool]]) -> list[tuple[clingo.Symbol, bool]]:
        """List the conditions of an element but those on the guideline's own data."""
        return [c for c in body if self.predicates[c[0].name].role != "catalogue"]

    def condition(self, condition: tuple[clingo.Symbol, bool]) -> str:
        """Word a condition of an element."""
        symbol, negated = condition
        return self.say("without", self.atom(symbol)) if negated else self.atom(symbol)

    def fact(self, symbol: clingo.Symbol) -> str | None:
        """Name the fact of the record that an atom is about, None where it is about none."""
        kinds, role, _ = self.predicates[symbol.name]
        if role not in GIVEN:
            return None
        return next((str(a) for kind, a in zip(kinds, symbol.arguments, strict=True) if kind in FACT_KINDS), None)
