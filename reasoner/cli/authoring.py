"""The commands for those who write a guideline: start one, test it by its cases, document it for review."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from reasoner.cli.inputs import accepted_reasons, load
from reasoner.cli.options import guideline_options, output_option
from reasoner.cli.output import page_expected, print_result, show_progress
from reasoner.errors import ReasonerError
from reasoner.files import write_whole
from reasoner.guideline import Selection, shared_folder

TEMPLATE = "template"


@click.command()
@click.argument("cases", nargs=-1, type=click.Path(path_type=Path))
@guideline_options
@click.option("--update", is_flag=True, help="Write the answers given into the files of the cases that expect others.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="The output format; junit is XML for continuous integration.",
)
def test(cases: tuple[Path, ...], selection: Selection, update: bool, form: str) -> None:
    """Answer the guideline's cases, and say of each whose answer is not the one expected what differs, and why.

    CASES are files of cases, or folders of them; without any, the guideline's own are taken, in its folder cases. A case
    expects as much of an answer as it names. The exit status is 1 where an answer differs.
    """
    from reasoner.render import cases as texts
    from reasoner.verification.case_files import read_cases, rewritten
    from reasoner.verification.case_runs import check_cases, run_cases, updated

    guideline = load(selection)
    model = guideline.model
    found = read_cases(cases or [guideline.folder / "cases"])
    check_cases(found, guideline, may_be_empty=update)
    report = run_cases(found, guideline, show_progress)
    changed = [result for result in report.cases if result.differences or not result.case.expected] if update else []
    for result in changed:
        path = result.case.path
        write_whole(path, rewritten(path.read_text("utf-8"), updated(result)).encode())
    if form == "junit":
        from reasoner.render import junit

        sys.stdout.write(junit.render(report, model))
    else:
        written = len(changed) if update else None
        print_result(form, report, partial(texts.render, report, model, written=written))
    sys.stdout.flush()
    if report.failed and not update:
        sys.exit(1)


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Write a small guideline into DIR, to make your own from.

    It is about an invented disease, loads, checks and passes its tests; its comments explain the language.
    """
    if folder.exists() and not folder.is_dir():
        raise ReasonerError(f"{folder}: a file; name a folder that does not exist yet, or an empty one")
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise ReasonerError(f"{folder}: not empty; name a folder that does not exist yet, or an empty one")
        template = shared_folder() / TEMPLATE
        files = sorted(path.relative_to(template) for path in template.rglob("*") if path.is_file())
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(folder / name, (template / name).read_bytes())
    except OSError as error:
        raise ReasonerError(f"{folder}: cannot be written: {error.strerror}") from None
    for name in files:
        click.echo(folder / name)
    click.echo(f"\nBegin with {folder / 'guideline.lp'}. Then: reasoner test --guideline {folder}")


@click.command("document")
@guideline_options
@output_option("The page to write (.html).", required=True)
@click.option(
    "--source", type=click.Path(path_type=Path), metavar="FILE", help="The guideline's text, to show beside its statements."
)
@click.option(
    "--accept",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of accepted findings: an id and the reason on each line.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Stop looking for defects after this time; what is then undecided is said.",
)
def document(selection: Selection, output: Path, source: Path | None, accept: Path | None, timeout: float | None) -> None:
    """Write the guideline as one page for a review board, to be read on a screen or printed.

    It holds each statement beside its rules, in words and as they are written, the readings with their reasons and
    alternatives, doses, evidence, the cases with their results, the open findings of check, what is not formalised, and a
    glossary. The page loads nothing.
    """
    from reasoner.render.html.guideline import render_guideline_page
    from reasoner.verification.review import review

    page_expected(output)
    guideline = load(selection, with_fhir=True)
    reviewed = review(guideline, source, timeout, accepted_reasons(accept), show_progress)
    write_whole(output, render_guideline_page(reviewed, guideline.model).encode())
