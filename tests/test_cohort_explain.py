"""The way back from a cohort's answers: whole answers, explanations, and two runs compared."""

from __future__ import annotations

import json
import re
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
from cohorts import ALONE, cohort, expected_row, reasoner, rows_of
from conftest import ROOT

from reasoner import Guideline
from reasoner.cohort.deviations import counting_rules
from reasoner.records.shapes import to_json
from reasoner.verification.diff import diff


def test_every_answer_can_be_explained_with_the_bytes_that_recommend_gives(
    cohort_run: Path, cohort_records: list[dict[str, Any]], curated: Guideline
) -> None:
    from reasoner.cohort.explain import explain

    for record in cohort_records[::60]:
        (found,) = explain(cohort_run / "out", record["id"])
        assert to_json(found) == to_json(curated.answer(record))
    for form in ("text", "json"):
        (cohort_run / "one.json").write_text(json.dumps(cohort_records[7]))
        expected = reasoner("recommend", "one.json", "--format", form, cwd=cohort_run)
        done = cohort("explain", "out", cohort_records[7]["id"], "--format", form, cwd=cohort_run)
        assert (done.stdout, done.stderr) == (expected.stdout, "")


def test_an_explanation_holds_the_rules_that_fire_and_what_they_rest_on(
    cohort_run: Path, cohort_records: list[dict[str, Any]], curated: Guideline
) -> None:
    explained = pl.concat([pl.read_parquet(path) for path in sorted((cohort_run / "out/explanations").iterdir())])
    assert explained["explanation"].is_unique().all()
    answers = pl.concat([pl.read_parquet(path) for path in sorted((cohort_run / "out/answers").iterdir())])
    known = {row["explanation"]: row for row in explained.to_dicts()}
    assert set(answers["explanation"]) == set(known)
    for record, name in list(zip(cohort_records, answers["explanation"], strict=True))[::5]:
        derivation = curated.answer(record).derivation
        counting = counting_rules(derivation.program, curated.adopted)
        fired = {rule for number, rule in counting if derivation.fires(number)}
        rules = [rule for n, rule in enumerate(curated.model.rules) if n in fired]
        annotations = {rule.annotation for rule in rules}
        row = known[name]
        assert row["rules"] == [rule.id for rule in rules]
        for kind in ("statement", "reading", "overlay"):
            assert set(row[f"{kind}s"]) == {b for b in annotations if b and curated.model.annotations[b].kind == kind}
        assert set(row["trials"]) == {trial for b in annotations if b for trial in curated.model.annotations[b].trials}
    assert len({tuple(row["rules"]) for row in known.values()}) == len(known)
    name = answers["explanation"][0]
    for form in ("json", "text"):
        done = cohort("explain", "out", name, "--format", form, cwd=cohort_run)
        assert done.exit_code == 0, done.stderr
        if form == "json":
            found = json.loads(done.stdout)
            assert {kind: found[kind] for kind in known[name]} == known[name]
            assert found["patients"] == answers["explanation"].to_list().count(name)
        else:
            words = " ".join(done.stdout.split())
            assert all(rule in words for rule in known[name]["rules"])
            assert all(f"{b}: {curated.model.annotations[b].text[:20]}" in words for b in known[name]["statements"])


STATEMENT = """
%* @statement L4 [1] sha256:000000000000
A cough calls for waiting.
*%
indicated(watch, standard) :- setting(acute), includes(signs, cough).
"""


def test_answers_can_be_explained_after_the_guideline_is_edited(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests/guidelines/marsh_fever", tmp_path / "marsh_fever")
    (tmp_path / "in.ndjson").write_text('{"id": "a", "signs": ["rash"]}\n{"id": "b", "signs": []}\n')
    guideline = ("--guideline", "marsh_fever")
    assert cohort("in.ndjson", "-o", "out", *guideline, cwd=tmp_path).exit_code == 0
    before = cohort("explain", "out", "a", cwd=tmp_path)
    assert (before.exit_code, before.stderr) == (0, "")
    inside = cohort("in.ndjson", "-o", "marsh_fever/out", *guideline, cwd=tmp_path)
    assert (inside.exit_code, "marsh_fever/out: is in the guideline's folder" in inside.stderr) == (2, True)
    assert not (tmp_path / "marsh_fever/out").exists()
    with (tmp_path / "marsh_fever/guideline.lp").open("a") as file:
        file.write(STATEMENT)
    assert cohort("in.ndjson", "-o", "new", *guideline, cwd=tmp_path).exit_code == 0
    changes = cohort("diff", "out", "new", "--format", "json", cwd=tmp_path)
    assert json.loads(changes.stdout)["compared"] == 2
    shutil.rmtree(tmp_path / "marsh_fever")
    after = cohort("explain", "out", "a", cwd=tmp_path)
    assert (after.exit_code, after.stdout) == (0, before.stdout)
    with (tmp_path / "out/guideline/marsh_fever/guideline.lp").open("a") as file:
        file.write("% edited\n")
    done = cohort("explain", "out", "a", cwd=tmp_path)
    assert (done.exit_code, "out: the answers are from the guideline sha256:" in done.stderr) == (2, True)


def test_two_runs_are_compared_patient_by_patient(
    cohort_run: Path, curated: Guideline, cohort_records: list[dict[str, Any]]
) -> None:
    overlay = ROOT / "asp/overlays/formulary_without_tdxd.lp"
    local = Guideline.load(overlays=overlay)
    done = cohort("in.ndjson", "-o", "local", "--overlay", overlay, "--to", "ndjson", *ALONE, cwd=cohort_run)
    assert done.exit_code == 0, done.stderr
    done = cohort("diff", "out", "local", "--format", "json", cwd=cohort_run)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    differing = 0
    for record in cohort_records:
        before, after = expected_row(curated, record), expected_row(local, record)
        differing += any(before[key] != after[key] for key in ("setting", "recommended", "excluded", "actions"))
    assert (found["compared"], found["only_old"], found["only_new"]) == (len(cohort_records), 0, 0)
    assert found["changed"] == differing > 0
    assert all("formulary_without_tdxd.1" in change["rules_after"] for change in found["changes"])
    examples = {record["id"]: record for record in cohort_records}
    for change in found["changes"]:
        before, after = (expected_row(guideline, examples[change["example"]]) for guideline in (curated, local))
        assert change["before"] == {key: before[key] for key in change["before"]}
        assert change["after"] == {key: after[key] for key in change["after"]}
    done = cohort("diff", "out", "local", "-o", "changed.ndjson", cwd=cohort_run)
    kinds = len(found["changes"])
    shown = re.findall(r"^ +(\d+)  such as", done.stdout, re.MULTILINE)
    assert len(shown) == 20 < kinds
    rest = differing - sum(map(int, shown))
    assert f"{rest} more patients differ in {kinds - 20} other ways" in " ".join(done.stdout.split())
    changed = [json.loads(line) for line in (cohort_run / "changed.ndjson").read_text().splitlines()]
    assert len(changed) == len({row["id"] for row in changed}) == differing
    for row in changed:
        after = expected_row(local, examples[row["id"]])
        assert all(row[f"{key}_new"] in (None, after[key]) for key in ("setting", "recommended", "excluded", "actions"))
    reading = ("--overlay", overlay, "--reading", "R5=b")
    assert cohort("in.ndjson", "-o", "both", *reading, *ALONE, cwd=cohort_run).exit_code == 0
    title = " ".join(cohort("diff", "out", "both", cwd=cohort_run).stdout.split())
    assert re.search(r"TO her2_mbc \(curated layer, sha256:\w+\) \+ formulary_without_tdxd \+ R5 = b ", title)
    done = cohort("diff", "out", "local", "-o", "changed.txt", cwd=cohort_run)
    assert (done.exit_code, '".txt" is not a table format' in done.stderr) == (2, True)
    same = cohort("diff", "out", "out", cwd=cohort_run)
    assert "0 answered differently" in same.stdout


SIDES = {
    "old": """
dose(oralin, daily, every_dose, "50", mg, days(1)) :- has(fever).
dose(oralin, daily, every_dose, "60", mg, days(1)) :- not has(fever).
dose_maximum(oralin, daily, every_dose, "90", mg) :- has(pregnant).
""",
    "dosed": """
dose(oralin, daily, every_dose, "0.05", g, days(1)) :- has(fever).
dose(oralin, daily, every_dose, "70", mg, days(1)) :- not has(fever), not has(pregnant).
dose(oralin, daily, every_dose, "60", mg, hours(24)) :- not has(fever), has(pregnant).
dose_maximum(oralin, daily, every_dose, "95", mg).
dose_maximum(oralin, daily, every_dose, "90", mg) :- has(pregnant).
dose_duration(oralin, daily, every_dose, days(7)) :- has(pregnant), has(fever).
""",
    "done": """
dose(oralin, daily, every_dose, "50", mg, days(1)) :- has(fever).
dose(oralin, daily, every_dose, "60", mg, days(1)) :- not has(fever).
dose_maximum(oralin, daily, every_dose, "90", mg) :- has(pregnant).
step_done(oralin, every_dose) :- has(fever).
suppressed(oralin) :- has(pregnant).
""",
}


def test_doses_strengths_and_scores_are_compared_as_over_all_patients(tmp_path: Path) -> None:
    """Over every record that there is, those who are said to get other doses are those whose answers give other doses."""
    text = (Path(__file__).parent / "guidelines/river_cough/guideline.lp").read_text("utf-8")
    plain = re.sub(r"^dose\(oralin.*\n", "", text, flags=re.MULTILINE)
    declared = """places(acute, fever) :- in_scope. term(strength, weak, "weak"). strength_order(2, weak).
term(score, points, "Points"). term(unit, g, "g").
score(points, N) :- N = #count { 1 : has(fever); 2 : has(pregnant) }.
"""
    sides = {name: plain + declared + rules for name, rules in SIDES.items()}
    sides["new"] = (
        sides["old"].replace("indicated(oralin, standard)", "indicated(oralin, weak)").replace("2 : has", "1 : has")
    )
    values = (True, False, None)
    records = [
        {"id": f"p{n}", "confirmed": True} | {f: v for f, v in (("fever", fever), ("pregnant", pregnant)) if v is not None}
        for n, (fever, pregnant) in enumerate(product(values, values))
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    guidelines = {}
    for name, content in sides.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(content, "utf-8")
        guidelines[name] = Guideline.load(tmp_path / name)
        done = cohort("in.ndjson", "-o", f"{name}_out", "--guideline", name, *ALONE, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert rows_of(tmp_path / f"{name}_out") == [expected_row(guidelines[name], record) for record in records]
    for name in ("dosed", "done", "new"):
        done = cohort("diff", "old_out", f"{name}_out", "--format", "json", "-o", "changed.ndjson", cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        rows = [json.loads(line) for line in (tmp_path / "changed.ndjson").read_text().splitlines()]
        told = {row["id"] for row in rows if row["doses"] or row["doses_new"]}
        both = [guidelines["old"], guidelines[name]]
        for record in records:
            taken, doses = zip(*(given(guideline, record) for guideline in both), strict=True)
            differ = any(doses[0].get(target) != doses[1].get(target) for target in taken[0] & taken[1])
            assert differ or record["id"] not in told, (name, record)
            assert record["id"] in told or not differ or len(record) < 4, (name, record)
        over_all = {f.message for f in diff(*both).findings if f.kind == "dosage"}
        assert bool(over_all) == bool(told)
        assert "doses_differ" not in json.loads(done.stdout)
    found = json.loads(cohort("diff", "old_out", "new_out", "--format", "json", cwd=tmp_path).stdout)
    strengths = {
        (c["before"]["recommended"][0]["strength"], c["after"]["recommended"][0]["strength"])
        for c in found["changes"] if "recommended" in c["before"]
    }  # fmt: skip
    assert strengths == {("standard", "weak")}
    shown = " ".join(cohort("diff", "old_out", "new_out", cwd=tmp_path).stdout.split())
    assert "oralin - standard -> 1. oralin - weak" in shown
    assert "scores: Points: 2 -> Points: 1" in shown
    shown = " ".join(cohort("diff", "old_out", "dosed_out", cwd=tmp_path).stdout.split())
    assert "doses: oralin (daily, each dose): 60 mg every day -> oralin (daily, each dose): 70 mg every day" in shown
    assert "for 7 days" in shown


LEVELS = """term(evidence_certainty, high, "high certainty"). term(evidence_certainty, low, "low certainty").
certainty_order(1, high). certainty_order(2, low). term(strength, weak, "weak"). strength_order(2, weak).
%* @statement L8 [1] sha256:000000000000
In fever, oralin is well studied.
@certainty high
*%
indicated(oralin, standard) :- in_scope, has(fever).
%* @statement L9 [1] sha256:000000000000
In pregnancy, little is known.
@certainty low
*%
indicated(oralin, weak) :- in_scope, has(pregnant), not has(fever).
%* @statement L7 [1] sha256:000000000000
Oralin is standard but in pregnancy.
*%
indicated(oralin, standard) :- in_scope, not has(pregnant).
"""


def test_the_certainty_of_evidence_is_compared_where_both_runs_tell_it(tmp_path: Path) -> None:
    """It is that of the whole answer, for records of every completeness."""
    text = (Path(__file__).parent / "guidelines/river_cough/guideline.lp").read_text("utf-8")
    sides = {
        "none": text,
        "low": text + LEVELS,
        "high": text + LEVELS.replace("known.\n@certainty low", "known.\n@certainty high"),
    }
    values = (True, False, None)
    records = [
        {"id": f"p{n}"}
        | {fact: value for fact, value in zip(("confirmed", "fever", "pregnant"), own, strict=True) if value is not None}
        for n, own in enumerate(product(values, values, values))
    ]
    (tmp_path / "in.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    levels: dict[str, dict[str, list[str | None]]] = {}
    for name, content in sides.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "guideline.lp").write_text(content, "utf-8")
        guideline = Guideline.load(tmp_path / name)
        done = cohort("in.ndjson", "-o", f"{name}_out", "--guideline", name, *ALONE, cwd=tmp_path)
        assert done.exit_code == 0, done.stderr
        assert rows_of(tmp_path / f"{name}_out") == [expected_row(guideline, record) for record in records]
        levels[name] = {r["id"]: [e.evidence_certainty for e in guideline.answer(r).recommended] for r in records}
    assert {level for own in levels["low"].values() for level in own} == {None, "low", "high"}
    done = cohort("diff", "low_out", "high_out", "-o", "changed.ndjson", cwd=tmp_path)
    assert "oralin - weak, low certainty -> 1. oralin - weak, high certainty" in " ".join(done.stdout.split())
    changed = {json.loads(line)["id"] for line in (tmp_path / "changed.ndjson").read_text().splitlines()}
    assert changed == {name for name in levels["low"] if levels["low"][name] != levels["high"][name]}
    found = json.loads(cohort("diff", "none_out", "high_out", "--format", "json", cwd=tmp_path).stdout)
    told = [e for c in found["changes"] for side in (c["before"], c["after"]) for e in side.get("recommended", ())]
    assert told
    assert all(set(entry) == {"regimen", "rank", "strength", "certainty"} for entry in told)


def given(guideline: Guideline, record: dict[str, Any]) -> tuple[set[str], dict[str, set[tuple[object, ...]]]]:
    """Name what is recommended, and what an answer says of its doses with what that hangs on, amounts in mg."""
    entries = guideline.answer(record).recommended
    doses: dict[str, set[tuple[object, ...]]] = {}
    for entry in entries:
        for own in entry.doses:
            amount = own.amount * 1000 if own.unit == "g" else own.amount
            said = (own.schedule, own.step, amount, str(own.maximum), str(own.duration), own.certainty, str(own.assuming))
            doses.setdefault(own.drug, set()).add(said)
    return {entry.regimen for entry in entries}, doses
