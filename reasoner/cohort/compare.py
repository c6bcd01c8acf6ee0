"""Two runs on the same cohort: which answers differ, how, and by which rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from reasoner.cohort.dosage import targets_of
from reasoner.cohort.explain import guideline_of, scan
from reasoner.compiler.dosage import dose_listed, meaning_of
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.records.shapes import Carried, Result, Shape

__all__ = ["Change", "Comparison", "compare"]

ASPECTS = ("setting", "recommended", "excluded", "actions", "doses", "scores")
"""What is compared, where both runs have it."""
DOSES = ("doses", "doses_new")


class Change(Shape, frozen=True):
    """Patients who are answered differently in the same way, and how many they are.

    `before` and `after` hold what differs of the answers, of doses those alone that differ; `rules_before` and `rules_after`
    the rules that fire for each of them in one run alone; `example` is the id of one.
    """

    times: int
    before: dict[str, Any]
    after: dict[str, Any]
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    example: str


class Comparison(Result, frozen=True, tag_field="schema", tag="reasoner.cohort_diff/1"):
    """Two runs side by side: how many patients are in both, in one alone, and how those in both change.

    `patients`, not part of the JSON, is a table of those who change: their id, and what differs, on both sides.
    """

    old: GuidelineInfo
    new: GuidelineInfo
    compared: int
    only_old: int
    only_new: int
    changed: int
    changes: tuple[Change, ...]

    patients = Carried[pl.DataFrame]()


def compare(old: Path, new: Path) -> Comparison:
    """Compare two runs, patient by patient; of several with the same id the first with the first, and so on.

    Raises ReasonerError where a folder holds no complete run, or its copy of the guideline has changed.
    """
    guidelines = [guideline_of(folder) for folder in (old, new)]
    answers = [scan(folder, "answers") for folder in (old, new)]
    columns = [side.collect_schema().names() for side in answers]
    aspects = [name for name in ASPECTS if all(name in own for own in columns)]
    if len({"evidence_certainty" in fields_of(side) for side in answers}) > 1:
        answers = [without_evidence(side) for side in answers]
    sides = [
        side.select("id", "explanation", *aspects).with_columns(turn=pl.int_range(pl.len()).over("id")) for side in answers
    ]
    both = sides[0].join(sides[1], on=["id", "turn"], how="full", suffix="_new").collect()
    in_old, in_new = both["id"].is_not_null(), both["id_new"].is_not_null()
    shared = with_doses_apart(both.filter(in_old & in_new), [guideline.model for guideline in guidelines])
    differs = {name: pl.col(name).ne_missing(pl.col(f"{name}_new")) for name in aspects}
    differing = [
        pl.when(differs[name]).then(pl.col(f"{name}{side}")).alias(f"{name}{side}")
        for name in aspects
        for side in ("", "_new")
    ]
    changed = shared.filter(pl.any_horizontal(*differs.values())).with_columns(differing)
    groups = changed.group_by([*aspects, *(f"{name}_new" for name in aspects)], maintain_order=True)
    grouped = groups.agg(pl.len().alias("times"), pl.col("id").first(), pl.col("explanation", "explanation_new").unique())
    explained = [set(changed[f"explanation{side}"]) for side in ("", "_new")]
    rules = [rules_of(folder, ids) for folder, ids in zip((old, new), explained, strict=True)]
    changes = sorted(
        (change_of(row, rules, aspects) for row in grouped.iter_rows(named=True)), key=lambda c: (-c.times, c.example)
    )
    return Comparison(
        old=guidelines[0].info,
        new=guidelines[1].info,
        compared=len(shared),
        only_old=int((in_old & ~in_new).sum()),
        only_new=int((in_new & ~in_old).sum()),
        changed=sum(change.times for change in changes),
        changes=tuple(changes),
    ).carrying(patients=changed.select("id", *(pl.col(name, f"{name}_new") for name in aspects)))


def fields_of(answers: pl.LazyFrame) -> list[str]:
    """Name what answers tell of a regimen that is recommended."""
    kind = answers.collect_schema()["recommended"]
    assert isinstance(kind, pl.List)
    assert isinstance(kind.inner, pl.Struct)
    return [field.name for field in kind.inner.fields]


def without_evidence(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out the certainty of evidence, which the guideline of the other run does not tell."""
    kept = [pl.element().struct.field(name) for name in fields_of(answers) if name != "evidence_certainty"]
    return answers.with_columns(pl.col("recommended").list.eval(pl.struct(kept)))


def with_doses_apart(shared: pl.DataFrame, models: Sequence[GuidelineModel]) -> pl.DataFrame:
    """Leave of the doses of patients in both runs those that differ of what both recommend."""
    rows = shared.with_row_index("row")
    known = ["recommended", "recommended_new", *DOSES]
    apart = rows.filter(pl.col("doses").ne_missing(pl.col("doses_new"))).group_by(known, maintain_order=True).agg("row")
    kept = [doses_apart(row, models) for row in apart.iter_rows(named=True)]
    schema = {name: shared.schema[name] for name in DOSES}
    columns = [pl.Series(name, [own[side] for own in kept], dtype=schema[name]) for side, name in enumerate(DOSES)]
    told = apart.select("row").with_columns(columns).explode("row")
    nothing = (pl.col(name).fill_null(pl.lit([], dtype=kind)) for name, kind in schema.items())
    return rows.drop(DOSES).join(told, on="row", how="left", maintain_order="left").with_columns(nothing).drop("row")


def doses_apart(row: Mapping[str, Any], models: Sequence[GuidelineModel]) -> list[list[dict[str, str]]]:
    """Give of both sides the doses of what both recommend that the other side does not give, however it writes them."""
    sides = ("", "_new")
    taken = [
        {target for own in row[f"recommended{side}"] for target in targets_of(own["regimen"], model)}
        for side, model in zip(sides, models, strict=True)
    ]
    meant = [
        {listed_meaning(own, model): own for own in row[f"doses{side}"] if own["drug"] in taken[0] & taken[1]}
        for side, model in zip(sides, models, strict=True)
    ]
    return [[own for meaning, own in meant[n].items() if meaning not in meant[1 - n]] for n in (0, 1)]


def listed_meaning(listed: Mapping[str, str], model: GuidelineModel) -> tuple[str, ...]:
    """Say what a dose that is listed means, and how certain it is."""
    dose = dose_listed(listed)
    return listed["drug"], dose.schedule, dose.step, dose.kind, meaning_of(dose, model.units), listed["certainty"]


def rules_of(folder: Path, ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Look up the rules of explanations."""
    found = scan(folder, "explanations").filter(pl.col("explanation").is_in(ids)).select("explanation", "rules").collect()
    return {name: frozenset(rules) for name, rules in found.iter_rows()}


def change_of(row: Mapping[str, object], rules: Sequence[Mapping[str, frozenset[str]]], aspects: Sequence[str]) -> Change:
    """Describe a group of rows; its rules are those that fire for all of them in one run, and for none in the other."""
    fired = []
    for key, known in zip(("explanation", "explanation_new"), rules, strict=True):
        ids = row[key]
        assert isinstance(ids, list)
        own = [known[name] for name in ids]
        fired.append((frozenset.intersection(*own), frozenset.union(*own)))
    (all_old, any_old), (all_new, any_new) = fired
    differing = [name for name in aspects if row[name] != row[f"{name}_new"]]
    times = row["times"]
    assert isinstance(times, int)
    return Change(
        times,
        {name: row[name] for name in differing},
        {name: row[f"{name}_new"] for name in differing},
        tuple(sorted(all_old - any_new)),
        tuple(sorted(all_new - any_old)),
        str(row["id"]),
    )
