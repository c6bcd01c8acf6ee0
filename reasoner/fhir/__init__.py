"""FHIR R4 in: the resources of a patient to a record, with where each fact was read and what stays unknown."""

from __future__ import annotations

from reasoner.fhir.bundles import ParsedResources, convert, merge, parse
from reasoner.fhir.chart import Orders, orders_of, without_silent
from reasoner.fhir.exports import bundles_by_patient
from reasoner.fhir.facts import ChartFacts
from reasoner.fhir.methods import read_facts
from reasoner.fhir.tables import Tables

__all__ = [
    "ChartFacts",
    "Orders",
    "ParsedResources",
    "Tables",
    "bundles_by_patient",
    "convert",
    "merge",
    "orders_of",
    "parse",
    "read_facts",
    "without_silent",
]
