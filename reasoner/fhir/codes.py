"""What the codes and words of diagnoses, allergies and procedures say of findings, by the rows of a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from reasoner.fhir.elements import Coding
from reasoner.fhir.rows import TEXT, Row, check_systems, one_of, refuse_repeated
from reasoner.fhir.systems import DISEASES, above, key_of, lineage, system_of
from reasoner.fhir.words import ANY, normalise, pattern

__all__ = ["DRUG", "UNDECIDED", "WHOLE", "CodedFindings", "Diagnosis"]

UNDECIDED = "undecided"
WHOLE = "whole"
DISTANT = "distant"
DRUG = "drug"
SPECIAL = (UNDECIDED, WHOLE, "regional", DISTANT)
LONG = 5


class Diagnosis(NamedTuple):
    """What a code says: a finding is there ("true"), or the code alone does not decide it ("undecided").

    Where it is the "whole" finding, it says when it is refuted that the finding is not there.
    """

    finding: str
    value: str


class CodedFindings:
    """The rows of a table of codes: what each says of a finding, at a body site or at any.

    A row can name one of `drugs` in the place of its codes. `table` are the rows as they are written, `findings` those that
    they name. Raises GuidelineError with file and line for a row that cannot be used.
    """

    def __init__(self, rows: Iterable[Row], drugs: Sequence[str] | None = None) -> None:
        self.table = rows = [own for row in rows for own in spread(row, drugs or ())]
        check_systems(rows, *([] if drugs is None else [DRUG]))
        refuse_repeated(rows, "system", "code", "site", "finding")
        self.rows: dict[tuple[str, str, str], list[Diagnosis]] = defaultdict(list)
        self.far = pattern((row["code"] for row in rows if row["value"] == DISTANT), "", "")
        for row in rows:
            if row["system"] == DRUG:
                one_of(row, "drug", row["code"], drugs or ())
            if row["value"] != DISTANT:
                place = row["system"], key_of(row["system"], row["code"]), row["site"]
                self.rows[place].append(Diagnosis(row["finding"], row["value"]))
        self.findings = dict.fromkeys(own.finding for found in self.rows.values() for own in found if own.finding)
        told = {code: len(code) >= LONG for system, code, _ in self.rows if system == TEXT}
        self.words = pattern((w for w in told if not told[w]), end=""), pattern((w for w in told if told[w]), "", "")

    def of(self, system: str, written: str, sites: Iterable[Coding] = ()) -> list[Diagnosis]:
        """Tell what a code says at the body sites given; of each finding, the nearest code above it.

        Digits of ICD say which of the diagnoses above it is; letters that no table has may say anything.
        """
        code = key_of(system, written)
        places = ["", *chain.from_iterable(lineage(system_of(site.system), site.code or "") for site in sites)]
        found: dict[str, list[Diagnosis]] = {}
        known = True
        while code:
            own: dict[str, list[Diagnosis]] = defaultdict(list)
            for place in places:
                for diagnosis in self.rows.get((system, code, place), ()):
                    own[diagnosis.finding].append(diagnosis if known else diagnosis._replace(value=UNDECIDED))
            found = {**own, **found}
            known = known and (system not in DISEASES or code[-1].isdigit())
            code = above(system, code)
        return [diagnosis for own in found.values() for diagnosis in own]

    def said_by(self, coding: Coding) -> list[Diagnosis]:
        """Tell what a code says by itself."""
        return self.of(system_of(coding.system), coding.code or "")

    def refuse_others(self, findings: Collection[str], fact: str, allowed: Collection[str]) -> None:
        """Refuse a row that says of findings what is no value of a fact that is read from them."""
        for row in self.table:
            if row["finding"] in findings:
                one_of(row, f"value of {fact}", row["value"], {*allowed, *SPECIAL})

    def described(self, text: str) -> list[Diagnosis]:
        """List what the words of a text speak of, without saying whether it is so."""
        found = dict.fromkeys(word for words in self.words for word in words.findall(normalise(text)))
        return [diagnosis for word in found for diagnosis in self.rows[TEXT, word, ""]]

    def worded(self, text: str) -> list[Diagnosis]:
        """List what a text says that is nothing but a text of the table."""
        return self.rows.get((TEXT, normalise(text), ""), [])


def spread(row: Row, drugs: Iterable[str]) -> list[Row]:
    """Write a row for each drug of the guideline where it is one for any, with the drug in the name of the finding too."""
    row = {"site": "", **row}
    if row["system"] != DRUG or row["code"] != ANY:
        return [row]
    return [{**row, "code": drug, "finding": row["finding"].replace(ANY, drug)} for drug in drugs]
