"""The commands that answer patients' records and questions about them."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reasoner.cli.inputs import load, one_record, read, records
from reasoner.cli.options import (
    about_patient,
    corrections_option,
    format_option,
    guideline_options,
    output_option,
    question,
)
from reasoner.cli.output import page_expected, print_answer, print_asked, print_json, text_width
from reasoner.errors import ReasonerError, RecordError, nearest
from reasoner.files import write_whole
from reasoner.guideline import Selection

if TYPE_CHECKING:
    from reasoner.guideline import Guideline
    from reasoner.records.record import Record

BUNDLE = "fhir_bundle"


def conclusion_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    from reasoner.guideline import Guideline

    model = Guideline.load().model
    names = [*model.regimens, *model.actions, *model.settings]
    return [name for name in names if name.startswith(incomplete)]


patients = click.argument("patients", nargs=-1, required=True, metavar="PATIENT...", type=click.Path(allow_dash=True))


def corrected(names: tuple[str, ...], guideline: Guideline, edits: tuple[str, ...]) -> list[Record]:
    """Read the records of all files; raises RecordError where edits would correct more than one."""
    found = list(records(names, guideline, edits))
    if edits and len(found) > 1:
        raise RecordError(f"--set corrects the record of one patient, and there are {len(found)}; answer this one by itself")
    return found


@click.command()
@patients
@guideline_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text, or one JSON answer per line.",
)
@corrections_option
def recommend(patients: tuple[str, ...], selection: Selection, form: str, edits: tuple[str, ...]) -> None:
    """Say what is recommended, excluded, called for and missing, with the reasons.

    PATIENT is a JSON file with a record or a FHIR R4 bundle, a file with one of these per line (NDJSON), a bulk export of
    FHIR resources (a file or a folder), or - for standard input. Files may be compressed with gzip.
    """
    guideline = load(selection)
    for number, record in enumerate(corrected(patients, guideline, edits)):
        print_answer(partial(guideline.answer, record), form, first=number == 0)


@click.command()
@question
@click.argument("conclusion", shell_complete=conclusion_names)
@click.option("--full", is_flag=True, help="Show the complete derivation, rule by rule.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="How many rules deep the derivation goes: --full with 4.")
def why(
    patient: str,
    selection: Selection,
    form: str,
    edits: tuple[str, ...],
    conclusion: str,
    full: bool,
    depth: int | None,
) -> None:
    """Argue for the status of a regimen, an action or a setting: because of what, and what would rule it out.

    With --full the text shows every rule that supports it, with its statement, citations and trials, and the state of every
    condition. The JSON holds both, the whole derivation as a graph.
    """
    from reasoner.queries import why as queries
    from reasoner.render import derivation
    from reasoner.render import why as texts

    guideline = load(selection)
    record = one_record(patient, guideline, edits)
    deep = derivation.DEPTH if depth is None else depth
    whole = partial(derivation.render_full, depth=deep)
    render = whole if full or depth is not None else texts.render
    print_asked(form, lambda: queries.why(guideline.answer(record), conclusion), render)


@click.command()
@question
@click.argument("regimen", shell_complete=conclusion_names)
@click.option("--include-past", is_flag=True, help="Also offer changes to recorded facts that lie in the past.")
@click.option(
    "--most", type=click.IntRange(0), metavar="N", default=10, show_default=True, help="How many smallest changes to show."
)
@click.option("--full", is_flag=True, help="Show every rule that could recommend it, with the conditions that block it.")
def why_not(
    patient: str,
    selection: Selection,
    form: str,
    edits: tuple[str, ...],
    regimen: str,
    include_past: bool,
    most: int,
    full: bool,
) -> None:
    """Say what keeps a regimen from being recommended.

    Shown are what excludes the regimen or comes ahead of it, the statement that came nearest to recommending it with what of
    it is met and what is not, and the smallest changes to the record that would make it certain, with the number of the
    others.
    """
    from reasoner.queries import why_not as queries
    from reasoner.render import why_not as texts

    guideline = load(selection)
    record = one_record(patient, guideline, edits)
    ask = partial(queries.why_not, guideline, record, regimen, include_past, most)
    print_asked(form, ask, partial(texts.render, full=full))


@click.command()
@about_patient
@click.option(
    "--set", "edits", multiple=True, required=True, metavar="FACT=VALUE", help="An edit of the record (repeatable)."
)
def what_if(patient: str, selection: Selection, form: str, edits: tuple[str, ...]) -> None:
    """Show how the answer changes when the record is edited, and by which rules.

    \b
    FACT=VALUE             a value, as JSON or a bare word; empty, null or unknown:
                           not known, even where a default would stand for it
    FACT+=VALUE            add a member to a list, or a course: JSON, drug+drug:outcome,
                           or drug+drug where the outcome is unknown
    FACT-=VALUE            remove a member from a list
    FACT[N].FIELD=VALUE    a field of course N, counted from 0; -1 is the last
    one_of[N].FACT[N].FIELD=VALUE    the same in one of several sets of facts
    one_of=LABEL           which of several sets of facts is true
    """  # noqa: D301 (click's mark for lines that stay as they are)
    from reasoner.queries import what_if as queries
    from reasoner.render import what_if as texts

    guideline = load(selection)
    print_asked(form, partial(queries.what_if, guideline, one_record(patient, guideline), edits), texts.render)


@click.command()
@question
@click.option("--all-paths", is_flag=True, help="Show a decision tree that ends in unconditional answers.")
def ask(patient: str, selection: Selection, form: str, edits: tuple[str, ...], all_paths: bool) -> None:
    """List the unrecorded facts that can still change the answer, the most decisive first.

    Each comes with the answer that each of its values would give.
    """
    from reasoner.queries import ask as queries
    from reasoner.render import ask as texts

    guideline = load(selection)
    record = one_record(patient, guideline, edits)
    questions = queries.with_all_paths if all_paths else queries.ask
    print_asked(form, partial(questions, guideline, record), texts.render)


@click.command()
@question
@click.option(
    "--lines", type=click.IntRange(0), metavar="N", default=3, show_default=True, help="How many further courses to follow."
)
def pathway(patient: str, selection: Selection, form: str, edits: tuple[str, ...], lines: int) -> None:
    """Follow the guideline from this record: each regimen that can come next, its possible outcomes, and where that ends."""
    from reasoner.queries import pathway as queries
    from reasoner.render import pathway as texts

    guideline = load(selection)
    print_asked(form, partial(queries.pathway, guideline, one_record(patient, guideline, edits), lines), texts.render)


@click.command()
@patients
@guideline_options
@format_option
@corrections_option
@output_option("Write a page (.html), to be read on a screen or printed.")
def concordance(
    patients: tuple[str, ...], selection: Selection, form: str, edits: tuple[str, ...], output: Path | None
) -> None:
    """Say whether the guideline was followed: hold each course of therapy against what was recommended when it was given.

    Each course is judged by the record with the courses before it: the first choice, recommended, recommended under a
    condition, not recommended, excluded, or given where the text is silent. What a FHIR chart tells only after a course
    began is unknown there; what is told without a date is taken as it is now, and named where the verdict hangs on it.
    """
    from reasoner.queries import concordance as queries
    from reasoner.render import concordance as texts

    if output is not None:
        if form != "text":
            raise click.UsageError("-o writes a page; omit --format, or omit -o.")
        page_expected(output)
    guideline = load(selection)
    found = corrected(patients, guideline, edits)
    if output is not None:
        from reasoner.engine.memory import on_larger_diagrams
        from reasoner.render.html.concordance import render_concordance_page

        def page() -> str:
            results = [queries.concordance(guideline, record) for record in found]
            return render_concordance_page(results, guideline.info, guideline.model)

        write_whole(output, on_larger_diagrams(page)().encode())
        return
    for number, record in enumerate(found):
        if number and form == "text":
            click.echo("\n")
        print_asked(form, partial(queries.concordance, guideline, record), texts.render)


@click.command()
@click.argument("bundle", type=click.Path(allow_dash=True))
@guideline_options
@format_option
@corrections_option
def facts(bundle: str, selection: Selection, form: str, edits: tuple[str, ...]) -> None:
    """Read a patient's record from FHIR: what was read from where, and what remains unknown.

    BUNDLE is a JSON file with a FHIR R4 bundle or a single resource, or - for standard input. As text, the record goes to
    standard output and the report on it to standard error, so that the record can be edited and answered:
    reasoner facts bundle.json > record.json
    """
    from reasoner.queries.corrections import corrected_facts
    from reasoner.render import timeline as texts

    guideline = load(selection)
    name, content = read(bundle)
    try:
        found = corrected_facts(guideline, guideline.read_fhir(content).with_timeline(), edits)
    except RecordError as error:
        raise RecordError(f"{name}: {error}") from None
    if form == "json":
        print_json(found)
        return
    sys.stdout.write(json.dumps(found.record, indent=1) + "\n")
    sys.stdout.flush()
    click.echo(texts.render(found, text_width(sys.stderr)), err=True)
    for line in found.report():
        click.echo(line, err=True)


def example_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    from reasoner.guideline import Guideline

    return [name for name in (*Guideline.load().cases(), BUNDLE) if name.startswith(incomplete)]


@click.command()
@click.argument("name", required=False, shell_complete=example_names)
def example(name: str | None) -> None:
    """Print a record that ships with the guideline, ready for `reasoner recommend -`; without NAME, list them."""
    from reasoner.guideline import Guideline

    guideline = Guideline.load()
    cases = guideline.cases()
    if name is None:
        for case in cases.values():
            click.echo(f"{case.name:40} {case.title}")
        click.echo(f"{BUNDLE:40} A patient as a FHIR R4 bundle, for reasoner facts and every command that takes a PATIENT")
    elif name == BUNDLE:
        sys.stdout.write((guideline.folder / "fhir" / "example.json").read_text("utf-8"))
    elif name in cases:
        click.echo(json.dumps(cases[name].record, indent=1))
    else:
        raise ReasonerError(f'"{name}" is not an example{nearest(name, [*cases, BUNDLE])}; list them with: reasoner example')
