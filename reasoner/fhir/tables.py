"""The tables by which a guideline reads FHIR: CSV files in its folder ``fhir``, described in this folder's README."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import GuidelineError
from reasoner.fhir.codes import UNDECIDED, CodedFindings, Diagnosis
from reasoner.fhir.elements import Coding
from reasoner.fhir.mappings import METHODS, SET, FactMapping, fact_mappings
from reasoner.fhir.resources import Resource
from reasoner.fhir.rows import TEXT, Row, check_systems, number, one_of, read_tables, refuse_repeated
from reasoner.fhir.systems import above, key_of, system_of
from reasoner.fhir.value_sets import CERTAINTY, ValueSets
from reasoner.fhir.words import ANY, pattern

__all__ = ["TEXT", "UNDECIDED", "UNKNOWN", "Diagnosis", "FactMapping", "Tables", "Test"]

NEEDED = ("starts_together", "pause", "stopped", "under_way", "cycle", "at_once")
"""The periods that courses are built by."""
REFLEX = "reflex"
UNTESTED = ("stage", "ended", CERTAINTY, "yes_no", ANY)
"""Sets of values that are looked up without a test."""
AGES = ("years", "months", "days")
BOOLEANS = ("true", "false", "not_then")
SAID = {"latest", "any_positive", "ever", "current", "each", "this_cancer", "sex"}
"""Methods that read what values say."""
UNKNOWN = "unknown"
CERTAINTY_IN_CODE = re.compile(r"([A-Z]\d\d(?:\d{0,2}|\.\d{1,2}|\.-))[-+*!\N{DAGGER}# ]*([A-Z]) ?([A-Z])?", re.IGNORECASE)
FORM = "form"
STEM = "stem"
PART = "part"
LONG = 5
SHORT = 80
PARTS = re.compile(r"[^\w%]+")
HYPHENATED = re.compile(r" -(\w+)|(\w+)- ")
BRAND = re.compile(r"\[\w[\w'-]*(?: \w[\w'-]*){0,2}\]$")
AMOUNT = re.compile(r"nda\d+|(?:[cd]\d{1,3})+|\d+(?:x\d+)?[a-z%]{0,4}|[a-z%]")
ABBREVIATION = re.compile(r"(?<!\w)([a-z])[./] ?([a-z])(?!\w)")
DOUBT = re.compile("[?<>\N{RIGHTWARDS ARROW}\N{RIGHTWARDS DOUBLE ARROW}]")


class Test(NamedTuple):
    """The finding that a test speaks of, empty where the test does not count, and the set that its values are from."""

    finding: str
    values: str
    name: str


class Tables:
    """The tables of one guideline, read and checked.

    Attributes: `drugs` and `tests` by system and code, `names` a pattern of drugs' names, `compounds` those of names
    and parts in longer words, `others` names of other drugs, `stems` a pattern of how such names end, `forms` the words that
    stand beside names, `salts` those that can be joined to them, `stages` the tests that a stage of the
    guideline's `cancer` is read by, `conditions`, `allergies` and `procedures` by their codes,
    `telling` the tests by the values that only one finding has, `sets` the sets of values, `facts` and `course_facts` in
    their order, `periods` in days, by their names or that of the finding whose results are so long of use, `digest` of the
    files. `therapy` says that courses of therapy are read, or what was given before or since.

    Raises GuidelineError with file and line where a table cannot be used.
    """

    def __init__(self, folder: Path, model: GuidelineModel) -> None:
        rows, self.digest = read_tables(folder)
        self.add_drugs(rows["drugs"], model)
        self.conditions, self.procedures = CodedFindings(rows["conditions"]), CodedFindings(rows["procedures"])
        self.allergies = CodedFindings(rows["allergies"], model.drugs)
        self.sets = ValueSets(rows["values"])
        self.add_tests(rows["tests"])
        self.possible: dict[str, frozenset[str]] = {}
        tested = dict.fromkeys(test.finding for test in self.tests.values() if test.finding)
        coded = (self.conditions, self.allergies, self.procedures)
        findings = {**tested, **dict(chain.from_iterable(own.findings.items() for own in coded))}
        known = {"finding": findings, "drug": model.drugs, "outcome": model.outcomes, SET: self.sets.names}
        self.facts, self.course_facts = fact_mappings(rows["facts"], model, {**known, "unit of age": AGES})
        self.therapy = bool(self.course_facts) or any(METHODS[own.method].therapy for own in self.facts)
        self.cancer = next((mapping.of[0] for mapping in self.facts if mapping.method == "this_cancer"), "")
        names = (*NEEDED, REFLEX, *findings)
        refuse_repeated(rows["periods"], "period")
        for row in rows["periods"]:
            one_of(row, "unit", row["unit"], ("days",))
        self.periods = {
            one_of(row, "period", row["period"], names): int(number(row, row["length"])) for row in rows["periods"]
        }
        self.check_whole(folder, rows)
        self.check_values(rows["tests"], model)
        self.check_used(rows)

    def add_tests(self, rows: Sequence[Row]) -> None:
        """Sort the rows of ``tests.csv`` into tests by their codes, and by the values that only they can have."""
        check_systems(rows)
        refuse_repeated(rows, "system", "code")
        names = self.sets.names
        self.tests = {
            (row["system"], row["code"]): Test(
                row["finding"], one_of(row, SET, row["values"], names) if row["finding"] else "", row["name"]
            )
            for row in rows
        }
        self.stages = tuple(dict.fromkeys(test._replace(name="") for test in self.tests.values() if test.values == "stage"))
        by_value: dict[tuple[str, str], dict[Test, None]] = defaultdict(dict)
        for name, system, code in self.sets.values:
            by_value[system, code] |= {own._replace(name=""): None for own in self.tests.values() if own.values == name}
        self.telling = {v: list(own) for v, own in by_value.items() if len({test.finding for test in own}) == 1}

    def check_whole(self, folder: Path, rows: dict[str, list[Row]]) -> None:
        """Refuse tables without what courses of therapy are read by."""
        if not self.therapy:
            return
        if lacking := [period for period in NEEDED if period not in self.periods]:
            raise GuidelineError(f"{folder / 'periods.csv'}: add {', '.join(lacking)}: courses are built by all periods.")
        if not rows["drugs"]:
            raise GuidelineError(f"{folder / 'drugs.csv'}: missing or without rows; courses are built of the drugs in it.")

    def check_used(self, rows: dict[str, list[Row]]) -> None:
        """Refuse rows of findings that no fact is read from, and of sets of values that no test and no fact has."""
        named = {name for mapping in self.facts for name in mapping.of}
        for row in (*self.conditions.table, *self.procedures.table, *self.allergies.table, *rows["tests"]):
            if row["finding"] not in ("", ANY):
                one_of(row, "finding of facts.csv", row["finding"], named)
        used = {*UNTESTED, *named, *(test.values for test in self.tests.values())}
        for row in rows["values"]:
            one_of(row, "set of values of tests.csv", row["values"], used)

    def check_values(self, tests: Sequence[Row], model: GuidelineModel) -> None:
        """Refuse values that the facts which are read by them cannot have."""
        facts = {fact.name: fact for fact in model.facts}
        for mapping in self.facts:
            fact = facts[mapping.fact]
            own = [row for row in tests if row["finding"] in mapping.of]
            if mapping.method == "latest_number":
                for row in own:
                    if not self.sets.has_unit(row["values"]):
                        told = f'{row["place"]}: the set "{row["values"]}" has no unit, and {fact.name} is a number'
                        raise GuidelineError(f'{told}; add rows of the system "unit" to values.csv.')
            elif mapping.method in SAID:
                allowed = fact.values if fact.kind == "choice" else BOOLEANS
                for name in [row["values"] for row in own] if mapping.method != "sex" else mapping.of:
                    self.sets.refuse_others(name, fact.name, allowed)
                for table in (self.conditions, self.procedures, self.allergies):
                    table.refuse_others(mapping.of, fact.name, allowed)

    def add_drugs(self, rows: Sequence[Row], model: GuidelineModel) -> None:
        """Sort the rows of ``drugs.csv`` into codes and names of drugs, of other drugs, and what stands beside them."""
        self.drugs: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.forms: set[str] = set()
        self.others: set[str] = set()
        stems: list[str] = []
        check_systems(rows)
        for row in rows:
            stem = row["level"] == STEM
            drug = one_of(row, "drug", row["drug"], ("",) if stem else (*model.drugs, UNKNOWN, ""))
            if row["level"] == FORM:
                self.forms.add(row["code"])
            elif stem:
                stems.append(row["code"])
            elif row["system"] == TEXT and not drug:
                self.others.add(row["code"])
            else:
                self.drugs[row["system"], key_of(row["system"], row["code"])].append(drug)
        self.names = pattern(code for system, code in self.drugs if system == TEXT)
        long = (code for (system, code), drugs in self.drugs.items() if system == TEXT and any(drugs) and len(code) >= LONG)
        parts = (row["code"] for row in rows if row["level"] == PART)
        self.compounds = pattern(long, end=""), pattern(parts, start="", end="")
        self.known: dict[str, list[str]] = {}
        self.salts = tuple(form for form in self.forms if len(form) >= LONG)
        self.stems = pattern(stems, start=r"[^\W\d_]{2,}")

    def told_by(self, value: tuple[str, str]) -> list[Test]:
        """List the tests that can have a coded value, where all of them are of one finding."""
        return self.telling.get(value, [])

    def values_of(self, finding: str) -> frozenset[str]:
        """Give the coded values that tests of a finding can have."""
        found = self.possible.get(finding)
        if found is None:
            sets = {test.values for test in self.tests.values() if test.finding == finding}
            found = frozenset(value for (name, _, _), value in self.sets.values.items() if name in sets)
            self.possible[finding] = found
        return found

    def drugs_of(self, system: str, code: str) -> list[str]:
        """List the drugs of a code, or of the nearest code above it that the tables have."""
        code = key_of(system, code)
        while code:
            if found := self.drugs.get((system, code)):
                return found
            code = above(system, code)
        return []

    def mentioned(self, text: str) -> list[str]:
        """List the drugs of the guideline named in a text, in compounds too; "unknown" stands for what has no name."""
        if len(text) > SHORT:
            return self.drugs_in(text)
        known = self.known.get(text)
        if known is None:
            known = self.known[text] = self.drugs_in(text)
        return known

    def drugs_in(self, text: str) -> list[str]:
        """List the drugs whose names stand in a text."""
        found = dict.fromkeys(name for names in (self.names, *self.compounds) for name in names.findall(text))
        return [drug for name in found for drug in self.drugs[TEXT, name]]

    def is_plain(self, text: str) -> bool:
        """Tell whether nothing stands in a text but drugs' names, amounts and what they are given as, without a doubt."""
        rest = self.names.sub(" ", f" {text} ")
        joined = (own[1] or own[2] for own in HYPHENATED.finditer(rest))
        known = (AMOUNT.fullmatch(word) or word in self.forms or self.is_another(word) for word in PARTS.split(rest) if word)
        short = ("".join(own) for own in ABBREVIATION.findall(rest))
        return not DOUBT.search(text) and all(word in self.forms for word in (*joined, *short)) and all(known)

    def is_another(self, word: str) -> bool:
        """Tell whether a word is the name of a drug that is none of the guideline's, by itself or with that of its salt."""
        if word in self.others or self.stems.fullmatch(word):
            return True
        return any(word.endswith(own) and self.is_another(word.removesuffix(own)) for own in self.salts)

    def are_of_another(self, texts: Iterable[str]) -> bool:
        """Tell whether texts name a drug that is none of the guideline's, and nothing else stands in them.

        A brand in brackets at the end of one is that of the drug before.
        """
        bare = [BRAND.sub("", text).strip() for text in texts]
        return any(map(self.names_another, bare)) and all(map(self.is_plain, bare))

    def names_another(self, text: str) -> bool:
        """Tell whether a drug that is none of the guideline's is named in a text."""
        return any(map(self.is_another, PARTS.split(text)))

    def diagnoses(self, coding: Coding, sites: Iterable[Coding]) -> list[Diagnosis]:
        """Tell what the code of a diagnosis says at the body sites given; of each finding, the nearest code above it."""
        system, written, _ = self.split_certainty(coding)
        return self.conditions.of(system, written, sites)

    def split_certainty(self, coding: Coding) -> tuple[str, str, str | None]:
        """Give the system and the code of a diagnosis without the letters of its certainty and side, and the certainty."""
        system, code = system_of(coding.system), coding.code or ""
        parts = CERTAINTY_IN_CODE.fullmatch(code) if system in self.sets.certainties else None
        said = [self.sets.value_of(CERTAINTY, system, own.upper()) for own in parts.groups()[1:] if own] if parts else []
        if parts is None or None in said:
            return system, code, None
        told = [own for own in said if own]
        return system, parts[1], (told[0] if len(told) == 1 else UNDECIDED) if told else None

    def certainties_of(self, resource: Resource) -> set[str]:
        """List what extensions and letters of the codes of a diagnosis say of its certainty."""
        codings = list(resource.code.codings()) if resource.code else []
        extensions = chain(resource.extension or (), *(coding.extension or () for coding in codings))
        told = [own for own in extensions if own is not None and own.url in self.sets.certainties]
        stated = {
            self.sets.value_of(CERTAINTY, own.url or "", (own.valueCoding.code if own.valueCoding else None) or "")
            for own in told
        }
        in_codes = {self.split_certainty(coding)[2] for coding in codings} - {None}
        return {own or UNDECIDED for own in stated | in_codes}
