"""Charts as files and services give them: exports, compressed files, pages, other versions of FHIR."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bundles import (
    BREAST_CANCER,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    PROGRESSION,
    SECOND_LINE,
    bundle,
    concept,
    condition,
    requested,
    resource,
    stated,
)
from therapy_cases import without

from reasoner import Guideline
from reasoner.cohort.origins import CHARTS, origins
from reasoner.errors import RecordError
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


def gathered(resources: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Put the resources of an export together, those of each patient into one bundle."""
    return [own.bundle for own in bundles_by_patient(("export.ndjson", own) for own in resources)]


def settings_of(*paths: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "reasoner", "recommend", "--format", "json", *map(str, paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {own["patient"]: own["setting"] for own in answers}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", "empty; FHIR is a bundle or resources in JSON"),
        (b'{"id": "p", "her2": "positive"}', "no FHIR resource: it has no resourceType; a record is answered as it is"),
    ],
)
def test_what_is_no_resource_is_refused_as_what_it_is(content: bytes, message: str, curated: Guideline) -> None:
    with pytest.raises(RecordError, match=f"^{message}"):
        curated.read_fhir(content)


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
    (tmp_path / "export.ndjson").write_bytes(BOM + lines(*everything))
    (tmp_path / "packed.ndjson.gz").write_bytes(gzip.compress(lines(*everything)))
    (tmp_path / "folder").mkdir()
    for kind in {own["resourceType"] for own in everything}:
        (tmp_path / "folder" / f"{kind}.ndjson").write_bytes(lines(*(o for o in everything if o["resourceType"] == kind)))
    expected = {"a": "second_line", "b": "third_line"}
    for source in ("export.ndjson", "packed.ndjson.gz", "folder"):
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
        assert {own["id"]: own["setting"] for own in found} == expected
        again = subprocess.run([*command, "--resume"], check=False, capture_output=True, text=True, cwd=tmp_path)
        assert (again.returncode, again.stdout) == (done.returncode, done.stdout)


def cohort(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reasoner", "cohort", source, "-o", "out", "--workers", "1"]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


TWO = {
    "resourceType": "Bundle",
    "id": "two",
    "type": "collection",
    "entry": [{"resource": own} for own in (PATIENT, *about("b", [PATIENT]))],
}
FROM_EXPORTS = {
    "a bundle that is about two": ("all.ndjson.gz", [bundle(*CHART[1:]), TWO], 2, "two"),
    "a record that is none": (
        "all.ndjson.gz",
        [{"id": "a"}, {"id": "c", "her2": "positive", "metastatic": "maybe"}],
        2,
        "c",
    ),
}


@pytest.mark.parametrize("name", FROM_EXPORTS)
def test_a_rejected_chart_is_named_as_it_was_given(name: str, tmp_path: Path) -> None:
    file, told, line, patient = FROM_EXPORTS[name]
    content = b"\n".join(json.dumps(own).encode() if own else b"" for own in told)
    (tmp_path / file).write_bytes(gzip.compress(content) if file.endswith(".gz") else content)
    assert cohort(file, tmp_path).returncode == 1
    (rejected,) = map(json.loads, (tmp_path / "out/rejects.ndjson").read_text().splitlines())
    assert (rejected["file"], rejected["line"], rejected["id"]) == (str(tmp_path / file), line, patient)


def test_gathered_charts_are_from_where_the_first_resource_of_a_patient_stands(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_bytes(lines(*CHART, *about("b", CHART)))
    assert cohort("b.ndjson", tmp_path).returncode == 0
    known = [(Path(own.file), own.line, own.id) for own in origins(tmp_path / "out" / CHARTS)]
    assert known == [(tmp_path / "b.ndjson", 1, "p"), (tmp_path / "b.ndjson", 1 + len(CHART), "b")]
    assert [own.place for own in bundles_by_patient([("x:1", PATIENT), ("x:2", *about("b", [PATIENT]))])] == ["x:1", "x:2"]


MIXED = {
    "a record after resources": [*CHART, {"id": "c", "metastatic": False}],
    "a bundle after resources": [*CHART, bundle(*CHART[1:])],
    "a resource after records": [{"id": "c", "metastatic": False}, *CHART],
    "a resource after bundles": [bundle(*CHART[1:]), *CHART],
}


@pytest.mark.parametrize("name", MIXED)
def test_resources_among_what_is_a_patient_by_itself_are_refused(name: str, tmp_path: Path) -> None:
    told = MIXED[name]
    whole = next(n for n, own in enumerate(told, start=1) if own.get("resourceType") in (None, "Bundle"))
    resource = next(n for n, own in enumerate(told, start=1) if own.get("resourceType") not in (None, "Bundle"))
    (tmp_path / "mixed.ndjson").write_bytes(lines(*told))
    done = cohort("mixed.ndjson", tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert f"mixed.ndjson:{whole}: a {'bundle' if 'bundle' in name else 'record'}" in done.stderr
    assert f"at mixed.ndjson:{resource} a FHIR resource" in done.stderr
    assert not (tmp_path / "out").exists()


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


@pytest.mark.parametrize(
    ("command", "named", "allowed"),
    [
        (["facts", "folder"], "folder: a folder", "give one file"),
        (["cohort", "one.json", "-o", "out"], 'one.json: ".json" is not a format', "an export of FHIR: a folder of .ndjson"),
        (["cohort", "folder", "-o", "out"], "folder: no .parquet, .ndjson or .json file", ""),
    ],
)
def test_what_a_command_does_not_read_is_refused_with_what_it_does(
    command: list[str], named: str, allowed: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "one.json").write_bytes(lines(PATIENT))
    reasoner = [sys.executable, "-m", "reasoner", *command]
    done = subprocess.run(reasoner, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert named in done.stderr
    assert allowed in done.stderr


def test_medications_are_in_the_bundles_that_refer_to_them_and_what_names_nobody_is_in_all() -> None:
    medication = {"resourceType": "Medication", "id": "m"}
    refers = {"resourceType": "MedicationStatement", "id": "s", "medicationReference": {"reference": "Medication/m"}}
    about_a = {**refers, "subject": {"reference": "Patient/a"}}
    found = gathered([medication, about_a, *about("b", [HER2]), refers])
    kinds = [[own["resource"]["resourceType"] for own in part["entry"]] for part in found]  # type: ignore[attr-defined]
    assert kinds == [["MedicationStatement", "Medication", "MedicationStatement"], ["Observation", "MedicationStatement"]]
    assert len(gathered([medication])) == 1


def test_therapy_that_names_nobody_makes_nothing_certain_where_there_are_several(curated: Guideline) -> None:
    nameless = {key: value for key, value in requested("x", "tucatinib", "2020-11-10").items() if key != "subject"}
    one, two = (gathered([*about("a", CHART), nameless, *more]) for more in ([], about("b", [HER2])))
    assert curated.read_fhir(one[0]).record["metastatic_therapy"]
    assert "metastatic_therapy" not in curated.read_fhir(two[0]).record


HER = {
    "name": [{"family": "A", "given": ["B"]}],
    "birthDate": "1960-02-29",
    "gender": "female",
    "identifier": [{"system": "urn:h", "value": "7"}],
}
SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a link": ({"link": [{"other": {"reference": "Patient/old"}, "type": "replaces"}]}, {}),
    "a link back": ({}, {"link": [{"other": {"reference": "Patient/p/_history/2"}, "type": "replaced-by"}]}),
    "an identifier, the name, the date of birth and the gender": (
        HER,
        {**HER, "name": {"family": "a", "given": ["B", "C"]}},
    ),
}
OTHERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an identifier alone": ({"identifier": HER["identifier"]}, {"identifier": HER["identifier"]}),
    "an identifier and a name that is nobody's": ({**HER, "name": []}, {**HER, "name": []}),
    "an identifier with another name": (HER, {**HER, "name": [{"family": "D", "given": ["B"]}]}),
    "an identifier with another date of birth": (HER, {**HER, "birthDate": "1961-02-28"}),
    "an identifier with a year of birth": ({**HER, "birthDate": "1960"}, {**HER, "birthDate": "1960"}),
    "an identifier with another gender": (HER, {**HER, "gender": "male"}),
    "an identifier without its system": ({**HER, "identifier": [{"value": "7"}]}, {**HER, "identifier": [{"value": "7"}]}),
    "a link to a resource that is no Patient": ({"link": [{"other": {"reference": "RelatedPerson/old"}}]}, {}),
    "a link to what it says is no Patient": ({"link": [{"other": {"reference": "urn:uuid:old", "type": "Person"}}]}, {}),
}


@pytest.mark.parametrize("name", SAME)
def test_several_resources_of_one_person_are_one_patient(name: str, curated: Guideline) -> None:
    new, old = SAME[name]
    patients = [{**PATIENT, **new}, {"resourceType": "Patient", "id": "old", **old}]
    resources = [*CHART[1:4], *about("old", CHART[4:])]
    whole = curated.read_fhir(bundle(*CHART[1:])).record
    data = {"resourceType": "Bundle", "entry": [{"resource": own} for own in (*patients, *resources)]}
    assert curated.read_fhir(data).record == whole
    (part,) = gathered([*patients, *resources])
    assert curated.read_fhir(part).record == whole


@pytest.mark.parametrize("name", OTHERS)
def test_what_several_persons_can_have_in_common_makes_them_one_never(name: str, curated: Guideline) -> None:
    new, old = OTHERS[name]
    patients = [{**PATIENT, **new}, {"resourceType": "Patient", "id": "old", **old}]
    resources = [*CHART[1:4], *about("old", CHART[4:])]
    data = {"resourceType": "Bundle", "entry": [{"resource": own} for own in (*patients, *resources)]}
    with pytest.raises(RecordError, match="2 patients"):
        curated.read_fhir(data)
    either = {
        **HER2,
        "id": "x",
        "effectiveDateTime": "2021-01-12",
        "subject": {"identifier": {"system": "urn:h", "value": "7"}},
    }
    parts = gathered([*patients, *resources, either])
    charts = [curated.read_fhir(part).record for part in parts]
    assert [len(own.get("metastatic_therapy", ())) for own in charts[:2]] == [0, 0]
    assert [own.get("metastatic") for own in charts[:2]] == [True, None]
    shared = "identifier" in new and "system" in new["identifier"][0]
    assert [own.get("her2") for own in charts[:2]] == [None if shared else "positive", None]


NO_PATIENT = {
    "a group": {"reference": "Group/p"},
    "a device, by its URL": {"reference": "http://ehr.org/fhir/Device/p"},
    "a relative with a version": {"reference": "RelatedPerson/p/_history/1"},
    "what says that it is a group": {"reference": "urn:uuid:p", "type": "Group"},
}


@pytest.mark.parametrize("name", NO_PATIENT)
def test_what_is_about_no_patient_makes_nothing_certain(name: str, curated: Guideline) -> None:
    own = {**HER2, "subject": NO_PATIENT[name]}
    for resources in ([*CHART[1:3], own], [own]):
        data = bundle(*resources) if len(resources) > 1 else {"resourceType": "Bundle", "entry": [{"resource": own}]}
        found = curated.read_fhir(data)
        assert "her2" not in found.record
        assert found.unreadable
    (part,) = gathered([*CHART[:3], own])
    assert "her2" not in curated.read_fhir(part).record


SUBJECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "relative": ("http://ehr.org/fhir/Patient/p", {"reference": "Patient/p"}),
    "absolute": ("http://ehr.org/fhir/Patient/p", {"reference": "http://ehr.org/fhir/Patient/p"}),
    "with a version": ("http://ehr.org/fhir/Patient/p", {"reference": "http://ehr.org/fhir/Patient/p/_history/3"}),
    "absolute, by https": ("http://ehr.org/fhir/Patient/p", {"reference": "https://ehr.org/fhir/Patient/p"}),
    "absolute, of a Patient without a URL": ("urn:uuid:p", {"reference": "http://ehr.org/fhir/Patient/p/_history/3"}),
    "by a URL of another form": ("http://ehr.org/fhir/patients?nr=7", {"reference": "Patient/p"}),
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


ELSEWHERE: dict[str, tuple[str | None, dict[str, Any]]] = {
    "absolute": (None, {"reference": "https://other.org/fhir/Patient/p"}),
    "absolute, with a version": (
        "http://ehr.org/fhir/Observation/her2",
        {"reference": "http://other.org/Patient/p/_history/2"},
    ),
    "relative in a resource of another server": ("http://other.org/fhir/Observation/her2", {"reference": "Patient/p"}),
    "the same server at another address": (None, {"reference": "http://ehr.org/fhir/archive/Patient/p"}),
}


@pytest.mark.parametrize("url", ["http://ehr.org/fhir/Patient/p", None])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_patient_of_another_server_with_the_same_id_is_somebody_else(
    name: str, url: str | None, curated: Guideline
) -> None:
    own, subject = ELSEWHERE[name]
    here = {"subject": {"reference": "http://ehr.org/fhir/Patient/p"}}
    found = curated.read_fhir(
        {
            "resourceType": "Bundle",
            "entry": [
                {"fullUrl": url, "resource": {**PATIENT, "identifier": HER["identifier"]}},
                *({"resource": {**one, **here}} for one in CHART[1:3]),
                {"fullUrl": own, "resource": {**HER2, "subject": subject}},
            ],
        }
    )
    assert found.record["id"] == "p"
    assert "her2" not in found.record
    assert found.record.get("metastatic") == (True if url else None)
    assert found.unreadable


def test_patients_of_two_servers_with_the_same_id_are_one_where_they_describe_the_same_person(curated: Guideline) -> None:
    urls = ["http://ehr.org/fhir/Patient/p", "https://other.org/r4/Patient/p"]
    described = [
        {**PATIENT, **HER, "identifier": [*own, *HER["identifier"]]} for own in ([], [{"system": "urn:i", "value": "1"}])
    ]
    for patients, alike in ((described, True), ([PATIENT, PATIENT], False)):
        entries = [{"fullUrl": url, "resource": own} for url, own in zip(urls, patients, strict=True)]
        told = [{**own, "subject": {"reference": urls[number % 2]}} for number, own in enumerate(CHART[1:])]
        data = {"resourceType": "Bundle", "entry": [*entries, *({"resource": own} for own in told)]}
        if alike:
            assert curated.read_fhir(data).record == curated.read_fhir(bundle(*CHART[1:])).record
        else:
            with pytest.raises(RecordError, match="2 patients"):
                curated.read_fhir(data)
    lines_of = bundles_by_patient(("export.ndjson", own) for own in (PATIENT, *told))
    assert [own.patient for own in lines_of] == ["p", *(f"http:{own.partition(':')[2]}" for own in urls)]


def linked(*relations: str) -> dict[str, Any]:
    return {"link": [{"relation": own, "url": f"http://example.org/{n}"} for n, own in enumerate(relations)]}


@pytest.mark.parametrize(
    "sign",
    [
        *map(linked, ("next", "Next", "previous", "PREV")),
        linked("self", "first"),
        linked("last", "self"),
        {"total": 500},
        {"total": "500"},
    ],
)
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
    one = [{"relation": own, "url": "http://example.org/1"} for own in ("first", "self", "last")]
    whole = {**bundle(*CHART[1:], kind="searchset"), "total": len(CHART), "link": one}
    assert curated.read_fhir(whole).record["metastatic_therapy"]
    fewer = {**bundle(*CHART[1:], outcome("information"), kind="searchset"), "total": len(CHART) + 1}
    assert "metastatic_therapy" not in curated.read_fhir(fewer).record


def outcome(severity: Any, code: Any = "informational") -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code}]}


FAILED = {
    "an error": outcome("error"),
    "a timeout": outcome("warning", "timeout"),
    "a code that is no word": outcome("warning", {"coding": []}),
    "a severity that is no word": outcome(["warning"]),
    "nothing": {"resourceType": "OperationOutcome"},
}


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("name", FAILED)
def test_what_reports_that_something_failed_leaves_therapy_unknown(name: str, silent: bool) -> None:
    guideline = Guideline.load(no_record_means_none=silent)
    told = [METASTASES, *([] if silent else FIRST_LINE)]
    harmless = guideline.read_fhir(bundle(*told, outcome("warning"), kind="searchset")).record
    assert "metastatic_therapy" in harmless
    (export,) = gathered([PATIENT, *told, FAILED[name]])
    for own in (bundle(*told, FAILED[name]), lines(PATIENT, *told, FAILED[name]), export):
        found = guideline.read_fhir(own)
        assert "metastatic_therapy" not in found.record
        assert "reports an error" in " ".join(found.remarks())


@pytest.mark.parametrize("status", ["500 Internal", "404", "304 Not Modified", 500])
def test_a_part_of_a_batch_that_failed_leaves_therapy_unknown(status: Any, curated: Guideline) -> None:
    inner = {"resource": bundle(*CHART[1:]), "response": {"status": "200 OK"}}
    batch = {"resourceType": "Bundle", "type": "batch-response", "entry": [inner, {"response": {"status": status}}]}
    assert "metastatic_therapy" not in curated.read_fhir(batch).record
    assert curated.read_fhir({**batch, "entry": [inner]}).record["metastatic_therapy"]


def version(number: str | None, resource: dict[str, Any], day: str | None = None, **more: Any) -> dict[str, Any]:
    meta = {"versionId": number, "lastUpdated": day and f"{day}T00:30:00+02:00"}
    return {**resource, "meta": {key: value for key, value in meta.items() if value}, **more}


WRONG = {"status": "entered-in-error"}
DELETED = {"fullUrl": "http://ehr.org/Observation/her2", "request": {"method": "DELETE", "url": "Observation/her2"}}
OF_HER2: dict[str, tuple[str, list[dict[str, Any]], str | None]] = {
    "the greater number counts": ("history", [version("9", HER2), version("10", HER2, **WRONG)], None),
    "in any order": ("collection", [version("10", HER2), version("9", HER2, **WRONG)], "positive"),
    "or the later time": (
        "collection",
        [version(None, HER2, "2020-01-13", **WRONG), version(None, HER2, "2020-01-14")],
        "positive",
    ),
    "number and time that contradict each other order nothing": (
        "collection",
        [version("1", HER2, "2020-01-14"), version("2", HER2, "2020-01-13", valueCodeableConcept=concept(NEGATIVE))],
        None,
    ),
    "a number longer than an id can be orders nothing": (
        "collection",
        [version("9" * 5_000, HER2), version("1", HER2, valueCodeableConcept=concept(NEGATIVE))],
        None,
    ),
    "a history begins with the newest": ("history", [HER2, {**HER2, **WRONG}], "positive"),
    "a history begins with the newest, and that may be an error": ("history", [{**HER2, **WRONG}, HER2], None),
    "without any order nothing is certain": (
        "collection",
        [HER2, {**HER2, "valueCodeableConcept": concept(NEGATIVE)}],
        None,
    ),
    "the same twice is no contradiction": ("collection", [version("1", HER2), version("2", HER2)], "positive"),
    "what was deleted does not count": ("history", [DELETED, HER2], None),
    "what was deleted may be there again": ("history", [HER2, DELETED], "positive"),
}


@pytest.mark.parametrize("spoilt", [False, True])
@pytest.mark.parametrize("name", OF_HER2)
def test_of_several_versions_of_a_resource_the_latest_counts(name: str, spoilt: bool, curated: Guideline) -> None:
    kind, versions, expected = OF_HER2[name]
    junk = [{"resource": {"resourceType": "Basic", "status": 7}}] if spoilt else []
    entries = [own if "request" in own else {"resource": own} for own in versions]
    data = {"resourceType": "Bundle", "type": kind, "entry": [{"resource": METASTASES}, *entries, *junk]}
    assert curated.read_fhir(data).record.get("her2") == expected


def medication(text: str, url: str | None, number: str | None = None) -> dict[str, Any]:
    own = version(number, {"resourceType": "Medication", "id": "m", "code": {"text": text}})
    return {"resource": own, "fullUrl": url}


A, B = "http://a.org/fhir", "http://b.org/fhir"
ONE_OF_TWO = [medication("Ondansetron", f"{A}/Medication/m"), medication("Tucatinib", f"{B}/Medication/m")]
VERSIONED = [medication("Ondansetron", f"{A}/Medication/m", "1"), medication("Tucatinib", f"{A}/Medication/m", "2")]
REFERENCES: dict[str, tuple[list[dict[str, Any]], str | None, str, list[str] | None]] = {
    "a relative one means the same server": (ONE_OF_TWO, f"{B}/MedicationStatement/s", "Medication/m", ["tucatinib"]),
    "that of the other server is another drug": (ONE_OF_TWO, f"{A}/MedicationStatement/s", "Medication/m", []),
    "an absolute one says its server": (ONE_OF_TWO, None, f"{B}/Medication/m", ["tucatinib"]),
    "of several servers, none may be meant": (ONE_OF_TWO, None, "Medication/m", None),
    "nor is one of another server": (ONE_OF_TWO[1:], f"{A}/MedicationStatement/s", "Medication/m", None),
    "a version is that version": (VERSIONED, f"{A}/MedicationStatement/s", "Medication/m/_history/1", []),
    "the other version is another drug": (VERSIONED, None, "Medication/m/_history/2", ["tucatinib"]),
    "without a version it is the latest": (VERSIONED, None, "Medication/m", ["tucatinib"]),
    "a version that is not there is unknown": (VERSIONED, None, "Medication/m/_history/3", None),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_to_a_medication_means_one_of_its_server_and_version(name: str, curated: Guideline) -> None:
    medications, url, reference, expected = REFERENCES[name]
    own = without(stated("s", "letrozole", "2020-02-01"), medicationReference={"reference": reference})
    entries = [
        {"resource": METASTASES},
        *medications,
        {"fullUrl": url, "resource": own},
        {"resource": stated("c", "capecitabine", "2020-02-01")},
    ]
    found = curated.read_fhir({"resourceType": "Bundle", "entry": entries}).record.get("metastatic_therapy")
    assert found == (None if expected is None else [{"drugs": [*expected, "capecitabine"], "outcome": "ongoing"}])


def test_a_later_day_in_another_time_zone_may_be_earlier(curated: Guideline) -> None:
    negative = {
        **HER2,
        "id": "n",
        "valueCodeableConcept": concept(NEGATIVE),
        "effectiveDateTime": "2020-03-01T23:30:00-11:00",
    }
    for time, expected in (("T00:30:00+14:00", None), ("T00:30:00-11:00", "positive"), ("", "positive")):
        found = curated.read_fhir(bundle(METASTASES, negative, {**HER2, "effectiveDateTime": f"2020-03-02{time}"}))
        assert found.record.get("her2") == expected


OTHERS_ONLY = [
    METASTASES,
    *(stated(drug, drug, "2020-02-01", "2020-09-01", "completed") for drug in ("trastuzumab", "tucatinib")),
]
SPOILT_ENTRIES: dict[str, Any] = {
    "a resource in a list": {"resource": [stated("c", "capecitabine", "2021-01-01")]},
    "a resource that is a text": {"resource": "MedicationStatement/c"},
    "a type in a list": {"resource": {**stated("c", "capecitabine", "2021-01-01"), "resourceType": ["MedicationStatement"]}},
    "no type": {"resource": {**stated("c", "capecitabine", "2021-01-01"), "resourceType": None}},
    "an entry that is a text": "MedicationStatement/c",
    "an entry that is a list": [{"resource": stated("c", "capecitabine", "2021-01-01")}],
    "a code in a list": {"resource": resource("Procedure", "c", status="completed", code=[{"text": "Capecitabine"}])},
    "items that are no list": {
        "resource": resource("QuestionnaireResponse", "c", status="completed", item={"text": "drugs"})
    },
}


@pytest.mark.parametrize("name", SPOILT_ENTRIES)
def test_an_entry_that_cannot_be_read_may_be_any_therapy_and_is_named(name: str, curated: Guideline) -> None:
    data = bundle(*OTHERS_ONLY)
    assert curated.read_fhir(data).record["metastatic_therapy"]
    data["entry"].append(SPOILT_ENTRIES[name])
    for content in (data, json.dumps(data).encode()):
        found = curated.read_fhir(content)
        assert "metastatic_therapy" not in found.record
        assert found.record["metastatic"] is True
        assert len(found.unreadable) == 1
        assert "cannot be read" in " ".join(found.remarks())


@pytest.mark.parametrize("kind", [None, ["Condition"], 7])
def test_an_entry_that_does_not_say_what_it_is_may_be_a_diagnosis(kind: Any, curated: Guideline) -> None:
    stomach = condition("stomach", "icd:C16.9", "2019-01-10")
    assert curated.read_fhir(bundle(stomach, METASTASES)).record["breast_cancer"] is False
    found = curated.read_fhir(bundle(stomach, METASTASES, {**BREAST_CANCER, "resourceType": kind}))
    assert found.record["breast_cancer"] is None


def test_a_modifier_of_a_part_of_a_result_may_deny_it(curated: Guideline) -> None:
    part = {"code": HER2["code"], "valueCodeableConcept": HER2["valueCodeableConcept"]}
    panel = {**without(HER2, component=[part]), "code": {"text": "panel"}}
    panel.pop("valueCodeableConcept")
    assert curated.read_fhir(bundle(METASTASES, panel)).record["her2"] == "positive"
    part["modifierExtension"] = [{"url": "http://example.org/not"}]
    assert "her2" not in curated.read_fhir(bundle(METASTASES, panel)).record


COLON = condition("colon", "icd:C18.7", "2019-06-01")
MOTHER = {"focus": [{"reference": "RelatedPerson/mother"}]}
PRIMARY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-related-primary-cancer-condition"
ARTHRITIS = {"coding": [{"system": "http://snomed.info/sct", "code": "69896004"}], "text": "Rheumatoid arthritis"}


def focused(on: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "focus": [{"reference": on}]}


def related(to: str) -> dict[str, Any]:
    return {**METASTASES, "extension": [{"url": PRIMARY, "valueReference": {"reference": to}}]}


def reasoned(**reason: Any) -> dict[str, Any]:
    return stated("x", "capecitabine", "2020-02-01", **reason)


OF_CAPECITABINE = [{"drugs": ["capecitabine"], "outcome": "ongoing"}]
ABOUT: dict[str, tuple[list[dict[str, Any]], str, Any]] = {
    "a result in a relative": ([METASTASES, {**HER2, **MOTHER}], "her2", None),
    "a result of the patient": ([METASTASES, focused("Patient/p", HER2)], "her2", "positive"),
    "a result of the cancer": ([BREAST_CANCER, METASTASES, focused("Condition/breast", HER2)], "her2", "positive"),
    "a result of the metastases": ([METASTASES, focused("Condition/liver", HER2)], "her2", "positive"),
    "a result of another cancer": ([BREAST_CANCER, COLON, METASTASES, focused("Condition/colon", HER2)], "her2", None),
    "a result of a diagnosis that is not there": ([METASTASES, focused("Condition/x", HER2)], "her2", None),
    "metastases of this cancer": ([BREAST_CANCER, related("Condition/breast")], "metastatic", True),
    "metastases of another cancer": ([BREAST_CANCER, COLON, related("Condition/colon")], "metastatic", None),
    "metastases of a cancer that is not there": ([BREAST_CANCER, related("Condition/x")], "metastatic", None),
    "a drug for another disease": ([METASTASES, reasoned(reasonCode=[ARTHRITIS])], "metastatic_therapy", None),
    "a drug for another disease, as R5 has it": (
        [METASTASES, reasoned(reason=[{"concept": ARTHRITIS}])],
        "metastatic_therapy",
        None,
    ),
    "a drug for another cancer": (
        [BREAST_CANCER, COLON, METASTASES, reasoned(reasonReference=[{"reference": "Condition/colon"}])],
        "metastatic_therapy",
        None,
    ),
    "a drug for this cancer": (
        [BREAST_CANCER, METASTASES, reasoned(reasonReference=[{"reference": "Condition/breast"}])],
        "metastatic_therapy",
        OF_CAPECITABINE,
    ),
    "a drug for the code of this cancer": (
        [METASTASES, reasoned(reasonCode=[concept("icd:C50.9")])],
        "metastatic_therapy",
        OF_CAPECITABINE,
    ),
}


@pytest.mark.parametrize("name", ABOUT)
def test_what_may_be_about_something_else_makes_nothing_certain(name: str, curated: Guideline) -> None:
    resources, fact, expected = ABOUT[name]
    assert curated.read_fhir(bundle(*resources)).record.get(fact) == expected


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
    "an intent of the wrong shape leaves therapy unknown": ([METASTASES, {**OF_R5, "intent": {"text": "plan"}}], None),
    "an intent in another case is the same": ([METASTASES, OF_R5, {**OF_R5, "id": "q", "intent": "Plan"}], TUCATINIB),
    "a modifier of the wrong shape may deny what a resource says": (
        [METASTASES, {**OF_R5, "modifierExtension": {"url": "http://example.org/not"}}],
        None,
    ),
    "a statement of STU3 that its being taken does not apply leaves therapy unknown": (
        [METASTASES, OF_R5, stated("t", "capecitabine", "2020-02-01", taken="na")],
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
