"""The commands that verify a guideline: over all possible patients, against another, and against its source."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from reasoner.cli.inputs import accepted_reasons, load
from reasoner.cli.options import (
    ReportOptions,
    SearchOptions,
    guideline_options,
    output_option,
    report_options,
    search_options,
)
from reasoner.cli.output import colour_wanted, page_expected, print_result, show_progress, text_width
from reasoner.errors import ReasonerError, nearest
from reasoner.files import write_whole
from reasoner.guideline import LAYERS, Selection

if TYPE_CHECKING:
    from reasoner.cohort.distinct_records import DistinctRecords
    from reasoner.compiler.model import GuidelineModel
    from reasoner.guideline import Guideline
    from reasoner.verification.findings import Finding
    from reasoner.verification.reports import FindingsReport

READING = re.compile(r"\w+=\w+|any")


@click.command()
@guideline_options
@search_options
@click.option("--explain", metavar="CLASS", help="Explain a class of findings: what it is, why it matters, usual repairs.")
@click.option(
    "--verify",
    is_flag=True,
    help="Make each certain repair in a copy: does the finding go, whose answers change? Each takes as long as a check.",
)
@output_option("Write the findings as a page (.html) for those who decide about the guideline, and print nothing.")
@report_options
def check(
    selection: Selection,
    search: SearchOptions,
    explain: str | None,
    verify: bool,
    output: Path | None,
    report: ReportOptions,
) -> None:
    """Look for the guideline's defects over all possible patients, each with its smallest witness.

    The exit status is 1 where a finding reaches --fail-level or a query timed out.
    """
    from reasoner.render import findings as texts
    from reasoner.verification.check import check as run
    from reasoner.verification.findings import accept
    from reasoner.verification.reports import FindingsReport, readings_named

    if output is not None:
        page_expected(output)
        if report.form != "text" or search.witness is not None:
            raise click.UsageError("-o writes a page; omit --format and --witness, or omit -o.")
    guideline = load(selection, with_fhir=True)
    model = guideline.model
    if explain is not None:
        classes = texts.known_classes()
        if explain not in classes:
            hint = f"{nearest(explain, classes)}; classes: {', '.join(classes)}"
            raise ReasonerError(f'"{explain}" is not a class of findings{hint}')
        sys.stdout.write(texts.render_definition(classes[explain], model, text_width(), colour_wanted()))
        return
    cohort = read_cohort(search.cohort, guideline)
    checked = run(guideline, search.courses, search.timeout, show_progress)
    if verify:
        from reasoner.verification.trials import with_trials

        checked = checked._replace(findings=with_trials(guideline, checked, search.timeout, show_progress))
    findings, gone = accept(checked.findings, accepted_reasons(search.accept))
    if search.witness is not None:
        print_witness(findings, search.witness)
        return
    found = FindingsReport(
        guideline=guideline.info,
        courses=checked.courses,
        findings=findings,
        undecided=checked.undecided,
        gone=gone,
        repairs_tried=len({own.edits for own in findings if own.trial is not None}) if verify else UNSET,
        readings=readings_named(findings, guideline),
    ).carrying(title=model.say("heading_check", guideline.info.id))
    found = counted(found, guideline, cohort)
    if output is not None:
        from reasoner.render.html.findings import render_findings_page

        write_whole(output, render_findings_page(found, model).encode())
        exit_status(found, report)
        return
    everything = search.everything
    print_found(
        found, model, guideline.files, report, lambda width, colour: texts.render(found, model, width, colour, everything)
    )


@click.command()
@click.argument("old")
@click.argument("new")
@guideline_options
@search_options
@report_options
def diff(old: str, new: str, selection: Selection, search: SearchOptions, report: ReportOptions) -> None:
    """Compare two guidelines over all possible patients: who is answered differently, each class with its smallest witness.

    OLD and NEW are each a guideline's folder, a layer (literal, curated), an overlay file, an alternative of a reading
    (R5=b), or several of these joined by +. What they leave out is taken from the options. The exit status is 1 where a
    difference reaches --fail-level or a query timed out.
    """
    from reasoner.render import findings as texts
    from reasoner.verification.diff import diff as run
    from reasoner.verification.findings import accept
    from reasoner.verification.reports import FindingsReport

    sides = [load(side_of(name, selection)) for name in (old, new)]
    cohort = read_cohort(search.cohort, sides[1])
    comparison = run(sides[0], sides[1], search.courses, search.timeout, show_progress)
    findings, gone = accept(comparison.findings, accepted_reasons(search.accept))
    if search.witness is not None:
        print_witness(findings, search.witness)
        return
    model = sides[1].model
    found = FindingsReport(
        guideline=comparison.new,
        old=comparison.old,
        courses=comparison.courses,
        equivalent=comparison.equivalent,
        findings=findings,
        undecided=comparison.undecided,
        gone=gone,
    ).carrying(title=model.say("heading_diff", old, new))
    found = counted(found, sides[1], cohort)
    everything = search.everything
    print_found(
        found, model, comparison.files, report, lambda width, colour: texts.render(found, model, width, colour, everything)
    )


@click.command()
@guideline_options
@click.option(
    "--source", type=click.Path(path_type=Path), metavar="FILE", help="The guideline's text, to compare line by line."
)
@report_options
def coverage(selection: Selection, source: Path | None, report: ReportOptions) -> None:
    """Show which rules encode each statement, and which cases exercise them.

    With --source, each statement stands beside its sentence in the source; cited lines that are not encoded, and lines that
    changed since they were encoded, are reported.
    """
    from reasoner.render.coverage import render
    from reasoner.verification.coverage import cover

    guideline = load(selection)
    covered, model = cover(guideline, source), guideline.model
    print_found(covered, model, guideline.files, report, lambda width, colour: render(covered, model, width, colour))


def read_cohort(path: Path | None, guideline: Guideline) -> DistinctRecords | None:
    """Read the patients of whom those who show a finding are counted, if any."""
    if path is None:
        return None
    try:
        from reasoner.cohort.distinct_records import distinct_records
    except ImportError:
        raise ReasonerError("polars is not installed; pip install 'guideline-reasoner[cohort]'") from None
    return distinct_records(path, guideline)


def counted(found: FindingsReport, guideline: Guideline, cohort: DistinctRecords | None) -> FindingsReport:
    """Add to each finding how many patients of a cohort show it."""
    from reasoner.verification.affected import count_affected

    return found if cohort is None else count_affected(found, guideline, cohort.records, cohort.rejected)


def side_of(name: str, selection: Selection) -> Selection:
    """Read one side of a comparison: a folder, a layer, an overlay, an alternative of a reading, or several joined by +.

    A literal side takes no readings, whatever the other does.
    """
    folder, layer, overlays, readings = selection.folder, selection.layer, selection.overlays, selection.readings
    for part in [name] if Path(name).exists() else name.split("+"):
        path = Path(part)
        if part in LAYERS:
            layer = part
        elif path.is_dir():
            folder = path
        elif path.is_file():
            overlays = (*overlays, path)
        elif READING.fullmatch(part):
            readings = (*readings, part)
        else:
            raise ReasonerError(
                f'"{part}" is not a folder, a file, a layer or a reading{nearest(part, LAYERS)}; give a '
                "guideline's folder, literal, curated, an overlay file, or an alternative such as R5=b"
            )
    chosen = () if layer == LAYERS[0] and readings == selection.readings else readings
    return Selection(folder, layer, overlays, chosen)


def print_witness(findings: tuple[Finding, ...], name: str) -> None:
    """Print the witness of one finding as a record."""
    known = {found.id: found.witness for found in findings if found.witness is not None}
    if name not in known:
        raise ReasonerError(f'"{name}" is not the id of a finding with a witness{nearest(name, known)}')
    click.echo(json.dumps({**known[name], "id": name}, indent=1))


def print_found(
    found: FindingsReport,
    model: GuidelineModel,
    files: Mapping[str, Path],
    report: ReportOptions,
    render: Callable[[int, bool], str],
) -> None:
    """Print findings, and exit with status 1 where one is severe enough or a query timed out."""
    if report.form == "sarif":
        from reasoner import __version__
        from reasoner.render import sarif

        sys.stdout.write(sarif.render(found, model, files, __version__))
    else:
        print_result(report.form, found, render)
    sys.stdout.flush()
    exit_status(found, report)


def exit_status(found: FindingsReport, report: ReportOptions) -> None:
    """Exit with status 1 where a finding is severe enough or a query timed out."""
    from reasoner.verification.findings import at_least

    if found.undecided or at_least(found.findings, report.fail_level):
        sys.exit(1)
