"""Charts as files and services give them: exports, compressed files, pages, other versions of FHIR."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundles import BREAST_CANCER, FIRST_LINE, HER2, METASTASES, PROGRESSION, SECOND_LINE, bundle, concept, requested, stated
from therapy_cases import without

from reasoner import Guideline
from reasoner.fhir import bundles_by_patient

PATIENT = {"resourceType": "Patient", "id": "p"}
CHART = [PATIENT, BREAST_CANCER, METASTASES, HER2, *FIRST_LINE, PROGRESSION]
BOM = b"\xef\xbb\xbf"


def about(patient: str, resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell of another patient what is told of this one."""
    text = json.dumps(resources).replace('"Patient/p"', f'"Patient/{patient}"').replace('"id": "p"', f'"id": "{patient}"')
    found: list[dict[str, Any]] = json.loads(text)
    return found


def lines(*resources: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(own).encode() + b"\n" for own in resources)


def settings_of(*paths: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "reasoner", "recommend", "--format", "json", *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {own["patient"]: own["setting"] for own in answers}


def test_the_lines_of_an_export_are_put_together_for_each_patient(curated: Guideline, tmp_path: Path) -> None:
    second = [*CHART, *SECOND_LINE]
    file = tmp_path / "export.ndjson"
    file.write_bytes(BOM + lines(*about("a", CHART), *about("b", second)))
    expected = {"a": "second_line", "b": "third_line"}
    assert settings_of(file) == expected
    folder = tmp_path / "export"
    folder.mkdir()
    for kind in ("Patient", "Condition", "Observation", "MedicationAdministration"):
        own = [one for one in (*about("a", CHART), *about("b", second)) if one["resourceType"] == kind]
        (folder / f"{kind}.ndjson.gz").write_bytes(gzip.compress(lines(*own)))
    assert settings_of(folder) == expected
    assert curated.read_fhir(BOM + lines(*CHART)).record == curated.read_fhir(bundle(*CHART[1:])).record


def test_what_is_about_nobody_is_in_every_bundle() -> None:
    medication = {"resourceType": "Medication", "id": "m"}
    found = bundles_by_patient([medication, *about("a", [HER2]), *about("b", [HER2])])
    assert [[own["resource"]["resourceType"] for own in part["entry"]] for part in found] == [
        ["Observation", "Medication"]
    ] * 2  # type: ignore[attr-defined]
    assert len(bundles_by_patient([medication])) == 1


def test_one_page_of_several_leaves_therapy_unknown(curated: Guideline) -> None:
    page = {**bundle(*CHART[1:], kind="searchset"), "link": [{"relation": "next", "url": "http://example.org/2"}]}
    for spoilt in ({}, {"valueQuantity": "ten"}):
        page["entry"][-1]["resource"].update(spoilt)
        found = curated.read_fhir(page)
        assert "metastatic_therapy" not in found.record
        assert "one page of several" in " ".join(found.remarks())


OF_R5 = without(requested("c", "tucatinib", "2020-02-01"), medication={"concept": concept("rx:2361285")})
TUCATINIB = [{"drugs": ["tucatinib"], "outcome": "ongoing"}]
VERSIONS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "an order of DSTU2 is not read and leaves therapy unknown": (
        [METASTASES, {**requested("c", "tucatinib", "2020-02-01"), "resourceType": "MedicationOrder"}],
        None,
    ),
    "an order of R5 is read": ([METASTASES, OF_R5], TUCATINIB),
    "a statement of STU3 that it was not taken is no therapy": (
        [METASTASES, OF_R5, stated("t", "capecitabine", "2020-02-01", taken="n")],
        TUCATINIB,
    ),
    "a statement of STU3 that leaves open whether it was taken leaves therapy unknown": (
        [METASTASES, OF_R5, stated("t", "capecitabine", "2020-02-01", taken="unk")],
        None,
    ),
    "a status of STU3 is a code": ([{**METASTASES, "verificationStatus": "confirmed"}, OF_R5], TUCATINIB),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_other_versions_of_fhir_are_read_or_named(name: str, curated: Guideline) -> None:
    resources, expected = VERSIONS[name]
    found = curated.read_fhir(bundle(*resources))
    assert found.record["metastatic"] is True
    assert found.record.get("metastatic_therapy") == expected
    assert expected or "metastatic_therapy: stays unknown" in " ".join(found.remarks())
