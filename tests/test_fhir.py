"""FHIR in: what is read from resources, where it was read, and what stays unknown."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bundles import (
    AFTER_FIRST_LINE,
    AFTER_SECOND_LINE,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    POSITIVE,
    WORSENED,
    bundle,
    condition,
    given,
    observation,
    requested,
    resource,
    spoil,
    stated,
)  # fmt: skip
from chart_cases import LEFT_OPEN
from coded_cases import CODED
from finding_cases import FINDINGS, FISH, IHC, SERUM
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from therapy_cases import THERAPY, in_words
from told_cases import TOLD

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.fhir import bundles, convert, mappings, orders_of, parse, tables
from reasoner.fhir.course_facts import COURSE_METHODS
from reasoner.fhir.methods import METHODS
from reasoner.guideline import default_folder
from reasoner.records.shapes import to_plain
from reasoner.render.answer import render

READ = FINDINGS | THERAPY | LEFT_OPEN | CODED | TOLD
REASONER = [sys.executable, "-m", "reasoner"]


@pytest.fixture(scope="module")
def silent() -> Guideline:
    return Guideline.load(no_record_means_none=True)


@pytest.mark.parametrize("name", READ)
def test_facts_are_read_as_a_reader_of_the_bundle_would(name: str, curated: Guideline) -> None:
    resources, expected = READ[name]
    for kind in ("collection", "searchset", "transaction", "document"):
        found = curated.read_fhir(json.dumps(bundle(*resources, kind=kind)).encode())
        assert {fact: found.record.get(fact) for fact in expected} == expected


def test_every_fact_has_its_source_and_every_unknown_one_its_reason(curated: Guideline) -> None:
    for resources, _ in READ.values():
        found = curated.read_fhir(bundle(*resources))
        read_from = {place.partition("[")[0] for place in (source.fact for source in found.sources)}
        told = {fact for fact, value in found.record.items() if value is not None}
        assert told - {"id", "one_of"} <= read_from
        open_facts = {entry.fact.partition("[")[0] for entry in found.undecided}
        for fact in ("metastatic_therapy", "breast_cancer"):
            assert fact in told or fact in open_facts or "one_of" in open_facts


def test_resources_are_read_alike_with_the_fields_of_their_kind_and_with_all(
    curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"resourceType": "KindOfTomorrow", "id": "k", "subject": {"reference": "Patient/p"}}
    charts = [bundle(*resources) for resources, _ in READ.values()]
    contents = [json.dumps(chart).encode() for chart in (*charts, AFTER_SECOND_LINE, bundle(METASTASES, other))]
    read = [curated.read_fhir(content) for content in contents]
    assert read[-1].other_kinds == {"KindOfTomorrow": 1}
    monkeypatch.setattr(bundles, "KNOWN", bundles.WHOLE)
    for content, own in zip(contents, read, strict=True):
        again = curated.read_fhir(content)
        assert (again, list(again.report())) == (own, list(own.report()))


def test_numbers_of_a_chart_that_are_out_of_range_stay_unknown_with_a_note(tmp_path: Path) -> None:
    folder = tmp_path / "narrow"
    shutil.copytree(default_folder(), folder)
    with (folder / "facts.lp").open("a") as file:
        file.write("maximum(weight_kg, 300). maximum(chemotherapy_months, 7). maximum(months_to_recurrence, 13).\n")
    narrow = Guideline.load(folder)
    notes = {301: "301 is out of range; allowed: more than 0, at most 300", 300: "", 0: "0 is out of range"}
    for value, note in notes.items():
        weight = observation("w", "loinc:29463-7", "2020-01-01", valueQuantity={"value": value, "code": "kg"})
        found = narrow.read_fhir(bundle(HER2, weight))
        assert found.record.get("weight_kg") == (None if note else value)
        assert (f"weight_kg: stays unknown: {note}" in " ".join(found.remarks())) == bool(note)
    early = [stated("early", "trastuzumab", "2017-01-01", "2018-01-01", "completed"), METASTASES]
    assert Guideline.load().read_fhir(bundle(*early)).record["months_to_recurrence"] > 13
    late = narrow.read_fhir(bundle(*early))
    assert "months_to_recurrence" not in late.record
    assert "is out of range; allowed: at least 0, at most 13" in " ".join(late.remarks())
    orders = [stated(drug, drug, "2020-02-01", "2020-10-01", "completed") for drug in ("trastuzumab", "paclitaxel")]
    courses = narrow.read_fhir(bundle(METASTASES, *orders))
    assert "chemotherapy_months" not in courses.record["metastatic_therapy"][0]
    assert "chemotherapy_months: stays unknown: 8 is out of range" in " ".join(courses.remarks())


def test_what_is_not_recorded_is_none_only_where_the_site_says_so(silent: Guideline) -> None:
    for resources in ([METASTASES, HER2], [HER2]):
        assert "metastatic_therapy" not in Guideline.load().read_fhir(bundle(*resources)).record
        found = silent.read_fhir(bundle(*resources))
        assert found.record["metastatic_therapy"] == []
        notes = " ".join(silent.answer(bundle(*resources)).notes)
        assert "--no-record-means-none" in notes
        assert "read as none given" in notes
    adjuvant = silent.read_fhir(bundle(given("t", "trastuzumab", "2018-01-10"))).record
    assert (adjuvant["adjuvant_drugs"], adjuvant["metastatic_therapy"]) == (["trastuzumab"], [])
    unclear = bundle(METASTASES, requested("x", "tucatinib", "2020-02-01", "unknown"))
    assert "metastatic_therapy" not in silent.read_fhir(unclear).record


def test_no_drug_that_a_table_names_ends_like_drugs_that_are_others(curated: Guideline) -> None:
    found = curated.tables
    names = [name for (system, name), drugs in found.drugs.items() if system == tables.TEXT and any(drugs)]
    assert len(names) > 150
    assert not [name for name in names if found.names_another(name)]


def test_unknown_medications_are_named_and_taken_for_others_only_where_the_site_says_so(
    curated: Guideline, silent: Guideline
) -> None:
    others = [in_words(f"m{number}", f"own mixture {number}") for number in range(5)]
    assert "metastatic_therapy" not in curated.read_fhir(bundle(METASTASES, *FIRST_LINE, *others)).record
    notes = " ".join(curated.read_fhir(bundle(METASTASES, *FIRST_LINE, *others)).remarks())
    assert "own mixture 0: no table knows this medication" in notes
    found = silent.read_fhir(bundle(METASTASES, *FIRST_LINE, *others))
    assert found.record["metastatic_therapy"]
    (said,) = [text for text in found.assumed if "own mixture" in text]
    assert "taken for none of the guideline's drugs: 5 (MedicationRequest/m0, own mixture 0, " in said
    assert said.endswith("own mixture 2, 2020-02-01; and 2 more)")


def test_a_contradiction_names_both_resources(curated: Guideline) -> None:
    said = curated.read_fhir(bundle(*READ["contradictory results of one day leave the fact unknown"][0]))
    assert [side.resource for entry in said.contradictions for side in entry.sides] == [
        "Observation/her2",
        "Observation/other",
    ]
    notes = " ".join(
        curated.answer(bundle(HER2, observation("other", FISH, "2020-01-12", valueCodeableConcept=NEGATIVE))).notes
    )
    assert "her2: the record contradicts itself" in notes
    assert "Observation/her2" in notes
    assert "Observation/other" in notes


def test_what_does_not_count_is_not_mentioned_and_what_says_nothing_is_listed(curated: Guideline) -> None:
    found = curated.read_fhir(
        bundle(
            condition("ild", "icd:J84.9", verification="refuted"),
            observation("wrong", IHC, "2021-01-01", status="entered-in-error", valueCodeableConcept=NEGATIVE),
            observation("serum", SERUM, "2020-01-01", valueCodeableConcept=POSITIVE),
            observation("ecog", "loinc:89247-1", "2020-01-01", valueInteger=1),
        )
    )
    assert {entry.fact for entry in found.undecided} == {"metastatic_therapy", "breast_cancer"}
    assert (found.contradictions, found.sources) == ((), ())
    assert {own.resource: own.why for own in found.unmapped} == {
        "Observation/serum": "HER2 in serum or plasma: says nothing about the tumour",
        "Observation/ecog": "a test that is not in the tables",
        "Condition/ild": "refuted",
    }


def test_resources_of_kinds_that_are_not_read_are_counted_in_one_note(curated: Guideline) -> None:
    letters = [resource("Flag", f"c{n}", code={"text": "Kadcyla until May"}) for n in range(3)]
    others = [resource("Goal", "goal"), {"resourceType": "Organization", "id": "clinic"}]
    found = curated.read_fhir(bundle(METASTASES, *letters, *others))
    assert found.other_kinds == {"Flag": 3, "Goal": 1}
    note = "Not read, as resources of these kinds never are: 3 Flag, 1 Goal."
    assert note in list(found.report())
    assert note in curated.answer(bundle(METASTASES, *letters, *others)).notes
    assert not curated.read_fhir(bundle(METASTASES, HER2)).other_kinds


def test_bundles_are_answered_as_second_and_third_line(curated: Guideline) -> None:
    second, third = curated.answer(AFTER_FIRST_LINE), curated.answer(AFTER_SECOND_LINE)
    assert (second.setting, second.recommended[0].regimen) == ("second_line", "trastuzumab_deruxtecan")
    assert third.setting == "third_line"
    assert "tucatinib_trastuzumab_capecitabine" in {entry.regimen for entry in third.recommended}


def test_a_record_that_was_printed_is_answered_as_its_bundle(curated: Guideline) -> None:
    for data in (AFTER_FIRST_LINE, AFTER_SECOND_LINE):
        own, printed = to_plain(curated.answer(data)), to_plain(curated.answer(curated.read_fhir(data).record))
        assert {k: v for k, v in own.items() if k != "notes"} == {k: v for k, v in printed.items() if k != "notes"}


def test_the_order_of_the_entries_changes_no_fact(curated: Guideline) -> None:
    rng = random.Random(1)
    for resources, _ in READ.values():
        data = bundle(*resources)
        first = curated.read_fhir(data).record
        for _ in range(3):
            rng.shuffle(data["entry"])
            assert curated.read_fhir(data).record == first


REFUSED = {
    "two patients": (
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": n}} for n in "ab"]},
        "2 patients",
    ),
    "resources of two patients without a Patient": (
        {
            "resourceType": "Bundle",
            "entry": [{"resource": HER2}, {"resource": {**HER2, "subject": {"reference": "Patient/q"}}}],
        },
        "2 patients (p, q)",
    ),
    "nothing at all": ({"resourceType": "Bundle", "entry": "many"}, "no FHIR resource can be read"),
}


def on(number: int) -> str:
    """Write one of three thousand days."""
    return date.fromordinal(730_000 + number % 3_000).isoformat()


def equivocal(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield observation(f"ihc-{n}", "loinc:85319-2", "2022-01-01", valueString="2+")
        yield observation(f"fish-{n}", "loinc:85318-4", "2019-01-01", valueString="positive")


def dosed(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield given(f"dose-{n}", "trastuzumab", on(n))


def worsened(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield observation(f"worse-{n}", "loinc:97509-4", on(n), valueCodeableConcept=WORSENED)


def worsened_at_no_date(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield observation(f"undated-{n}", "loinc:97509-4", valueCodeableConcept=WORSENED)


def told_by_procedures(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        code = {"text": "chemotherapy"}
        yield resource("Procedure", f"told-{n}", status="completed", code=code, performedDateTime=on(n))


LARGE: dict[str, tuple[Callable[[int], Iterator[dict[str, Any]]], ...]] = {
    "equivocal results, and old ones of another test": (equivocal,),
    "doses and progressions": (dosed, worsened),
    "progressions with a date and without": (worsened, worsened_at_no_date),
    "doses and procedures": (dosed, told_by_procedures),
}


def steps_of_reading(guideline: Guideline, entries: Iterable[dict[str, Any]]) -> int:
    """Count the calls that it takes to read a chart."""
    content = json.dumps(bundle(METASTASES, *entries)).encode()
    steps = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        guideline.read_fhir(content)
    finally:
        sys.setprofile(None)
    return steps


@pytest.mark.parametrize("name", LARGE)
def test_a_chart_twice_as_large_takes_about_twice_as_many_steps(name: str, curated: Guideline) -> None:
    small, large = (
        steps_of_reading(curated, (own for kind in LARGE[name] for own in kind(count))) for count in (500, 1_000)
    )
    assert large < 2.5 * small


@pytest.mark.parametrize(
    ("most", "one"),
    [
        (8, resource("Immunization", "one", status="completed")),
        (20, resource("Encounter", "one", status="finished")),
        (18, resource("Procedure", "one", status="completed")),
        (16, observation("one", "loinc:8867-4", "2021-01-01", valueQuantity={"value": 70, "unit": "/min"})),
    ],
)
def test_what_is_of_no_interest_in_a_chart_takes_few_steps(most: int, one: dict[str, Any], curated: Guideline) -> None:
    steps_of_reading(curated, [])
    few, many = (steps_of_reading(curated, ({**one, "id": str(n)} for n in range(count))) for count in (100, 600))
    assert many - few <= 500 * most


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_the_resource(name: str, curated: Guideline) -> None:
    data, message = REFUSED[name]
    with pytest.raises(RecordError) as caught:
        curated.answer(data)
    assert message in str(caught.value)


def test_a_course_whose_end_is_not_recorded_is_answered_with_its_outcome_unknown(curated: Guideline) -> None:
    answer = curated.answer(bundle(METASTASES, HER2, stated("x", "tucatinib", "2020-02-01", "2020-04-01", "stopped")))
    assert ("metastatic_therapy", 1, None) in [(entry.fact, entry.course, entry.key) for entry in answer.missing]
    assert "NOT RECORDED, AND IT MATTERS\n" in render(answer)
    assert "how course 1 ended" in render(answer)
    assert [note for note in answer.notes if "nothing says how the course ended (MedicationStatement/x" in note]


def test_drugs_that_cannot_be_placed_leave_therapy_unknown(curated: Guideline) -> None:
    answer = curated.answer(bundle(METASTASES, HER2, given("x", "tucatinib", None)))
    assert answer.missing[0].fact == "metastatic_therapy"
    assert all(entry.certainty == "conditional" for entry in answer.recommended)
    assert [note for note in answer.notes if "MedicationAdministration/x" in note]


def test_drugs_that_are_ordered_are_known_from_drafts(curated: Guideline) -> None:
    drafts = bundle(requested("order-1", "trastuzumab_deruxtecan", "2020-02-01", "draft"))
    assert orders_of(convert(drafts), curated.tables, "p").drugs == {"trastuzumab_deruxtecan": "MedicationRequest/order-1"}
    mentioned = bundle({**in_words("order-2", "Enhertu 5.4 mg/kg"), "status": "draft"})
    assert orders_of(convert(mentioned), curated.tables, "p").drugs == {
        "trastuzumab_deruxtecan": "MedicationRequest/order-2"
    }


def test_tables_name_drugs_and_facts_of_their_guideline(curated: Guideline, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(curated.folder, folder)
    table = folder / "fhir" / "drugs.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:4], lines[4].replace(",trastuzumab,", ",trastuzumap,"), *lines[5:]]) + "\n")
    with pytest.raises(GuidelineError, match=r'drugs\.csv:5: "trastuzumap" is not a known drug \(did you mean "trast'):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)
    for command in ("check", "serve"):
        done = subprocess.run([*REASONER, command, "--guideline", folder], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert 'drugs.csv:5: "trastuzumap" is not a known drug' in done.stderr
    table.write_text("\n".join([*lines, "text,Zytiga,Zytiga,tamoxifen,name,none"]) + "\n")
    with pytest.raises(GuidelineError, match=rf'drugs\.csv:{len(lines) + 1}: "Zytiga": .* write "zytiga"'):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)
    table.unlink()
    with pytest.raises(GuidelineError, match=r"drugs\.csv: missing or without rows; courses are built of the drugs in it"):
        Guideline.load(folder).answer(AFTER_FIRST_LINE)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("facts", "metastatic,ever,", "metastatic,evr,", 'facts.csv:2: "evr" is not a known method; allowed: age, any_'),
        ("facts", "ever,metastasis,", "ever,,", 'facts.csv:2: of: "": the method ever takes finding'),
        ("facts", "ever,metastasis,", "ever,metastases,", 'facts.csv:2: "metastases" is not a known finding'),
        ("facts", "months_between,trastuzumab ", "months_between,x ", '"x" is not a known drug'),
        ("facts", "her2,latest,her2", "her3,latest,her2", 'facts.csv:3: "her3" is not a known fact'),
        ("tests", "her2,ihc,", "her2,ihcc,", 'tests.csv:2: "ihcc" is not a known set of values; allowed: certainty, '),
        ("values", "unit,kg,kilogram,1,", "unit,kg,kilogram,one,", '"one" is not a number'),
        ("values", "unit,kg,kilogram,1,", "unit,kg,kilogram,1e999,", '"1e999" is not a number'),
        ("periods", "pause,120,", "pauze,120,", 'periods.csv:3: "pauze" is not a known period; allowed: at_once, brain_'),
        ("periods", "cycle,18,", "pause,18,", 'periods.csv:6: period "pause": stands in 3 too; leave one out'),
        ("periods", "cycle,18,", "her2,18,", "periods.csv: add cycle"),
        ("drugs", ",Trastuzumab,", ",\x1b[2J,", "drugs.csv:2: a cell holds U+001B, which cannot be printed; leave it out"),
        ("drugs", "system,code,", "code,system,", "drugs.csv:1: the columns must be system, code,"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_table_is_refused_with_its_place(
    table: str, old: str, new: str, message: str, curated: Guideline, tmp_path: Path
) -> None:
    folder = tmp_path / "fhir"
    shutil.copytree(curated.folder / "fhir", folder)
    file = folder / f"{table}.csv"
    content = file.read_text("utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(GuidelineError) as caught:
        tables.Tables(folder, curated.model)
    assert message in str(caught.value)


def test_every_method_that_tables_may_name_is_there() -> None:
    assert METHODS.keys() == mappings.METHODS.keys()
    assert COURSE_METHODS.keys() == mappings.COURSE_METHODS.keys()


def test_the_explanation_shows_where_a_fact_was_read(environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(AFTER_FIRST_LINE))

    def run(*command: str) -> str:
        return subprocess.run(
            [*REASONER, *command], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout

    read = "Observation/status-1, loinc 97509-4, 2020-10-20"
    assert read in " ".join(run("why", "patient.json", "trastuzumab_deruxtecan", "--depth", "9").split())
    run("graph", "patient.json", "--full", "-o", "graph.json")
    nodes = {node["id"]: node for node in json.loads((tmp_path / "graph.json").read_text())["nodes"]}
    assert nodes["outcome(1,progression)"]["origin"] == read
    assert nodes["drug_in(1,docetaxel)"]["origin"].startswith(
        "MedicationAdministration/docetaxel-0, rxnorm 72962, 2020-02-01"
    )
    assert read in " ".join(run("graph", "patient.json").split())


def test_the_record_goes_to_standard_output_and_its_sources_beside_it(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "patient.json").write_text(json.dumps(AFTER_FIRST_LINE))
    done = subprocess.run(
        [*REASONER, "facts", "patient.json"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout)["her2"] == "positive"
    assert "her2: Observation/her2, loinc 85319-2, 2020-01-12" in done.stderr
    whole = subprocess.run(
        [*REASONER, "facts", "-", "--format", "json"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, input=json.dumps(AFTER_FIRST_LINE),
    )  # fmt: skip
    assert json.loads(whole.stdout)["record"] == json.loads(done.stdout)


def read_or_refuse(guideline: Guideline, content: bytes) -> None:
    """Read what may be no FHIR at all; an answer or one message."""
    try:
        found = guideline.read_fhir(content)
    except RecordError as error:
        assert "\n" not in str(error)
        return
    msgspec.json.encode(found)
    try:
        guideline.record(found.record)
    except RecordError as error:
        assert "contradicts itself" not in str(error)


@settings(max_examples=400)
@drawn(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
def test_spoilt_bundles_are_read_or_refused(curated: Guideline, seed: int, changes: int) -> None:
    rng = random.Random(seed)
    data: Any = copy.deepcopy(rng.choice([AFTER_SECOND_LINE, *(bundle(*resources) for resources, _ in READ.values())]))
    for _ in range(changes):
        if isinstance(data, dict | list):
            data = spoil(data, rng)
    content = bytearray(json.dumps(data).encode())
    if rng.random() < 0.2:
        content[rng.randrange(len(content))] = rng.randrange(256)
    read_or_refuse(curated, bytes(content))


@settings(max_examples=200)
@drawn(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_is_read_or_refused(curated: Guideline, data: Any) -> None:
    read_or_refuse(curated, json.dumps(data).encode())
    read_or_refuse(curated, json.dumps({"resourceType": "Bundle", "entry": data}).encode())


def test_deep_nesting_is_refused(curated: Guideline) -> None:
    for content in (b'{"a":' * 100_000, b"[" * 100_000, b'{"resourceType":"Bundle","entry":[{"resource":' * 5000):
        with pytest.raises(RecordError):
            parse(content)
    deep: Any = {"resourceType": "Patient", "id": "p"}
    for _ in range(20):
        deep = {"resourceType": "Bundle", "entry": [{"resource": deep}]}
    with pytest.raises(RecordError, match="no FHIR resource"):
        curated.read_fhir(deep)
