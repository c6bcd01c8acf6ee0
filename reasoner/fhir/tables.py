"""The tables by which a guideline reads FHIR: which code says what. They lie in its folder ``fhir`` as CSV files.

``drugs.csv`` names the drug of a code, ``conditions.csv`` the finding of a diagnosis, ``tests.csv`` the finding of a test
and the set of values it comes in, ``values.csv`` what a value says, ``facts.csv`` how findings and drugs become facts,
and ``periods.csv`` the periods by which courses of therapy are told apart. Every row has its provenance or its meaning.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import GuidelineError, nearest
from reasoner.fhir.resources import Coding

__all__ = ["TEXT", "Diagnosis", "FactRow", "Tables", "Test", "plain", "system_of"]

SYSTEMS = {
    "http://snomed.info/sct": "snomed",
    "urn:oid:2.16.840.1.113883.6.96": "snomed",
    "http://loinc.org": "loinc",
    "urn:oid:2.16.840.1.113883.6.1": "loinc",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "urn:oid:2.16.840.1.113883.6.88": "rxnorm",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd10cm",
    "http://hl7.org/fhir/sid/icd-10": "icd10cm",
    "urn:oid:2.16.840.1.113883.6.90": "icd10cm",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": "observation-interpretation",
    "http://hl7.org/fhir/v2/0078": "observation-interpretation",
    "http://cancerstaging.org": "ajcc",
}
FILES = {
    "drugs": ("system", "code", "name", "drug", "level", "provenance"),
    "conditions": ("system", "code", "site", "name", "finding", "value", "provenance"),
    "tests": ("system", "code", "name", "finding", "values", "provenance"),
    "values": ("values", "system", "code", "name", "value", "provenance"),
    "facts": ("fact", "method", "of", "meaning"),
    "periods": ("period", "length", "unit", "meaning", "provenance"),
}
HIERARCHIC = "icd10cm"
TEXT = "text"


def system_of(url: str | None) -> str:
    """Name a code system as the tables do; one that they do not know keeps its URL."""
    if url is None or url in SYSTEMS:
        return SYSTEMS.get(url or "", "")
    return SYSTEMS.get(url.rstrip("/").replace("https:", "http:"), url)


def plain(text: str) -> str:
    """Write a text as the tables do: small letters, and without the tag of a SNOMED CT name."""
    return " ".join(text.lower().removesuffix("(qualifier value)").split())


class Diagnosis(NamedTuple):
    """What a diagnosis says: a finding is there ("true"), or cannot be told from it ("undecided")."""

    finding: str
    value: str


class Test(NamedTuple):
    """What a test tells of: a finding, in values of a set; no finding where the test does not count."""

    finding: str
    values: str
    name: str


class FactRow(NamedTuple):
    """How a fact is drawn: by a method, of findings or drugs."""

    fact: str
    method: str
    of: tuple[str, ...]


class Tables:
    """The tables of one guideline, read and checked.

    Attributes: `drugs` and `tests` by system and code, `drug_systems` the systems of drugs, `names` a pattern of drugs'
    names, `stages` the tests of a stage, `conditions` by system, code and site, `values` by set, system and code, `ranges`
    and `units` by set and unit, `facts` and `course_facts` in their order, `periods` in days, `digest` of the files.
    """

    def __init__(self, folder: Path, model: GuidelineModel) -> None:
        self.folder = folder
        total = hashlib.sha256()
        rows = {name: self.rows(name, total) for name in FILES}
        self.digest = f"sha256:{total.hexdigest()}"
        self.drugs: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows["drugs"]:
            self.drugs[row["system"], row["code"]].append(self.among(row["drug"], model.drugs, "drug", row))
        self.drug_systems = {system for system, _ in self.drugs} - {TEXT}
        names = sorted((code for system, code in self.drugs if system == TEXT), key=len, reverse=True)
        self.names = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)" if names else r"(?!)")
        self.conditions: dict[tuple[str, str, str], list[Diagnosis]] = defaultdict(list)
        for row in rows["conditions"]:
            self.conditions[row["system"], row["code"], row["site"]].append(Diagnosis(row["finding"], row["value"]))
        self.tests = {
            (row["system"], row["code"]): Test(row["finding"], row["values"], row["name"]) for row in rows["tests"]
        }
        self.stages = tuple(dict.fromkeys(test._replace(name="") for test in self.tests.values() if test.values == "stage"))
        self.values: dict[tuple[str, str, str], str] = {}
        self.ranges: dict[tuple[str, str], list[tuple[str, float, str]]] = defaultdict(list)
        self.units: dict[tuple[str, str], float] = {}
        for row in rows["values"]:
            kind, _, unit = row["system"].partition(":")
            if kind == "number":
                sign = row["code"].rstrip("0123456789.")
                self.ranges[row["values"], unit].append((sign, float(row["code"][len(sign) :]), row["value"]))
            elif kind == "unit":
                self.units[row["values"], row["code"]] = float(row["value"])
            else:
                self.values[row["values"], row["system"], row["code"]] = row["value"]
        facts = [fact.name for fact in model.facts]
        self.facts: list[FactRow] = []
        self.course_facts: list[FactRow] = []
        for row in rows["facts"]:
            name = self.among(row["fact"], (*facts, *model.course_facts), "fact", row)
            (self.facts if name in facts else self.course_facts).append(
                FactRow(name, row["method"], tuple(row["of"].split()))
            )
        self.periods = {row["period"]: int(row["length"]) for row in rows["periods"]}

    def rows(self, name: str, total: hashlib._Hash) -> list[dict[str, str]]:
        """Read one table.

        Raises GuidelineError with file and line for a row that is not whole.
        """
        path = self.folder / f"{name}.csv"
        try:
            content = path.read_bytes()
            lines = list(csv.reader(content.decode("utf-8").splitlines(), strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise GuidelineError(
                f"{path}: cannot be read as CSV: {error}; this guideline reads no FHIR without it."
            ) from None
        total.update(f"{name} {len(content)}\n".encode() + content)
        if not lines or tuple(lines[0]) != FILES[name]:
            raise GuidelineError(f"{path}:1: the columns are {', '.join(FILES[name])}, in this order.")
        for number, line in enumerate(lines[1:], start=2):
            if len(line) != len(FILES[name]):
                raise GuidelineError(f"{path}:{number}: {len(line)} columns; there are {len(FILES[name])}.")
        rows = [{"place": f"{path}:{n}", **dict(zip(FILES[name], line, strict=True))} for n, line in enumerate(lines[1:], 2)]
        for row in rows:
            if row.get("system") == TEXT and row["code"] != plain(row["code"]):
                raise GuidelineError(
                    f'{row["place"]}: "{row["code"]}": texts are compared in small letters; write "{plain(row["code"])}".'
                )
        return rows

    def among(self, value: str, allowed: tuple[str, ...], kind: str, row: dict[str, str]) -> str:
        if value not in allowed:
            raise GuidelineError(f'{row["place"]}: "{value}" is no {kind} of the guideline{nearest(value, allowed)}.')
        return value

    def mentioned(self, text: str) -> list[str]:
        """List the drugs whose names stand in a text."""
        return [drug for name in self.names.findall(text) for drug in self.drugs[TEXT, name]]

    def diagnoses(self, coding: Coding, sites: list[Coding]) -> list[Diagnosis]:
        """Tell what the code of a diagnosis says, at the sites of the body that are named.

        A code of a classification says what those above it say.
        """
        system, code = system_of(coding.system), coding.code or ""
        found: list[Diagnosis] = []
        while code:
            for site in ("", *(place.code or "" for place in sites)):
                found += self.conditions.get((system, code, site), ())
            code = code[:-1].rstrip(".") if system == HIERARCHIC else ""
        return found
