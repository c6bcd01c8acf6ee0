"""The patient that a question is about."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reasoner.errors import RecordError
from reasoner.guideline import Guideline
from reasoner.record import Record, parse_json

__all__ = ["patient_record", "refuse_long"]


def patient_record(guideline: Guideline, content: bytes, courses: int) -> Record:
    """Read a patient of at most `courses` courses.

    Raises RecordError, naming the field, where it cannot be used.
    """
    try:
        data = parse_json(content.decode())
    except json.JSONDecodeError as error:
        raise RecordError(f"patient: not JSON: {error.msg}") from None
    if isinstance(data, dict):
        refuse_long(data, guideline, courses)
    return guideline.record(data)


def refuse_long(data: Mapping[str, object], guideline: Guideline, courses: int) -> None:
    """Refuse a record with more than `courses` courses: a guideline is ground for each number of them."""
    for fact in guideline.knowledge.facts:
        given = data.get(fact.name)
        if fact.kind == "courses" and isinstance(given, list) and len(given) > courses:
            raise RecordError(f"{fact.name}: {len(given)} courses; this service answers at most {courses}")
