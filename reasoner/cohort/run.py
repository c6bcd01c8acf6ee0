"""Answer a cohort part by part, on the cores of this machine or on Dask; what is done stays done.

The unit of work is a function from a part of the input to files in the output folder, each written whole or not at all; the
answers are written last and mark the part as done.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from reasoner.cohort.columns import Values, distinct
from reasoner.cohort.evaluate import Evaluated, Evaluator, Outcome
from reasoner.cohort.source import Part, Rows, read
from reasoner.errors import ReasonerError, RecordError
from reasoner.files import write_whole
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.verdicts import SILENT, UNDETERMINED

if TYPE_CHECKING:
    from reasoner.cohort.columns import Codes
    from reasoner.cohort.evaluate import Bits

__all__ = ["SCHEMA", "Job", "Progress", "run"]

SCHEMA = "reasoner.cohort/1"
MEMORY = 200_000


class Job(NamedTuple):
    """What is answered, by which guideline, into which folder and in which format ("parquet" or "ndjson")."""

    folder: str | None
    layer: str
    overlays: tuple[str, ...]
    output: str
    form: str
    parts: tuple[Part, ...]

    def path(self, kind: str, number: int) -> Path:
        """Name the file of a part."""
        suffix = "json" if kind == "counts" else "ndjson" if kind == "rejects" else self.form
        return Path(self.output) / kind / f"part-{number:05}.{suffix}"


class Progress(NamedTuple):
    """How far a run is, after a part: rows done and to do, rejects so far."""

    done: int
    total: int
    rejects: int


class Worker:
    """A guideline at work: what it keeps from part to part, within bounds."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.evaluator = Evaluator(guideline)
        self.values: dict[str, Values] = {}
        self.outcomes = outcome_table([])

    def prepare(self) -> None:
        """Forget what has become too much."""
        facts = self.guideline.knowledge.facts
        if not self.values or sum(len(own.numbers) for own in self.values.values()) > MEMORY:
            self.values = {fact.name: Values(fact, self.guideline.knowledge) for fact in facts}
        if len(self.evaluator.seen) > MEMORY:
            self.evaluator = Evaluator(self.guideline)
            self.outcomes = outcome_table([])

    def listed(self, chosen: Codes) -> pl.DataFrame:
        """Table the outcomes of rows, in their order."""
        new = self.evaluator.outcomes[len(self.outcomes) :]
        if new:
            self.outcomes = pl.concat([self.outcomes, outcome_table(new)])
        return self.outcomes[chosen.astype(np.uint32)] if len(chosen) else self.outcomes.clear()


@lru_cache(maxsize=4)
def worker(folder: str | None, layer: str, overlays: tuple[str, ...]) -> Worker:
    """Load a guideline once in each process."""
    return Worker(Guideline.load(folder, layer, overlays))


def answer_part(job: Job, number: int) -> int:
    """Answer a part, unless it is done; give its number."""
    if job.path("answers", number).exists():
        return number
    own = worker(job.folder, job.layer, job.overlays)
    own.prepare()
    guideline, knowledge = own.guideline, own.guideline.knowledge
    rows = read(job.parts[number], own.values, knowledge)
    kept = np.flatnonzero(~rows.bad)
    codes = rows.columns.take(kept)
    first, which = distinct([column.codes for column in codes.columns]) if len(kept) else (kept, kept)
    records = codes.take(first)
    evaluated = own.evaluator.evaluate(records)
    answered = evaluated.outcome[which] >= 0
    rejected = np.sort(np.concatenate([np.flatnonzero(rows.bad), kept[~answered]]))
    kept, which = kept[answered], which[answered]
    reject = [rejection(rows, int(row), guideline) for row in rejected]
    texts = records.texts()
    ids = np.array([explanation_id(guideline, text) for text in texts], dtype=object)
    outcomes = evaluated.outcome[which]
    write_table(explanations(knowledge, evaluated, texts, ids), job.path("explanations", number))
    write_lines(reject, job.path("rejects", number))
    counted = counts(evaluated.outcomes, outcomes, len(rejected))
    write_whole(job.path("counts", number), json.dumps(counted, sort_keys=True).encode())
    write_table(answers(rows, kept, own.listed(outcomes), ids[which], knowledge), job.path("answers", number))
    return number


def rejection(rows: Rows, row: int, guideline: Guideline) -> dict[str, object]:
    """Say why a row is not answered, as the answer to it alone would."""
    name = rows.ids[row]
    try:
        guideline.answer(guideline.record(rows.data(row)))
    except RecordError as error:
        return {"line": rows.lines[row], "id": name, "reason": str(error)}
    raise ReasonerError(f"line {rows.lines[row]}: {name}: refused here, and answered alone; please report it")


def explanation_id(guideline: Guideline, text: str) -> str:
    """Name what a record tells under a guideline: the same for all patients of whom the same is told."""
    whole = "\n".join((guideline.digest, guideline.layer, *guideline.overlays, text))
    return blake2b(whole.encode(), digest_size=10).hexdigest()


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


def write_table(frame: pl.DataFrame, path: Path) -> None:
    buffer = io.BytesIO()
    if path.suffix == ".parquet":
        frame.write_parquet(buffer, compression="zstd")
    else:
        frame.write_ndjson(buffer)
    write_whole(path, buffer.getvalue())


def write_lines(rows: list[dict[str, object]], path: Path) -> None:
    if rows:
        write_whole(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


def run(
    job: Job, workers: int, resume: bool, scheduler: str | None, dask: bool, report: Callable[[Progress], None]
) -> dict[str, object]:
    """Answer all parts and sum them up; `report` is told after each part. Give the summary.

    With `resume` parts that are done are kept. Raises ReasonerError where the folder holds something else, where a file
    cannot be written or read, and where workers die; what is done then stays, for `resume`.
    """
    start(job, resume)
    done = rejects = 0
    total = sum(part.rows for part in job.parts)
    seen = np.zeros(0, dtype="S20")
    summed: dict[str, object] = {}
    for number in in_order(on_dask(job, scheduler, workers) if dask else on_cores(job, workers), len(job.parts)):
        counted = json.loads(job.path("counts", number).read_bytes())
        summed = add(summed, counted)
        seen = keep_new(job, number, seen)
        done, rejects = done + job.parts[number].rows, rejects + counted["rejects"]
        report(Progress(done, total, rejects))
    described = about(job)
    summary = {"schema": SCHEMA, "guideline": described["guideline"], "distinct_explanations": len(seen), **summed}
    write_whole(Path(job.output) / "summary.json", (json.dumps(summary, indent=1) + "\n").encode())
    lines = b"".join(path.read_bytes() for n in range(len(job.parts)) if (path := job.path("rejects", n)).exists())
    if lines:
        write_whole(Path(job.output) / "rejects.ndjson", lines)
    return summary


def about(job: Job) -> dict[str, object]:
    """Say what a run is about: the guideline, and the input."""
    guideline = Guideline.load(job.folder, job.layer, job.overlays)
    return {
        "guideline": guideline.info.to_dict(),
        "folder": job.folder,
        "overlay_files": list(job.overlays),
        "format": job.form,
        "parts": [list(part) for part in job.parts],
    }


def start(job: Job, resume: bool) -> None:
    """Prepare the output folder, or check that it holds the same run."""
    output = Path(job.output)
    manifest = output / "run.json"
    content = (json.dumps({"schema": SCHEMA, **about(job)}, indent=1) + "\n").encode()
    try:
        if manifest.exists():
            if not resume:
                raise ReasonerError(f"{output}: holds a run already; --resume continues it, another folder starts anew")
            if manifest.read_bytes() != content:
                raise ReasonerError(
                    f"{output}: holds a run of another guideline, input or size of parts; give another folder"
                )
        elif output.exists() and any(output.iterdir()):
            raise ReasonerError(f"{output}: is not empty and holds no run; give another folder")
        for kind in ("answers", "explanations", "rejects", "counts"):
            (output / kind).mkdir(parents=True, exist_ok=True)
            for path in (output / kind).iterdir():
                if path.suffix[1:].isdigit():
                    path.unlink(missing_ok=True)
    except OSError as error:
        raise ReasonerError(f"{output}: cannot be written: {error.strerror}") from None
    write_whole(manifest, content)


def in_order(numbers: Iterator[int], total: int) -> Iterator[int]:
    """Yield the numbers of parts in their order, each as soon as all before it are done."""
    done: set[int] = set()
    following = 0
    for number in numbers:
        done.add(number)
        while following in done:
            done.remove(following)
            yield following
            following += 1
    assert following == total


def leave_with_parent() -> None:
    """End this process as soon as the run that it works for is gone: another may be at work on its files then."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def on_cores(job: Job, workers: int) -> Iterator[int]:
    """Answer parts in processes of this machine; a few are handed out ahead."""
    if workers == 1:
        yield from (answer_part(job, number) for number in range(len(job.parts)))
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=leave_with_parent) as pool:
        waiting: set[Future[int]] = set()
        try:
            for number in range(len(job.parts)):
                waiting.add(pool.submit(answer_part, job, number))
                if len(waiting) > 2 * workers:
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in finished)
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        except BrokenProcessPool:
            raise ReasonerError("a worker died (killed, or out of memory); --resume continues with what is done") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def on_dask(job: Job, scheduler: str | None, workers: int) -> Iterator[int]:
    """Answer parts on a Dask cluster, or on one of this machine's cores; Dask retries what dies."""
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError:
        raise ReasonerError("--engine dask: Dask is not installed; pip install 'guideline-reasoner[cohort]'") from None
    cluster = None if scheduler else LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    try:
        with Client(scheduler or cluster, timeout=30) as client:
            futures = client.map(lambda number: answer_part(job, number), range(len(job.parts)), pure=False, retries=5)
            for future in as_completed(futures):
                yield future.result()
                future.release()
    except OSError as error:
        raise ReasonerError(f"--scheduler {scheduler}: no Dask scheduler answers there ({error})") from None
    finally:
        if cluster is not None:
            cluster.close()


def keep_new(job: Job, number: int, seen: Codes) -> Codes:
    """Keep of a part's explanations those that no part before it has; give the ids of all so far."""
    path = job.path("explanations", number)
    frame = read_table(path)
    ids = frame["explanation"].to_numpy().astype("S20")
    kept = frame.filter(pl.Series(~np.isin(ids, seen)))
    if len(kept) < len(frame):
        write_table(kept, path)
    return np.union1d(seen, ids)


def read_table(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_ndjson(path)


def add(total: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Add counts to counts."""
    found: dict[str, object] = dict(total)
    for name, value in more.items():
        own = found.get(name)
        if isinstance(value, dict):
            found[name] = add(own if isinstance(own, dict) else {}, value)
        else:
            found[name] = (own if isinstance(own, int) else 0) + (value if isinstance(value, int) else 0)
    return dict(sorted(found.items()))
