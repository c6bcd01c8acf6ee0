"""What a cohort's output holds: the tables of answers and of explanations, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.bits import distinct_rows, packed, transposed, unpacked
from reasoner.cohort.outcomes import Outcome, missing_name
from reasoner.cohort.source import Rows
from reasoner.knowledge import Knowledge
from reasoner.verdicts import SILENT, UNDETERMINED

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words
    from reasoner.cohort.columns import Bits, Column

__all__ = ["COUNTED", "Listing", "answers", "explanations"]

CERTAINTY = pl.Enum(["certain", "conditional"])
COUNTED = ("settings", "recommended", "excluded", "actions", "missing", "findings")


class Listing:
    """Outcomes as a table, a row each, and what is counted of them; it grows with them."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.table = outcome_table([], knowledge)
        self.names: dict[tuple[str, str], int] = {}
        self.counted = np.zeros(0, dtype=np.int64)
        self.lengths = np.zeros(0, dtype=np.int64)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Take up outcomes that follow those taken up before."""
        self.table = pl.concat([self.table, outcome_table(outcomes, self.knowledge)], rechunk=True)
        counted = [[self.names.setdefault(name, len(self.names)) for name in names_of(own)] for own in outcomes]
        self.lengths = np.append(self.lengths, np.array([len(own) for own in counted], dtype=np.int64))
        self.counted = np.append(self.counted, np.array([n for own in counted for n in own], dtype=np.int64))

    def counts(self, chosen: Codes) -> dict[str, dict[str, int]]:
        """Count the outcomes of rows by setting, regimen, action, missing fact, and what ends in silence or nothing."""
        times = np.repeat(np.bincount(chosen, minlength=len(self.lengths)), self.lengths)
        total = np.bincount(self.counted, weights=times, minlength=len(self.names)).astype(int).tolist()
        found: dict[str, dict[str, int]] = {name: {} for name in COUNTED}
        for (kind, name), number in self.names.items():
            if total[number]:
                found[kind][name] = total[number]
        return found


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
    return by_row([len(row) for row in rows], flat.to_struct("entry"))


def names(rows: Sequence[Sequence[str]], kind: pl.Enum) -> pl.Series:
    """Turn rows of names into lists."""
    return by_row([len(row) for row in rows], pl.Series([name for row in rows for name in row], dtype=kind))


def by_row(lengths: Sequence[int] | Codes, entries: pl.Series) -> pl.Series:
    """Cut entries into lists of these lengths, one for each row."""
    rows = pl.DataFrame({"row": np.arange(len(lengths), dtype=np.uint32)})
    flat = pl.DataFrame({"row": np.repeat(rows["row"].to_numpy(), lengths), "entry": entries})
    grouped = flat.with_columns(pl.col("row").set_sorted()).group_by("row", maintain_order=True).agg("entry")
    return rows.join(grouped, on="row", how="left", maintain_order="left")["entry"].fill_null([])


def answers(rows: Rows, kept: Codes, listed: pl.DataFrame, explained: pl.Series) -> pl.DataFrame:
    """Table the answers of rows, in their order, each with what its record tells."""
    told = [
        rows.numbers[own.values.fact.name][kept] if own.values.fact.name in rows.numbers else values(own, kept)
        for own in rows.columns.columns
    ]
    named = [series.alias(own.values.fact.name) for series, own in zip(told, rows.columns.columns, strict=True)]
    record = pl.DataFrame(named).to_struct("record")
    kind = pl.List(pl.String())
    remarks = pl.repeat(None, len(kept), dtype=kind, eager=True)
    if rows.remarks:
        remarks = pl.Series([rows.remarks[row] or None for row in kept], dtype=kind)
    return pl.DataFrame([rows.ids[kept].alias("id"), *listed.get_columns(), explained, record, remarks.alias("remarks")])


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


def explanations(knowledge: Knowledge, ids: pl.Series, fired: Words) -> pl.DataFrame:
    """Table sets of rules that fire together, a bit for each rule, with what they rest on; `ids` name them."""
    marks = unpacked(fired, len(knowledge.rules))
    by_rule = unpacked(transposed(fired), len(marks))
    rules = {name: [n for n, rule in enumerate(knowledge.rules) if rule.block == name] for name in knowledge.blocks}
    used = np.array([by_rule[rules[name]].any(axis=0) for name in knowledge.blocks]).T
    first, which = distinct_rows(packed(used))
    used = used[first]
    trials = [[trial in block.trials for trial in knowledge.trials] for block in knowledge.blocks.values()]
    tested = used @ np.array(trials, dtype=bool)
    rests = {
        f"{kind}s": listed(used[:, own], [name for name, of in zip(knowledge.blocks, own, strict=True) if of])
        for kind in ("statement", "reading", "overlay")
        for own in [[block.kind == kind for block in knowledge.blocks.values()]]
    }
    return pl.DataFrame(
        {
            "explanation": ids,
            "rules": listed(marks, [rule.id for rule in knowledge.rules]),
            **{name: own[which] for name, own in rests.items()},
            "trials": listed(tested, list(knowledge.trials))[which],
        }
    )


def listed(marks: Bits, names: list[str]) -> pl.Series:
    """Turn marks into lists of names, one for each row."""
    column = pl.Series((np.flatnonzero(marks) % len(names)).astype(np.uint32))
    return by_row(marks.sum(axis=1), pl.Series(names, dtype=pl.Enum(names)).gather(column))


def names_of(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Name what an outcome counts for."""
    yield "settings", outcome.setting
    for regimen, rank, certainty in outcome.recommended:
        yield "recommended", f"{regimen} {certainty}"
        if rank == 1:
            yield "recommended", f"{regimen} first"
    for regimen, certainty in outcome.excluded:
        yield "excluded", f"{regimen} {certainty}"
    for action, certainty in outcome.actions:
        yield "actions", f"{action} {certainty}"
    for fact in outcome.missing:
        yield "missing", fact
    for finding in findings(outcome):
        yield "findings", finding


def findings(outcome: Outcome) -> Iterator[str]:
    """Name what an outcome lacks or contradicts."""
    if outcome.setting not in (SILENT, UNDETERMINED) and not outcome.recommended:
        yield "nothing_recommended"
    if outcome.missing:
        yield "incomplete"
    certain = {regimen for regimen, _, certainty in outcome.recommended if certainty == "certain"}
    if certain & {regimen for regimen, certainty in outcome.excluded if certainty == "certain"}:
        yield "recommended_and_excluded"
