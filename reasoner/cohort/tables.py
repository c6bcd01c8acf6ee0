"""What a cohort's output holds: the tables of answers and of explanations, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reasoner.cohort.aspects import Entry
from reasoner.cohort.bits import distinct_rows, pack, transpose, unpack
from reasoner.cohort.dosage import DoseListed
from reasoner.cohort.outlines import Outline, Outlines
from reasoner.cohort.rows import Rows
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, SILENT, UNDETERMINED
from reasoner.records.record import ONE_OF

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

    from reasoner.cohort.bits import Codes, Words
    from reasoner.cohort.columns import Bits, Column, RecordColumns

__all__ = ["COUNTED", "answers_table", "assumed", "counts", "explanations_table"]

CERTAINTY = pl.Enum([CERTAIN, CONDITIONAL])
COUNTED = ("settings", "recommended", "excluded", "actions", "missing", "depends_on_readings", "alternatives", "findings")


def numbers_of(outlines: Outlines, chosen: Codes) -> dict[str, Codes]:
    """Give for each kind of entry the numbers of the entries of chosen outlines."""
    table = np.array(outlines.outlines, dtype=np.int64).reshape(-1, len(Outline._fields))
    return {kind: table[chosen, place] for place, kind in enumerate(Outline._fields)}


def entries_of(outlines: Outlines) -> dict[str, pl.Series]:
    """Give the entries of each kind, as columns of answers hold them."""
    model, entries = outlines.model, outlines.listed
    setting = pl.Enum(list(dict.fromkeys((*model.settings, SILENT, UNDETERMINED))))
    regimen = pl.Enum(model.regimens)
    strength = pl.Enum(model.strengths)
    graded: dict[str, PolarsDataType] = {"regimen": regimen, "rank": pl.UInt8, "strength": strength}
    if model.certainties:
        graded["evidence_certainty"] = pl.Enum(model.certainties)
    recommended = pl.Struct(graded | {"certainty": CERTAINTY})
    excluded = pl.Struct({"regimen": regimen, "certainty": CERTAINTY})
    actions = pl.Struct({"action": pl.Enum(model.actions), "certainty": CERTAINTY})
    reading = pl.Enum(list(model.alternatives))
    name = pl.Enum(sorted({name for names in model.alternatives.values() for name in names}))
    shift = pl.Struct({"adds": pl.List(regimen), "removes": pl.List(regimen)})
    alternative = {"reading": reading, "alternative": name, "setting": setting, "recommended": shift, "excluded": shift}
    decision = {"decision": pl.Enum(model.decisions), "setting": setting}
    score = {"score": pl.Enum(list(model.labels.get("score", {}))), "value": pl.Int64(), "at_most": pl.Int64()}
    target = pl.Enum(list(dict.fromkeys((*model.drugs, *model.regimens))))
    dose = {name: pl.String() for name in DoseListed._fields} | {"drug": target, "certainty": CERTAINTY}
    return {
        "setting": pl.Series([name for name, *_ in entries["setting"]], dtype=setting),
        "recommended": structs(entries["recommended"], recommended),
        "excluded": structs(entries["excluded"], excluded),
        "actions": structs(entries["actions"], actions),
        "missing": texts(entries["missing"], pl.String()),
        "depends_on_readings": texts(entries["depends_on_readings"], reading),
        "alternatives": structs([list(map(nested, own)) for own in entries["alternatives"]], pl.Struct(alternative)),
        "doses": structs(entries["doses"], pl.Struct(dose)),
        **({"decisions": structs(decided(outlines), pl.Struct(decision))} if model.decisions else {}),
        **({"scores": structs(entries["scores"], pl.Struct(score))} if model.labels.get("score") else {}),
    }


def counts(outlines: Outlines, chosen: Codes) -> dict[str, dict[str, int]]:
    """Count the outlines of rows by setting, regimen, action, missing fact, reading, alternative and finding."""
    times = np.bincount(chosen)
    used = np.flatnonzero(times)
    numbers, times = numbers_of(outlines, used), times[used]
    found: dict[str, dict[str, int]] = {name: {} for name in COUNTED}
    counted = [(kind, entries) for kind, entries in outlines.entries.items() if kind not in ("scores", "doses")]
    for (kind, entries), own in zip(counted, found.values(), strict=False):
        of_each = np.bincount(numbers[kind], weights=times, minlength=len(entries))
        for entry, total in zip(entries, of_each.astype(int).tolist(), strict=True):
            settings = kind == "setting" and bool(outlines.model.decisions)
            names = map(" ".join, zip(outlines.model.decisions, entry, strict=True)) if settings else names_of(kind, entry)
            for name in names if total else ():
                own[name] = own.get(name, 0) + total
    found["findings"] = {name: int(times[marks].sum()) for name, marks in findings(outlines, numbers) if marks.any()}
    return found


def decided(outlines: Outlines) -> list[list[tuple[object, ...]]]:
    """Give the setting of each of several decisions, as an answer lists them."""
    decisions = outlines.model.decisions
    return [list(zip(decisions, own, strict=True)) for own in outlines.listed["setting"]]


def names_of(kind: str, entry: Entry) -> Iterator[str]:
    """Yield the names under which an entry is counted."""
    for own in entry:
        if isinstance(own, str):
            yield own
        elif kind == "alternatives":
            yield f"{own[0]}={own[1]}"
        else:
            name, *graded, certainty = own
            yield f"{name} {certainty}"
            if graded[:1] == [1]:
                yield f"{name} first"


def nested(changed: tuple[object, ...]) -> tuple[object, ...]:
    """Give what an alternative changes as an answer shows it."""
    reading, name, setting, *lists = changed
    recommended, excluded = ({"adds": lists[n], "removes": lists[n + 1]} for n in (0, 2))
    return reading, name, setting, recommended, excluded


def assumed(records: RecordColumns, kept: Codes) -> dict[str, int]:
    """Count for each fact, and each fact of courses, the rows in which a default stands for it."""
    found: dict[str, int] = {}
    for dictionary, codes in records.columns:
        if not any(dictionary.default_sets):
            continue
        times = np.bincount(np.array(dictionary.defaults, dtype=np.int64)[codes[kept]]).tolist()
        for names, total in zip(dictionary.default_sets, times, strict=False):
            for name in names if total else ():
                found[name] = found.get(name, 0) + total
    return found


def findings(outlines: Outlines, numbers: Mapping[str, Codes]) -> Iterator[tuple[str, Bits]]:
    """Mark the outlines that lack something or contradict themselves."""
    entries, regimens = outlines.entries, outlines.model.regimens
    silent = np.array([{SILENT, UNDETERMINED}.issuperset(settings) for settings in entries["setting"]], dtype=bool)
    recommended, missing = (
        np.array([bool(own) for own in entries[name]], dtype=bool) for name in ("recommended", "missing")
    )
    yield "nothing_recommended", ~silent[numbers["setting"]] & ~recommended[numbers["recommended"]]
    yield "incomplete", missing[numbers["missing"]]
    both = np.ones((len(numbers["setting"]), len(regimens)), dtype=bool)
    for name in ("recommended", "excluded"):
        certain = [{listed[0] for listed in own if listed[-1] == CERTAIN} for own in entries[name]]
        marks = np.array([[regimen in own for regimen in regimens] for own in certain], dtype=bool)
        both &= marks.reshape(len(certain), len(regimens))[numbers[name]]
    yield "recommended_and_excluded", np.logical_or.reduce(both, axis=1)


def structs(rows: Sequence[Sequence[object]], kind: pl.Struct) -> pl.Series:
    """Turn rows of tuples into lists of structs."""
    schema = {field.name: field.dtype for field in kind.fields}
    flat = pl.DataFrame([entry for row in rows for entry in row], schema=schema, orient="row")
    return nest([len(row) for row in rows], flat.to_struct("entry"))


def texts(rows: Sequence[Sequence[object]], kind: PolarsDataType) -> pl.Series:
    """Turn rows of names into lists."""
    return nest([len(row) for row in rows], pl.Series([name for row in rows for name in row], dtype=kind))


def nest(lengths: Sequence[int] | Codes, entries: pl.Series) -> pl.Series:
    """Divide entries into lists of these lengths, one for each row."""
    rows = pl.DataFrame({"row": np.arange(len(lengths), dtype=np.uint32)})
    flat = pl.DataFrame({"row": np.repeat(rows["row"].to_numpy(), lengths), "entry": entries})
    grouped = flat.with_columns(pl.col("row").set_sorted()).group_by("row", maintain_order=True).agg("entry")
    return rows.join(grouped, on="row", how="left", maintain_order="left")["entry"].fill_null([])


def answers_table(rows: Rows, kept: Codes, outlines: Outlines, chosen: Codes, explained: pl.Series) -> pl.DataFrame:
    """Make the table of the answers to rows, in their order, each with what is recorded; `explained` names explanations."""
    numbers = numbers_of(outlines, chosen)
    numbers["decisions"] = numbers["setting"]
    listed = [entries[numbers[kind]].alias(kind) for kind, entries in entries_of(outlines).items()]
    recorded = {
        name: rows.numbers[name][kept] if name in rows.numbers else recorded_values(own, kept)
        for own in rows.columns.columns
        for name in [own.dictionary.fact.name]
    }
    sets = pl.Series([text or None for text in rows.columns.known_sets.texts], dtype=pl.String)
    recorded[ONE_OF] = sets[rows.columns.sets[kept]]
    record = pl.DataFrame(recorded).to_struct("record")
    kind = pl.List(pl.String())
    remarks, warnings = (pl.repeat(None, len(kept), dtype=own, eager=True) for own in (kind, pl.String()))
    if rows.remarks:
        remarks = pl.Series([rows.remarks[row] or None for row in kept], dtype=kind)
        warnings = pl.Series([rows.warnings[row] or None for row in kept], dtype=pl.String)
    beside = [nulls(rows.columns, kept).alias("nulls"), remarks.alias("remarks"), warnings.alias("warning")]
    return pl.DataFrame([rows.ids[kept].alias("id"), *listed, explained, record, *beside])


def nulls(records: RecordColumns, kept: Codes) -> pl.Series:
    """List the facts that rows give as null although a default would stand for what is left out."""
    known = [own for own in records.columns if own.dictionary.fact.default is not None]
    names = [own.dictionary.fact.name for own in known]
    marks = np.array([np.array(own.dictionary.nulls, dtype=bool)[own.codes[kept]] for own in known]).T
    if not marks.any():
        return pl.repeat(None, len(kept), dtype=pl.List(pl.Enum(names)), eager=True)
    lists = listed(marks, names)
    return pl.select(pl.when(lists.list.len() > 0).then(lists)).to_series()


def recorded_values(column: Column, kept: Codes) -> pl.Series:
    """Give the values of a fact in rows, null where it is not recorded."""
    fact = column.dictionary.fact
    kind = {
        "boolean": pl.Boolean(),
        "number": pl.Float64(),
        "choice": pl.Enum(fact.values),
        "list": pl.List(pl.Enum(fact.values)),
        "courses": pl.String(),
    }[fact.kind]
    return pl.Series(column.dictionary.canonical, dtype=kind)[column.codes[kept]]


def explanations_table(model: GuidelineModel, ids: pl.Series, fired: Words) -> pl.DataFrame:
    """Make the table of sets of rules that fire together, a bit for each rule, and what they rest on; `ids` name them."""
    marks = unpack(fired, len(model.rules))
    by_rule = unpack(transpose(fired), len(marks))
    rules = {name: [n for n, rule in enumerate(model.rules) if rule.annotation == name] for name in model.annotations}
    used = np.array([by_rule[rules[name]].any(axis=0) for name in model.annotations]).T
    first, which = distinct_rows(pack(used))
    used = used[first]
    trials = [[trial in annotation.trials for trial in model.trials] for annotation in model.annotations.values()]
    tested = used @ np.array(trials, dtype=bool)
    grounds = {
        f"{kind}s": listed(used[:, own], [name for name, of in zip(model.annotations, own, strict=True) if of])
        for kind in ("statement", "reading", "overlay")
        for own in [[annotation.kind == kind for annotation in model.annotations.values()]]
    }
    return pl.DataFrame(
        {
            "explanation": ids,
            "rules": listed(marks, [rule.id for rule in model.rules]),
            **{name: own[which] for name, own in grounds.items()},
            "trials": listed(tested, list(model.trials))[which],
        }
    )


def listed(marks: Bits, names: list[str]) -> pl.Series:
    """Turn marks into lists of names, one for each row."""
    column = pl.Series((np.flatnonzero(marks) % len(names)).astype(np.uint32))
    return nest(marks.sum(axis=1), pl.Series(names, dtype=pl.Enum(names)).gather(column))
