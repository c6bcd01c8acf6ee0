"""What if the record said something else: the difference of two answers, and the rules that carry it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from reasoner.engine.answer import ActionCall, Answer, Assumption, Exclusion, Recommendation
from reasoner.engine.conclusions import Certainty
from reasoner.engine.counting import range_words
from reasoner.engine.doses import DoseGiven
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.predicates import SETTING
from reasoner.guideline import Guideline
from reasoner.queries.edits import Edit, apply_edits, parse_edits
from reasoner.records.record import ONE_OF, Record
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["Difference", "Standing", "What", "WhatIf", "differences", "what_if"]

Entry = Recommendation | Exclusion | ActionCall
What = Literal["setting", "recommended", "excluded", "action", "score"]


class Standing(Shape, frozen=True, kw_only=True):
    """How an answer has a regimen or an action: what counts when two answers are compared, without the reasons.

    Only a recommended regimen has `rank`, `strength`, `cautions` and `doses`.
    """

    rank: int | UnsetType = UNSET
    strength: str | UnsetType = UNSET
    certainty: Certainty
    assuming: tuple[Assumption, ...]
    cautions: tuple[str, ...] | UnsetType = UNSET
    doses: tuple[DoseGiven, ...] | UnsetType = UNSET


class Difference(Shape, frozen=True):
    """One thing that two answers say differently.

    `before` and `after` are null where one of them does not have it; for the setting they are its names, for a score its
    values in words. `rules` are the ids of the rules that stand behind one side only, for a score none; where both sides
    rest on the same, of those; for a setting, of those that
    place the patient after.
    """

    what: What
    id: str
    before: Standing | str | None
    after: Standing | str | None
    rules: tuple[str, ...]


class WhatIf(Result, frozen=True, tag_field="schema", tag="reasoner.what_if/1"):
    """The answers before and after a record was changed, and all their differences.

    `set` holds the keys that were changed with their new values, null where they were made unknown; of several sets of facts
    the label of the one that is told to be true, or all of them where what they say was changed.

    `was`, not part of the JSON, holds the old values of those that the record had.
    """

    set: dict[str, Any]
    before: Answer
    after: Answer
    differences: tuple[Difference, ...]

    was = Carried[Mapping[str, object]]()


@on_larger_diagrams
def what_if(guideline: Guideline, data: Record | Mapping[str, object], edits: Iterable[Edit | str]) -> WhatIf:
    """Answer a record as it is and as `edits` change it, and compare.

    An edit is written as `parse_edits` reads it, for example ``FACT=VALUE``. Raises RecordError, naming the field, where the
    record, an edit or the changed record cannot be used.
    """
    record = data if isinstance(data, Record) else guideline.record(data)
    parsed = parse_edits(edits, guideline)
    changed = apply_edits(record.data, parsed)
    before, after = guideline.answer(record), guideline.answer(changed)
    keys = dict.fromkeys(edit.key if edit.key in changed else ONE_OF for edit in parsed)
    labels = {edit.key: edit.value for edit in parsed if edit.fact is None}
    return WhatIf(
        set={key: labels[key] if key in labels else changed[key] for key in keys},
        before=before,
        after=after,
        differences=differences(before, after),
    ).carrying(was={key: record.data[key] for key in keys if key in record.data})


def differences(before: Answer, after: Answer) -> tuple[Difference, ...]:
    """List what two answers of one guideline say differently: setting, regimens, exclusions, actions, scores."""
    order = {rule.id: n for n, rule in enumerate(after.derivation.model.rules)}
    found = []
    if before.setting != after.setting:
        rules = carrying((), setting_rules(after), order)
        found.append(Difference("setting", "setting", before.setting, after.setting, rules))
    found += decision_differences(before, after, order)
    found += compare("recommended", before.recommended, after.recommended, order)
    found += compare("excluded", before.excluded, after.excluded, order)
    found += compare("action", before.actions, after.actions, order)
    model = after.derivation.model
    old, new = ({own.score: range_words(own.value, own.at_most, model) for own in a.scores or ()} for a in (before, after))
    found += (Difference("score", name, old.get(name), new.get(name), ()) for name in {**new, **old})
    return tuple(difference for difference in found if difference.before != difference.after)


def decision_differences(before: Answer, after: Answer, order: Mapping[str, int]) -> Iterator[Difference]:
    """Yield the decisions but the first for which the setting is another."""
    was = {own.decision: own.setting for own in before.decisions or ()}
    for own in tuple(after.decisions or ())[1:]:
        if own.setting != was[own.decision]:
            rules = carrying((), setting_rules(after, own.decision), order)
            yield Difference("setting", own.decision, was[own.decision], own.setting, rules)


def compare(what: What, before: Sequence[Entry], after: Sequence[Entry], order: Mapping[str, int]) -> list[Difference]:
    """Compare two lists of entries."""
    old, new = ({conclusion_of(entry): entry for entry in side} for side in (before, after))
    found = []
    for name in {**new, **old}:
        here, there = old.get(name), new.get(name)
        standing_here, standing_there = standing(here), standing(there)
        if standing_here != standing_there:
            rules = carrying(here.rules if here else (), there.rules if there else (), order)
            found.append(Difference(what, name, standing_here, standing_there, rules))
    return found


def conclusion_of(entry: Entry) -> str:
    """Name what an entry is about: a regimen or an action."""
    return entry.action if isinstance(entry, ActionCall) else entry.regimen


def standing(entry: Entry | None) -> Standing | None:
    if entry is None:
        return None
    if not isinstance(entry, Recommendation):
        return Standing(certainty=entry.certainty, assuming=entry.assuming)
    return Standing(
        rank=entry.rank,
        strength=entry.strength,
        certainty=entry.certainty,
        assuming=entry.assuming,
        cautions=entry.cautions,
        doses=entry.doses,
    )


def carrying(before: Sequence[str], after: Sequence[str], order: Mapping[str, int]) -> tuple[str, ...]:
    """Find the rules on one side only, or else all, in the order of the guideline."""
    return tuple(sorted({*before} ^ {*after} or {*before, *after}, key=order.__getitem__))


def setting_rules(answer: Answer, decision: str = "") -> tuple[str, ...]:
    """List the rules that an answer's setting of a decision rests on; of an undetermined one, those of each possible one."""
    derivation = answer.derivation
    table, settings = derivation.program.table.get(SETTING, {}), derivation.model.settings_in(decision)
    atoms = [n for name in settings for _, n in table.get(name, ()) if derivation.holds(n)]
    return tuple(dict.fromkeys(rule for n in atoms for rule in derivation.grounds(n, derivation.completions.all).rules))
