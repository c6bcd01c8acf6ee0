"""What a cohort's output holds: the tables of answers and of explanations, and what is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.evaluate import Outcome, missing_name
from reasoner.cohort.source import Rows
from reasoner.knowledge import Knowledge
from reasoner.verdicts import SILENT, UNDETERMINED

if TYPE_CHECKING:
    from reasoner.cohort.columns import Bits, Codes, Column

__all__ = ["answers", "counts", "explanations", "outcome_table"]

CERTAINTY = pl.Enum(["certain", "conditional"])


def outcome_table(outcomes: Sequence[Outcome], knowledge: Knowledge) -> pl.DataFrame:
    """Table outcomes, a row each."""
    regimen = pl.Enum(knowledge.regimens)
    excluded = pl.Struct({"regimen": regimen, "certainty": CERTAINTY})
    recommended = pl.Struct({"regimen": regimen, "rank": pl.UInt8, "certainty": CERTAINTY})
    actions = pl.Struct({"action": pl.Enum(knowledge.actions), "certainty": CERTAINTY})
    missing = pl.Enum([missing_name(known.fact, known.member) for known in knowledge.variables])
    return pl.DataFrame(
        {
            "setting": pl.Series(
                [own.setting for own in outcomes],
                dtype=pl.Enum(list(dict.fromkeys((*knowledge.settings, SILENT, UNDETERMINED)))),
            ),
            "recommended": structs([own.recommended for own in outcomes], recommended),
            "excluded": structs([own.excluded for own in outcomes], excluded),
            "actions": structs([own.actions for own in outcomes], actions),
            "missing": names([own.missing for own in outcomes], missing),
        }
    )


def structs(rows: Sequence[Sequence[tuple[object, ...]]], kind: pl.Struct) -> pl.Series:
    """Turn rows of tuples into lists of structs."""
    schema = {field.name: field.dtype for field in kind.fields}
    flat = pl.DataFrame([entry for row in rows for entry in row], schema=schema, orient="row")
    return by_row(np.repeat(np.arange(len(rows)), [len(row) for row in rows]), flat.to_struct("entry"), len(rows))


def names(rows: Sequence[Sequence[str]], kind: pl.Enum) -> pl.Series:
    """Turn rows of names into lists."""
    flat = pl.Series([name for row in rows for name in row], dtype=kind)
    return by_row(np.repeat(np.arange(len(rows)), [len(row) for row in rows]), flat, len(rows))


def by_row(row: Codes, entries: pl.Series, count: int) -> pl.Series:
    """Put entries into lists, one for each of `count` rows; `row` tells in ascending order which an entry is of."""
    flat = pl.DataFrame({"row": row, "entry": entries}).with_columns(pl.col("row").set_sorted())
    grouped = flat.group_by("row", maintain_order=True).agg("entry")
    every = pl.DataFrame({"row": np.arange(count)}).join(grouped, on="row", how="left", maintain_order="left")
    return every["entry"].fill_null([])


def answers(rows: Rows, kept: Codes, listed: pl.DataFrame, explained: pl.Series) -> pl.DataFrame:
    """Table the answers of rows, in their order, each with what its record tells."""
    told = [
        rows.numbers[own.values.fact.name][kept] if own.values.fact.name in rows.numbers else values(own, kept)
        for own in rows.columns.columns
    ]
    named = [series.alias(own.values.fact.name) for series, own in zip(told, rows.columns.columns, strict=True)]
    record = pl.DataFrame(named).to_struct("record")
    said = [rows.remarks[row] or None for row in kept] if rows.remarks else [None] * len(kept)
    remarks = pl.Series("remarks", said, dtype=pl.List(pl.String))
    return pl.DataFrame([rows.ids[kept].alias("id"), *listed.get_columns(), explained, record, remarks])


def values(column: Column, kept: Codes) -> pl.Series:
    """Give the values of a fact in rows, null where it is not recorded."""
    fact, plain = column.values.fact, column.values.plain
    kind = {
        "boolean": pl.Boolean(),
        "number": pl.Float64(),
        "choice": pl.Enum(fact.values),
        "list": pl.List(pl.Enum(fact.values)),
        "courses": pl.String(),
    }[fact.kind]
    return pl.Series(plain, dtype=kind)[column.codes[kept]]


def explanations(knowledge: Knowledge, ids: pl.Series, fired: Bits) -> pl.DataFrame:
    """Table sets of rules that fire together, with what they rest on; `ids` name them."""
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
    columns = [
        ids.alias("explanation"),
        listed(fired, [rule.id for rule in knowledge.rules]).alias("rules"),
        *(listed(used[:, own], [names[n] for n in own]).alias(f"{kind}s") for kind, own in kinds.items()),
        listed(tested, list(trials)).alias("trials"),
    ]
    return pl.DataFrame(columns)


def listed(marks: Bits, names: list[str]) -> pl.Series:
    """Turn marks into lists of names, one for each row."""
    row, column = np.nonzero(marks)
    return by_row(row, pl.Series(names, dtype=pl.Enum(names))[column], len(marks))


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
