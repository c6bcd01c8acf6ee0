"""The command line as its users meet it: formats, several records, options, completion, colour."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from reasoner import Guideline, __version__
from reasoner.cli import cli
from reasoner.cli.group import COMMANDS
from reasoner.cli.help import TOPICS
from reasoner.guideline import shared_folder
from reasoner.records.shapes import to_plain

REASONER = [sys.executable, "-m", "reasoner"]


def run(*arguments: str | Path, environment: dict[str, str], text: str | None = None, status: int = 0) -> str:
    done = subprocess.run(
        [*REASONER, *map(str, arguments)], env=environment, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stderr
    assert status == 2 or done.stderr == ""
    return done.stdout if status != 2 else done.stderr


@pytest.fixture
def patient(tmp_path: Path, curated: Guideline) -> Path:
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(curated.cases()["second_line_cns_predominant"].record))
    return file


def test_json_is_one_answer_a_line_in_the_order_of_the_records(
    tmp_path: Path, patient: Path, curated: Guideline, environment: dict[str, str]
) -> None:
    records = [case.record for case in curated.cases().values()]
    many = tmp_path / "many.ndjson"
    many.write_text("".join(json.dumps(record) + "\n" for record in records))
    lines = run("recommend", many, patient, "--format", "json", environment=environment).splitlines()
    expected = [to_plain(curated.answer(record)) for record in [*records, json.loads(patient.read_text())]]
    assert [json.loads(line) for line in lines] == expected


def test_an_answer_has_the_keys_of_its_schema(curated: Guideline) -> None:
    answer: dict[str, Any] = to_plain(curated.answer(curated.cases()["lung_disease_not_recorded"].record))
    lists = ["recommended", "excluded", "actions", "missing", "assumed", "alternatives", "notes"]
    lists += ["bottom_line", "not_considered", "caveats"]
    assert list(answer) == ["schema", "guideline", "patient", "setting", *lists]
    assert answer["schema"] == "reasoner.answer/1"
    assert {"id", "digest", "layer", "overlays"} <= set(answer["guideline"])
    assert answer["guideline"]["digest"] == curated.digest
    first = answer["recommended"][0]
    assert first["assuming"] == [{"fact": "interstitial_lung_disease", "value": False}]
    assert (first["statements"], first["readings"], first["trials"]) == (["L17"], ["R6"], ["destiny_breast03"])
    assert first["citations"] == [1, 2, 5]
    assert answer["missing"] == [
        {"fact": "interstitial_lung_disease", "decides": ["trastuzumab_deruxtecan", "trastuzumab_emtansine"]}
    ]


def test_the_same_record_gives_the_same_bytes(patient: Path, environment: dict[str, str]) -> None:
    outputs = {
        run("recommend", patient, "--format", form, environment={**environment, "PYTHONHASHSEED": seed})
        for form in ("text", "json")
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 2


def test_text_fits_into_80_columns_for_every_case(curated: Guideline) -> None:
    from reasoner.render.answer import render

    for case in curated.cases().values():
        for line in render(curated.answer(case.record)).splitlines():
            assert len(line) <= 80, line


def test_doses_are_exact_in_mg_where_a_weight_is_recorded(curated: Guideline) -> None:
    answer: dict[str, Any] = to_plain(curated.answer({**curated.cases()["second_line"].record, "weight_kg": 70.1}))
    (dose,) = answer["recommended"][0]["doses"]
    assert (dose["amount"], dose["unit"], dose["every_weeks"], dose["mg"], dose["statement"]) == (
        5.4,
        "mg/kg",
        3,
        378.54,
        "L22",
    )


def test_the_record_is_read_from_standard_input(environment: dict[str, str]) -> None:
    record = run("example", "second_line", environment=environment)
    assert "DESTINY-Breast03" in run("recommend", "-", environment=environment, text=record)


def test_standard_input_is_read_once_and_a_full_disk_is_named(patient: Path, environment: dict[str, str]) -> None:
    assert "give - once" in run("recommend", "-", "-", environment=environment, text="{}", status=2)
    if Path("/dev/full").exists():
        command = " ".join([*REASONER, "recommend", str(patient), "> /dev/full"])
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (2, "Error: the output cannot be written: No space left on device\n")


def test_what_is_not_recorded_is_not_shown_as_the_patients(curated: Guideline) -> None:
    from reasoner.render.answer import render

    record = dict(curated.cases()["second_line"].record)
    for fact in ("brain_metastases", "cns_predominant", "heart_failure", "lvef_decline"):
        del record[fact]
    text = " ".join(render(curated.answer(record)).split())
    first = text.partition("1. trastuzumab deruxtecan")[2].partition("1?")[0]
    assert "Because of: progression on trastuzumab" in first
    assert "brain metastases" not in first
    assert "CAUTION, unless ruled out: for heart failure" in first
    assert "(rank 1 to 2, depending on what is not recorded)" in first
    excluded = text.partition("EXCLUDED")[2].partition("CHECK AND DO")[0]
    assert "trastuzumab + pertuzumab, pertuzumab: progression in a course that contained it" in excluded


def test_layer_and_overlay_are_named_in_the_answer(patient: Path, environment: dict[str, str]) -> None:
    overlay = shared_folder() / "overlays" / "formulary_without_tdxd.lp"
    answer = json.loads(
        run("recommend", patient, "--format", "json", "--layer", "literal", "--overlay", overlay, environment=environment)
    )
    assert answer["guideline"]["layer"] == "literal"
    assert answer["guideline"]["overlays"] == ["formulary_without_tdxd"]


def test_readings_are_taken_as_chosen_or_left_open(tmp_path: Path, curated: Guideline, environment: dict[str, str]) -> None:
    patient = tmp_path / "patient.json"
    patient.write_text(json.dumps(curated.cases()["progression_without_pertuzumab"].record))

    def answered(*chosen: str) -> dict[str, Any]:
        options = [option for name in chosen for option in ("--reading", name)]
        text = run("recommend", patient, "--format", "json", *options, environment=environment)
        found: dict[str, Any] = json.loads(text)
        return found

    for chosen in ([], ["R5=b"], ["R5=any"], ["any"], ["any", "R5=b"]):
        answer = answered(*chosen)
        assert answer == to_plain(curated.with_readings(chosen).answer(json.loads(patient.read_text())))
    assert answered()["guideline"]["digest"] != answered("R5=b")["guideline"]["digest"]
    text = run("why-not", patient, "trastuzumab_deruxtecan", "--reading", "R5=any", environment=environment)
    assert "R5 left open" in " ".join(text.split())
    for command in (["check"], ["coverage"], ["cohort", "run"]):
        assert "--reading ID=ALTERNATIVE" in run(*command, "--help", environment=environment)
    assert "R5=b" in run("recommend", patient, "--reading", "R5=c", environment=environment, status=2)


def test_as_many_changes_are_shown_as_asked_for(tmp_path: Path, environment: dict[str, str]) -> None:
    patient = tmp_path / "patient.json"
    patient.write_text('{"id": "p"}')
    found = json.loads(
        run("why-not", patient, "endocrine_therapy", "--most", "3", "--format", "json", environment=environment)
    )
    assert (len(found["changes"]), found["other_changes"] > 3) == (3, True)
    text = " ".join(run("why-not", patient, "endocrine_therapy", "--most", "3", environment=environment).split())
    assert f"Others that would do as well: {found['other_changes']} (--most N shows more)." in text
    assert "if any was given, record the courses of therapy for metastatic disease and ask again" in text


def test_the_literal_layer_says_that_it_contradicts_itself(curated: Guideline, literal: Guideline) -> None:
    record = curated.cases()["second_line_interstitial_lung_disease"].record
    assert any("both recommends and excludes trastuzumab deruxtecan" in note for note in literal.answer(record).notes)


def test_a_silence_names_the_nearest_statements_and_what_each_misses(curated: Guideline) -> None:
    notes = curated.answer(curated.cases()["silent_after_endocrine_and_trastuzumab"].record).notes
    assert "The text does not speak of this history" in notes[0]
    near = curated.answer(curated.cases()["progression_without_pertuzumab"].record).notes[1]
    assert near.startswith("What comes nearest is L17: ")
    assert near.endswith("Not met here: progression on pertuzumab. Met: progression on trastuzumab and a taxane.")
    assert not any("L3:" in note or "L30:" in note for note in notes)


def test_a_dead_end_is_said_to_be_one(curated: Guideline) -> None:
    (note,) = curated.answer(curated.cases()["dead_end_conjugates_exhausted"].record).notes
    assert note.startswith("Dead end: everything")


QUESTIONS = {
    "why": (["why", "trastuzumab_deruxtecan"], "reasoner.why/1"),
    "why-not": (["why-not", "trastuzumab_emtansine"], "reasoner.why/1"),
    "what-if": (["what-if", "--set", "interstitial_lung_disease=true"], "reasoner.what_if/1"),
    "ask": (["ask"], "reasoner.ask/1"),
    "ask --all-paths": (["ask", "--all-paths"], "reasoner.ask/1"),
    "pathway": (["pathway", "--lines", "1"], "reasoner.pathway/1"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_in_text_and_json(name: str, patient: Path, environment: dict[str, str]) -> None:
    (command, *rest), schema = QUESTIONS[name]
    text = run(command, patient, *rest, environment=environment)
    assert text.startswith("Patient second_line_cns_predominant\nHER2-positive metastatic breast cancer, curated layer\n")
    assert text.endswith("No medical advice.\n")
    assert max(map(len, text.splitlines())) <= 80
    assert json.loads(run(command, patient, *rest, "--format", "json", environment=environment))["schema"] == schema


REFUSED = {
    "an unknown conclusion": (["why", "trastuzumab_deruxtecn"], 'did you mean "trastuzumab_deruxtecan"'),
    "an unknown regimen": (["why-not", "second_line"], '"second_line" is not a regimen; allowed: '),
    "an unknown fact": (["what-if", "--set", "heart_failur=true"], 'did you mean "heart_failure"'),
    "an unknown value": (["what-if", "--set", "her2=positiv"], 'did you mean "positive"'),
    "no edit": (["what-if"], "Missing option '--set'"),
    "a negative number of lines": (["pathway", "--lines", "-1"], "-1 is not in the range"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_question_that_makes_no_sense_is_refused_with_the_nearest_names(
    name: str, patient: Path, environment: dict[str, str]
) -> None:
    (command, *rest), message = REFUSED[name]
    assert message in run(command, patient, *rest, environment=environment, status=2)


def test_a_question_is_about_one_record(tmp_path: Path, patient: Path, environment: dict[str, str]) -> None:
    two = tmp_path / "two.ndjson"
    two.write_text(2 * (json.dumps(json.loads(patient.read_text())) + "\n"))
    assert "2 records; this command takes one" in run("ask", two, environment=environment, status=2)


def test_version_names_the_digest_of_the_guideline(curated: Guideline, environment: dict[str, str]) -> None:
    assert run("--version", environment=environment) == f"guideline-reasoner {__version__}\nher2_mbc {curated.digest}\n"


def test_examples_are_listed_and_printed(curated: Guideline, environment: dict[str, str]) -> None:
    listing = run("example", environment=environment).splitlines()
    assert [line.split()[0] for line in listing] == [*curated.cases(), "fhir_bundle"]
    bundle = json.loads(run("example", "fhir_bundle", environment=environment))
    assert curated.answer(bundle).recommended[0].regimen == "trastuzumab_deruxtecan"
    assert json.loads(run("example", "third_line", environment=environment)) == curated.cases()["third_line"].record
    assert 'did you mean "third_line"' in run("example", "thirdline", environment=environment, status=2)


def test_a_misspelt_command_is_named_with_the_nearest(environment: dict[str, str]) -> None:
    assert 'did you mean "recommend"' in run("recomend", environment=environment, status=2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["reasoner", "rec"], "recommend"),
        (["reasoner", "example", "second_line_c"], "second_line_cns_predominant"),
        (["reasoner", "recommend", "--layer", "lit"], "literal"),
    ],
)
def test_the_shell_completes(words: list[str], expected: str, environment: dict[str, str]) -> None:
    asked = {"_REASONER_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    assert expected in run(environment={**environment, **asked})
    assert "_REASONER_COMPLETE" in run("completion", "bash", environment=environment)


def on_a_terminal(patient: Path, environment: dict[str, str]) -> bytes:
    """Run `recommend` with a terminal as its output and return all that it printed."""
    ours, theirs = pty.openpty()
    subprocess.run([*REASONER, "recommend", str(patient)], env=environment, stdout=theirs, check=True)
    os.close(theirs)
    printed = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        printed += chunk
    os.close(ours)
    return printed


def test_colour_is_for_terminals_that_want_it(patient: Path, environment: dict[str, str]) -> None:
    wanting = {key: value for key, value in environment.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    assert b"\x1b[" in on_a_terminal(patient, wanting)
    assert b"\x1b[" not in on_a_terminal(patient, {**wanting, "NO_COLOR": "1"})
    assert b"\x1b[" not in on_a_terminal(patient, {**wanting, "TERM": "dumb"})
    assert "\x1b[" not in run("recommend", patient, environment=wanting)


HEAVY = ("networkx", "clingo", "polars", "numpy", "starlette", "graphs", "reasoner.fhir", "reasoner.queries")


def loaded_by(*arguments: str, environment: dict[str, str]) -> set[str]:
    """Run a command in a process of its own; give the modules that it loaded."""
    code = (
        "import sys\nfrom reasoner.cli import cli\n"
        f"cli({list(arguments)!r}, standalone_mode=False)\nprint('MODULES', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("MODULES ")[2].split())


def test_a_kept_guideline_recommends_without_what_other_commands_need(
    patient: Path, curated: Guideline, environment: dict[str, str]
) -> None:
    curated.answer(json.loads(patient.read_text()))
    loaded = loaded_by("recommend", str(patient), environment=environment)
    assert {name for name in HEAVY if name in loaded} == set()
    assert {name for name in loaded if name.startswith("reasoner.cli.")} == {
        f"reasoner.cli.{name}" for name in ("group", "answering", "inputs", "options", "output")
    }


def test_help_loads_no_command(environment: dict[str, str]) -> None:
    loaded = loaded_by("--help", environment=environment)
    assert {name for name in loaded if name.startswith("reasoner.")} == {
        f"reasoner.{name}" for name in ("cli", "cli.group", "errors")
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_list_says_and_explains_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert len(COMMANDS[name].summary) < 80
    assert command.help is not None
    for text in (COMMANDS[name].summary, command.help.partition("\n")[0]):
        assert text[0].isupper()
        assert text.endswith((".", ":")) or '"$(' in text
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, option.name


def test_topics_are_listed_and_a_misspelt_one_is_named_with_the_nearest(environment: dict[str, str]) -> None:
    listed = [line.split()[0] for line in run("help", environment=environment).splitlines() if line.startswith("  ")]
    assert listed == [*TOPICS]
    assert 'did you mean "guidelines"' in run("help", "guideline", environment=environment, status=2)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_a_page(topic: str, environment: dict[str, str]) -> None:
    page = run("help", topic, environment=environment)
    assert page.startswith("# ")
    assert page == TOPICS[topic].text


def test_answers_are_immutable_and_equal_where_they_say_the_same(curated: Guideline) -> None:
    record = curated.cases()["second_line"].record
    answer = curated.answer(record)
    assert answer == curated.answer(record)
    assert answer != curated.answer(curated.cases()["third_line"].record)
    with pytest.raises(AttributeError):
        answer.setting = "first_line"  # type: ignore[misc]


def test_coverage_compares_with_the_source(tmp_path: Path, curated: Guideline, environment: dict[str, str]) -> None:
    from reasoner.verification.coverage import cover

    source = tmp_path / "source.txt"
    source.write_text("\n".join(f"Some advice of line {n}. 1, 2" for n in range(1, 20)) + "\n")
    report = cover(curated, source)
    messages = {finding.message for finding in report.findings}
    assert "L17 changed in the source since it was encoded." in messages
    assert "L71 is not a line of the source." in messages
    assert "L4 carries citations and is not encoded." in messages
    assert "L4 carries" in run("coverage", "--source", source, environment=environment, status=1)
    findings = json.loads(run("coverage", "--source", source, "--format", "json", environment=environment, status=1))
    assert findings["schema"] == "reasoner.findings/1"
    assert {finding["class"] for finding in findings["findings"]} == {"unformalised"}
    assert "absent.txt: cannot be read" in run(
        "coverage", "--source", tmp_path / "absent.txt", environment=environment, status=2
    )


def test_coverage_tells_a_missing_case_once_at_its_rule(environment: dict[str, str]) -> None:
    folder = Path(__file__).parent / "guidelines" / "river_cough"
    text = run("coverage", "--guideline", folder, environment=environment, status=1)
    found = json.loads(run("coverage", "--guideline", folder, "--format", "json", environment=environment, status=1))
    rules = [own["rules"][0] for own in found["findings"] if own["class"] == "unexercised"]
    assert rules
    assert text.count("NO CASE") == len(rules)
    assert "fires in no case" not in text


def test_coverage_follows_lines_that_moved(tmp_path: Path) -> None:
    from reasoner.verification.coverage import cover, digest

    folder = tmp_path / "guideline"
    shutil.copytree(Path(__file__).parent / "guidelines" / "marsh_fever", folder)
    text = (folder / "guideline.lp").read_text("utf-8")
    lines = [f"Advice number {n}. 1" for n in (1, 2, 3)]
    for n, line in enumerate(lines, start=1):
        text = text.replace(f"@statement L{n} [1] sha256:000000000000", f"@statement L{n} [1] sha256:{digest(line)}")
    (folder / "guideline.lp").write_text(text, "utf-8")
    source = tmp_path / "source.txt"
    source.write_text("\n".join(["A new title", *lines]) + "\n")
    report = cover(Guideline.load(folder), source)
    found = [finding.message for finding in report.findings if finding.kind == "unformalised"]
    assert found == [f"L{n} is now line {n + 1} of the source." for n in (1, 2, 3)]


def test_coverage_of_the_shipped_guideline_is_complete(environment: dict[str, str]) -> None:
    text = run("coverage", environment=environment)
    assert "49 statements, 11 of them not formalised" in text
    assert "0 missing" in text
    run("coverage", "--fail-level", "info", environment=environment, status=1)
