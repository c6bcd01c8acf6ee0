"""What if the record said something else: the difference of two answers, and the rules that carry it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.guideline import Guideline
from reasoner.queries.edits import Edit, apply_edits, parse_edit
from reasoner.records.record import Record

__all__ = ["Difference", "WhatIf", "differences", "what_if"]

SCHEMA = "reasoner.what_if/1"

Entry = Recommendation | Exclusion | ActionCall


def told(entry: Entry) -> dict[str, object]:
    """Give what counts when two entries are compared: what an answer says, without the reasons."""
    certainty: dict[str, object] = {"certainty": entry.certainty, "assuming": [a.to_dict() for a in entry.assuming]}
    if isinstance(entry, Recommendation):
        return {"rank": entry.rank, "strength": entry.strength, **certainty, "cautions": list(entry.cautions)}
    return certainty


class Difference(NamedTuple):
    """One thing that two answers say differently.

    `what` is "setting", "recommended", "excluded" or "action"; `before` and `after` are its entries, None where it is
    absent, or the names of the settings. `rules` are the ids of the rules that stand behind one side only; where both sides
    rest on the same, of those; for a setting, of those that place the patient after.
    """

    what: str
    id: str
    before: Entry | str | None
    after: Entry | str | None
    rules: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        sides = [side if side is None or isinstance(side, str) else told(side) for side in (self.before, self.after)]
        return {"what": self.what, "id": self.id, "before": sides[0], "after": sides[1], "rules": list(self.rules)}


class WhatIf(NamedTuple):
    """The answers before and after a record was changed, and all their differences.

    `set` holds the keys that were changed with their new values (None: made unknown), `was` with their old ones.
    """

    set: dict[str, object]
    was: dict[str, object]
    before: Answer
    after: Answer
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object of schema ``reasoner.what_if/1``."""
        return {
            "schema": SCHEMA,
            "set": self.set,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "differences": [difference.to_dict() for difference in self.differences],
        }


def what_if(guideline: Guideline, data: Record | Mapping[str, object], edits: Iterable[Edit | str]) -> WhatIf:
    """Answer a record as it is and as `edits` change it, and compare.

    An edit is written as `parse_edit` reads it, for example ``FACT=VALUE``. Raises RecordError, naming the field, where the
    record, an edit or the changed record cannot be used.
    """
    record = data if isinstance(data, Record) else guideline.record(data)
    parsed = [parse_edit(edit, guideline) if isinstance(edit, str) else edit for edit in edits]
    changed = apply_edits(record.data, parsed)
    before, after = guideline.answer(record), guideline.answer(changed)
    keys = dict.fromkeys(edit.fact.name for edit in parsed)
    return WhatIf(
        set={key: changed[key] for key in keys},
        was={key: record.data.get(key) for key in keys},
        before=before,
        after=after,
        differences=differences(before, after),
    )


def differences(before: Answer, after: Answer) -> tuple[Difference, ...]:
    """List what two answers of one guideline say differently: setting, regimens, exclusions, actions."""
    order = {rule.id: n for n, rule in enumerate(after.derivation.model.rules)}
    found = []
    if before.setting != after.setting:
        rules = carrying((), setting_rules(after), order)
        found.append(Difference("setting", "setting", before.setting, after.setting, rules))
    found += compare("recommended", before.recommended, after.recommended, order)
    found += compare("excluded", before.excluded, after.excluded, order)
    found += compare("action", before.actions, after.actions, order)
    return tuple(found)


def compare(what: str, before: Sequence[Entry], after: Sequence[Entry], order: Mapping[str, int]) -> list[Difference]:
    """Compare two lists of entries."""
    old, new = ({name_of(entry): entry for entry in side} for side in (before, after))
    found = []
    for name in {**new, **old}:
        here, there = old.get(name), new.get(name)
        if here is None or there is None or told(here) != told(there):
            rules = carrying(here.rules if here else (), there.rules if there else (), order)
            found.append(Difference(what, name, here, there, rules))
    return found


def name_of(entry: Entry) -> str:
    return entry.action if isinstance(entry, ActionCall) else entry.regimen


def carrying(before: Sequence[str], after: Sequence[str], order: Mapping[str, int]) -> tuple[str, ...]:
    """Find the rules on one side only, or else all, in the order of the guideline."""
    return tuple(sorted({*before} ^ {*after} or {*before, *after}, key=order.__getitem__))


def setting_rules(answer: Answer) -> tuple[str, ...]:
    """List the rules that an answer's setting rests on; of an undetermined one, those of each that is possible."""
    derivation = answer.derivation
    atoms = [n for held in derivation.program.table.get("setting", {}).values() for _, n in held if derivation.values[n]]
    return tuple(dict.fromkeys(rule for n in atoms for rule in derivation.grounds(n, derivation.completions.all).rules))
