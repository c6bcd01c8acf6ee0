"""The options that commands share, each family gathered into one object."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from reasoner.guideline import LAYERS, Selection, default_folder

__all__ = [
    "Command",
    "ReportOptions",
    "SearchOptions",
    "about_patient",
    "corrections_option",
    "format_option",
    "guideline_options",
    "output_option",
    "question",
    "report_options",
    "search_options",
]

Command = Callable[..., Any]


class ReportOptions(NamedTuple):
    """How findings are reported: "text", "json" or "sarif", and from which severity on the command fails."""

    form: str
    fail_level: str


class SearchOptions(NamedTuple):
    """How all possible patients are searched, and what becomes of the findings.

    `courses` bounds the history (None: the guideline's own bound), `timeout` is in seconds; `accept` is the file of
    accepted findings; `witness` the id of the finding whose witness alone is printed. `cohort` is a file of patients of
    whom those who show a finding are counted, and `everything` tells whether the text shows all groups in full.
    """

    courses: int | None
    timeout: float | None
    accept: Path | None
    witness: str | None
    cohort: Path | None
    everything: bool


def with_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def guideline_options(command: Command) -> Command:
    """Add the options that choose the guideline; the command takes them as one `selection`."""

    @wraps(command)
    def gathered(
        *args: object,
        folder: Path | None,
        layer: str,
        overlays: tuple[Path, ...],
        readings: tuple[str, ...],
        silent_is_none: bool,
        **rest: object,
    ) -> object:
        chosen = default_folder() if folder is None else folder
        selection = Selection(chosen, layer, overlays, readings, silent_is_none)
        return command(*args, selection=selection, **rest)

    return with_options(
        gathered,
        click.option("--guideline", "folder", type=click.Path(path_type=Path), metavar="DIR",
                     help="The guideline's folder.  [default: the HER2 guideline that ships with the package]"),
        click.option("--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
                     help="Lay a file of local rules over the guideline (repeatable)."),
        click.option("--layer", type=click.Choice(LAYERS), default="curated", show_default=True,
                     help="The statements as they read, or with the readings that interpret them."),
        click.option("--reading", "readings", multiple=True, metavar="ID=ALTERNATIVE",
                     help="Take a reading as another alternative, as in R5=b; R5=any leaves it open, and any "
                     "leaves all of them open (repeatable)."),
        click.option("--no-record-means-none", "silent_is_none", is_flag=True,
                     help="Read therapy and metastases that a FHIR chart does not record as not there; for sites whose "
                     "charts are complete."),
    )  # fmt: skip


def format_option(command: Command) -> Command:
    """Add the choice between text and JSON."""
    forms = click.Choice(["text", "json"])
    return click.option("--format", "form", type=forms, default="text", show_default=True, help="The output format.")(
        command
    )


def corrections_option(command: Command) -> Command:
    """Add the corrections of the record; the command takes them as `edits`."""
    return click.option(
        "--set",
        "edits",
        multiple=True,
        metavar="FACT=VALUE",
        help="Correct the record before it is answered, as in what-if (repeatable); the notes say so.",
    )(command)


def about_patient(command: Command) -> Command:
    """Add what every question about one record takes: the record, the guideline, the format."""
    return click.argument("patient", type=click.Path(allow_dash=True))(guideline_options(format_option(command)))


def question(command: Command) -> Command:
    """Add what a question about one record takes, with corrections of it."""
    return about_patient(corrections_option(command))


def output_option(words: str, required: bool = False) -> Callable[[Command], Command]:
    """Add the option that names the file to write, as `output`; `words` say what is written."""
    path = click.Path(path_type=Path, dir_okay=False)
    return click.option("-o", "--output", type=path, required=required, metavar="FILE", help=words)


def report_options(command: Command) -> Command:
    """Add the options of every command with findings; the command takes them as one `report`."""

    @wraps(command)
    def gathered(*args: object, form: str, fail_level: str, **rest: object) -> object:
        return command(*args, report=ReportOptions(form, fail_level), **rest)

    return with_options(
        gathered,
        click.option("--fail-level", type=click.Choice(["error", "warning", "info"]), default="warning", show_default=True,
                     help="Exit with status 1 for findings of this severity or above."),
        click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True,
                     help="The output format."),
    )  # fmt: skip


def search_options(command: Command) -> Command:
    """Add the options of every search among all patients; the command takes them as one `search`."""

    @wraps(command)
    def gathered(
        *args: object,
        courses: int | None,
        timeout: float | None,
        accept: Path | None,
        witness: str | None,
        cohort: Path | None,
        everything: bool,
        **rest: object,
    ) -> object:
        return command(*args, search=SearchOptions(courses, timeout, accept, witness, cohort, everything), **rest)

    return with_options(
        gathered,
        click.option("--courses", type=click.IntRange(0, 9), metavar="N",
                     help="Consider histories of at most N courses.  [default: the guideline's own limit, else 3]"),
        click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
                     help="Stop searching after this time; what is still undecided is reported and does not pass."),
        click.option("--accept", type=click.Path(path_type=Path), metavar="FILE",
                     help="A file of accepted findings: an id and the reason on each line."),
        click.option("--witness", metavar="ID", help="Print only the witness of this finding, as a record."),
        click.option("--cohort", type=click.Path(path_type=Path), metavar="IN",
                     help="Count the patients of a cohort, read as reasoner cohort reads it, who show each finding, and "
                     "order by that."),
        click.option("--all", "everything", is_flag=True, help="Show all groups of findings in full, not the first ten."),
    )  # fmt: skip
