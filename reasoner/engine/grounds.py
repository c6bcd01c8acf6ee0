"""What rules rest on: statements, readings, overlays, trials and citations."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from reasoner.compiler.model import GuidelineModel

__all__ = ["Grounds", "grounds_of"]


READINGS = ("reading", "alternative")


class Grounds(msgspec.Struct, frozen=True):
    """What the derivation of a conclusion rests on, each in the order of the guideline."""

    rules: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    overlays: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    citations: tuple[int, ...] = ()


@lru_cache(maxsize=10_000)
def grounds_of(model: GuidelineModel, rules: frozenset[int]) -> Grounds:
    """Collect what rules rest on; `rules` are numbers in the model's `rules`.

    Statements count where they take a position, or where a reading that interprets them does; what an alternative of a
    reading takes counts as the reading's.
    """
    own: list[str] = []
    used: dict[str, None] = {}
    stated: set[str] = set()
    for number in sorted(rules):
        rule = model.rules[number]
        if rule.annotation is not None:
            own.append(rule.id)
            used[rule.annotation] = None
            if rule.role == "position":
                stated.update((rule.annotation, *model.annotations[rule.annotation.partition("=")[0]].reads))
    statements = [
        annotation for name, annotation in model.annotations.items() if annotation.kind == "statement" and name in stated
    ]
    return Grounds(
        rules=tuple(own),
        statements=tuple(annotation.id for annotation in statements),
        readings=tuple(dict.fromkeys(n.partition("=")[0] for n in used if model.annotations[n].kind in READINGS)),
        overlays=tuple(name for name in used if model.annotations[name].kind == "overlay"),
        trials=tuple(dict.fromkeys(trial for annotation in statements for trial in annotation.trials)),
        citations=tuple(sorted({number for annotation in statements for number in annotation.citations})),
    )
