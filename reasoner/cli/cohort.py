"""The commands about cohorts: answer many records, explain an answer, compare two runs."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from reasoner.cli.inputs import load
from reasoner.cli.options import format_option, guideline_options
from reasoner.cli.output import print_answer, print_result
from reasoner.errors import ReasonerError, nearest
from reasoner.guideline import Selection, default_folder


class CohortGroup(click.Group):
    """The commands about cohorts; without the name of one, a cohort is answered."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            hint = "" if Path(args[0]).exists() else nearest(args[0], self.commands)
            if hint:
                raise click.UsageError(f'"{args[0]}" is neither a file nor a command{hint}', ctx)
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's type)
        try:
            from polars.exceptions import PolarsError
        except ImportError:
            raise ReasonerError("polars is not installed; pip install 'guideline-reasoner[cohort]'") from None
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)
        except PolarsError as error:
            reason = str(error).partition("\n")[0]
            raise ReasonerError(f"a table of answers is damaged; run the cohort again: {reason}") from None


@click.group(cls=CohortGroup)
def cohort() -> None:
    """Answer a file of patients, explain any of the answers, and compare two runs.

    The records are read from Parquet, CSV or NDJSON; the answers are written as Parquet or NDJSON.
    reasoner cohort IN -o OUT is short for reasoner cohort run IN -o OUT.
    """


def gathered(source: Path, output: Path, resume: bool) -> Path:
    """Give the file of records: a bulk export's resources are put together for each patient, in the output folder."""
    from reasoner.cohort.charts import gather, is_export
    from reasoner.cohort.origins import CHARTS

    if not is_export(source):
        return source
    charts = output / CHARTS
    if not (resume and charts.exists()):
        if (output / "run.json").exists():
            raise ReasonerError(f"{output}: already holds a run; continue it with --resume, or give another folder")
        return gather(source, output)
    return charts


@cohort.command("run")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="The folder for the answers."
)
@guideline_options
@click.option(
    "--to", "form", type=click.Choice(["parquet", "ndjson"]), default="parquet", show_default=True, help="The format of OUT."
)
@click.option(
    "--courses", type=click.Path(path_type=Path), metavar="CSV", help="The courses of therapy, one per row, oldest first."
)
@click.option(
    "--no-course-means-untreated",
    "untreated",
    is_flag=True,
    help="Patients without a row in --courses had no therapy.  [default: it is unknown]",
)
@click.option("--empty-is-unknown", is_flag=True, help="No default stands for an empty cell: the fact is unknown.")
@click.option("--resume", is_flag=True, help="Continue a run that was interrupted.")
@click.option(
    "--rows", type=click.IntRange(1), metavar="N", default=125_000, show_default=True, help="How many rows a part has."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many processes.  [default: one per core of this machine]"
)
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="What runs the parts."
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler whose workers can see the folders IN and OUT.")
@click.option(
    "--format", "shown", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The summary's format."
)
def cohort_run(
    source: Path, output: Path, selection: Selection, form: str, courses: Path | None, untreated: bool,
    empty_is_unknown: bool, resume: bool, rows: int, workers: int | None, engine: str, scheduler: str | None, shown: str,
) -> None:  # fmt: skip
    """Answer the records of IN.

    IN is a .parquet, .csv or .ndjson file, or a folder of .parquet files, with a column id and a column for each known fact;
    or FHIR: bundles one a line, or a bulk export, a file or a folder of resources one a line, compressed or not.
    The courses of therapy can be in a CSV file of their own, with the columns id, drugs (a;b), outcome and the facts of a
    course. What is not recorded is unknown, also the therapy of a patient without a row in that file.

    OUT receives the answers, each distinct explanation once, rejects.ndjson with every rejected row and the reason, and the
    summary as summary.json and summary.html. The exit status is 1 where rows were rejected, 130 after an interrupt.
    """
    from reasoner.cohort.courses import check_courses
    from reasoner.cohort.part import Job
    from reasoner.cohort.run import Progress, run
    from reasoner.cohort.source import plan
    from reasoner.files import write_whole
    from reasoner.render.cohort import render_summary
    from reasoner.render.html.cohort import render_summary_page

    if scheduler is not None and engine != "dask":
        raise click.UsageError("--scheduler requires --engine dask.")
    guideline = load(selection)
    model = guideline.model
    if untreated and courses is None:
        raise click.UsageError("--no-course-means-untreated requires --courses.")
    if courses is not None:
        check_courses(courses.resolve(), model)
    read = gathered(source, output, resume) if courses is None else source
    parts = tuple(plan(read.resolve(), rows, model, courses is not None))
    folder = selection.folder if selection.folder == default_folder() else selection.folder.resolve()
    overlays = tuple(path.resolve() for path in selection.overlays)
    selection = Selection(folder, selection.layer, overlays, selection.readings, selection.no_record_means_none)
    apart = None if courses is None else courses.resolve()
    job = Job(selection, guideline.digest, output.resolve(), form, parts, apart, untreated, empty_is_unknown)
    begun = time.monotonic()
    try:
        with click.progressbar(
            length=sum(part.rows for part in parts), file=sys.stderr, label="rows", hidden=not sys.stderr.isatty(),
            show_pos=True, item_show_func=lambda rate: rate,
        ) as bar:  # fmt: skip

            def report(progress: Progress) -> None:
                rate = progress.done / (time.monotonic() - begun)
                bar.update(progress.done - bar.pos, f"{rate:,.0f} per second, {progress.rejects:,} rejected")

            summary = run(job, workers or os.cpu_count() or 1, resume, scheduler, engine == "dask", report)
    except KeyboardInterrupt:
        click.echo(f"interrupted; --resume continues {output}", err=True)
        sys.exit(130)
    write_whole(output / "summary.html", render_summary_page(summary, model).encode())
    print_result(shown, summary, lambda width, colour: render_summary(summary, model, width, colour))
    if rejects := summary.rejects:
        rejected = "1 row was rejected" if rejects == 1 else f"{rejects} rows were rejected"
        click.echo(f"{rejected}: {output / 'rejects.ndjson'}", err=True)
        sys.exit(1)


@cohort.command("explain", short_help="Show the answer to one patient, or one explanation.")
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.argument("name", metavar="ID")
@format_option
def cohort_explain(output: Path, name: str, form: str) -> None:
    """Show the complete answer to the patient with this ID in OUT, as recommend gives it; or the explanation of this ID."""
    from reasoner.cohort.explain import explanation, guideline_of, records_of
    from reasoner.render.cohort import render_explanation

    guideline = guideline_of(output)
    records = list(records_of(output, name, guideline))
    for number, record in enumerate(records):
        print_answer(partial(guideline.answer, record), form, first=number == 0)
    if not records:
        found, model = explanation(output, name), guideline.model
        print_result(form, found, lambda width, colour: render_explanation(found, model, width, colour))


@cohort.command("diff", short_help="Compare two runs on the same cohort.")
@click.argument("old", metavar="A", type=click.Path(path_type=Path))
@click.argument("new", metavar="B", type=click.Path(path_type=Path))
@format_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A table of all patients whose answer changes: .parquet or .ndjson.",
)
def cohort_diff(old: Path, new: Path, form: str, output: Path | None) -> None:
    """Compare two runs on the same cohort: whose answer changes, from what to what, and by which rules."""
    from reasoner.cohort.compare import compare
    from reasoner.cohort.explain import guideline_of
    from reasoner.cohort.part import write_table
    from reasoner.render.cohort import render_comparison

    if output is not None and output.suffix not in (".parquet", ".ndjson"):
        raise ReasonerError(f'{output}: "{output.suffix}" is not a table format; allowed: .parquet, .ndjson')
    found = compare(old, new)
    if output is not None:
        write_table(found.patients, output)
    model = guideline_of(new).model
    print_result(form, found, lambda width, colour: render_comparison(found, model, width, colour))
