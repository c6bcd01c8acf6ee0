"""The command line: ``reasoner``."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reasoner.errors import ReasonerError, RecordError, nearest

if TYPE_CHECKING:
    from reasoner.compiler.model import GuidelineModel
    from reasoner.engine.answer import Answer
    from reasoner.guideline import Guideline
    from reasoner.records.record import Record
    from reasoner.verification.findings import Finding
    from reasoner.verification.reports import Found

__all__ = ["main"]

BUNDLE = "fhir_bundle"

Command = TypeVar("Command", bound=Callable[..., Any])


class Refusal(click.ClickException):
    """An input that cannot be used: one message, exit status 2."""

    exit_code = 2


class Reasoner(click.Group):
    """The group of commands; turns what cannot be used into one message, and a closed pipe into silence."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's type)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except ReasonerError as error:
            raise Refusal(str(error)) from None
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise Refusal(f"the output cannot be written: {error.strerror}") from None
            ctx.exit(0)
        return result

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:  # noqa: ANN401 (click's type)
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            commands = self.list_commands(ctx)
            raise click.UsageError(
                f'No such command "{name}"{nearest(name, commands)}; commands: {", ".join(commands)}.', ctx
            )
        return super().resolve_command(ctx, args)


def print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from reasoner import __version__
    from reasoner.guideline import Guideline

    guideline = Guideline.load()
    click.echo(f"guideline-reasoner {__version__}\n{guideline.info.id} {guideline.digest}")
    ctx.exit()


@click.group(cls=Reasoner, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version and the guideline's digest.",
)
def cli() -> None:
    """Explainable reasoning over clinical guidelines.

    The guideline that ships encodes an unreviewed secondary source. No medical advice.
    """


def guideline_options(command: Command) -> Command:
    """Add the options that choose the guideline, its layer and its overlays."""
    for option in (
        click.option("--layer", type=click.Choice(["literal", "curated"]), default="curated", show_default=True,
                     help="The statements as they read, or with the readings."),
        click.option("--overlay", "overlays", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
                     help="Lay a file of local rules over the guideline (repeatable)."),
        click.option("--guideline", "folder", type=click.Path(path_type=Path), metavar="DIR",
                     help="The guideline's folder.  [default: the HER2 guideline that ships]"),
    ):  # fmt: skip
        command = option(command)
    return command


def load(folder: Path | None, layer: str, overlays: tuple[Path, ...], whole: bool = False) -> Guideline:
    """Load a guideline; `whole` with its tables for FHIR, if it has any, which are read when first needed otherwise."""
    from reasoner.guideline import Guideline

    guideline = Guideline.load(folder, layer, overlays)
    if whole and (guideline.folder / "fhir").is_dir():
        _ = guideline.tables
    for warning in guideline.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return guideline


def records(names: tuple[str, ...], guideline: Guideline) -> Iterator[Record]:
    """Read and validate the records of all files; messages name file, line and field."""
    from reasoner.records.record import read_records

    if names.count("-") > 1:
        raise RecordError("standard input can be read only once; give - once")
    for name in names:
        try:
            with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
                for place, data in read_records(stream, "standard input" if name == "-" else name):
                    try:
                        yield guideline.record(data)
                    except RecordError as error:
                        raise RecordError(f"{place}: {error}") from None
        except OSError as error:
            raise RecordError(f"{name}: cannot be read: {error.strerror}") from None


def answer_width() -> int:
    return max(40, min(100, os.get_terminal_size(sys.stdout.fileno()).columns)) if sys.stdout.isatty() else 80


@cli.command()
@click.argument("patients", nargs=-1, required=True, metavar="PATIENT...", type=click.Path(allow_dash=True))
@guideline_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text, or one JSON answer a line.",
)
def recommend(patients: tuple[str, ...], folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str) -> None:
    """Answer records: what is recommended, excluded, called for and missing, with the reasons.

    PATIENT is a JSON file with a record or a FHIR R4 bundle, a file with one of these a line (NDJSON), or - for standard
    input.
    """
    guideline = load(folder, layer, overlays)
    for number, record in enumerate(list(records(patients, guideline))):
        print_answer(guideline.answer(record), form, first=number == 0)


def print_answer(answer: Answer, form: str, first: bool) -> None:
    """Print an answer; texts of several are set apart."""

    def render(width: int, colour: bool) -> str:
        from reasoner.render.answer import render

        return ("" if first else "\n\n") + render(answer, width, colour)

    print_result(form, answer.to_dict, render)


def one_record(patient: str, guideline: Guideline) -> Record:
    """Read the one record that a question is about."""
    found = list(records((patient,), guideline))
    if len(found) != 1:
        raise RecordError(f"{patient}: {len(found)} records; a question is about one")
    return found[0]


def colour_wanted() -> bool:
    """Tell whether standard output is a terminal that wants colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_result(form: str, to_dict: Callable[[], dict[str, object]], render: Callable[[int, bool], str]) -> None:
    """Print a result as JSON or as text."""
    if form == "json":
        import json

        sys.stdout.write(json.dumps(to_dict()) + "\n")
    else:
        sys.stdout.write(render(answer_width(), colour_wanted()))


def question(command: Command) -> Command:
    """Add what every question about one record takes: the record, the guideline, the format."""
    options = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
    return click.argument("patient", type=click.Path(allow_dash=True))(guideline_options(options(command)))


def conclusion_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    from reasoner.guideline import Guideline

    model = Guideline.load().model
    names = [*model.regimens, *model.actions, *model.settings]
    return [name for name in names if name.startswith(incomplete)]


@cli.command()
@question
@click.argument("conclusion", shell_complete=conclusion_names)
@click.option("--depth", type=click.IntRange(0), default=3, show_default=True, help="How many rules deep the text goes.")
def why(
    patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, conclusion: str, depth: int
) -> None:
    """Explain a regimen's, an action's or a setting's status, down to the patient's facts.

    Every rule that supports it, with its statement, citations and trials, and every condition with its state. JSON holds the
    whole derivation as a graph.
    """
    from reasoner.queries import why as queries
    from reasoner.render import why as texts

    guideline = load(folder, layer, overlays)
    result = queries.why(guideline.answer(one_record(patient, guideline)), conclusion)
    print_result(form, result.to_dict, lambda width, colour: texts.render(result, width, colour, depth))


@cli.command()
@question
@click.argument("regimen", shell_complete=conclusion_names)
@click.option("--any", "anything", is_flag=True, help="Offer to change recorded facts that are over, too.")
def why_not(
    patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, regimen: str, anything: bool
) -> None:
    """Tell what keeps a regimen from being recommended, and all smallest changes that would make it certain."""
    from reasoner.queries import why_not as queries
    from reasoner.render import why_not as texts

    guideline = load(folder, layer, overlays)
    result = queries.why_not(guideline, one_record(patient, guideline), regimen, anything)
    print_result(form, result.to_dict, lambda width, colour: texts.render(result, width, colour))


@cli.command()
@question
@click.option(
    "--set", "edits", multiple=True, required=True, metavar="FACT=VALUE", help="An edit of the record (repeatable)."
)
def what_if(
    patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, edits: tuple[str, ...]
) -> None:
    """Show what changes in the answer when the record is edited, and the rules that carry it.

    \b
    FACT=VALUE             a value (JSON or a bare word); nothing or null: unknown
    FACT+=VALUE            a member for a list, or a course: JSON, or drug+drug:outcome
    FACT-=VALUE            a member less
    FACT[N].FIELD=VALUE    a field of course N, from 0; -1 is the last
    """  # noqa: D301 (click's mark for lines that stay as they are)
    from reasoner.queries import what_if as queries
    from reasoner.render import what_if as texts

    guideline = load(folder, layer, overlays)
    result = queries.what_if(guideline, one_record(patient, guideline), edits)
    print_result(form, result.to_dict, lambda width, colour: texts.render(result, width, colour))


@cli.command()
@question
@click.option("--all-paths", is_flag=True, help="Show a smallest decision tree down to answers without conditions.")
def ask(patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, all_paths: bool) -> None:
    """Name the unrecorded facts that can still change the answer, the most decisive first, with what each value gives."""
    from reasoner.queries import ask as queries
    from reasoner.render import ask as texts

    guideline = load(folder, layer, overlays)
    record = one_record(patient, guideline)
    questions = queries.ask(guideline, record)
    if not all_paths:
        print_result(form, questions.to_dict, lambda width, colour: texts.render(questions, width, colour))
        return
    tree = queries.decision_tree(guideline, record)
    print_result(
        form,
        lambda: {**questions.to_dict(), "tree": tree.to_dict()},
        lambda width, colour: texts.render_tree(tree, width, colour),
    )


@cli.command()
@question
@click.option("--lines", type=click.IntRange(0), default=3, show_default=True, help="How many more courses to follow.")
def pathway(patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, lines: int) -> None:
    """Follow the guideline from here: each next regimen, its possible outcomes, and where that ends."""
    from reasoner.queries import pathway as queries
    from reasoner.render import pathway as texts

    guideline = load(folder, layer, overlays)
    result = queries.pathway(guideline, one_record(patient, guideline), lines)
    print_result(form, result.to_dict, lambda width, colour: texts.render(result, width, colour))


@cli.command()
@click.argument("patient", type=click.Path(allow_dash=True), required=False)
@guideline_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file; its suffix is the format.  [default: a tree on the terminal]",
)
@click.option(
    "--focus",
    metavar="CONCLUSION",
    shell_complete=conclusion_names,
    help="Only a regimen, an action or a setting, with its reasons.",
)
@click.option("--carrying", is_flag=True, help="Leave out rules that do not fire and what keeps them from it.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="Only so many rules deep.")
@click.option("--pathway", "lines", type=click.IntRange(0), metavar="LINES", help="Where the guideline leads from here.")
@click.option("--guideline-only", is_flag=True, help="The guideline without a patient: statements, rules, trials.")
def graph(
    patient: str | None, folder: Path | None, overlays: tuple[Path, ...], layer: str, output: Path | None, focus: str | None,
    carrying: bool, depth: int | None, lines: int | None, guideline_only: bool,
) -> None:  # fmt: skip
    """Write the explanation graph of an answer, a pathway from a record, or the guideline itself.

    \b
    .html     a page, interactive      .json       node-link JSON       .prov.json  PROV-JSON
    .svg      a picture                .cyjs       Cytoscape            .ttl        PROV-O, Turtle
    .png      a picture                .graphml    GraphML              .jsonld     PROV-O, JSON-LD
    .dot      Graphviz                 .gexf       GEXF, for Gephi      .mmd        Mermaid
    """  # noqa: D301 (click's mark for lines that stay as they are)
    from graphs.build import answer_graph, guideline_graph, pathway_graph
    from graphs.formats import format_of, write_graph

    if (patient is None) != guideline_only:
        raise click.UsageError("Give a PATIENT, or --guideline-only for the guideline without one.")
    narrowed = focus is not None or carrying or depth is not None
    if narrowed and (guideline_only or lines is not None):
        raise click.UsageError("--focus, --carrying and --depth narrow the graph of an answer; drop them here.")
    if lines is not None and (guideline_only or output is None):
        raise click.UsageError("--pathway takes a PATIENT and -o FILE; on the terminal: reasoner pathway.")
    if output is not None:
        format_of(output)
    guideline = load(folder, layer, overlays)
    if patient is None:
        found = guideline_graph(guideline.model, guideline.info)
    elif lines is not None:
        from reasoner.queries.pathway import pathway as follow

        found = pathway_graph(follow(guideline, one_record(patient, guideline), lines))
    else:
        from reasoner.queries.why import why as query

        answer = guideline.answer(one_record(patient, guideline))
        wanted = query(answer, focus).atoms if focus is not None else ()
        found = answer_graph(answer, wanted, blocked=not carrying, depth=depth)
    if output is not None:
        write_graph(found, output)
    else:
        from graphs.tree import to_tree

        sys.stdout.write(to_tree(found, answer_width()))


@cli.command()
@click.argument("bundle", type=click.Path(allow_dash=True))
@guideline_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="The record, and on standard error where it was read; or all in one JSON object.")  # fmt: skip
def facts(bundle: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str) -> None:
    """Read the record of a patient from FHIR: what was read from where, and what stays open.

    BUNDLE is a FHIR R4 bundle, or a single resource, in JSON. The record that is printed can be edited, and answered:
    reasoner facts bundle.json > record.json
    """
    import json

    import msgspec

    from reasoner.fhir import report

    guideline = load(folder, layer, overlays)
    try:
        content = sys.stdin.buffer.read() if bundle == "-" else Path(bundle).read_bytes()
    except OSError as error:
        raise RecordError(f"{bundle}: cannot be read: {error.strerror}") from None
    try:
        found = guideline.read_fhir(content)
    except RecordError as error:
        raise RecordError(f"{'standard input' if bundle == '-' else bundle}: {error}") from None
    if form == "json":
        sys.stdout.write(json.dumps(msgspec.to_builtins(found)) + "\n")
        return
    sys.stdout.write(json.dumps(found.record, indent=1) + "\n")
    sys.stdout.flush()
    for line in report(found, guideline.model):
        click.echo(line, err=True)


def example_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    from reasoner.guideline import Guideline

    return [name for name in (*Guideline.load().cases(), BUNDLE) if name.startswith(incomplete)]


@cli.command()
@click.argument("name", required=False, shell_complete=example_names)
def example(name: str | None) -> None:
    """Print a shipped record, ready for `reasoner recommend -`; without NAME, list them."""
    import json

    from reasoner.guideline import Guideline

    guideline = Guideline.load()
    cases = guideline.cases()
    if name is None:
        for case in cases.values():
            click.echo(f"{case.name:40} {case.title}")
        click.echo(f"{BUNDLE:40} A patient as a FHIR R4 bundle, for reasoner facts and all that take a PATIENT")
    elif name == BUNDLE:
        sys.stdout.write((guideline.folder / "fhir" / "example.json").read_text("utf-8"))
    elif name in cases:
        click.echo(json.dumps(cases[name].record, indent=1))
    else:
        raise ReasonerError(f'"{name}" is no example{nearest(name, [*cases, BUNDLE])}; list them with: reasoner example')


def report_options(command: Command) -> Command:
    """Add what every command with findings takes: from which severity on it fails, and the format."""
    for option in (
        click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True),
        click.option("--fail-level", type=click.Choice(["error", "warning", "info"]), default="warning", show_default=True,
                     help="Exit 1 from this severity on."),
    ):  # fmt: skip
        command = option(command)
    return command


def search_options(command: Command) -> Command:
    """Add what every search among all patients takes: how far, how long, and what is accepted."""
    for option in (
        click.option("--courses", type=click.IntRange(0, 9), metavar="N",
                     help="Look at histories of at most N courses.  [default: as the guideline says, else 3]"),
        click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
                     help="Stop asking after so long; what is cut off is unknown, and does not pass."),
        click.option("--accept", type=click.Path(path_type=Path), metavar="FILE",
                     help="Findings that are accepted: on each line an id and the reason."),
        click.option("--witness", metavar="ID", help="Print the witness of one finding as a record."),
    ):  # fmt: skip
        command = option(command)
    return command


def print_found(found: Found, guideline: Guideline, form: str, text: Callable[[int, bool], str], fail_level: str) -> None:
    """Print findings, and fail where one is severe enough or a question was cut off."""
    from reasoner.render import sarif
    from reasoner.verification.findings import at_least
    from reasoner.verification.reports import to_json

    if form == "sarif":
        sys.stdout.write(
            sarif.render(
                found, guideline.model, {**class_definitions("differences"), **class_definitions()}, guideline.files
            )
        )
    else:
        sys.stdout.write(to_json(found) if form == "json" else text(answer_width(), colour_wanted()))
    sys.stdout.flush()
    if found.undecided or at_least(found.findings, fail_level):
        sys.exit(1)


def class_definitions(of: str = "defects") -> dict[str, str]:
    from reasoner.verification.definitions import definitions

    return {name: definition.text for name, definition in definitions(of).items()}


def accepted(findings: tuple[Finding, ...], accept: Path | None) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Mark the findings that a file accepts."""
    from reasoner.verification.findings import accept as mark
    from reasoner.verification.findings import read_accepted

    if accept is None:
        return findings, ()
    try:
        reasons = read_accepted(accept.read_text("utf-8"), str(accept))
    except OSError as error:
        raise ReasonerError(f"{accept}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ReasonerError(f"{accept}: not UTF-8 text") from None
    return mark(findings, reasons)


def print_witness(findings: tuple[Finding, ...], name: str) -> None:
    """Print the witness of one finding as a record."""
    import json

    known = {found.id: found.witness for found in findings if found.witness is not None}
    if name not in known:
        raise ReasonerError(f'"{name}" is no finding with a witness{nearest(name, known)}')
    click.echo(json.dumps({**known[name], "id": name}, indent=1))


def show_progress(doing: str, done: int, of: int) -> None:
    """Show on a terminal how far a search has come."""
    if sys.stderr.isatty():
        line = "" if doing == "done" else f"{doing} {done}/{of}"
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()


@cli.command()
@guideline_options
@search_options
@click.option("--explain", metavar="CLASS", help="Say what a class of defects is, why it matters, and the usual repairs.")
@report_options
def check(
    folder: Path | None, overlays: tuple[Path, ...], layer: str, courses: int | None, timeout: float | None,
    accept: Path | None, witness: str | None, explain: str | None, fail_level: str, form: str,
) -> None:  # fmt: skip
    """Look for the guideline's defects over all patients that can exist, each with its smallest witness.

    Exit status 1 where something is found from --fail-level on, or where a question was cut off.
    """
    from reasoner.render.findings import to_text
    from reasoner.verification.check import check as run
    from reasoner.verification.reports import Found

    guideline = load(folder, layer, overlays, whole=True)
    say = guideline.model.say
    if explain is not None:
        print_definition(guideline, explain)
        return
    report = run(guideline, courses, timeout, show_progress)
    findings, gone = accepted(report.findings, accept)
    if witness is not None:
        print_witness(findings, witness)
        return
    found = Found(
        guideline=guideline.info,
        title=say("heading_check", guideline.info.id),
        scope=scope_words(guideline.model, report.courses),
        findings=findings,
        undecided=report.undecided,
        gone=gone,
        about={"courses": report.courses},
    )
    words = class_definitions()
    print_found(found, guideline, form, lambda w, c: to_text(found, guideline.model, words, w, c), fail_level)


def scope_words(model: GuidelineModel, courses: int) -> str:
    """Say about which patients was asked."""
    return model.say("all_patients", str(courses)) if courses else model.say("all_untreated")


def print_definition(guideline: Guideline, name: str) -> None:
    """Print the definition of a class of defects."""
    from reasoner.render.layout import TextLayout
    from reasoner.verification.definitions import definitions

    known, say = {**definitions(), **definitions("differences")}, guideline.model.say
    if name not in known:
        raise ReasonerError(f'"{name}" is no class of findings{nearest(name, known)}; classes: {", ".join(known)}')
    definition, page = known[name], TextLayout(answer_width(), colour_wanted())
    page.item("", say("definition", name, definition.text), "heading", indent=0)
    if definition.why:
        page.item("", say("explained_why", definition.why), indent=2)
        page.item("", say("explained_example", definition.example), indent=2)
        page.item("", say("explained_repair", definition.repair), indent=2)
    click.echo("\n".join(page.lines))


@cli.command()
@click.argument("old")
@click.argument("new")
@guideline_options
@search_options
@report_options
def diff(
    old: str, new: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, courses: int | None,
    timeout: float | None, accept: Path | None, witness: str | None, fail_level: str, form: str,
) -> None:  # fmt: skip
    """Compare two guidelines over all patients: who is answered differently, each class with its smallest witness.

    OLD and NEW are each a guideline's folder, a layer (literal, curated) or a file with an overlay, or several of these
    joined by +; what they do not say is as the options say. Exit status 1 where they differ from --fail-level on.
    """
    from reasoner.render.findings import to_text
    from reasoner.verification.diff import diff as run
    from reasoner.verification.reports import Found

    sides = [load(*side_of(name, folder, layer, overlays)) for name in (old, new)]
    comparison = run(sides[0], sides[1], courses, timeout, show_progress)
    findings, gone = accepted(comparison.findings, accept)
    if witness is not None:
        print_witness(findings, witness)
        return
    model = sides[1].model
    say = model.say
    found = Found(
        guideline=comparison.new,
        title=say("heading_diff", old, new),
        scope=scope_words(model, comparison.courses),
        findings=findings,
        undecided=comparison.undecided,
        gone=gone,
        conclusion=say("equivalent", str(comparison.courses)) if comparison.equivalent else "",
        about={"old": comparison.old.to_dict(), "courses": comparison.courses, "equivalent": comparison.equivalent},
    )

    words = class_definitions("differences")
    print_found(found, sides[1], form, lambda w, c: to_text(found, model, words, w, c), fail_level)


def side_of(
    name: str, folder: Path | None, layer: str, overlays: tuple[Path, ...]
) -> tuple[Path | None, str, tuple[Path, ...]]:
    """Read one side of a comparison: a folder, a layer, an overlay, or several joined by +."""
    for part in [name] if Path(name).exists() else name.split("+"):
        path = Path(part)
        if part in ("literal", "curated"):
            layer = part
        elif path.is_dir():
            folder = path
        elif path.is_file():
            overlays = (*overlays, path)
        else:
            hint = nearest(part, ("literal", "curated"))
            raise ReasonerError(f'"{part}" is no folder, no file and no layer{hint}; give a guideline\'s folder, '
                                "literal, curated, or a file with an overlay")  # fmt: skip
    return folder, layer, overlays


@cli.command()
@guideline_options
@click.option(
    "--source", type=click.Path(path_type=Path), metavar="FILE", help="The guideline's text, to compare line by line."
)
@report_options
def coverage(
    folder: Path | None, overlays: tuple[Path, ...], layer: str, source: Path | None, fail_level: str, form: str
) -> None:
    """Show which statement is encoded by which rules, and which cases exercise them.

    With --source: the sentence beside its restatement, the cited lines that are not encoded, and those that changed since.
    """
    from reasoner.render.coverage import to_text
    from reasoner.verification.coverage import cover, found_in

    guideline = load(folder, layer, overlays)
    report = cover(guideline, source)
    print_found(found_in(report), guideline, form, lambda width, _: to_text(report, width), fail_level)


class Cohort(click.Group):
    """The commands about cohorts; without the name of one, a cohort is answered."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            hint = "" if Path(args[0]).exists() else nearest(args[0], self.commands)
            if hint:
                raise click.UsageError(f'"{args[0]}" is no file and no command{hint}', ctx)
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's type)
        try:
            from polars.exceptions import PolarsError
        except ImportError:
            raise ReasonerError("polars is not installed; pip install 'guideline-reasoner[cohort]'") from None
        try:
            return super().invoke(ctx)
        except PolarsError as error:
            reason = str(error).partition("\n")[0]
            raise ReasonerError(f"a table of answers is damaged, run the cohort again: {reason}") from None


@cli.group(cls=Cohort)
def cohort() -> None:
    """Answer many records: Parquet, CSV or NDJSON in, Parquet or NDJSON out, each answer with a way back to its reasons.

    reasoner cohort IN -o OUT is reasoner cohort run IN -o OUT.
    """


@cohort.command("run")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="OUT", help="The folder for the answers."
)
@guideline_options
@click.option(
    "--to", "form", type=click.Choice(["parquet", "ndjson"]), default="parquet", show_default=True, help="The format."
)
@click.option(
    "--courses", type=click.Path(path_type=Path), metavar="CSV", help="The courses of therapy, one a row, oldest first."
)
@click.option("--resume", is_flag=True, help="Go on with a run that was cut off.")
@click.option("--rows", type=click.IntRange(1), default=125_000, show_default=True, help="How many rows a part has.")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="How many processes.  [default: the cores of this machine]"
)
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="What runs the parts."
)
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler; OUT and IN are folders that its workers see, too.")
@click.option("--format", "shown", type=click.Choice(["text", "json"]), default="text", show_default=True)
def cohort_run(
    source: Path, output: Path, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str,
    courses: Path | None, resume: bool, rows: int, workers: int | None, engine: str, scheduler: str | None, shown: str,
) -> None:  # fmt: skip
    """Answer the records of IN.

    IN is a .parquet, .csv or .ndjson file, or a folder of .parquet files, with a column id and one for each fact that is
    known; courses can stand in a CSV file of their own, with the columns id, drugs (a;b), outcome and the facts of a course.
    OUT gets answers, explanations (each distinct one once), rejects.ndjson with the rows that are no records and why, and
    summary.json and summary.html. Exit status 1 tells of rejects, 130 of a run that was interrupted.
    """
    from reasoner.cohort.courses import check_courses
    from reasoner.cohort.part import Job
    from reasoner.cohort.run import Progress, run
    from reasoner.cohort.source import plan
    from reasoner.files import write_whole
    from reasoner.render.cohort import render_summary, render_summary_page

    if scheduler is not None and engine != "dask":
        raise click.UsageError("--scheduler goes with --engine dask.")
    guideline = load(folder, layer, overlays)
    if courses is not None:
        check_courses(courses.resolve(), guideline.model)
    parts = tuple(plan(source.resolve(), rows, guideline.model, courses is not None))
    own = None if folder is None else str(folder.resolve())
    apart = None if courses is None else str(courses.resolve())
    job = Job(own, layer, tuple(str(path.resolve()) for path in overlays), str(output.resolve()), form, parts, apart)
    total, hidden = sum(part.rows for part in parts), not sys.stderr.isatty()
    begun = time.monotonic()
    try:
        with click.progressbar(
            length=total, file=sys.stderr, label="rows", hidden=hidden, show_pos=True, item_show_func=lambda said: said
        ) as bar:

            def report(progress: Progress) -> None:
                rate = progress.done / (time.monotonic() - begun)
                bar.update(progress.done - bar.pos, f"{rate:,.0f} a second, {progress.rejects:,} rejected")

            summary = run(job, workers or os.cpu_count() or 1, resume, scheduler, engine == "dask", report)
    except KeyboardInterrupt:
        click.echo(f"interrupted; --resume goes on with {output}", err=True)
        sys.exit(130)
    info, model = guideline.info, guideline.model
    write_whole(output / "summary.html", render_summary_page(summary, info, model).encode())
    print_result(shown, lambda: summary, lambda width, colour: render_summary(summary, info, model, width, colour))
    if rejects := summary["rejects"]:
        found = "row is no record" if rejects == 1 else "rows are no records"
        click.echo(f"{rejects} {found}: {output / 'rejects.ndjson'}", err=True)
        sys.exit(1)


@cohort.command("explain")
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.argument("name", metavar="ID")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def cohort_explain(output: Path, name: str, form: str) -> None:
    """Show the whole answer to the patient who has an ID in OUT, as recommend gives it, or the explanation of that id."""
    from reasoner.cohort.explain import explain, explanation, guideline_of
    from reasoner.render.cohort import render_explanation

    answers = list(explain(output, name))
    for number, answer in enumerate(answers):
        print_answer(answer, form, first=number == 0)
    if not answers:
        found, model = explanation(output, name), guideline_of(output).model
        print_result(form, found.to_dict, lambda width, colour: render_explanation(found, model, width, colour))


@cohort.command("diff")
@click.argument("old", metavar="A", type=click.Path(path_type=Path))
@click.argument("new", metavar="B", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="A table of all who change: .parquet or .ndjson."
)
def cohort_diff(old: Path, new: Path, form: str, output: Path | None) -> None:
    """Compare two runs on the same cohort: who is answered differently, from what to what, by which rules."""
    from reasoner.cohort.compare import compare
    from reasoner.cohort.explain import guideline_of
    from reasoner.cohort.part import write_table
    from reasoner.render.cohort import render_comparison

    if output is not None and output.suffix not in (".parquet", ".ndjson"):
        raise ReasonerError(f'{output}: "{output.suffix}" is no format of tables; allowed: .parquet, .ndjson')
    found = compare(old, new)
    if output is not None:
        write_table(found.patients, output)
    model = guideline_of(new).model
    print_result(form, found.to_dict, lambda width, colour: render_comparison(found, model, width, colour))


@cli.command()
@guideline_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="How many processes.")
@click.option("--public-url", default="", metavar="URL", help="Where clients reach the service.  [default: as they say]")
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of ORIGIN call from browsers (repeatable; * for all).",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask CDS clients for a token signed with a key of this JWK Set.",
)
@click.option("--issuer", "issuers", multiple=True, metavar="ISS", help="Trust tokens of ISS alone (repeatable).")
@click.option(
    "--max-body", type=click.IntRange(1), default=16, show_default=True, metavar="MIB", help="The largest body, in MiB."
)
@click.option(
    "--body-timeout",
    type=click.FloatRange(0, min_open=True),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long a request's head, and then its body, may take to come.",
)
@click.option(
    "--answer-timeout",
    type=click.FloatRange(0, min_open=True),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
@click.option(
    "--max-waiting",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    metavar="N",
    help="How many long questions may wait in each process.",
)
@click.option(
    "--max-courses",
    type=click.IntRange(0, 50),
    default=20,
    show_default=True,
    metavar="N",
    help="The longest history that is answered.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True)
def serve(
    folder: Path | None, overlays: tuple[Path, ...], layer: str, host: str, port: int, workers: int, public_url: str,
    origins: tuple[str, ...], keys: Path | None, issuers: tuple[str, ...], max_body: int, body_timeout: float,
    answer_timeout: float, max_waiting: int, max_courses: int, log_level: str,
) -> None:  # fmt: skip
    """Serve the guideline over HTTP: CDS Hooks, a JSON API and a page to try it.

    Behind a proxy that ends TLS, say with --public-url where clients reach it. Logs are lines of JSON on standard error, and
    hold nothing about patients. A container file and a systemd unit are in the package's folder serve/deploy.
    """
    try:
        from reasoner.serve.run import run
        from reasoner.serve.settings import Settings
    except ModuleNotFoundError as error:
        raise ReasonerError(f"{error.name} is not installed; pip install 'guideline-reasoner[serve]'") from None
    load(folder, layer, overlays, whole=True)
    settings = Settings(
        folder=None if folder is None else str(folder.resolve()),
        layer=layer,
        overlays=tuple(str(path.resolve()) for path in overlays),
        public_url=public_url.rstrip("/"),
        origins=origins,
        keys=None if keys is None else str(keys.resolve()),
        issuers=issuers,
        largest_body=max_body * 2**20,
        body_seconds=body_timeout,
        answer_seconds=answer_timeout,
        waiting=max_waiting,
        courses=max_courses,
        log_level=log_level,
    )
    run(settings, host, port, workers)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands, options and examples: eval "$(reasoner completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "reasoner", "_REASONER_COMPLETE").source())


def main() -> None:
    """Run the command line; at the end no cycles of garbage are looked for."""
    atexit.register(gc.freeze)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli(prog_name="reasoner")
