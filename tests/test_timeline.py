"""The timeline of a chart: what it says of which time, where the record has it, and the picture on a terminal."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from bundles import (
    AFTER_FIRST_LINE,
    AFTER_SECOND_LINE,
    FIRST_LINE,
    HER2,
    METASTASES,
    NEGATIVE,
    POSITIVE,
    STABLE,
    WORSENED,
    bundle,
    concept,
    condition,
    doses,
    given,
    observation,
    requested,
    resource,
    spoil,
    stated,
)

from reasoner import Guideline, RecordError
from reasoner.fhir.timeline import Timeline, TimelineEvent
from reasoner.render import timeline as texts

IHC, STATUS, WEIGHT = "loinc:85319-2", "loinc:97509-4", "loinc:29463-7"
HOSTILE = "<b>x</b>\x1b[31m\u202e" + "w" * 3000


def trend(name: str, day: str, value: str) -> dict[str, Any]:
    return observation(name, STATUS, day, valueCodeableConcept=value)


def kilograms(number: int, day: str) -> dict[str, Any]:
    return observation(f"kg-{number}", WEIGHT, day, valueQuantity={"value": 60 + number, "unit": "kg", "code": "kg"})


SHOWN: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "a course has its drugs, its time, its outcome and its place": (
        [METASTASES, *FIRST_LINE, trend("w", "2020-10-20", WORSENED)],
        [
            "2020-01-10 | metastases | told | metastatic",
            "2020-02-01 to 2020-09-19 | course 1: trastuzumab + pertuzumab + docetaxel, progression | told"
            " | metastatic_therapy[0]",
            "2020-10-20 | progression | told | metastatic_therapy[0].outcome",
        ],
    ),
    "a course that goes on is open at its end, and one that is taken to go on says so": (
        [
            METASTASES,
            stated("t", "trastuzumab", "2020-02-01", "2020-09-01", "completed"),
            *doses("trastuzumab_deruxtecan", "2020-11-01", 3),
        ],
        [
            "2020-01-10 | metastases | told | metastatic",
            "2020-02-01 to 2020-09-01 | course 1: trastuzumab, completion | told | metastatic_therapy[0]",
            "2020-11-01 to 2020-12-13 | course 2: trastuzumab deruxtecan (T-DXd), ongoing"
            ": taken as under way, as the last dose is recent | assumed | metastatic_therapy[1]",
        ],
    ),
    "a drug under way has no end": (
        [METASTASES, stated("t", "trastuzumab", "2020-02")],
        [
            "2020-01-10 | metastases | told | metastatic",
            "since 2020-02 | course 1: trastuzumab, ongoing | told | metastatic_therapy[0]",
        ],
    ),
    "therapy that may lie before the metastases or since stands at each of its places": (
        [condition("liver", "sct:94381002", "2020"), stated("t", "trastuzumab", "2020-03-01", "2020-06-01", "completed")],
        [
            "2020 | metastases | told | metastatic, one_of[1].months_to_recurrence",
            "2020-03-01 to 2020-06-01 | trastuzumab: before metastases or since | open"
            " | one_of[0].metastatic_therapy[0], one_of[1].adjuvant_drugs",
        ],
    ),
    "therapy since the metastases is a course whatever its number is": (
        [
            condition("liver", "sct:94381002", recordedDate="2020-02-10"),
            stated("d", "docetaxel", "2015-05-01", "2015-08-01", "completed"),
            trend("w", "2019-12-01", WORSENED),
            stated("t", "trastuzumab", "2020-03-01", "2020-06-01", "completed"),
        ],
        [
            "2015-05-01 to 2015-08-01 | docetaxel: before metastases or since | open"
            " | one_of[0].metastatic_therapy[0], one_of[1].adjuvant_drugs",
            "2019-12-01 | progression | told | one_of[0].metastatic_therapy[0].outcome",
            "by 2020-02-10 | metastases | told | metastatic",
            "2020-03-01 to 2020-06-01 | course 2, or 1: trastuzumab, completion | told"
            " | one_of[0].metastatic_therapy[1], one_of[1].metastatic_therapy[0]",
        ],
    ),
    "a diagnosis with two codes is one event": (
        [{**METASTASES, "code": concept("icd:C78.7", "sct:94381002")}],
        ["2020-01-10 | metastases | told | metastatic"],
    ),
    "what a document tells was so by its date": (
        [
            METASTASES,
            resource("DocumentReference", "d", status="current", date="2021-03-04T10:00:00Z", description="Had T-DM1"),
        ],
        [
            "2020-01-10 | metastases | told | metastatic",
            "by 2021-03-04 | trastuzumab emtansine (T-DM1): told, but not read from the medications | open | ",
        ],
    ),
    "therapy before the metastases is told as such": (
        [stated("t", "trastuzumab", "2018-01-01", "2018-12-01", "completed"), METASTASES],
        [
            "2018-01-01 to 2018-12-01 | before metastases: trastuzumab | told | adjuvant_drugs",
            "2020-01-10 | metastases | told | metastatic, months_to_recurrence",
        ],
    ),
    "where therapy is unknown, what is told of it is shown without a place, and what makes it so": (
        [METASTASES, *doses("trastuzumab", "2020-02-01", 3), requested("x", "tucatinib", "2020-06-01", "unknown")],
        [
            "2020-01-10 | metastases | told | metastatic",
            "2020-02-01 to 2020-03-14 | trastuzumab: not in the record | open | ",
            '2020-06-01 | tucatinib: the status "unknown" does not say whether it was given | open | ',
        ],
    ),
    "what has no date comes last": (
        [METASTASES, given("t", "trastuzumab", None), observation("her2", IHC, valueCodeableConcept=POSITIVE)],
        [
            "2020-01-10 | metastases | told | metastatic",
            "no date | HER2: positive | told | her2",
            "no date | trastuzumab: there is no date | open | ",
        ],
    ),
    "a date of recording is a bound from above": (
        [condition("liver", "sct:94381002", recordedDate="2020-03-05")],
        ["by 2020-03-05 | metastases | told | metastatic"],
    ),
    "results that say the same are one event until another comes between": (
        [
            *(observation(f"a{n}", IHC, f"2017-0{n}-01", valueCodeableConcept=POSITIVE) for n in (1, 2, 3)),
            observation("b", IHC, "2018-01-01", valueCodeableConcept=NEGATIVE),
            observation("c", IHC, "2019-01-01", valueCodeableConcept=POSITIVE),
        ],
        [
            "2017-01-01 to 2017-03-01 | HER2: positive (3) | told | ",
            "2018-01-01 | HER2: negative | told | ",
            "2019-01-01 | HER2: positive | told | her2",
        ],
    ),
    "numbers are one event from the first to the last": (
        [kilograms(1, "2020-01-01"), kilograms(3, "2020-02-01"), kilograms(2, "2020-03-01")],
        ["2020-01-01 to 2020-03-01 | weight: 61 kg to 62 kg (3) | told | weight_kg"],
    ),
    "each progression is an event of its own, control from one to the next is one": (
        [
            METASTASES,
            trend("a", "2020-03-01", STABLE),
            trend("b", "2020-06-01", STABLE),
            trend("c", "2020-07-01", WORSENED),
            trend("d", "2020-08-01", WORSENED),
        ],
        [
            "2020-01-10 | metastases | told | metastatic",
            "2020-03-01 to 2020-06-01 | disease under control (2) | told | ",
            "2020-07-01 | progression | told | ",
            "2020-08-01 | progression | told | ",
        ],
    ),
    "what contradicts each other is open": (
        [HER2, observation("her2-b", IHC, "2020-01-12", valueCodeableConcept=NEGATIVE)],
        [
            "2020-01-12 | HER2: negative: other resources contradict it | open | ",
            "2020-01-12 | HER2: positive: other resources contradict it | open | ",
        ],
    ),
    "what is without consequence is not read, and what may matter is unclear": (
        [condition("x", "sct:999999999", "2019-03"), *(observation(f"e{n}", "loinc:1-1", "2020") for n in range(4))],
        [
            "2019-03 | 999999999: a diagnosis that is not in the tables | open | ",
            "2020 | 1-1: a test that is not in the tables (4) | told | ",
        ],
    ),
}


def timeline(guideline: Guideline, data: Any) -> Timeline:
    found = guideline.read_fhir(data).with_timeline().timeline
    assert isinstance(found, Timeline)
    return found


def line(event: TimelineEvent) -> str:
    why = f": {event.why}" if event.why else ""
    count = f" ({event.count})" if event.count > 1 and event.kind != "therapy" else ""
    return f"{event.when} | {event.words}{why}{count} | {event.certainty} | {', '.join(event.places)}"


@pytest.mark.parametrize("name", SHOWN)
def test_the_timeline_says_what_the_chart_tells_of_which_time(name: str, curated: Guideline) -> None:
    resources, expected = SHOWN[name]
    assert [line(event) for event in timeline(curated, bundle(*resources)).events] == expected


@pytest.mark.parametrize("name", SHOWN)
def test_every_dose_of_the_chart_and_every_therapy_of_the_record_is_on_the_timeline(name: str, curated: Guideline) -> None:
    chart = bundle(*SHOWN[name][0])
    found = curated.read_fhir(chart)
    events = timeline(curated, chart).events
    given_in = [own["resource"] for own in chart["entry"] if own["resource"]["resourceType"].startswith("Medication")]
    told = sum(own.count for own in events if own.kind == "therapy" or (own.kind == "unclear" and not own.finding))
    assert told >= len(given_in)
    places = {place for own in events for place in own.places}
    courses = found.record.get("metastatic_therapy") or []
    assert {f"metastatic_therapy[{n}]" for n in range(len(courses))} <= places
    assert all(0 <= start <= end <= 1 for own in events if own.at for start, end in (own.at, *(d.at for d in own.drugs)))


def test_a_therapy_that_is_not_in_the_record_has_what_is_told_of_it_and_null_for_the_rest(curated: Guideline) -> None:
    given_since = [*FIRST_LINE, trend("w", "2020-10-20", WORSENED), *doses("trastuzumab_deruxtecan", "2020-11-01", 4)]
    unknown = {"maximal_response": None, "chemotherapy_toxicity": None}
    stopped = {"taxane_cycles": 6, "chemotherapy_months": 3.48, "chemotherapy_stopped": True}
    carried_on = [condition("liver", "sct:94381002", "2020"), stated("l", "letrozole", "2019-01-01")]
    order = [METASTASES, requested("x", "tucatinib", "2020-06-01", "unknown")]
    for others, ongoing in ((carried_on, None), (order, "ongoing")):
        chart = bundle(*others, *given_since)
        assert "metastatic_therapy" not in curated.read_fhir(chart).record
        *_, first, last = [own for own in timeline(curated, chart).events if own.kind == "therapy"]
        drugs = ["trastuzumab", "pertuzumab", "docetaxel"]
        assert first.course == {"drugs": drugs, "outcome": "progression", **unknown, **stopped}
        alone = {"drugs": ["trastuzumab_deruxtecan"], "outcome": ongoing}
        assert last.course == {**alone, **unknown, "chemotherapy_stopped": None}


def test_long_times_without_an_event_are_folded(curated: Guideline) -> None:
    chart = bundle(condition("breast", "icd:C50.9", "1995-01-10"), METASTASES, *FIRST_LINE)
    found = timeline(curated, chart)
    assert len(found.gaps) == 1
    therapy = next(own for own in found.events if own.kind == "therapy")
    assert therapy.at is not None
    assert therapy.at[1] - therapy.at[0] > 0.4
    assert [tick.label for tick in found.ticks][:2] == ["1995", "2020"]


def test_each_year_has_a_tick_and_no_label_stands_in_another(curated: Guideline) -> None:
    for first, last in (("2023-07-20", "2024-06-01"), ("2019-05-07", "2023-01-20"), ("2012-01-01", "2020-01-10")):
        days = [f"{year}-06-15" for year in range(int(first[:4]), int(last[:4]))]
        own = [given(f"t{n}", "letrozole", day) for n, day in enumerate([first, *days[1:], last])]
        ticks = timeline(curated, bundle(*own)).ticks
        years = range(int(first[:4]), int(last[:4]) + 1)
        assert len([tick for tick in ticks if "-" not in tick.label]) == len(years)
        spans = [
            (at - w, at) if at > 0.85 else (at, at + w) for at, w in ((t.at, len(t.label) * 0.043) for t in ticks if t.label)
        ]
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_a_course_of_one_day_is_drawn_as_one_that_is_longer(curated: Guideline) -> None:
    for day in ("2020-02-01", "2020-06-01"):
        chart = bundle(METASTASES, given("t", "trastuzumab", day), trend("w", "2020-04-01", WORSENED))
        drawn = texts.render(curated.read_fhir(chart))
        line = next(own for own in drawn.splitlines() if own.startswith(day) and "trastuzumab" in own)
        assert re.search(r" \[[\]>] ", line), line


def test_damaged_charts_have_a_timeline_with_all_that_the_record_has(curated: Guideline) -> None:
    rng, drawn = random.Random(19), 0
    charts = [AFTER_SECOND_LINE, *(bundle(*resources) for resources, _ in SHOWN.values())]
    for _ in range(400):
        chart: Any = deepcopy(rng.choice(charts))
        for _ in range(rng.randint(1, 4)):
            chart = spoil(chart, rng)
        with suppress(RecordError):
            found = curated.read_fhir(chart if isinstance(chart, dict) else {}).with_timeline()
            drawn += 1
            events = found.draw(found).events
            parts = [part for own in events if own.at for part in (own.at, *(drug.at for drug in own.drugs))]
            assert all(0 <= start <= end <= 1 for start, end in parts)
            courses = found.record.get("metastatic_therapy") or []
            assert {f"metastatic_therapy[{n}]" for n in range(len(courses))} <= {p for own in events for p in own.places}
            assert max(map(len, texts.render(found, 80).splitlines())) <= 80
    assert drawn > 200


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_picture_keeps_to_its_width_and_shows_nothing_of_a_chart_but_text(width: int, curated: Guideline) -> None:
    hostile = [
        {**condition(f"d{n}", "sct:94381002", "2020"), "code": {"coding": [], "text": HOSTILE + str(n)}} for n in range(300)
    ]
    seen = [observation(f"h{n}", IHC, f"{1800 + n}", valueCodeableConcept=(POSITIVE, NEGATIVE)[n % 2]) for n in range(300)]
    for chart in (bundle(*hostile, *seen, METASTASES, *FIRST_LINE), bundle(), AFTER_FIRST_LINE):
        facts = curated.read_fhir(chart)
        picture = texts.render(facts, width).splitlines()
        assert max(map(len, picture)) <= width
        assert all(own.isprintable() for own in picture)
        assert len(picture) < 700
        assert all(own.isprintable() and len(own) < 2000 for own in facts.with_timeline().report())
        if chart["entry"][1:]:
            assert any("course 1:" in own for own in picture) or width == 40
