"""What a cohort's output holds: the tables of answers and of explanations, and what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.evaluate import Evaluated, Outcome
from reasoner.cohort.source import Rows
from reasoner.knowledge import Knowledge
from reasoner.verdicts import SILENT, UNDETERMINED

if TYPE_CHECKING:
    from reasoner.cohort.columns import Codes
    from reasoner.cohort.evaluate import Bits

__all__ = ["answers", "counts", "explanations", "outcome_table"]

RECOMMENDED = pl.List(pl.Struct({"regimen": pl.String, "rank": pl.UInt8, "certainty": pl.String}))
EXCLUDED = pl.List(pl.Struct({"regimen": pl.String, "certainty": pl.String}))
ACTIONS = pl.List(pl.Struct({"action": pl.String, "certainty": pl.String}))


def outcome_table(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """Table outcomes, a row each."""
    recommended = [[{"regimen": r, "rank": n, "certainty": c} for r, n, c in own.recommended] for own in outcomes]
    excluded = [[{"regimen": r, "certainty": c} for r, c in own.excluded] for own in outcomes]
    actions = [[{"action": a, "certainty": c} for a, c in own.actions] for own in outcomes]
    return pl.DataFrame(
        {
            "setting": pl.Series([own.setting for own in outcomes], dtype=pl.String),
            "recommended": pl.Series(recommended, dtype=RECOMMENDED),
            "excluded": pl.Series(excluded, dtype=EXCLUDED),
            "actions": pl.Series(actions, dtype=ACTIONS),
            "missing": pl.Series([list(own.missing) for own in outcomes], dtype=pl.List(pl.String)),
        }
    )


def answers(rows: Rows, kept: Codes, listed: pl.DataFrame, ids: Codes, knowledge: Knowledge) -> pl.DataFrame:
    """Table the answers of rows, in their order."""
    names = pl.Series("id", [rows.ids[n] for n in kept], dtype=pl.String)
    weights = pl.Series(knowledge.weight or "weight", [rows.weights[n] for n in kept], dtype=pl.Float64)
    explained = pl.Series("explanation", list(ids), dtype=pl.String)
    return pl.DataFrame([names, *listed.get_columns(), explained, weights])


def explanations(knowledge: Knowledge, evaluated: Evaluated, texts: list[str], ids: Codes) -> pl.DataFrame:
    """Table what distinct records tell, the rules that fire for them, and what these rest on."""
    kept = np.flatnonzero(evaluated.outcome >= 0)
    fired = evaluated.fired[kept]
    blocks = {name: n for n, name in enumerate(knowledge.blocks)}
    of_rule = np.zeros((len(knowledge.rules), len(blocks)), dtype=np.float32)
    for number, rule in enumerate(knowledge.rules):
        if rule.block is not None:
            of_rule[number, blocks[rule.block]] = 1
    used = fired.astype(np.float32) @ of_rule > 0
    trials = {name: n for n, name in enumerate(knowledge.trials)}
    of_block = np.zeros((len(blocks), len(trials)), dtype=np.float32)
    for name, block in knowledge.blocks.items():
        for trial in block.trials:
            of_block[blocks[name], trials[trial]] = 1
    tested = used.astype(np.float32) @ of_block > 0
    kinds = {
        kind: [n for name, n in blocks.items() if knowledge.blocks[name].kind == kind]
        for kind in ("statement", "reading", "overlay")
    }
    names = list(blocks)
    columns = {
        "rules": listed(fired, [rule.id for rule in knowledge.rules]),
        **{f"{kind}s": listed(used[:, own], [names[n] for n in own]) for kind, own in kinds.items()},
        "trials": listed(tested, list(trials)),
    }
    own_texts = pl.Series("record", [texts[n] for n in kept], dtype=pl.String)
    found = pl.DataFrame([pl.Series("explanation", list(ids[kept]), dtype=pl.String), own_texts])
    return found.with_columns(**columns).unique("explanation").sort("explanation")


def listed(marks: Bits, names: list[str]) -> pl.Series:
    """Turn marks into lists of names, one for each row."""
    row, column = np.nonzero(marks)
    flat = pl.Series(names, dtype=pl.String)[column.astype(np.uint32)] if names else pl.Series([], dtype=pl.String)
    sizes = marks.sum(axis=1) if marks.shape[1] else np.zeros(marks.shape[0], dtype=np.int64)
    grouped = (
        pl.DataFrame({"row": row, "name": flat}).group_by("row", maintain_order=True).agg("name")
        if len(row)
        else pl.DataFrame({"row": pl.Series([], dtype=pl.Int64), "name": pl.Series([], dtype=pl.List(pl.String))})
    )
    every = pl.DataFrame({"row": np.arange(len(sizes))}).join(grouped, on="row", how="left", maintain_order="left")
    return every["name"].fill_null([])


def counts(outcomes: list[Outcome], chosen: Codes, rejects: int) -> dict[str, object]:
    """Count answers by setting, regimen, action, missing fact, and what ends in silence or nothing."""
    total: dict[str, Counter[str]] = {
        name: Counter() for name in ("settings", "recommended", "excluded", "actions", "missing", "findings")
    }
    used, times = np.unique(chosen, return_counts=True)
    for number, many in zip(used, map(int, times), strict=True):
        own = outcomes[number]
        total["settings"][own.setting] += many
        for regimen, rank, certainty in own.recommended:
            total["recommended"][f"{regimen} {certainty}"] += many
            if rank == 1:
                total["recommended"][f"{regimen} first"] += many
        for regimen, certainty in own.excluded:
            total["excluded"][f"{regimen} {certainty}"] += many
        for action, certainty in own.actions:
            total["actions"][f"{action} {certainty}"] += many
        for fact in own.missing:
            total["missing"][fact] += many
        for finding in findings(own):
            total["findings"][finding] += many
    return {"answered": int(times.sum()), "rejects": rejects, **{name: dict(own) for name, own in total.items()}}


def findings(outcome: Outcome) -> Iterator[str]:
    """Name what an outcome lacks or contradicts."""
    if outcome.setting not in (SILENT, UNDETERMINED) and not outcome.recommended:
        yield "nothing_recommended"
    if outcome.missing:
        yield "incomplete"
    certain = {regimen for regimen, _, certainty in outcome.recommended if certainty == "certain"}
    if certain & {regimen for regimen, certainty in outcome.excluded if certainty == "certain"}:
        yield "recommended_and_excluded"
