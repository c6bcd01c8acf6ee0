"""The tables by which a guideline reads FHIR: CSV files in its folder ``fhir``, described in this folder's README."""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.errors import GuidelineError, nearest
from reasoner.fhir.elements import Coding
from reasoner.fhir.resources import Resource
from reasoner.fhir.systems import DISEASES, above, key_of, lineage, system_of
from reasoner.fhir.words import ANY, Words, normalise, pattern

__all__ = ["TEXT", "UNDECIDED", "UNKNOWN", "Diagnosis", "FactMapping", "Tables", "Test"]

COLUMNS = {
    "drugs": ("system", "code", "name", "drug", "level", "provenance"),
    "conditions": ("system", "code", "site", "name", "finding", "value", "provenance"),
    "tests": ("system", "code", "name", "finding", "values", "provenance"),
    "values": ("values", "system", "code", "name", "value", "provenance"),
    "facts": ("fact", "method", "of", "meaning"),
    "periods": ("period", "length", "unit", "meaning", "provenance"),
}
METHODS = {
    "latest": ("finding",),
    "latest_number": ("finding",),
    "any_positive": ("findings",),
    "ever": ("finding",),
    "this_cancer": ("finding", "finding"),
    "drugs_before": ("finding", "finding"),
    "months_between": ("drug", "finding"),
    "courses_from": ("finding", "finding"),
    "measured_since_therapy": ("finding",),
}
COURSE_METHODS = {"cycles": (), "months": (), "stopped_alone": (), "stopped_for": ("outcome",)}
PERIODS = ("starts_together", "pause", "stopped", "under_way", "cycle", "reflex", "at_once")
TEXT = "text"
WORD = "word"
TOGETHER = "together"
UNKNOWN = "unknown"
UNDECIDED = "undecided"
DISTANT = "distant"
CERTAINTY = "certainty"
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
FEW = 20
Row = dict[str, str]


class Diagnosis(NamedTuple):
    """What a diagnosis says: a finding is there ("true"), or the diagnosis alone does not decide it ("undecided")."""

    finding: str
    value: str


class Test(NamedTuple):
    """The finding that a test speaks of, empty where the test does not count, and the set that its values are from."""

    finding: str
    values: str
    name: str


class FactMapping(NamedTuple):
    """How a fact is read: by a method, from the findings, drugs or outcomes that `of` names."""

    fact: str
    method: str
    of: tuple[str, ...]


class Tables:
    """The tables of one guideline, read and checked.

    Attributes: `drugs` and `tests` by system and code, `names` a pattern of drugs' names, `compounds` those of names
    and parts in longer words, `others` names of other drugs, `stems` a pattern of how such names end, `forms` the words that
    stand beside names, `salts` those that can be joined to them, `stages` the tests that a stage of the
    guideline's `cancer` is read by, `conditions` by system, code and site, `words` patterns of those in diagnoses, `far` one
    of those by which nodes are not regional,
    `telling` the tests by the values that only one finding has, `values` by set, system and code, `ranges` and `units`
    by set and unit, `texts` the words that texts are compared by, `together` what several values say, `partial` those
    of them that say nothing alone, `facts` and `course_facts` in their order, `periods` in days, `digest` of the files.

    Raises GuidelineError with file and line where a table cannot be used.
    """

    def __init__(self, folder: Path, model: GuidelineModel) -> None:
        total = hashlib.sha256()
        rows = {name: read_rows(folder / f"{name}.csv", COLUMNS[name], total) for name in COLUMNS}
        self.digest = f"sha256:{total.hexdigest()}"
        self.add_drugs(rows["drugs"], model)
        self.conditions: dict[tuple[str, str, str], list[Diagnosis]] = defaultdict(list)
        self.far = pattern((row["code"] for row in rows["conditions"] if row["value"] == DISTANT), "", "")
        for row in rows["conditions"]:
            if row["value"] == DISTANT:
                continue
            place = row["system"], key_of(row["system"], row["code"]), row["site"]
            self.conditions[place].append(Diagnosis(row["finding"], row["value"]))
        told = {code: len(code) >= LONG for system, code, _ in self.conditions if system == TEXT}
        self.words = pattern((w for w in told if not told[w]), end=""), pattern((w for w in told if told[w]), "", "")
        self.values: dict[tuple[str, str, str], str] = {}
        self.texts = Words((row["values"], row["code"], row["value"]) for row in rows["values"] if row["system"] == WORD)
        self.certainties = {row["system"] for row in rows["values"] if row["values"] == CERTAINTY}
        self.together: dict[frozenset[str], str] = {}
        self.ranges: dict[tuple[str, str], list[tuple[str, float, str]]] = defaultdict(list)
        self.units: dict[tuple[str, str], float] = {}
        self.add_values(rows["values"])
        sets = {row["values"] for row in rows["values"]}
        self.tests = {
            (row["system"], row["code"]): Test(
                row["finding"], one_of(row, "set of values", row["values"], sets) if row["finding"] else "", row["name"]
            )
            for row in rows["tests"]
        }
        self.stages = tuple(dict.fromkeys(test._replace(name="") for test in self.tests.values() if test.values == "stage"))
        by_value: dict[tuple[str, str], dict[Test, None]] = defaultdict(dict)
        for name, system, code in self.values:
            by_value[system, code] |= {own._replace(name=""): None for own in self.tests.values() if own.values == name}
        self.telling = {v: list(own) for v, own in by_value.items() if len({test.finding for test in own}) == 1}
        self.possible: dict[str, frozenset[str]] = {}
        self.partial = frozenset(part for parts in self.together for part in parts) - set(self.values.values())
        self.facts: list[FactMapping] = []
        self.course_facts: list[FactMapping] = []
        findings = {row["finding"] for row in (*rows["conditions"], *rows["tests"])}
        self.add_facts(rows["facts"], model, {"finding": findings, "drug": model.drugs, "outcome": model.outcomes})
        self.cancer = next((mapping.of[0] for mapping in self.facts if mapping.method == "this_cancer"), "")
        self.periods = {
            one_of(row, "period", row["period"], PERIODS): int(number(row, row["length"])) for row in rows["periods"]
        }
        if lacking := [period for period in PERIODS if period not in self.periods]:
            raise GuidelineError(f"{folder / 'periods.csv'}: add {', '.join(lacking)}: courses are built by all periods.")

    def add_drugs(self, rows: Sequence[Row], model: GuidelineModel) -> None:
        """Sort the rows of ``drugs.csv`` into codes and names of drugs, of other drugs, and what stands beside them."""
        self.drugs: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.forms: set[str] = set()
        self.others: set[str] = set()
        stems: list[str] = []
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

    def add_facts(self, rows: Iterable[Row], model: GuidelineModel, known: Mapping[str, Collection[str]]) -> None:
        """Sort the rows of ``facts.csv`` into facts of the patient and of a course; `known` are the names of each kind."""
        facts = [fact.name for fact in model.facts]
        for row in rows:
            fact = one_of(row, "fact", row["fact"], (*facts, *model.course_facts))
            mappings, methods = (self.facts, METHODS) if fact in facts else (self.course_facts, COURSE_METHODS)
            kinds = methods[one_of(row, "method", row["method"], methods)]
            names = tuple(row["of"].split())
            if kinds == ("findings",):
                kinds = ("finding",) * max(len(names), 1)
            if len(names) != len(kinds):
                wanted = " and ".join(kinds) or "nothing"
                raise GuidelineError(f'{row["place"]}: of: "{row["of"]}": the method {row["method"]} takes {wanted}.')
            for kind, name in zip(kinds, names, strict=True):
                one_of(row, kind, name, known[kind])
            mappings.append(FactMapping(fact, row["method"], names))

    def add_values(self, rows: Iterable[Row]) -> None:
        """Sort the rows of ``values.csv`` into ranges of numbers, factors of units, texts, and coded values."""
        for row in rows:
            kind, _, unit = row["system"].partition(":")
            if kind == WORD:
                continue
            if kind == TOGETHER:
                self.together[frozenset(row["code"].split())] = row["value"]
            elif kind == TEXT:
                self.values[row["values"], TEXT, self.texts.phrase(row["values"], row["code"])] = row["value"]
            elif kind == "number":
                sign = row["code"].rstrip("0123456789.")
                bound = number(row, row["code"].removeprefix(sign))
                self.ranges[row["values"], unit].append((sign, bound, row["value"]))
            elif kind == "unit":
                self.units[row["values"], row["code"]] = number(row, row["value"])
            else:
                self.values[row["values"], row["system"], row["code"]] = row["value"]

    def value_of(self, name: str, system: str, code: str) -> str | None:
        """Give what a code or a text of a set of values says."""
        return self.values.get((name, system, self.texts.phrase(name, code) if system == TEXT else code))

    def together_say(self, values: Collection[str | float]) -> str | float | None:
        """Give what values say together: a single one what it is, several what the tables say of them, or nothing."""
        return next(iter(values)) if len(values) == 1 else self.together.get(frozenset(map(str, values)))

    def hints(self, name: str, text: str) -> bool:
        """Tell whether a word of a text is by itself a text of a set of values, one that says that the finding is there."""
        words = self.texts.phrase(name, text).split()
        return any(not word.isdigit() and self.values.get((name, TEXT, word)) == "true" for word in words)

    def range_of(self, name: str, unit: str) -> list[tuple[str, float, str]]:
        """Give the ranges of a set of values for amounts in a unit."""
        return self.ranges.get((name, unit)) or self.ranges.get((name, ANY), [])

    def told_by(self, value: tuple[str, str]) -> list[Test]:
        """List the tests that can have a coded value, where all of them are of one finding."""
        return self.telling.get(value, [])

    def values_of(self, finding: str) -> frozenset[str]:
        """Give the coded values that tests of a finding can have."""
        found = self.possible.get(finding)
        if found is None:
            sets = {test.values for test in self.tests.values() if test.finding == finding}
            found = frozenset(value for (name, _, _), value in self.values.items() if name in sets)
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

    def described(self, text: str) -> list[Diagnosis]:
        """List what the words of a diagnosis speak of, without saying whether it is so."""
        found = dict.fromkeys(word for words in self.words for word in words.findall(normalise(text)))
        return [diagnosis for word in found for diagnosis in self.conditions[TEXT, word, ""]]

    def diagnoses(self, coding: Coding, sites: Iterable[Coding]) -> list[Diagnosis]:
        """Tell what the code of a diagnosis says at the body sites given; of each finding, the nearest code above it.

        Digits of ICD say which of the diagnoses above it is; letters that no table has may say anything.
        """
        system, written, _ = self.split_certainty(coding)
        code = key_of(system, written)
        places = ["", *chain.from_iterable(lineage(system_of(site.system), site.code or "") for site in sites)]
        found: dict[str, list[Diagnosis]] = {}
        known = True
        while code:
            own: dict[str, list[Diagnosis]] = defaultdict(list)
            for place in places:
                for diagnosis in self.conditions.get((system, code, place), ()):
                    own[diagnosis.finding].append(diagnosis if known else diagnosis._replace(value=UNDECIDED))
            found = {**own, **found}
            known = known and (system not in DISEASES or code[-1].isdigit())
            code = above(system, code)
        return [diagnosis for own in found.values() for diagnosis in own]

    def split_certainty(self, coding: Coding) -> tuple[str, str, str | None]:
        """Give the system and the code of a diagnosis without the letters of its certainty and side, and the certainty."""
        system, code = system_of(coding.system), coding.code or ""
        parts = CERTAINTY_IN_CODE.fullmatch(code) if system in self.certainties else None
        said = [self.value_of(CERTAINTY, system, own.upper()) for own in parts.groups()[1:] if own] if parts else []
        if parts is None or None in said:
            return system, code, None
        told = [own for own in said if own]
        return system, parts[1], (told[0] if len(told) == 1 else UNDECIDED) if told else None

    def certainties_of(self, resource: Resource) -> set[str]:
        """List what extensions and letters of the codes of a diagnosis say of its certainty."""
        codings = list(resource.code.codings()) if resource.code else []
        extensions = chain(resource.extension or (), *(coding.extension or () for coding in codings))
        told = [own for own in extensions if own is not None and own.url in self.certainties]
        stated = {
            self.value_of(CERTAINTY, own.url or "", (own.valueCoding.code if own.valueCoding else None) or "")
            for own in told
        }
        in_codes = {self.split_certainty(coding)[2] for coding in codings} - {None}
        return {own or UNDECIDED for own in stated | in_codes}


def read_rows(path: Path, columns: tuple[str, ...], total: hashlib._Hash) -> list[Row]:
    """Read one table, each row with its place, and add the file to a digest.

    Raises GuidelineError with file and line for a file that cannot be read and a row that is not whole.
    """
    try:
        content = path.read_bytes()
        lines = list(csv.reader(content.decode("utf-8").splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise GuidelineError(f"{path}: cannot be read as CSV: {error}; FHIR is read only with this table.") from None
    total.update(f"{path.stem} {len(content)}\n".encode() + content)
    if not lines or tuple(lines[0]) != columns:
        raise GuidelineError(f"{path}:1: the columns must be {', '.join(columns)}, in this order.")
    rows: list[Row] = []
    for line, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(columns):
            raise GuidelineError(f"{path}:{line}: {len(cells)} columns; expected {len(columns)}: {', '.join(columns)}.")
        odd = next((c for c in "".join(cells) if not c.isprintable()), None)
        if odd is not None:
            raise GuidelineError(f"{path}:{line}: a cell holds U+{ord(odd):04X}, which cannot be printed; leave it out.")
        row = {"place": f"{path}:{line}", **dict(zip(columns, cells, strict=True))}
        if row.get("system") == TEXT and row["code"] != normalise(row["code"]):
            raise GuidelineError(
                f'{row["place"]}: "{row["code"]}": texts are compared in lower case; write "{normalise(row["code"])}".'
            )
        rows.append(row)
    return rows


def one_of(row: Row, kind: str, value: str, allowed: Collection[str]) -> str:
    """Give a value back; raises GuidelineError where it is not one of those allowed."""
    if value not in allowed:
        names = f"; allowed: {', '.join(sorted(allowed))}" if len(allowed) <= FEW else ""
        raise GuidelineError(f'{row["place"]}: "{value}" is not a known {kind}{names}{nearest(value, allowed)}.')
    return value


def number(row: Row, value: str) -> float:
    """Convert a value to a finite number; raises GuidelineError where it is none."""
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise GuidelineError(f'{row["place"]}: "{value}" is not a number.')
    return found
