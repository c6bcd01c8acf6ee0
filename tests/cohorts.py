"""Make cohorts of any size from a seed, and run the command on them.

The patients have histories as the guideline's own regimens make them, some of it unrecorded. The same seed and size give
the same cohort; nothing here decides what an answer is.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from reasoner import Guideline
from reasoner.cli import cli
from reasoner.cohort.dosage import doses_given
from reasoner.engine.conclusions import Missing, conclusions_of
from reasoner.records.shapes import to_plain

ALONE = ("--workers", 1)
WAY_BACK = {"explanation", "record", "nulls", "remarks", "warning"}
HISTORIES = 30_000
FIRST = ["trastuzumab", "pertuzumab"]
LATER = [
    ["trastuzumab_deruxtecan"],
    ["trastuzumab_deruxtecan"],
    ["trastuzumab_emtansine"],
    ["tucatinib", "trastuzumab", "capecitabine"],
    ["lapatinib", "capecitabine"],
    ["lapatinib", "trastuzumab"],
    ["letrozole", "trastuzumab"],
    ["letrozole"],
    ["fulvestrant"],
    ["vinorelbine", "trastuzumab"],
]
ENDS = ["progression"] * 7 + ["toxicity"] * 2 + ["completed"]


def history(rng: random.Random) -> list[dict[str, object]]:
    """Draw the courses of one patient, oldest first."""
    courses: list[dict[str, object]] = []
    for line in range(rng.choice([0, 0, 0, 1, 1, 1, 2, 2, 3])):
        if line == 0 and rng.random() < 0.85:
            drugs = [*FIRST, *rng.choices([["docetaxel"], ["paclitaxel"], []], [5, 4, 1])[0]]
        else:
            drugs = list(rng.choice(LATER))
        course: dict[str, object] = {"drugs": drugs, "outcome": rng.choice(ENDS)}
        if "docetaxel" in drugs or "paclitaxel" in drugs:
            if rng.random() < 0.7:
                course["taxane_cycles"] = rng.choice([2, 4, 5, 6, 6, 6, 8])
            if rng.random() < 0.5:
                course["chemotherapy_months"] = rng.choice([2, 4, 5.5, 6, 7])
            if rng.random() < 0.2:
                course["maximal_response"] = True
            if rng.random() < 0.1:
                course["chemotherapy_toxicity"] = True
            if rng.random() < 0.3:
                course["chemotherapy_stopped"] = True
        courses.append(course)
    if courses and rng.random() < 0.3:
        courses[-1]["outcome"] = "ongoing"
    return courses


@cache
def histories() -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Draw the histories that patients share, as JSON, and tell which of them hold a course."""
    rng = random.Random(1)
    drawn = [history(rng) for _ in range(HISTORIES)]
    return np.array([json.dumps(courses) for courses in drawn], dtype=object), np.array([bool(courses) for courses in drawn])


def make_cohort(seed: int, rows: int, unknown: float = 0.04, start: int = 0) -> pl.DataFrame:
    """Make `rows` patients, each fact unrecorded with probability `unknown`, three of them more often."""
    texts, treated = histories()
    rng = np.random.default_rng([seed, start])
    chosen = rng.integers(0, HISTORIES, rows)

    def flag(probability: float, missing: float = unknown) -> pl.Series:
        return hidden(pl.Series(rng.random(rows) < probability), missing)

    def hidden(values: pl.Series, missing: float = unknown) -> pl.Series:
        return pl.select(pl.when(pl.Series(rng.random(rows) >= missing)).then(values)).to_series()

    def choice(values: Sequence[str], weights: Sequence[float], missing: float = unknown) -> pl.Series:
        return hidden(
            pl.Series(np.array(values, dtype=object)[rng.choice(len(values), rows, p=weights)], dtype=pl.String), missing
        )

    adjuvant = np.array(
        [[], ["trastuzumab", "docetaxel"], ["trastuzumab", "pertuzumab", "docetaxel"], ["doxorubicin"]], dtype=object
    )
    given = rng.choice(4, rows, p=[0.5, 0.25, 0.15, 0.1])
    with_trastuzumab = pl.Series((given == 1) | (given == 2))
    months = pl.Series(np.round(rng.gamma(2.0, 12.0, rows), 1))
    brain = pl.Series(rng.random(rows) < 0.2)
    metastatic = pl.Series(rng.random(rows) < 0.97) | pl.Series(treated[chosen]) | brain
    frame = pl.DataFrame(
        {
            "id": pl.Series([f"p{n:09}" for n in range(start, start + rows)]),
            "metastatic": metastatic,
            "her2": choice(["positive", "negative"], [0.96, 0.04]),
            "hr": choice(["positive", "negative"], [0.6, 0.4]),
            "rebiopsied": flag(0.3),
            "accessible_lesion": flag(0.6),
            "adjuvant_drugs": pl.Series([list(adjuvant[n]) for n in range(4)], dtype=pl.List(pl.String))[
                given.astype(np.uint32)
            ],
            "months_to_recurrence": months,
            "metastatic_therapy": pl.Series(texts[chosen], dtype=pl.String),
            "brain_metastases": brain,
            "cns_predominant": pl.Series(rng.random(rows) < 0.3) & brain,
            "interstitial_lung_disease": flag(0.05, 2 * unknown),
            "heart_failure": flag(0.06, 2 * unknown),
            "lvef_measured": flag(0.8),
            "lvef_decline": choice(["none", "transient", "persistent", "recurrent"], [0.9, 0.05, 0.03, 0.02]),
            "low_disease_burden": flag(0.3),
            "significant_comorbidity": flag(0.2),
            "long_disease_free_interval": flag(0.3, 2 * unknown),
            "weight_kg": hidden(pl.Series(np.round(rng.normal(70, 12, rows).clip(35, 150), 1))),
            "months_from_adjuvant_anti_her2": hidden(months),
        }
    )
    counted = pl.col("months_to_recurrence", "months_from_adjuvant_anti_her2")
    return frame.with_columns(pl.when(with_trastuzumab).then(counted).name.keep())


def reasoner(*arguments: object, cwd: Path) -> Result:
    """Run a command in this process, as if from a shell in `cwd`."""
    with contextlib.chdir(cwd):
        return CliRunner().invoke(
            cli, [*map(str, arguments)], prog_name="reasoner", env={"COLUMNS": None}, catch_exceptions=False
        )


def cohort(*arguments: object, cwd: Path) -> Result:
    """Run `reasoner cohort` in this process."""
    return reasoner("cohort", *arguments, cwd=cwd)


def record_of(row: dict[str, Any]) -> dict[str, Any]:
    """Write a row of a generated cohort as a record."""
    found = {key: value for key, value in row.items() if value is not None}
    return {**found, "metastatic_therapy": json.loads(found["metastatic_therapy"])}


def unknown_name(missing: Missing) -> str:
    """Name what is unknown as a cohort's row does."""
    if missing.course is not None:
        return f"{missing.fact}[{missing.course - 1}].{missing.key or 'outcome'}"
    return missing.fact if missing.member is None else f"{missing.fact}[{missing.member}]"


GRADED = ("regimen", "rank", "strength", "evidence_certainty", "certainty")


def expected_row(guideline: Guideline, record: dict[str, Any]) -> dict[str, Any]:
    """Answer a record alone, and give what a cohort's row has of it."""
    answer = guideline.answer(record)
    plain = to_plain(answer)
    entries = [*plain["recommended"], *plain["excluded"], *plain["actions"]]
    readings = {name for entry in entries for name in entry["depends_on_readings"]}
    readings |= {entry["reading"] for entry in plain["alternatives"]}
    scores, known = plain.get("scores"), guideline.model.certainties
    return {
        "id": answer.patient,
        "setting": answer.setting,
        "recommended": [
            {key: value for key, value in entry.items() if key in GRADED and (known or key != "evidence_certainty")}
            for entry in plain["recommended"]
        ],
        "excluded": [{"regimen": e.regimen, "certainty": e.certainty} for e in answer.excluded],
        "actions": [{"action": e.action, "certainty": e.certainty} for e in answer.actions],
        "missing": list(map(unknown_name, answer.missing)),
        "depends_on_readings": [name for name in guideline.model.alternatives if name in readings],
        "alternatives": [{**entry, "setting": entry.get("setting")} for entry in plain["alternatives"]],
        "doses": [own._asdict() for own in doses_given(conclusions_of(answer.derivation), answer.derivation.program)],
        **({"decisions": plain["decisions"]} if answer.decisions else {}),
        **(
            {"scores": [{key: e[key] for key in ("score", "value", "at_most")} for e in scores]}
            if scores is not None
            else {}
        ),
    }


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Read the answers of a folder, without the way back."""
    frame = pl.concat([pl.read_parquet(path) for path in sorted((folder / "answers").iterdir())])
    return [{key: value for key, value in row.items() if key not in WAY_BACK} for row in frame.to_dicts()]


def rejects_of(folder: Path) -> list[dict[str, Any]]:
    """Read the rejected rows of a folder."""
    return [json.loads(line) for line in (folder / "rejects.ndjson").read_text().splitlines()]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
