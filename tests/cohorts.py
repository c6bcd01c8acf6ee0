"""Make cohorts of any size from a seed: patients with histories as the guideline's own regimens make them, some of it
unrecorded. The same seed and size give the same cohort; nothing here decides what an answer is."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import polars as pl

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


def make_cohort(seed: int, rows: int, unknown: float = 0.04, start: int = 0) -> pl.DataFrame:
    """Make `rows` patients, each fact unrecorded with probability `unknown`, three of them more often."""
    histories = [history(rng) for rng in [random.Random(1)] for _ in range(HISTORIES)]
    texts = np.array([json.dumps(courses) for courses in histories], dtype=object)
    treated = np.array([bool(courses) for courses in histories])
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
        }
    )
    return frame.with_columns(months_to_recurrence=pl.when(with_trastuzumab).then(pl.col("months_to_recurrence")))
