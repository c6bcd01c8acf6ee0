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


def test_an_export_is_a_cohort(tmp_path: Path) -> None:
    everything = [*about("a", CHART), *about("b", [*CHART, *SECOND_LINE])]
    (tmp_path / "export.ndjson").write_bytes(BOM + lines(*everything, {"id": "c", "metastatic": False}))
    (tmp_path / "packed.ndjson.gz").write_bytes(gzip.compress(lines(*everything)))
    (tmp_path / "folder").mkdir()
    for kind in {own["resourceType"] for own in everything}:
        (tmp_path / "folder" / f"{kind}.ndjson").write_bytes(lines(*(o for o in everything if o["resourceType"] == kind)))
    expected = {"a": "second_line", "b": "third_line"}
    for source, more in (("export.ndjson", {"c": "out_of_scope"}), ("packed.ndjson.gz", {}), ("folder", {})):
        command = [
            sys.executable,
            "-m",
            "reasoner",
            "cohort",
            source,
            "-o",
            f"{source}-out",
            "--to",
            "ndjson",
            "--workers",
            "1",
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found = [
            json.loads(line) for line in (tmp_path / f"{source}-out/answers/part-00000.ndjson").read_text().splitlines()
        ]
        assert {own["id"]: own["setting"] for own in found} == expected | more
        again = subprocess.run([*command, "--resume"], check=False, capture_output=True, text=True, cwd=tmp_path)
        assert (again.returncode, again.stdout) == (done.returncode, done.stdout)


UNREADABLE = {
    "a line that is cut": (b'{"resourceType": "Observation", "id": "her2", "stat', 2, "not JSON"),
    "a first line that is cut": (b'{"resourceType": "Patie', 1, "not JSON"),
    "a line that is no object": (b"[]", 2, "a record is a JSON object"),
    "a line in another encoding": ('{"resourceType": "Condition", "id": "ä"}'.encode("latin-1"), 2, "not UTF-8"),
    "a line with a key twice": (b'{"resourceType": "Condition", "id": "a", "id": "b"}', 2, "twice"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_export_with_a_line_that_may_be_about_anybody_is_refused_by_every_command(name: str, tmp_path: Path) -> None:
    line, number, reason = UNREADABLE[name]
    (tmp_path / "folder").mkdir()
    rows = lines(*CHART).splitlines()
    rows.insert(number - 1, line)
    for file in ("export.ndjson", "folder/all.ndjson"):
        (tmp_path / file).write_bytes(b"\n".join(rows))
    for source, file in (("export.ndjson", "export.ndjson"), ("folder", "folder/all.ndjson")):
        for command in (["cohort", source, "-o", "out", "--workers", "1"], ["recommend", source]):
            reasoner = [sys.executable, "-m", "reasoner", *command]
            done = subprocess.run(reasoner, check=False, capture_output=True, text=True, cwd=tmp_path)
            assert (done.returncode, done.stdout) == (2, ""), done.stderr
            assert file in done.stderr
            assert reason in done.stderr
            assert len(done.stderr.splitlines()) == 1
            assert reason == "not UTF-8" or f"{file}:{number}:" in done.stderr or f"line {number}" in done.stderr
            assert not (tmp_path / "out").exists()


def test_medications_are_in_the_bundles_that_refer_to_them_and_what_names_nobody_is_in_all() -> None:
    medication = {"resourceType": "Medication", "id": "m"}
    refers = {"resourceType": "MedicationStatement", "id": "s", "medicationReference": {"reference": "Medication/m"}}
    about_a = {**refers, "subject": {"reference": "Patient/a"}}
    found = bundles_by_patient([medication, about_a, *about("b", [HER2]), refers])
    kinds = [[own["resource"]["resourceType"] for own in part["entry"]] for part in found]  # type: ignore[attr-defined]
    assert kinds == [["MedicationStatement", "Medication", "MedicationStatement"], ["Observation", "MedicationStatement"]]
    assert len(bundles_by_patient([medication])) == 1


def test_therapy_that_names_nobody_makes_nothing_certain_where_there_are_several(curated: Guideline) -> None:
    nameless = {key: value for key, value in requested("x", "tucatinib", "2020-11-10").items() if key != "subject"}
    one, two = (bundles_by_patient([*about("a", CHART), nameless, *more]) for more in ([], about("b", [HER2])))
    assert curated.read_fhir(one[0]).record["metastatic_therapy"]
    assert "metastatic_therapy" not in curated.read_fhir(two[0]).record


SAME = {
    "a link": ({"link": [{"other": {"reference": "Patient/old"}, "type": "replaces"}]}, {}),
    "a link back": ({}, {"link": [{"other": {"reference": "Patient/p/_history/2"}, "type": "replaced-by"}]}),
    "an identifier": (
        {"identifier": [{"system": "urn:h", "value": "7"}]},
        {"identifier": [{"system": "urn:h", "value": "7"}]},
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_several_resources_of_one_person_are_one_patient(name: str, curated: Guideline) -> None:
    new, old = SAME[name]
    patients = [{**PATIENT, **new}, {"resourceType": "Patient", "id": "old", **old}]
    resources = [*CHART[1:4], *about("old", CHART[4:])]
    whole = curated.read_fhir(bundle(*CHART[1:])).record
    data = {"resourceType": "Bundle", "entry": [{"resource": own} for own in (*patients, *resources)]}
    assert curated.read_fhir(data).record == whole
    (part,) = bundles_by_patient([*patients, *resources])
    assert curated.read_fhir(part).record == whole


SUBJECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "relative": ("http://ehr.org/fhir/Patient/p", {"reference": "Patient/p"}),
    "absolute": ("http://ehr.org/fhir/Patient/p", {"reference": "http://ehr.org/fhir/Patient/p"}),
    "with a version": ("http://ehr.org/fhir/Patient/p", {"reference": "http://ehr.org/fhir/Patient/p/_history/3"}),
    "relative with a version": ("http://ehr.org/fhir/Patient/p", {"reference": "Patient/p/_history/3"}),
    "by full URL": (
        "urn:uuid:5c5cf1d1-9a2c-4a75-8f44-0a1d3ec58da6",
        {"reference": "urn:uuid:5c5cf1d1-9a2c-4a75-8f44-0a1d3ec58da6"},
    ),
    "by identifier": ("http://ehr.org/fhir/Patient/p", {"identifier": {"system": "urn:h", "value": "7"}}),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_chart_reads_the_same_in_whichever_way_its_subject_is_named(name: str, curated: Guideline) -> None:
    url, subject = SUBJECTS[name]
    patient = {**PATIENT, "identifier": [{"system": "urn:h", "value": "7"}]}
    entries = [{"fullUrl": url, "resource": patient}] + [{"resource": {**own, "subject": subject}} for own in CHART[1:]]
    found = curated.read_fhir({"resourceType": "Bundle", "entry": entries})
    assert found == curated.read_fhir(bundle(*CHART[1:]))
    other = {
        **subject,
        **({"reference": "Patient/q"} if "reference" in subject else {"identifier": {"system": "urn:h", "value": "8"}}),
    }
    entries[-1]["resource"]["subject"] = other
    assert curated.read_fhir({"resourceType": "Bundle", "entry": entries}).unreadable


@pytest.mark.parametrize("sign", [{"link": [{"relation": "next", "url": "http://example.org/2"}]}, {"total": 500}])
def test_one_page_of_several_leaves_therapy_unknown(sign: dict[str, Any], curated: Guideline) -> None:
    page = {**bundle(*CHART[1:], kind="searchset"), **sign}
    for spoilt in ({}, {"valueQuantity": "ten"}):
        page["entry"][-1]["resource"].update(spoilt)
        found = curated.read_fhir(page)
        assert "metastatic_therapy" not in found.record
        assert "one page of several" in " ".join(found.remarks())
    inner = {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": bundle(*CHART[1:]) | sign}]}
    assert "metastatic_therapy" not in curated.read_fhir(inner).record
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "return", "resource": bundle(*CHART[1:])}]}
    assert curated.read_fhir(parameters).record == curated.read_fhir(bundle(*CHART[1:])).record
    whole = {**bundle(*CHART[1:], kind="searchset"), "total": len(CHART)}
    assert curated.read_fhir(whole).record["metastatic_therapy"]


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
    "a statement of R5 that is recorded says by its adherence whether it is taken": (
        [
            METASTASES,
            stated("t", "tucatinib", "2020-02-01", status="recorded", adherence={"code": {"text": "taking-as-directed"}}),
        ],
        TUCATINIB,
    ),
    "a statement of R5 that is only recorded leaves therapy unknown": (
        [METASTASES, stated("t", "tucatinib", "2020-02-01", status="recorded")],
        None,
    ),
    "a modifier that nobody knows may deny what a resource says": (
        [METASTASES, {**OF_R5, "modifierExtension": [{"url": "http://example.org/not"}]}],
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
