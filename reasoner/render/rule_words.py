"""Rules as they are written, in words: what a rule concludes, and under which conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reasoner.compiler.model import Condition, GuidelineModel, Rule, fill
from reasoner.engine.predicates import predicate_of

__all__ = ["rule_words", "terms_of"]

VARIABLE = re.compile(r"[A-Z]\w*")
ANYTHING = "_"
UNNAMED = {"any", "whole", "bound", "text", "name", "target"}
"""Kinds of arguments that say nothing of what a variable stands for."""
RELATIONS = {">=": "≥", "<=": "≤", "!=": "≠"}
RELATION = re.compile(r"\s*(>=|<=|!=|<|>|=)\s*")


def rule_words(rule: Rule, model: GuidelineModel) -> tuple[str, list[str]]:
    """Word what a rule concludes, and each of its conditions; a variable is introduced where it stands first."""
    writer = RuleWriter(model)
    return writer.atom(rule.head), [writer.condition(condition) for condition in rule.body]


def terms_of(atom: str) -> list[str]:
    """Give the arguments of an atom, those with arguments and texts of their own whole."""
    found, depth, quoted = [""], 0, False
    for place, character in enumerate(inside := atom.partition("(")[2][:-1]):
        quoted ^= character == '"' and inside[place - 1 : place] != "\\"
        depth += 0 if quoted else (character in "([{") - (character in ")]}")
        if character == "," and not depth and not quoted:
            found.append("")
        else:
            found[-1] += character
    return [term.strip() for term in found if term.strip()]


class RuleWriter:
    """Words the parts of one rule."""

    def __init__(self, model: GuidelineModel) -> None:
        self.model = model
        self.introduced: set[str] = set()

    def atom(self, text: str) -> str:
        """Word an atom by the phrase of its predicate."""
        name = predicate_of(text)
        kinds = self.model.kinds.get(name, ())
        words = [self.term(term, kind) for term, kind in zip(terms_of(text), kinds, strict=False)]
        return fill(self.model.phrases.get(name, text), *words)

    def condition(self, condition: Condition) -> str:
        """Word a condition: an atom, its absence, a comparison, a count."""
        if condition.aggregate is not None:
            words = self.aggregate(condition)
        elif condition.comparison:
            return RELATION.sub(lambda found: f" {RELATIONS.get(found[1], found[1])} ", condition.text)
        else:
            words = self.atom(condition.text)
        return self.model.say("rule_not", words) if condition.negated else words

    def aggregate(self, condition: Condition) -> str:
        """Word a count or a sum, with what it is compared with."""
        own, say = condition.aggregate, self.model.say
        assert own is not None
        parts = []
        for element in own.elements:
            words = say("and_condition").join(map(self.condition, element.conditions))
            parts.append(words if own.function == "#count" else say("counted", words, element.terms[0]))
        limits = say("and_condition").join(f"{RELATIONS.get(relation, relation)} {term}" for relation, term in own.guards)
        counted = say("rule_count") if own.function == "#count" else say("rule_sum")
        return say("rule_aggregate", counted, say("comma").join(parts), limits)

    def term(self, text: str, kind: str) -> str:
        """Word an argument: a name by its label, a variable by what it stands for."""
        if text.startswith(ANYTHING):
            return self.model.say("rule_any", self.kind(kind))
        if VARIABLE.fullmatch(text):
            if text in self.introduced or kind in UNNAMED:
                return text
            self.introduced.add(text)
            return self.model.say("rule_variable", self.kind(kind), text)
        return next(self.labels(text, kind), text.strip('"'))

    def kind(self, name: str) -> str:
        return self.model.say("rule_thing") if name in UNNAMED else name.replace("_", " ")

    def labels(self, text: str, kind: str) -> Iterator[str]:
        """Yield the words of a name, those of its own kind first."""
        kinds = (f"{kind}_name", kind, "fact", "value", "drug", "class", "regimen")
        yield from (own for candidate in kinds if (own := self.model.labels.get(candidate, {}).get(text)))
        if text.upper() in self.model.annotations:
            yield text.upper()
        if kind == "any" and "(" in text:
            yield f"{predicate_of(text).replace('_', ' ')} ({', '.join(self.term(own, kind) for own in terms_of(text))})"
        if "(" not in text and '"' not in text:
            yield text.replace("_", " ")
