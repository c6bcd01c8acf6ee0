"""What a cohort's output holds: the tables of answers and of explanations, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.bits import distinct_rows, packed, transposed, unpacked
from reasoner.cohort.outcomes import Entry, Outcome, Outcomes, missing_name
from reasoner.cohort.source import Rows
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import SILENT, UNDETERMINED

if TYPE_CHECKING:
    from reasoner.cohort.bits import Codes, Words
    from reasoner.cohort.columns import Bits, Column

__all__ = ["COUNTED", "answers", "counts", "explanations"]

CERTAINTY = pl.Enum(["certain", "conditional"])
COUNTED = ("settings", "recommended", "excluded", "actions", "missing", "findings")


def numbers_of(outcomes: Outcomes, chosen: Codes) -> dict[str, Codes]:
    """Give for each kind of entry the numbers of the entries of chosen outcomes."""
    listed = np.array(outcomes.listed, dtype=np.int64).reshape(-1, len(Outcome._fields))
    return {kind: listed[chosen, place] for place, kind in enumerate(Outcome._fields)}


def entries_of(outcomes: Outcomes) -> dict[str, pl.Series]:
    """Table what outcomes list, of each kind."""
    model, entries = outcomes.model, {kind: list(own) for kind, own in outcomes.entries.items()}
    setting = pl.Enum(list(dict.fromkeys((*model.settings, SILENT, UNDETERMINED))))
    regimen = pl.Enum(model.regimens)
    recommended = pl.Struct({"regimen": regimen, "rank": pl.UInt8, "certainty": CERTAINTY})
    excluded = pl.Struct({"regimen": regimen, "certainty": CERTAINTY})
    actions = pl.Struct({"action": pl.Enum(model.actions), "certainty": CERTAINTY})
    missing = pl.Enum([missing_name(known.fact, known.member) for known in model.variables])
    return {
        "setting": pl.Series([name for (name,) in entries["setting"]], dtype=setting),
        "recommended": structs(entries["recommended"], recommended),
        "excluded": structs(entries["excluded"], excluded),
        "actions": structs(entries["actions"], actions),
        "missing": names(entries["missing"], missing),
    }


def counts(outcomes: Outcomes, chosen: Codes) -> dict[str, dict[str, int]]:
    """Count the outcomes of rows by setting, regimen, action, missing fact, and what ends in silence or nothing."""
    times = np.bincount(chosen)
    used = np.flatnonzero(times)
    numbers, times = numbers_of(outcomes, used), times[used]
    found: dict[str, dict[str, int]] = {name: {} for name in COUNTED}
    for (kind, entries), own in zip(outcomes.entries.items(), found.values(), strict=False):
        of_each = np.bincount(numbers[kind], weights=times, minlength=len(entries))
        for entry, total in zip(entries, of_each.astype(int).tolist(), strict=True):
            for name in names_of(entry) if total else ():
                own[name] = own.get(name, 0) + total
    found["findings"] = {name: int(times[marks].sum()) for name, marks in findings(outcomes, numbers) if marks.any()}
    return found


def names_of(entry: Entry) -> Iterator[str]:
    """Name what an entry counts for."""
    for own in entry:
        if isinstance(own, str):
            yield own
        else:
            name, *rank, certainty = own
            yield f"{name} {certainty}"
            if rank == [1]:
                yield f"{name} first"


def findings(outcomes: Outcomes, numbers: Mapping[str, Codes]) -> Iterator[tuple[str, Bits]]:
    """Mark the outcomes that lack something or contradict themselves."""
    entries, regimens = outcomes.entries, outcomes.model.regimens
    silent = np.array([setting in (SILENT, UNDETERMINED) for (setting,) in entries["setting"]], dtype=bool)
    recommended, missing = (
        np.array([bool(own) for own in entries[name]], dtype=bool) for name in ("recommended", "missing")
    )
    yield "nothing_recommended", ~silent[numbers["setting"]] & ~recommended[numbers["recommended"]]
    yield "incomplete", missing[numbers["missing"]]
    both = np.ones((len(numbers["setting"]), len(regimens)), dtype=bool)
    for name in ("recommended", "excluded"):
        certain = [{listed[0] for listed in own if listed[-1] == "certain"} for own in entries[name]]
        marks = np.array([[regimen in own for regimen in regimens] for own in certain], dtype=bool)
        both &= marks.reshape(len(certain), len(regimens))[numbers[name]]
    yield "recommended_and_excluded", np.logical_or.reduce(both, axis=1)


def structs(rows: Sequence[Sequence[object]], kind: pl.Struct) -> pl.Series:
    """Turn rows of tuples into lists of structs."""
    schema = {field.name: field.dtype for field in kind.fields}
    flat = pl.DataFrame([entry for row in rows for entry in row], schema=schema, orient="row")
    return by_row([len(row) for row in rows], flat.to_struct("entry"))


def names(rows: Sequence[Sequence[object]], kind: pl.Enum) -> pl.Series:
    """Turn rows of names into lists."""
    return by_row([len(row) for row in rows], pl.Series([name for row in rows for name in row], dtype=kind))


def by_row(lengths: Sequence[int] | Codes, entries: pl.Series) -> pl.Series:
    """SolveTimeout entries into lists of these lengths, one for each row."""
    rows = pl.DataFrame({"row": np.arange(len(lengths), dtype=np.uint32)})
    flat = pl.DataFrame({"row": np.repeat(rows["row"].to_numpy(), lengths), "entry": entries})
    grouped = flat.with_columns(pl.col("row").set_sorted()).group_by("row", maintain_order=True).agg("entry")
    return rows.join(grouped, on="row", how="left", maintain_order="left")["entry"].fill_null([])


def answers(rows: Rows, kept: Codes, outcomes: Outcomes, chosen: Codes, explained: pl.Series) -> pl.DataFrame:
    """Table the answers of rows, in their order, each with what its record tells."""
    numbers = numbers_of(outcomes, chosen)
    listed = [entries[numbers[kind]].alias(kind) for kind, entries in entries_of(outcomes).items()]
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
    return pl.DataFrame([rows.ids[kept].alias("id"), *listed, explained, record, remarks.alias("remarks")])


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


def explanations(model: GuidelineModel, ids: pl.Series, fired: Words) -> pl.DataFrame:
    """Table sets of rules that fire together, a bit for each rule, with what they rest on; `ids` name them."""
    marks = unpacked(fired, len(model.rules))
    by_rule = unpacked(transposed(fired), len(marks))
    rules = {name: [n for n, rule in enumerate(model.rules) if rule.annotation == name] for name in model.annotations}
    used = np.array([by_rule[rules[name]].any(axis=0) for name in model.annotations]).T
    first, which = distinct_rows(packed(used))
    used = used[first]
    trials = [[trial in annotation.trials for trial in model.trials] for annotation in model.annotations.values()]
    tested = used @ np.array(trials, dtype=bool)
    rests = {
        f"{kind}s": listed(used[:, own], [name for name, of in zip(model.annotations, own, strict=True) if of])
        for kind in ("statement", "reading", "overlay")
        for own in [[annotation.kind == kind for annotation in model.annotations.values()]]
    }
    return pl.DataFrame(
        {
            "explanation": ids,
            "rules": listed(marks, [rule.id for rule in model.rules]),
            **{name: own[which] for name, own in rests.items()},
            "trials": listed(tested, list(model.trials))[which],
        }
    )


def listed(marks: Bits, names: list[str]) -> pl.Series:
    """Turn marks into lists of names, one for each row."""
    column = pl.Series((np.flatnonzero(marks) % len(names)).astype(np.uint32))
    return by_row(marks.sum(axis=1), pl.Series(names, dtype=pl.Enum(names)).gather(column))
