"""What is unknown costs no answer: diagrams where much is open, clingo where these end; nothing of it where nothing is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import ROOT
from in_process import asking
from records import random_record

from reasoner import Answer, Guideline, RecordError
from reasoner import guideline as guideline_module
from reasoner.cli import cli
from reasoner.engine import opened
from reasoner.engine.diagrams import AtBase, DiagramCompletions
from reasoner.engine.memory import OutgrownError
from reasoner.engine.stable_models import Bounds
from reasoner.queries.why import argued, why
from reasoner.records.shapes import to_json, to_plain
from reasoner.render.answer import render
from reasoner.serve.settings import Settings

HILL_AGUE = ROOT / "tests/guidelines/hill_ague"
COURSES: list[dict[str, object]] = [
    {"drugs": ["trastuzumab", "pertuzumab", "docetaxel"]},
    {"drugs": ["trastuzumab_deruxtecan"]},
    {"drugs": ["tucatinib", "trastuzumab", "capecitabine"]},
    {"drugs": ["lapatinib", "capecitabine"]},
]
NOTHING_TOLD: dict[str, dict[str, object]] = {
    "nothing at all": {"id": "x"},
    "nothing but that no therapy was given": {"id": "x", "metastatic_therapy": []},
    "nothing but the drugs of four courses": {"id": "x", "metastatic_therapy": COURSES},
    "one of two sets of facts, nothing else": {
        "id": "x",
        "one_of": [{"label": "before", "metastatic_therapy": []}, {"label": "since", "metastatic_therapy": COURSES[:2]}],
    },
}


def answerable(rng: Random, guideline: Guideline) -> Iterator[dict[str, Any]]:
    """Yield random records that do not contradict themselves."""
    while True:
        record = random_record(rng, guideline, 0.2)
        with suppress(RecordError):
            guideline.record(record)
            yield record


def positions(answer: dict[str, Any]) -> dict[str, object]:
    """Give what an answer says but for what it assumes."""
    return {
        "setting": answer["setting"],
        "recommended": {e["regimen"]: (e["rank"], e["certainty"]) for e in answer["recommended"]},
        "excluded": {e["regimen"]: e["certainty"] for e in answer["excluded"]},
        "actions": {e["action"]: e["certainty"] for e in answer["actions"]},
    }


@pytest.mark.parametrize("record", NOTHING_TOLD.values(), ids=NOTHING_TOLD)
def test_a_record_that_tells_next_to_nothing_is_answered(curated: Guideline, record: dict[str, object]) -> None:
    answer = curated.answer(record)
    assert isinstance(answer.derivation.completions, DiagramCompletions)
    assert answer.setting == "undetermined"
    assert all(entry.certainty == "conditional" and entry.assuming for entry in answer.recommended)
    assert {entry.action for entry in answer.actions if entry.certainty == "certain"} == {"confirm_her2_status"}


@pytest.mark.parametrize("record", NOTHING_TOLD.values(), ids=NOTHING_TOLD)
def test_where_diagrams_are_too_small_clingo_tells_the_same_positions(
    curated: Guideline, record: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = positions(to_plain(curated.answer(record)))
    monkeypatch.setattr("reasoner.engine.memory.CAPACITIES", (2**7, 2**8))
    answer = curated.answer(record)
    assert isinstance(answer.derivation.completions, Bounds)
    given = positions(to_plain(answer))
    # The rank of a conditional entry is the best wherever it is recommended: what it assumes is not told.
    assert {name: certainty for name, (_, certainty) in given.pop("recommended").items()} == {  # type: ignore[attr-defined]
        name: certainty
        for name, (_, certainty) in expected.pop("recommended").items()  # type: ignore[attr-defined]
    }
    assert given == expected
    assert any("too many" in note for note in answer.notes)
    assert not any(entry.assuming for entry in (*answer.recommended, *answer.excluded, *answer.actions))


def test_a_derivation_that_outgrows_its_diagrams_is_tried_with_larger_ones(
    curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = NOTHING_TOLD["nothing but the drugs of four courses"]
    expected = to_json(curated.answer(record))
    monkeypatch.setattr("reasoner.engine.memory.CAPACITIES", (2**7, 2**18))
    assert to_json(curated.answer(record)) == expected


@pytest.mark.parametrize("generated", [False, True])
@pytest.mark.parametrize(("hope", "kind"), [(10**6, DiagramCompletions), (0, Bounds)])
def test_the_largest_diagrams_are_tried_where_there_is_hope(
    hope: int, kind: type, generated: bool, curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = curated.evaluator(4)
    if generated:
        evaluator.compile()
    else:
        monkeypatch.setattr(evaluator, "_code", None)
    monkeypatch.setattr("reasoner.engine.memory.CAPACITIES", (2**11, 2**12, 2**18))
    monkeypatch.setattr("reasoner.engine.memory.HOPE", hope)
    answer = curated.answer(NOTHING_TOLD["nothing but the drugs of four courses"])
    assert isinstance(answer.derivation.completions, kind)


@pytest.mark.parametrize(("done", "left", "hopeless"), [(100, 400, False), (100, 401, True), (0, 1, True), (0, 0, False)])
def test_there_is_hope_as_long_as_a_few_such_steps_would_do(done: int, left: int, hopeless: bool) -> None:
    earlier = OutgrownError(50, 50)
    assert OutgrownError(50 + done, left).hopeless_after(earlier) == hopeless
    assert not OutgrownError(50 + done, left).hopeless_after(None)


ON_A_PATIENT = {
    "an answer": ["recommend", "FILE"],
    "an argument": ["why", "FILE", "trastuzumab_deruxtecan"],
    "a derivation": ["why", "FILE", "trastuzumab_deruxtecan", "--full"],
    "what is against a regimen": ["why-not", "FILE", "trastuzumab_emtansine"],
    "the answer to a changed record": ["what-if", "FILE", "--set", "her2=positive"],
    "questions": ["ask", "FILE"],
    "all paths": ["ask", "FILE", "--all-paths", "--set", "her2=positive", "--set", "metastatic_therapy[0].outcome=toxicity"],
    "a pathway": ["pathway", "FILE", "--lines", "1"],
    "a graph": ["graph", "FILE"],
}


@pytest.mark.parametrize("command", ON_A_PATIENT.values(), ids=ON_A_PATIENT)
def test_whatever_is_asked_of_a_patient_is_begun_again_on_larger_diagrams_where_memory_ends(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"id": "x", "metastatic_therapy": COURSES[:2]}))
    read, reads, ends = AtBase.__getitem__, 0, 0

    def reading(truths: AtBase, number: int) -> object:
        nonlocal reads
        reads += 1
        if reads == ends:
            raise MemoryError
        return read(truths, number)

    def output() -> str:
        nonlocal reads
        reads = 0
        found = CliRunner().invoke(cli, [str(file) if word == "FILE" else word for word in command])
        assert found.exit_code == 0, found.exception
        return found.output

    monkeypatch.setattr(AtBase, "__getitem__", reading)
    expected, last = output(), reads
    for ends in (last, last // 2):
        assert output() == expected
        assert reads > ends


ON_AN_ANSWER: dict[str, Callable[[Answer], object]] = {
    "why": lambda answer: to_json(why(answer, "trastuzumab_deruxtecan")),
    "an argument for one conclusion": lambda answer: argued(answer, "excluded(pertuzumab)"),
    "the text": render,
}


@pytest.mark.parametrize("ask", ON_AN_ANSWER.values(), ids=ON_AN_ANSWER)
def test_what_is_asked_of_an_answer_answers_again_on_larger_diagrams_where_its_own_are_too_small(
    ask: Callable[[Answer], object], curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = curated.answer({"id": "x", "metastatic_therapy": COURSES[:2]})
    expected, read, small = ask(answer), AtBase.__getitem__, answer.derivation.completions.capacity

    def reading(truths: AtBase, number: int) -> object:
        if truths._base.__self__.capacity == small:  # type: ignore[attr-defined]
            raise MemoryError
        return read(truths, number)

    monkeypatch.setattr(AtBase, "__getitem__", reading)
    assert ask(answer) == expected


@pytest.mark.parametrize("question", ["why", "what-if", "pathway"])
def test_a_service_answers_without_diagrams_where_none_is_large_enough(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"why": {"conclusion": "trastuzumab_deruxtecan"}, "what-if": {"set": ["her2=positive"]}, "pathway": {"lines": 0}}
    monkeypatch.setattr("reasoner.engine.memory.CAPACITIES", (2**7, 2**8))
    with asking(Settings()) as service:
        found = service.post(f"/api/{question}", json={"patient": NOTHING_TOLD["nothing at all"], **asked[question]})
    assert found.status_code == 200, found.text


@pytest.mark.parametrize("seed", range(60))
def test_integers_and_diagrams_give_the_same_bytes(curated: Guideline, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    record = next(answerable(Random(seed), curated))
    monkeypatch.setattr(opened, "MOST_BITS", 2**12)
    as_integers = curated.answer(record)
    monkeypatch.setattr(opened, "MOST_BITS", 0)
    as_diagrams = curated.answer(record)
    assert isinstance(as_diagrams.derivation.completions, DiagramCompletions)
    assert to_json(as_integers) == to_json(as_diagrams), record


def test_what_matters_is_the_same_in_whichever_order_sets_stand(curated: Guideline) -> None:
    beside = {key: value for key, value in curated.cases()["second_line"].record.items() if key != "metastatic_therapy"}
    for one, other in combinations(COURSES, 2):
        sets = [{"label": "+".join(course["drugs"]), "metastatic_therapy": [course]} for course in (one, other)]
        first, second = (curated.answer({**beside, "one_of": own}) for own in (sets, sets[::-1]))
        assert first.missing == second.missing, sets


def test_which_of_many_sets_is_true_matters_though_the_first_contradicts_itself(curated: Guideline) -> None:
    beside = {**curated.cases()["second_line"].record}
    for key in ("heart_failure", "brain_metastases", "cns_predominant"):
        beside.pop(key, None)
    told = [{"label": f"{n}", "heart_failure": n % 2 == 0} for n in range(12)]
    for first in ({"label": "never", "brain_metastases": False, "cns_predominant": True}, told[0]):
        answer = curated.answer({**beside, "one_of": [first, *told[1:]]})
        assert "one_of" in [entry.fact for entry in answer.missing], first


def many_sets(count: int) -> dict[str, object]:
    """Write a record of which one of so many histories is true, and little else is known."""
    own = (
        [
            {**course, "outcome": outcome}
            for course, outcome in zip(COURSES, ("progression", (None, "toxicity")[n % 2]), strict=False)
        ]
        for n in range(count)
    )
    return {
        "id": "x",
        "her2": "positive",
        "one_of": [{"label": f"{n}", "metastatic_therapy": c[n % 3 :]} for n, c in enumerate(own)],
    }


def test_what_each_of_many_sets_costs_hardly_grows_with_their_number(curated: Guideline) -> None:
    for count in (50, 500):
        completions = curated.derive(curated.parsed(many_sets(count))).completions
        assert isinstance(completions, DiagramCompletions)
        assert sum(own.node_count() for own in completions.sets) < 15 * count


def test_an_answer_that_outgrows_its_diagrams_is_built_on_larger_ones(
    curated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = many_sets(5)
    expected, build, built = curated.answer(record), guideline_module.build_answer, []

    def building(*args: object) -> object:
        built.append(args)
        if len(built) == 1:
            raise MemoryError
        return build(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(guideline_module, "build_answer", building)
    assert to_json(curated.answer(record)) == to_json(expected)
    assert len(built) == 2


def test_what_is_assumed_of_a_course_is_so_of_therapy_that_is_not_known_as_well(curated: Guideline) -> None:
    known = {"label": "here", "metastatic_therapy": COURSES[:1]}
    record = {"id": "x", "her2": "positive", "one_of": [known, {"label": "elsewhere", "metastatic_therapy": None}]}
    answer = curated.answer(record)
    outcomes = [entry for entry in (*answer.recommended, *answer.excluded) if any(a.course for a in entry.assuming)]
    assert outcomes
    for entry in outcomes:
        assert entry.assuming[0].fact == "one_of", entry


def test_facts_that_force_many_others_matter_too(tmp_path: Path, own_cache: None) -> None:
    facts = [*"abcd", *(f"e{n}" for n in range(1, 8))]
    text = (HILL_AGUE / "guideline.lp").read_text("utf-8").partition("%* @statement")[0]
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("default(", "inconsistent(")))
    for number, fact in enumerate(facts, start=50):
        text += f'\nfact({number}, {fact}, boolean).\nterm(fact, {fact}, "fact {fact}").'
    for one, other in zip("abcd", "bcda", strict=True):
        text += f"\ninconsistent(odd) :- has({one}), not has({other})."
    text += '\nterm(contradiction, odd, "something odd").'
    text += f"\ninconsistent(odd) :- {', '.join(f'has({fact})' for fact in ('a', *facts[4:]))}."
    text += (
        "\n%* @statement L1 [1] sha256:000000000000\nOne.\n*%\nplaces(treatment, fever) :- has(a), has(b), has(c), has(d)."
    )
    (tmp_path / "guideline.lp").write_text(text)
    missing = Guideline.load(tmp_path).answer({"id": "x"}).missing
    assert {"a", "b", "c", "d"} <= {entry.fact for entry in missing if "setting" in entry.decides}


def test_threads_share_no_diagrams(curated: Guideline) -> None:
    records = [{**record, "id": str(n)} for n, record in enumerate(NOTHING_TOLD.values())] * 6
    alone = [to_json(curated.answer(record)) for record in records]
    with ThreadPoolExecutor(4) as pool:
        assert list(map(to_json, pool.map(curated.answer, records))) == alone


def test_diagrams_are_loaded_only_where_much_is_open() -> None:
    case = json.loads((ROOT / "asp/her2_mbc/cases/de_novo_untreated.json").read_text("utf-8"))["record"]
    for record, expected in ((case, False), ({"id": "x"}, True)):
        code = (
            "import json, sys; from reasoner import Guideline; "
            "Guideline.load().answer(json.loads(sys.argv[1])); print('oxidd' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code, json.dumps(record)], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(expected)
