"""Why not: what keeps a regimen from being recommended, what comes before it, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Literal

from msgspec import UNSET, UnsetType, field
from msgspec.structs import asdict

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import CERTAIN, Assumption, conclusions_of
from reasoner.engine.derivation import RuleUse, SeenCondition
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.phrases import requirement_words
from reasoner.engine.predicates import BEFORE, INDICATED, PREFERS, RECOMMENDED, ground_atom, predicate_of
from reasoner.errors import RecordError, nearest
from reasoner.guideline import Guideline
from reasoner.queries.changes import Change, Changes, smallest_changes
from reasoner.queries.why import Why, why
from reasoner.records.record import Record
from reasoner.records.shapes import Carried, Shape

__all__ = ["BlockedRule", "Obstacle", "Outranking", "WhyNot", "is_recorded", "why_not"]

MOST = 10
"""So many changes are given where nothing else is asked for."""


class Obstacle(Shape, frozen=True):
    """A condition that keeps a rule from firing: in words, as an atom of clingo's, required absent where `negated`."""

    condition: str
    atom: str
    negated: bool
    state: Literal["recorded", "recorded_absent", "unknown", "derived"]


class BlockedRule(Shape, frozen=True):
    """A rule that could have recommended the regimen, and what blocks it."""

    rule: str
    statements: tuple[str, ...]
    blocked_by: tuple[Obstacle, ...]


class Outranking(Shape, frozen=True):
    """A regimen that is recommended ahead, with the rules that put it there; `by` are their statements or readings.

    Where it is not ahead wherever the other is recommended, `assuming` is what besides makes it so.
    """

    regimen: str
    rank: int
    rules: tuple[str, ...]
    annotations: tuple[str, ...] = field(name="by")
    assuming: tuple[Assumption, ...] | UnsetType = UNSET


class WhyNot(Why, frozen=True):
    """What keeps a regimen from being recommended with certainty, or from coming first.

    `rules` are those that could have recommended it and do not in every completion, those that miss least first;
    `changes` are the first of the smallest changes to the record that make it certain, none where it is; `other_changes`
    tells how many more there are, null where they are too many to be counted. Where it depends on therapy of which nothing
    is known, `otherwise` says so, and what to record.

    `uses`, not part of the JSON, are the `rules` with all their conditions.
    """

    rules: tuple[BlockedRule, ...]
    excluded_by: tuple[Exclusion, ...]
    outranked_by: tuple[Outranking, ...]
    changes: tuple[Change, ...]
    others: int | None = field(name="other_changes")
    otherwise: str | UnsetType = UNSET

    uses = Carried[tuple[RuleUse, ...]]()


@on_larger_diagrams
def why_not(guideline: Guideline, record: Record, regimen: str, anything: bool = False, most: int = MOST) -> WhyNot:
    """Tell what keeps a regimen from being recommended with certainty, or from coming first, and what would change that.

    Of the smallest changes the first `most` are given. Recorded facts that are over are offered for change only where
    `anything` is true. Raises RecordError, with the nearest names, for a regimen that the guideline does not know.
    """
    model = guideline.model
    if regimen not in model.regimens:
        hint = nearest(regimen, model.regimens, model.labels["regimen"])
        raise RecordError(f'"{regimen}" is not a regimen{hint}; allowed: {", ".join(model.regimens)}')
    answer = guideline.answer(record)
    entry = next((found for found in answer.recommended if found.regimen == regimen), None)
    certain = entry is not None and entry.certainty == CERTAIN
    changes = Changes((), 0) if certain else smallest_changes(guideline, record, regimen, anything, most)
    explained = why(answer, regimen)
    uses = tuple(blocked(answer, regimen))
    return WhyNot(
        **asdict(explained),
        rules=tuple(blocked_rule(use, model) for use in uses),
        excluded_by=tuple(found for found in answer.excluded if found.regimen == regimen),
        outranked_by=tuple(outranking(answer, entry)),
        changes=changes.first,
        others=changes.others,
        otherwise=otherwise_words(answer, regimen, bool(changes.first)),
    ).carrying(**explained.__dict__, uses=uses)


def otherwise_words(answer: Answer, regimen: str, changed: bool) -> str | UnsetType:
    """Say that a regimen may be recommended after therapy of which nothing is known, as well where changes do that too."""
    derivation = answer.derivation
    say, therapy = derivation.model.say, derivation.model.courses_fact
    open_history = derivation.possible is not None and derivation.may_hold(ground_atom(RECOMMENDED, regimen))
    if therapy is None or not open_history:
        return UNSET
    if changed:
        return say("otherwise_courses", therapy.label)
    return say("depends_on_therapy", therapy.label)


def blocked(answer: Answer, regimen: str) -> list[RuleUse]:
    """List the rules that could indicate a regimen and do not fire in every completion, those that miss least first."""
    derivation = answer.derivation
    uses = [
        derivation.use(support)
        for _, number in derivation.program.table.get(INDICATED, {}).get(regimen, ())
        for support in derivation.program.supports[number]
    ]
    return sorted((use for use in uses if use.fires != "always"), key=lambda use: len(use.blocked_by))


def blocked_rule(use: RuleUse, model: GuidelineModel) -> BlockedRule:
    obstacles = (
        Obstacle(
            condition=requirement_words(condition, model),
            atom=condition.atom,
            negated=condition.negated,
            state="derived" if condition.state == "holds" or condition.state == "fails" else condition.state,
        )
        for condition in use.blocked_by
    )
    return BlockedRule(use.rule.id, statements_of(use, model), tuple(obstacles))


def outranking(answer: Answer, entry: Recommendation | None) -> Iterator[Outranking]:
    """Yield the regimens that are recommended ahead of one that is recommended too."""
    if entry is None:
        return
    derivation = answer.derivation
    program, model, none = derivation.program, derivation.model, derivation.completions.none
    for other in answer.recommended:
        ahead = [n for name, n in program.table.get(BEFORE, {}).get(other.regimen, ()) if name == entry.regimen]
        preferred = [n for name, n in program.table.get(PREFERS, {}).get(other.regimen, ()) if name == entry.regimen]
        where = reduce(or_, (derivation.values[n] for n in ahead), none)
        if where != none:
            sure = derivation.truth(ground_atom(RECOMMENDED, entry.regimen)) & ~where == none
            besides = () if sure else conclusions_of(derivation).certainty(where)[1]
            assuming = UNSET if sure else tuple(one for one in besides if one not in entry.assuming)
            rules = [support for n in preferred for support in program.supports[n] if derivation.fires(support)]
            own = dict.fromkeys(model.rules[program.rules[support].rule] for support in rules)
            annotations = dict.fromkeys(rule.annotation for rule in own if rule.annotation is not None)
            yield Outranking(other.regimen, other.rank, tuple(rule.id for rule in own), tuple(annotations), assuming)


def is_recorded(condition: SeenCondition, model: GuidelineModel) -> bool:
    """Tell whether a condition is about what records hold, not about what is derived."""
    return model.roles[predicate_of(condition.atom)] in ("record", "patient", "history")


def statements_of(use: RuleUse, model: GuidelineModel) -> tuple[str, ...]:
    annotation = model.annotations[use.rule.annotation] if use.rule.annotation is not None else None
    if annotation is None:
        return ()
    return (annotation.id,) if annotation.kind == "statement" else annotation.reads
