"""A patient's record as a person corrects it before it is answered, and the words for what was corrected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reasoner.engine.phrases import changed_value_words
from reasoner.errors import printable
from reasoner.guideline import Guideline
from reasoner.queries.edits import Edit, apply_edits, parse_edits
from reasoner.queries.fields import sets_of
from reasoner.records.record import ONE_OF, Record

if TYPE_CHECKING:
    from reasoner.fhir import ChartFacts

__all__ = ["corrected_facts", "corrected_record"]

Data = Mapping[str, object]
IN_SET = re.compile(rf"{ONE_OF}\[(\d+)\]\.")


def corrected_record(guideline: Guideline, data: object, edits: Sequence[str]) -> Record:
    """Validate a record, or read one from FHIR, as `edits` correct it, which are written as `parse_edits` reads them.

    What was corrected is in its remarks. Raises RecordError, naming the field, where the record, an edit or the corrected
    record cannot be used.
    """
    if isinstance(data, Mapping) and "resourceType" in data:
        facts = corrected_facts(guideline, guideline.read_fhir(data), edits)
        return guideline.checked(guideline.record_from(facts))
    parsed = parse_edits(edits, guideline)
    before = guideline.parsed(data).data
    after = apply_edits(before, parsed)
    return guideline.record(after)._replace(remarks=tuple(corrections(guideline, parsed, before, after)))


def corrected_facts(guideline: Guideline, facts: ChartFacts, edits: Sequence[str]) -> ChartFacts:
    """Give what was read of a chart as `edits` correct it: what the chart says of these facts no longer stands.

    Possibilities of which no fact is left are no longer there. Raises RecordError where an edit cannot be used.
    """
    parsed = parse_edits(edits, guideline)
    after = apply_edits(facts.record, parsed)
    if (left := sets_of(after)) and not any(own.keys() - {"label"} for own in left):
        del after[ONE_OF]
    places = {place for edit in parsed for place in places_of(edit, facts.record)}
    places |= {ONE_OF} if ONE_OF not in after and not any(edit.fact is None for edit in parsed) else set()
    labels = [own["label"] for own in sets_of(facts.record)]
    chosen = {labels.index(edit.value) for edit in parsed if edit.fact is None and edit.value in labels}
    kept = facts.without(
        lambda place: is_corrected(place, places, chosen),
        lambda place: out_of_set(place, chosen),
        lambda place: is_corrected(place, places, chosen) or any(is_corrected(own, (place,), ()) for own in places),
    )
    words = tuple(corrections(guideline, parsed, facts.record, after))
    return kept.replace(record=after, corrected=(*facts.corrected, *words))


def places_of(edit: Edit, before: Data) -> Iterator[str]:
    """Yield the places in a record that an edit changes."""
    if edit.at is None or edit.field is None:
        yield edit.key
        return
    sets = sets_of(before)
    chosen = [place for place in range(len(sets)) if edit.within in (None, place, place - len(sets))]
    for prefix, own in (("", before), *((f"{ONE_OF}[{place}].", sets[place]) for place in chosen)):
        held = own.get(edit.key)
        if isinstance(held, list | tuple):
            yield f"{prefix}{edit.key}[{edit.at % len(held) if held else 0}].{edit.field}"


def is_corrected(place: str, places: Collection[str], chosen: Collection[int]) -> bool:
    """Tell whether what was read at a place no longer stands: it was corrected, or is of a set that is not the true one."""
    inside = IN_SET.match(place)
    if inside and chosen and int(inside[1]) not in chosen:
        return True
    named = {own: place if IN_SET.match(own) else IN_SET.sub("", place) for own in places}
    return any(text == own or text.startswith((f"{own}[", f"{own}.")) for own, text in named.items())


def out_of_set(place: str, chosen: Collection[int]) -> str:
    """Name a place of the set that is true as a place of the record."""
    return IN_SET.sub("", place) if chosen else place


def corrections(guideline: Guideline, edits: Sequence[Edit], before: Data, after: Data) -> Iterator[str]:
    """Word each fact that was corrected: what stands now, and what was recorded."""
    model = guideline.model
    chosen = next((edit.value for edit in edits if edit.fact is None), None)
    for key in dict.fromkeys(edit.key for edit in edits):
        if key == ONE_OF:
            yield model.say("corrected_set", printable(chosen) if isinstance(chosen, str) else model.say("unknown"))
        elif key in after or key in before:
            was, now = before.get(key), after.get(key)
            old, new = changed_value_words(was, now, model), changed_value_words(now, was, model)
            told = old if was is None else model.say("corrected_from", old)
            label = model.label("fact", key)
            yield model.say("corrected_to_same", label, new) if was == now else model.say("corrected", label, new, told)
        elif None in (within := [edit.within for edit in edits if edit.key == key]):
            yield model.say("corrected_in_sets", model.label("fact", key))
        else:
            labels = dict.fromkeys(printable(str(sets_of(after)[place]["label"])) for place in within if place is not None)
            yield from (model.say("corrected_in_set", label, model.label("fact", key)) for label in labels)
