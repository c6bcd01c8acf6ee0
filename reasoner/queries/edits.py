"""Changes to a record, as they are written on the command line.

    FACT=VALUE          set a fact; empty, null or unknown leaves it open, even where a default would stand for it
    FACT+=VALUE         add a course, or members to a list
    FACT-=VALUE         remove members from a list
    FACT[N].FIELD=VALUE set a field of a course; N counts from 0, or from the end with -1
    one_of[N].FACT[N].FIELD=VALUE   the same in one of several sets of facts, counted alike
    one_of=LABEL        say which of several sets of facts is true; empty or null leaves out what they say

VALUE is JSON. A bare word stands for a text, words with commas between them for a list, and ``drug+drug:outcome``, or
``drug+drug`` where the outcome is unknown, for a course. What is set stands beside several sets of facts and no longer in
them; a course or a member is changed in each set that has the fact, and so is a field of a course, unless the course is
another therapy in another set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from reasoner.compiler.model import Fact, GuidelineModel
from reasoner.errors import RecordError, nearest
from reasoner.guideline import Guideline
from reasoner.queries.fields import resolved, sets_of
from reasoner.records.encoding import encode_value
from reasoner.records.json_lines import parse_json
from reasoner.records.record import ONE_OF
from reasoner.records.values import among, fail, show

__all__ = ["FORMS", "Edit", "apply_edits", "parse_edit", "parse_edits"]

FORMS = "FACT=VALUE, FACT+=VALUE, FACT-=VALUE, FACT[N].FIELD=VALUE, one_of[N].FACT[N].FIELD=VALUE or one_of=LABEL"
UNKNOWN = ("", "unknown")
EDIT = re.compile(
    rf"""\s*(?:{ONE_OF}\[\s*(?P<set>-?\d{{1,9}})\s*\]\.)?(?P<fact>[^\s=+\-\[\].]+)\s*
    (?:\[\s*(?P<at>-?\d{{1,9}})\s*\]\.(?P<field>\w+)\s*)?
    (?P<kind>\+=|-=|=)(?P<value>.*)""",
    re.DOTALL | re.VERBOSE,
)


class Edit(NamedTuple):
    """One change to a record.

    `kind` is "=", "+=" or "-="; `value` what is set (None: made unknown), added or removed. `at` and `field` name a field
    of a course, else they are None; `within` then the place of a set of facts, None for all of them.
    `under_way` are the outcomes that leave a course open, `endings` those that end it.
    Without a `fact` it says which of several sets of facts is true.
    """

    fact: Fact | None
    kind: str
    value: object
    at: int | None
    field: str | None
    under_way: tuple[str, ...]
    endings: tuple[str, ...]
    within: int | None = None

    @property
    def key(self) -> str:
        """The key of the record that it changes."""
        return ONE_OF if self.fact is None else self.fact.name


def parse_edit(text: str, guideline: Guideline) -> Edit:
    """Read one change to a record.

    Raises RecordError naming the fact, what was found and what is allowed.
    """
    model = guideline.model
    found = EDIT.fullmatch(text)
    if found is None:
        raise RecordError(f"{show(text)} is not a change of a record; write {FORMS}")
    names = {fact.name: fact for fact in model.facts}
    name, field, kind, value = (found[group] for group in ("fact", "field", "kind", "value"))
    if name == ONE_OF and field is None and kind == "=":
        return Edit(None, kind, label_value(value.strip()), None, None, (), ())
    if name not in names:
        fail(name, f"no such fact{nearest(name, names)}; allowed: {', '.join((*names, ONE_OF))}")
    fact = names[name]
    within, at = (None if found[group] is None else int(found[group]) for group in ("set", "at"))
    if within is not None and field is None:
        fail(f"{ONE_OF}[{within}].{name}", f"only a field of a course is changed in one set; write {FORMS}")
    if field is not None:
        parsed = field_value(fact, f"{name}[{at}].{field}", kind, value.strip(), model)
    elif kind == "=":
        parsed = set_value(fact, value.strip(), model)
    else:
        parsed = member_value(fact, kind, value.strip(), model)
    return Edit(fact, kind, parsed, at, field, model.under_way, model.endings, within)


def parse_edits(texts: Iterable[str | Edit], guideline: Guideline) -> list[Edit]:
    """Read several changes to a record, of which none undoes an earlier one.

    Raises RecordError as `parse_edit` does, and for what is set after it was set or changed.
    """
    edits: list[Edit] = []
    for text in texts:
        edit = parse_edit(text, guideline) if isinstance(text, str) else text
        of_fact = [earlier for earlier in edits if earlier.key == edit.key] if edit.kind == "=" else []
        if edit.field is not None:
            since = takewhile(lambda earlier: earlier.kind != "+=", reversed(of_fact))
            of_fact = [earlier for earlier in since if earlier[3:5] == edit[3:5] and earlier.within == edit.within]
        if of_fact:
            place = edit.key if edit.field is None else f"{edit.key}[{edit.at}].{edit.field}"
            fail(place, f"it is changed twice, first to {show(of_fact[-1].value)}; change it once")
        edits.append(edit)
    return edits


def loosely(text: str, place: str) -> object:
    """Read a value as JSON, or as text where it is not JSON; empty or unknown is null."""
    try:
        return parse_json(text) if text not in UNKNOWN else None
    except json.JSONDecodeError as error:
        if text[0] in '[{"':
            fail(place, f"{show(text)}: not JSON: {error.msg} (column {error.colno})")
        return text
    except RecordError as error:
        fail(place, str(error))


def label_value(text: str) -> object:
    """Read which of several sets of facts is true: its label, in quotes or bare; or all sets, written as JSON."""
    return loosely(text, ONE_OF) if text[:1] in ("", '"', "[") or text == "null" else text


def words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def set_value(fact: Fact, text: str, model: GuidelineModel) -> object:
    """Read what a fact is set to; its courses are checked with the record."""
    value = text if text in fact.values and fact.kind == "choice" else loosely(text, fact.name)
    if fact.kind == "list" and isinstance(value, str):
        value = words(value)
    if fact.kind == "courses" and value is not None:
        if not isinstance(value, list):
            fail(fact.name, f"{show(value)} is not a list of courses; {fact.name}+=VALUE adds one")
    elif value is not None:
        encode_value(fact, value, True, model)
    return value


def member_value(fact: Fact, kind: str, text: str, model: GuidelineModel) -> object:
    """Read what is added to a fact or removed from it."""
    if fact.kind == "courses" and kind == "+=":
        return course(fact.name, text, model)
    if fact.kind == "courses":
        fail(fact.name, f"no course can be removed with -=; write {fact.name}=[...] with those that stay")
    if fact.kind != "list":
        fail(fact.name, f"it is not a list, so {kind} has no meaning; write {fact.name}=VALUE")
    value = loosely(text, fact.name)
    members = words(value) if isinstance(value, str) else value
    if not isinstance(members, list) or not members:
        fail(fact.name, f"{show(value)} is not a member; allowed: {', '.join(fact.values)}")
    encode_value(fact, members, True, model)
    return members


def course(name: str, text: str, model: GuidelineModel) -> object:
    """Read a course, written in JSON, as ``drug+drug:outcome``, or as ``drug+drug`` with an unknown outcome."""
    if text.startswith("{"):
        return loosely(text, name)
    drugs, _, outcome = map(str.strip, text.partition(":"))
    told = outcome not in (*UNKNOWN, "null")
    if not drugs:
        fail(name, f'{show(text)} is not a course; write drug+drug:outcome or {{"drugs": [...], "outcome": "..."}}')
    return {
        "drugs": [among(name, drug.strip(), model.drugs, model.say("drug_noun")) for drug in drugs.split("+")],
        "outcome": among(name, outcome, model.outcomes, model.say("outcome_noun")) if told else None,
    }


def field_value(fact: Fact, place: str, kind: str, text: str, model: GuidelineModel) -> object:
    """Read what the field at `place` is set to; it is checked with the record."""
    field = place.rpartition(".")[2]
    if fact.kind != "courses":
        fail(fact.name, f"it has no courses, so .{field} has no meaning; write {fact.name}=VALUE")
    allowed = ("drugs", "outcome", *model.course_facts)
    if field not in allowed:
        fail(place, f"no such field of a course{nearest(field, allowed)}; allowed: {', '.join(allowed)}")
    if kind != "=":
        fail(place, f"it can only be set; write {place}=VALUE")
    value = loosely(text, place)
    return words(value) if field == "drugs" and isinstance(value, str) else value


def apply_edits(data: Mapping[str, object], edits: Iterable[Edit]) -> dict[str, object]:
    """Give a changed copy of a valid record; the record itself stays as it is.

    Raises RecordError where a change does not fit what is recorded. Whether the result contradicts itself is for
    `Guideline.record` to say.
    """
    changed = dict(data)
    for edit in edits:
        sets = sets_of(changed)
        if edit.fact is None:
            chosen = edit.value is not None and not isinstance(edit.value, list)
            changed = resolved(changed, edit.value) if chosen else {**changed, ONE_OF: edit.value}
        elif edit.within is not None:
            changed[ONE_OF] = in_one_set(edit, edit.fact, sets)
        elif not any(edit.key in own for own in sets):
            changed[edit.key] = after(edit, edit.fact, changed)
        elif edit.kind == "=" and edit.field is None:
            changed[ONE_OF] = [{key: value for key, value in own.items() if key != edit.key} for own in sets]
            changed[edit.key] = edit.value
        else:
            if edit.at is not None:
                refuse_unlike(edit, edit.at, sets)
            changed[ONE_OF] = [{**own, edit.key: after(edit, edit.fact, own)} for own in sets]
    return changed


def in_one_set(edit: Edit, fact: Fact, sets: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Give the sets of facts of a record after an edit of one of them."""
    count, place = len(sets), edit.within
    assert place is not None
    if not -count <= place < count:
        allowed = f"allowed: {-count} to {count - 1}" if count else f"write {edit.key}[{edit.at}].{edit.field}=VALUE"
        fail(f"{ONE_OF}[{place}]", f"no such set of facts; the record has {count}; {allowed}")
    changed = list(sets)
    changed[place] = {**sets[place], edit.key: after(edit, fact, sets[place])}
    return changed


def refuse_unlike(edit: Edit, at: int, sets: Sequence[Mapping[str, object]]) -> None:
    """Refuse to change a course in all sets of facts that have it where it is not the same therapy in all of them."""
    found: dict[int, object] = {}
    for place, own in enumerate(sets):
        courses = own.get(edit.key, ()) or ()
        assert isinstance(courses, Sequence)
        course = courses[at] if -len(courses) <= at < len(courses) else {}
        found[place] = sorted(course.get("drugs") or ())
    if any(drugs != found[0] for drugs in found.values()):
        therapies = "; ".join(f"{ONE_OF}[{place}]: {show(drugs) if drugs else 'none'}" for place, drugs in found.items())
        field = f"{edit.key}[{at}].{edit.field}"
        fail(field, f"the sets of facts have different therapies there ({therapies}); write {ONE_OF}[0].{field}=VALUE")


def after(edit: Edit, fact: Fact, data: Mapping[str, object]) -> object:
    """Give the value that a fact of a record, or of a set of facts, has after an edit."""
    value = data.get(fact.name)
    held = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if edit.field is not None and edit.at is not None:
        return with_field(fact, held, edit.at, edit.field, edit.value)
    if edit.kind == "=":
        return edit.value
    if value is None and (fact.default is None or fact.name in data):
        what = "none was given before" if fact.kind == "courses" else "of all others that they are absent"
        fail(fact.name, f"it is not recorded; {edit.kind} would say {what}; write {fact.name}=[...]")
    if fact.kind == "courses":
        return appended(edit, held)
    assert isinstance(edit.value, list)
    return with_members(fact, edit.kind, edit.value, held)


def with_field(fact: Fact, courses: list[object], index: int, field: str, value: object) -> list[object]:
    """Set a field of one course."""
    count = len(courses)
    where = f"{fact.name}[{index}]"
    if not -count <= index < count:
        allowed = f"allowed: {-count} to {count - 1}" if count else "there is none to change"
        fail(where, f"no such course; the record has {count}; {allowed}")
    chosen = courses[index]
    assert isinstance(chosen, Mapping)
    courses[index] = {**chosen, field: value}
    return courses


def appended(edit: Edit, courses: list[object]) -> list[object]:
    """Add a course after the last one, which must have ended."""
    name, last = edit.key, courses[-1] if courses else None
    if isinstance(last, Mapping) and last.get("outcome") in edit.under_way:
        ends = "|".join(edit.endings)
        fail(
            name, f"the last course is still {last['outcome']}, so none can follow; end it first: {name}[-1].outcome={ends}"
        )
    return [*courses, edit.value]


def with_members(fact: Fact, kind: str, members: list[object], held: list[object]) -> list[object]:
    """Add members to a list or remove them."""
    if kind == "+=":
        return [*held, *(member for member in dict.fromkeys(members) if member not in held)]
    for member in members:
        if member not in held:
            fail(fact.name, f"{show(member)} is not in it{nearest(str(member), map(str, held))}; recorded: {show(held)}")
    return [member for member in held if member not in members]
