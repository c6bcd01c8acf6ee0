"""What if the record said something else: the difference of two answers, and the rules that carry it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reasoner.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.page import Page, condition_words, course_words, setting_words, source_words
from reasoner.queries.edits import Edit, apply_edits, parse_edit
from reasoner.record import Record

__all__ = ["Difference", "WhatIf", "differences", "render", "what_if"]

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
    order = {rule.id: n for n, rule in enumerate(after.derivation.knowledge.rules)}
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
    return tuple(dict.fromkeys(rule for n in atoms for rule in derivation.grounds(n, derivation.worlds.all).rules))


def value_words(value: object, other: object, knowledge: Knowledge) -> str:
    """Word the value of a fact; of courses, those that the `other` value does not have."""
    say = knowledge.say
    if value is None:
        return say("unknown")
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, str):
        return knowledge.label("value", value)
    if not isinstance(value, list | tuple):
        return str(value)
    if any(isinstance(item, Mapping) for item in value):
        others = list(other) if isinstance(other, list | tuple) else []
        pairs = enumerate(value, start=1)
        courses = [
            say("course_numbered", str(n), course_words(item, knowledge)) for n, item in pairs if others[n - 1 : n] != [item]
        ]
        return say("and").join(courses) or say("many_courses" if len(value) > 1 else "one_course", str(len(value)))
    names = [knowledge.label("drug" if item in knowledge.drugs else "value", item) for item in value]
    return say("comma").join(names) or say("none")


def certainty_words(entry: Entry, knowledge: Knowledge) -> str:
    if entry.certainty == "certain":
        return knowledge.say("certain")
    return knowledge.say("certain_if", condition_words(entry.assuming, knowledge))


def entry_words(entry: Entry, knowledge: Knowledge) -> list[str]:
    """Word what an entry says, a part for each thing that can change."""
    if not isinstance(entry, Recommendation):
        return [certainty_words(entry, knowledge)]
    say = knowledge.say
    cautions = say("comma").join(knowledge.label("caution", caution) for caution in entry.cautions)
    return [
        say("rank", str(entry.rank)),
        knowledge.label("strength", entry.strength),
        certainty_words(entry, knowledge),
        say("caution", cautions) if cautions else say("no_caution"),
    ]


def change_words(before: Entry, after: Entry, knowledge: Knowledge) -> str:
    """Word how an entry changes."""
    pairs = zip(entry_words(before, knowledge), entry_words(after, knowledge), strict=True)
    return knowledge.say("and").join(knowledge.say("from_to", old, new) for old, new in pairs if old != new)


HEADINGS = {
    "setting": "heading_setting",
    "recommended": "heading_recommended",
    "excluded": "heading_excluded",
    "action": "heading_actions",
}


def difference_item(page: Page, difference: Difference, knowledge: Knowledge) -> None:
    """Add one difference: what appears, disappears or changes."""
    say, before, after = knowledge.say, difference.before, difference.after
    if isinstance(before, str) and isinstance(after, str):
        text = say("from_to", setting_words(before, knowledge), setting_words(after, knowledge))
        page.item("  ~", text, "conditional")
        return
    name = knowledge.label("action_name" if difference.what == "action" else "regimen", difference.id)
    if not isinstance(before, str) and not isinstance(after, str):
        if before is not None and after is not None:
            page.item("  ~", say("changes", name, change_words(before, after, knowledge)), "conditional")
        elif after is not None:
            page.item("  +", say("appears", name, appearing(after, knowledge)), "certain")
        elif before is not None:
            page.item("  -", say("disappears", name, appearing(before, knowledge)), "against")


def appearing(entry: Entry, knowledge: Knowledge) -> str:
    say = knowledge.say
    return say("comma").join(part for part in entry_words(entry, knowledge) if part != say("no_caution"))


def carriers(page: Page, ids: Iterable[str], seen: set[str], knowledge: Knowledge) -> None:
    """Add what the rules of a difference rest on: what takes a position in words, once on a page, the rest by its name."""
    chosen = set(ids)
    rules = [rule for rule in knowledge.rules if rule.id in chosen and rule.block is not None]
    blocks = dict.fromkeys(str(rule.block) for rule in rules)
    positions = dict.fromkeys(str(rule.block) for rule in rules if rule.role == "position") or blocks
    worded = [name for name in positions if knowledge.blocks[name].kind != "reading"] or list(positions)
    for name in worded:
        if name not in seen:
            block = knowledge.blocks[name]
            page.item("", f"{block.text} [{source_words(block, knowledge)}]", "faint")
    others = [name for name in blocks if name not in worded or name in seen]
    if others:
        page.item("", knowledge.say("by_sources", knowledge.say("comma").join(others)), "faint")
    seen.update(worded)


def render(result: WhatIf, width: int = 80, colour: bool = False) -> str:
    """Render the differences as text of at most `width` columns, with ANSI colours where `colour` is true."""
    knowledge, info = result.after.derivation.knowledge, result.after.guideline
    say = knowledge.say
    page = Page(width, colour)
    page.opening(result.before.patient, info, knowledge)
    page.heading(say("heading_what_if"))
    for key, value in result.set.items():
        old, new = value_words(result.was[key], value, knowledge), value_words(value, result.was[key], knowledge)
        page.item("  =", say("fact_set", knowledge.label("fact", key), new, old))
    if not result.differences:
        page.heading(say("heading_nothing_changes"))
        page.item("  -", say("nothing_changes"))
    shown = ""
    seen: set[str] = set()
    for difference in result.differences:
        if difference.what != shown:
            page.heading(say(HEADINGS[difference.what]))
            shown = difference.what
        difference_item(page, difference, knowledge)
        carriers(page, difference.rules, seen, knowledge)
    return page.closing(info)
