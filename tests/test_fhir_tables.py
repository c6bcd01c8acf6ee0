"""A guideline without drugs is read from FHIR by its tables alone, and a mistake in them is refused with its line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from hook_calls import SITE, check_card
from hypothesis import given, settings
from hypothesis import strategies as st
from in_process import Client, asking
from table_cases import (
    BORN,
    CASES,
    EXAMPLE,
    NO_ALLERGY,
    UNREAD,
    VISIT,
    about,
    allergy,
    clearance,
    coded,
    diagnosis,
    mallow,
    result,
)  # fmt: skip

from reasoner import Guideline, GuidelineError
from reasoner.compiler.intervals import passed_cuts
from reasoner.compiler.selection import Selection
from reasoner.fhir.mappings import COURSE_METHODS, METHODS
from reasoner.fhir.rows import COLUMNS
from reasoner.serve.settings import Settings

FOLDER = ROOT / "tests/guidelines/fen_pox"


@pytest.fixture(scope="module")
def fen_pox(own_cache: None) -> Guideline:
    return Guideline.load(FOLDER)


def chart(resources: Iterable[dict[str, Any]], patient: dict[str, Any]) -> bytes:
    everything = ({"resourceType": "Patient", "id": "p", **patient}, *resources)
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": own} for own in everything]}).encode()


@pytest.mark.parametrize("name", CASES)
def test_facts_are_read_by_the_tables(name: str, fen_pox: Guideline) -> None:
    patient, resources, expected, said = CASES[name]
    found = fen_pox.read_fhir(chart(resources, patient))
    assert {fact: found.record.get(fact) for fact in expected} == expected
    assert said in " ".join(found.report())
    told = {source.fact for source in found.sources}
    assert told == {fact for fact, value in found.record.items() if value is not None} - {"id"}
    assert found.with_timeline().timeline


UNREADABLE: dict[str, Any] = {
    "status": "?",
    "verificationStatus": {"coding": [{"code": "?"}]},
    "clinicalStatus": 7,
    "code": {"coding": [{"system": "urn:x", "code": "?"}]},
    "onsetDateTime": "soon",
    "effectiveDateTime": 7,
    "recordedDate": "soon",
    "abatementDateTime": "soon",
    "valueQuantity": {"value": 5, "code": "?"},
    "valueCodeableConcept": 7,
    "valueBoolean": "?",
    "subject": {"reference": "Patient/q"},
    "patient": 7,
    "modifierExtension": [{"url": "urn:x"}],
}
"""What cannot be read in the place of a field; a test or a procedure without a known code is not seen to be one."""


def test_what_cannot_be_read_makes_nothing_certain_that_the_whole_chart_excludes(fen_pox: Guideline) -> None:
    cuts = next(fact.cuts for fact in fen_pox.model.facts if fact.name == "age")
    cases = list(CASES.values())

    def read(patient: dict[str, Any], resources: list[dict[str, Any]]) -> dict[str, Any]:
        record = fen_pox.read_fhir(chart(resources, patient)).record
        return record | {"age": passed_cuts(record["age"], cuts)} if "age" in record else record

    for number, (patient, resources, *_) in enumerate(cases):
        whole = [*resources, *cases[(7 * number + 3) % len(cases)][1]]
        before = read(patient, whole)
        for place, own in enumerate(whole):
            for field in {*own, "modifierExtension"} & UNREADABLE.keys():
                if field == "code" and own["resourceType"] in ("Observation", "Procedure"):
                    continue
                spoilt = [*whole[:place], {**own, field: UNREADABLE[field]}, *whole[place + 1 :]]
                for fact, value in read(patient, spoilt).items():
                    assert value is None or before.get(fact) in (None, value), (field, fact, spoilt)


def test_a_chart_is_answered_with_the_sources_of_its_facts(fen_pox: Guideline) -> None:
    answer = fen_pox.answer(json.loads(chart([VISIT, NO_ALLERGY], {**BORN, "birthDate": "1950-01-01"})))
    assert [(entry.regimen, entry.certainty) for entry in answer.recommended] == [("ward", "certain"), ("rest", "certain")]


@given(
    value=st.integers(0, 100), comparator=st.sampled_from(["<", "<=", ">", ">="]), exact=st.floats(0, 200, allow_nan=False)
)
@settings(deadline=None, max_examples=200)
def test_a_bound_says_nothing_that_a_number_within_it_refutes(
    value: int, comparator: str, exact: float, fen_pox: Guideline
) -> None:
    holds = {"<": exact < value, "<=": exact <= value, ">": exact > value, ">=": exact >= value}[comparator]
    read = fen_pox.read_fhir(chart([clearance("1", "2024-03-01", value, comparator=comparator)], BORN)).record.get(
        "clearance"
    )
    cuts = next(fact.cuts for fact in fen_pox.model.facts if fact.name == "clearance")
    assert not holds or read is None or passed_cuts(read, cuts) == passed_cuts(exact, cuts)


MISTAKES = {
    "a method that is not there": (
        "facts",
        "age,age,",
        "age,ages,",
        'facts.csv:3: "ages" is not a known method; allow',
    ),
    "a fact that is not there": (
        "facts",
        "weight,latest",
        "wait,latest",
        'facts.csv:12: "wait" is not a known fact; allow',
    ),
    "a fact in two rows": ("facts", "sex,sex,", "age,sex,", 'facts.csv:4: fact "age": stands in 3 too; leave one out'),
    "a method for another kind of fact": (
        "facts",
        "stage,latest,",
        "stage,ever,",
        "facts.csv:10: the method ever reads facts of the kind boolean, and stage is of the kind choice; its methods: any_",
    ),
    "a finding that no table has": (
        "facts",
        "ever,splenectomy",
        "ever,splenectomie",
        'facts.csv:9: "splenectomie" is not a known finding; allowed: clearance, cough, ',
    ),
    "a unit of age that is none": (
        "facts",
        "age,age,years",
        "age,age,year",
        '"year" is not a known unit of age; a',
    ),
    "a set that is none": ("facts", "sex,sex,gender", "sex,sex,genders", '"genders" is not a known set of values'),
    "a member that is none": (
        "facts",
        "rash=exanthem",
        "rush=exanthem",
        'facts.csv:11: "rush" is not a known value of',
    ),
    "a member without a finding": ("facts", "rash=exanthem cough", "cough", "facts.csv:11: of: rash: the method each takes"),
    "a finding that no fact is read from": (
        "procedures",
        ",splenectomy,",
        ",splenectomie,",
        'facts.csv:9: "splenectomy" is not a known finding',
    ),
    "a finding beside others that no fact is read from": (
        "tests",
        "https://example.org/tests,cough,cough,cough,",
        "https://example.org/tests,cough,cough,coughs,",
        'tests.csv:8: "coughs" is not a known finding of facts.csv; allowed: ',
    ),
    "a value that a choice has not": (
        "values",
        "stages,https://example.org/stages,2,late,late,",
        "stages,https://example.org/stages,2,late,latter,",
        'values.csv:17: "latter" is not a known value of stage; allowed: early, late, undecided (did you mean "late"?)',
    ),
    "a value of a diagnosis that a choice has not": (
        "conditions",
        "stage_of_pox,late,",
        "stage_of_pox,lte,",
        'conditions.csv:4: "lte" is not a known value of stage; allowed: distant, early, late,',
    ),
    "a value that is no truth": (
        "values",
        "present,boolean,true,present,true,",
        "present,boolean,true,present,yes,",
        'values.csv:20: "yes" is not a known value of signs; allowed: false, not_then, true, undecided',
    ),
    "a value of no gender": ("values", "female,female,female", "female,female,femal", '"femal" is not a known value of sex'),
    "a set that no test has": (
        "values",
        "stages,number:{score},<10",
        "stage_,number:{score},<10",
        '"stage_" is not a known',
    ),
    "a number without a unit": (
        "tests",
        ",weight,kilograms,",
        ",weight,stages,",
        'tests.csv:4: the set "stages" has no unit, and weight is a number; add rows of the system "unit" to values.csv',
    ),
    "a unit with a factor that is none": ("values", ",5/9 -160/9,", ",5/9 less,", '"5/9 less" is not a number; write what'),
    "a unit with a factor of zero": ("values", "kilogram,1,", "kilogram,0,", '"0" is not a number; write what the amount'),
    "a range that is none": (
        "values",
        "{score},<10",
        "{score},10-",
        '"10-" is not a range; write =, <, <=, > or >= an',
    ),
    "a row twice": (
        "values",
        "https://example.org/stages,2,",
        "https://example.org/stages,1,",
        'values.csv:17: values "stages", system "https://example.org/stages", code "1": stands in 16 too; leave one out',
    ),
    "a code system without a name": (
        "tests",
        "loinc,82810-3",
        "lionc,82810-3",
        'tests.csv:2: "lionc" is not a known code system; allowed: administrative-gender, ajcc, ',
    ),
    "a drug that the guideline has not": (
        "allergies",
        "https://example.org/substances,willow,",
        "drug,willow,",
        'allergies.csv:7: "willow" is not a known drug',
    ),
    "a period of nothing": (
        "periods",
        "pregnancy,300",
        "pregnanci,300",
        '(did you mean "pregnancy"?)',
    ),
    "a period in another unit": ("periods", ",300,days,", ",10,months,", '"months" is not a known unit; allowed: days'),
    "a column that is none": (
        "tests",
        "system,code,name,finding,",
        "system,code,name,findings,",
        'tests.csv:1: "findings" is not a column (did you mean "finding"?); the columns must be system, code, name,',
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_with_its_line(name: str, fen_pox: Guideline, tmp_path: Path) -> None:
    from reasoner.fhir import Tables

    table, old, new, message = MISTAKES[name]
    shutil.copytree(FOLDER / "fhir", tmp_path / "fhir")
    file = tmp_path / "fhir" / f"{table}.csv"
    content = file.read_text("utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(GuidelineError) as caught:
        Tables(tmp_path / "fhir", fen_pox.model)
    assert message in str(caught.value)


def test_a_file_that_is_no_table_is_refused(fen_pox: Guideline, tmp_path: Path) -> None:
    from reasoner.fhir import Tables

    shutil.copytree(FOLDER / "fhir", tmp_path / "fhir")
    (tmp_path / "fhir" / "allergy.csv").write_text("system,code\n")
    with pytest.raises(GuidelineError, match=r'allergy\.csv: not a table; allowed: allergies\.csv, .*\(did you mean "alle'):
        Tables(tmp_path / "fhir", fen_pox.model)


@pytest.mark.parametrize("kept", [["age"], ["sex"], ["fen_pox"], ["mallow_allergy"], ["spleen_removed"], ["clearance"]])
def test_tables_that_are_not_needed_may_be_absent(kept: list[str], fen_pox: Guideline, tmp_path: Path) -> None:
    needed = {"age": [], "sex": ["values"], "fen_pox": ["conditions"], "mallow_allergy": ["allergies"]}
    needed |= {"spleen_removed": ["procedures"], "clearance": ["tests", "values"]}
    from reasoner.fhir import Tables, parse, read_facts

    whole = Tables(FOLDER / "fhir", fen_pox.model)
    named = {name for mapping in whole.facts if mapping.fact in kept for name in mapping.of}
    sets = {test.values for test in whole.tests.values() if test.finding in named}
    for table in ["facts", *(name for fact in kept for name in needed[fact])]:
        lines = (FOLDER / "fhir" / f"{table}.csv").read_text("utf-8").splitlines()
        column = {"facts": "fact", "values": "values"}.get(table, "finding")
        place, allowed = lines[0].split(",").index(column), {*kept, *named, *sets}
        own = [line for line in lines[1:] if line.split(",")[place] in allowed]
        (tmp_path / f"{table}.csv").write_text("\n".join([lines[0], *own]) + "\n", "utf-8")
    tables = Tables(tmp_path, fen_pox.model)
    content = chart([own for _, resources, _, _ in CASES.values() for own in resources], BORN)
    assert read_facts(parse(content), fen_pox.model, tables).record.keys() <= {"id", *kept}


def lists(resources: Iterable[dict[str, Any]], patient: dict[str, Any]) -> dict[str, Any]:
    """Sort resources into the lists that the service asks for."""
    kinds = {"conditions": "Condition", "observations": "Observation", "procedures": "Procedure"}
    own = list(resources)
    return {
        "patient": {"resourceType": "Patient", "id": "p", **patient},
        **{
            key: {
                "resourceType": "Bundle",
                "type": "searchset",
                "entry": [{"resource": found} for found in own if found["resourceType"] == kind],
            }
            for key, kind in (*kinds.items(), ("allergies", "AllergyIntolerance"))
        },
    }


@pytest.fixture(scope="module")
def service(own_cache: None) -> Iterator[Client]:
    with asking(Settings(selection=Selection(FOLDER), public_url=SITE)) as client:
        yield client


def test_a_guideline_without_drugs_is_asked_about_patients_with_the_codes_of_its_tables(service: Client) -> None:
    (found,) = service.get("/cds-services").json()["services"]
    assert found["hook"] == "patient-view"
    assert found["prefetch"].keys() == {"patient", "conditions", "observations", "procedures", "allergies"}
    about = "{{context.patientId}}"
    assert found["prefetch"]["allergies"] == f"AllergyIntolerance?patient={about}"
    assert found["prefetch"]["observations"].startswith(f"Observation?patient={about}&code=http://loinc.org|82810-3,http")


@pytest.mark.parametrize(
    ("resources", "summary"),
    [
        ([VISIT, NO_ALLERGY], "care: admission (standard, certain)"),
        ([NO_ALLERGY, clearance("1", "2024-03-01", 12)], ""),
        ([diagnosis("pox", coded(f"{EXAMPLE}diagnoses", "fen-pox"), "resolved")], ""),
        ([diagnosis("t", {"text": "Fen pox"})], ""),
    ],
)  # fmt: skip
def test_patients_in_scope_get_a_card_and_others_none(
    resources: list[dict[str, Any]], summary: str, service: Client
) -> None:
    patient = {"birthDate": "1950-01-01", "gender": "male"}
    body = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}
    body |= {"context": {"userId": "Practitioner/1", "patientId": "p"}, "prefetch": lists(resources, patient)}
    reply = service.post("/cds-services/guideline-patient-view", json=body)
    assert reply.status_code == 200, reply.text
    found = reply.json()["cards"]
    assert [card["summary"] for card in found][:1] == ([summary] if summary else [])
    for card in found:
        check_card(card)


ALLERGIES = {
    "a drug by its name, with its strength": ([allergy("a", {"text": "Amarin 5mg"})], None, ["amarin"]),
    "a drug by its code": ([allergy("a", coded("http://www.whocc.no/atc", "X01AA01"))], None, ["amarin"]),
    "a class of drugs by its code": ([mallow(code="salts")], None, ["belosol", "cerodin"]),
    "two drugs": ([allergy("a", {"text": "Amarin"}), allergy("b", {"text": "cerodin"})], None, ["amarin", "cerodin"]),
    "none": ([NO_ALLERGY], [], []),
    "none, and another drug": ([NO_ALLERGY, allergy("a", {"text": "aspirin"})], [], []),
    "none, and a drug among other words": ([NO_ALLERGY, allergy("a", {"text": "cerodin, or was it?"})], None, None),
    "none, and nobody knows what": ([NO_ALLERGY, UNREAD], None, None),
    "nobody knows what": ([UNREAD], None, None),
    "nothing": ([VISIT], None, None),
}


@pytest.mark.parametrize("name", ALLERGIES)
def test_a_list_of_drugs_is_read_from_allergies_by_the_codes_and_names_of_the_drugs(
    name: str, own_cache: None, tmp_path: Path
) -> None:
    resources, whole, silent = ALLERGIES[name]
    (tmp_path / "guideline.lp").write_text((ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8"))
    tables = {
        "facts": ("fact,method,of,meaning", "allergies,each,allergy_*,"),
        "drugs": (
            "system,code,name,drug,level,provenance",
            "atc,X01A,amarin,amarin,class,invented",
            *(f"text,{drug},{drug},{drug},name,invented" for drug in ("amarin", "belosol", "cerodin")),
            "text,aspirin,aspirin,,name,invented",
        ),
        "allergies": (
            "system,code,name,finding,value,provenance",
            "drug,*,any drug,allergy_*,true,",
            *(f"https://example.org/substances,salts,salts,allergy_{drug},true," for drug in ("belosol", "cerodin")),
            "snomed,716186003,no known allergy,*,false,SNOMED CT",
        ),
    }
    (tmp_path / "fhir").mkdir()
    for table, lines in tables.items():
        (tmp_path / "fhir" / f"{table}.csv").write_text("\n".join(lines) + "\n")
    for guideline, expected in (
        (Guideline.load(tmp_path), whole),
        (Guideline.load(tmp_path, no_record_means_none=True), silent),
    ):
        found = guideline.read_fhir(chart(resources, BORN))
        assert found.record.get("allergies") == expected
        assert expected is not None or name == "nothing" or "allergies: stays unknown: told: " in " ".join(found.remarks())


def test_every_file_column_and_method_is_documented() -> None:
    page = (ROOT / "asp/README.md").read_text("utf-8")
    for table, columns in COLUMNS.items():
        assert f"| `{table}.csv` | `{','.join(columns)}` |" in page
    for method in (*METHODS, *COURSE_METHODS):
        assert f"| `{method}` |" in page


def test_courses_of_another_disease_are_read_by_tables_as_well(own_cache: None, tmp_path: Path) -> None:
    (tmp_path / "guideline.lp").write_text((ROOT / "tests/guidelines/marsh_fever/guideline.lp").read_text("utf-8"))
    periods = {"starts_together": 3, "pause": 30, "stopped": 1, "under_way": 10, "cycle": 1, "at_once": 3}
    tables = {
        "facts": ("fact,method,of,meaning", "earlier_therapy,courses_from,marsh_fever trend,", "days,cycles,,"),
        "drugs": (
            "system,code,name,drug,level,provenance",
            *(f"text,{drug},{drug},{drug},name,invented" for drug in ("amarin", "belosol")),
        ),
        "conditions": (
            "system,code,site,name,finding,value,provenance",
            f"{EXAMPLE}diagnoses,marsh-fever,,marsh fever,marsh_fever,whole,invented",
        ),
        "tests": ("system,code,name,finding,values,provenance", f"{EXAMPLE}tests,trend,trend,trend,trends,invented"),
        "values": ("values,system,code,name,value,provenance", "trends,text,worse,worse,progression,as written"),
        "periods": (
            "period,length,unit,meaning,provenance",
            *(f"{period},{days},days,,invented" for period, days in periods.items()),
        ),
    }
    (tmp_path / "fhir").mkdir()
    for table, lines in tables.items():
        (tmp_path / "fhir" / f"{table}.csv").write_text("\n".join(lines) + "\n")
    doses = [
        about(
            "MedicationAdministration",
            f"m{day}",
            status="completed",
            medicationCodeableConcept={"text": "Amarin"},
            effectiveDateTime=f"2024-03-{day:02}",
            reasonReference=[{"reference": "Condition/c"}],
        )
        for day in range(2, 8)
    ]
    ill = diagnosis("c", coded(f"{EXAMPLE}diagnoses", "marsh-fever"), onsetDateTime="2024-03-01")
    worse = result("t", coded(f"{EXAMPLE}tests", "trend"), "2024-03-08", valueString="worse")
    found = Guideline.load(tmp_path).read_fhir(chart([ill, *doses, worse], BORN))
    assert found.record["earlier_therapy"] == [{"drugs": ["amarin"], "outcome": "progression", "days": 6}]
