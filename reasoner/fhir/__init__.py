"""FHIR R4 in: a patient's resources, as they are, to a record, with where each fact was read and what stays open."""

from __future__ import annotations

from reasoner.fhir.read import orders, read
from reasoner.fhir.reading import Contradiction, Reading, Undecided
from reasoner.fhir.resources import Parsed, convert, parse
from reasoner.fhir.tables import Tables

__all__ = ["Contradiction", "Parsed", "Reading", "Tables", "Undecided", "convert", "orders", "parse", "read"]
