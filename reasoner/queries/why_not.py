"""Why not: what keeps a regimen from being recommended, what comes before it, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer, Exclusion, Recommendation
from reasoner.engine.derivation import RuleUse, SeenCondition
from reasoner.errors import RecordError, nearest
from reasoner.guideline import Guideline
from reasoner.queries.changes import Change, smallest_changes
from reasoner.queries.why import Why, why
from reasoner.records.record import Record

__all__ = ["Outranking", "WhyNot", "why_not"]


class Outranking(NamedTuple):
    """A regimen that is recommended ahead, with the rules that put it there."""

    regimen: str
    rank: int
    rules: tuple[str, ...]
    annotations: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {"regimen": self.regimen, "rank": self.rank, "rules": list(self.rules), "by": list(self.annotations)}


class WhyNot(NamedTuple):
    """What keeps a regimen from being recommended with certainty, or from coming first.

    `rules` are those that could have recommended it and do not in every completion, those that miss least first;
    `changes` are all smallest changes to the record that make it certain, none where it is.
    """

    why: Why
    rules: tuple[RuleUse, ...]
    excluded_by: tuple[Exclusion, ...]
    outranked_by: tuple[Outranking, ...]
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object of schema ``reasoner.why/1`` with what why-not adds to it."""
        model = self.why.answer.derivation.model
        return {
            **self.why.to_dict(),
            "rules": [
                {
                    "rule": use.rule.id,
                    "statements": list(statements_of(use, model)),
                    "blocked_by": [
                        {
                            "condition": words(condition, model),
                            "atom": condition.atom,
                            "negated": condition.negated,
                            "state": condition.state if condition.state not in ("holds", "fails") else "derived",
                        }
                        for condition in use.blocked_by
                    ],
                }
                for use in self.rules
            ],
            "excluded_by": [entry.to_dict() for entry in self.excluded_by],
            "outranked_by": [entry.to_dict() for entry in self.outranked_by],
            "changes": [change.to_dict() for change in self.changes],
        }


def why_not(guideline: Guideline, record: Record, regimen: str, anything: bool = False) -> WhyNot:
    """Tell what keeps a regimen from being recommended with certainty, or from coming first, and what would change that.

    Recorded facts that are over are offered for change only where `anything` is true. Raises RecordError, with the nearest
    names, for a regimen that the guideline does not know.
    """
    model = guideline.model
    if regimen not in model.regimens:
        hint = nearest(regimen, model.regimens, model.labels["regimen"])
        raise RecordError(f'"{regimen}" is no regimen{hint}; allowed: {", ".join(model.regimens)}')
    answer = guideline.answer(record)
    entry = next((found for found in answer.recommended if found.regimen == regimen), None)
    certain = entry is not None and entry.certainty == "certain"
    evaluator = guideline.evaluator(record.courses)
    target = f"recommended({regimen})"
    return WhyNot(
        why(answer, regimen),
        tuple(blocked(answer, regimen)),
        tuple(found for found in answer.excluded if found.regimen == regimen),
        tuple(outranking(answer, entry)),
        () if certain else tuple(smallest_changes(record, evaluator, model, target, anything)),
    )


def blocked(answer: Answer, regimen: str) -> list[RuleUse]:
    """List the rules that could indicate a regimen and do not fire in every completion, those that miss least first."""
    derivation = answer.derivation
    uses = [
        derivation.use(support)
        for _, atom in derivation.program.table.get("indicated", {}).get(regimen, ())
        for support in derivation.program.supports[atom]
    ]
    return sorted((use for use in uses if use.fires != "always"), key=lambda use: len(use.blocked_by))


def outranking(answer: Answer, entry: Recommendation | None) -> Iterator[Outranking]:
    """Yield the regimens that are recommended ahead of one that is recommended too."""
    if entry is None:
        return
    derivation = answer.derivation
    program, model = derivation.program, derivation.model
    for other in answer.recommended:
        ahead = [atom for name, atom in program.table.get("before", {}).get(other.regimen, ()) if name == entry.regimen]
        preferred = [atom for name, atom in program.table.get("prefers", {}).get(other.regimen, ()) if name == entry.regimen]
        if any(derivation.values[atom] for atom in ahead):
            rules = [n for atom in preferred for n in program.supports[atom] if derivation.fired[n]]
            own = dict.fromkeys(model.rules[program.rules[n].rule] for n in rules)
            annotations = dict.fromkeys(rule.annotation for rule in own if rule.annotation is not None)
            yield Outranking(other.regimen, other.rank, tuple(rule.id for rule in own), tuple(annotations))


def is_recorded(condition: SeenCondition, model: GuidelineModel) -> bool:
    """Tell whether a condition is about what records hold, not about what is derived."""
    return model.roles[condition.atom.partition("(")[0]] in ("record", "patient", "history")


def statements_of(use: RuleUse, model: GuidelineModel) -> tuple[str, ...]:
    annotation = model.annotations[use.rule.annotation] if use.rule.annotation is not None else None
    if annotation is None:
        return ()
    return (annotation.id,) if annotation.kind == "statement" else annotation.reads


def words(condition: SeenCondition, model: GuidelineModel) -> str:
    """Word what a rule asks for."""
    return model.say("absence", condition.phrase) if condition.negated else condition.phrase
