"""The command line: ``reasoner``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reasoner.errors import ReasonerError, RecordError, nearest

if TYPE_CHECKING:
    from reasoner.answer import Answer
    from reasoner.guideline import Guideline
    from reasoner.record import Record

__all__ = ["main"]

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


def load(folder: Path | None, layer: str, overlays: tuple[Path, ...]) -> Guideline:
    from reasoner.guideline import Guideline

    guideline = Guideline.load(folder, layer, overlays)
    for warning in guideline.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return guideline


def records(names: tuple[str, ...], guideline: Guideline) -> Iterator[Record]:
    """Read and validate the records of all files; messages name file, line and field."""
    from reasoner.record import read_records

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

    PATIENT is a JSON file with a record, a file with one record a line (NDJSON), or - for standard input.
    """
    guideline = load(folder, layer, overlays)
    for number, record in enumerate(list(records(patients, guideline))):
        print_answer(guideline.answer(record), form, first=number == 0)


def print_answer(answer: Answer, form: str, first: bool) -> None:
    """Print an answer; texts of several are set apart."""

    def render(width: int, colour: bool) -> str:
        from reasoner.text import render

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

    knowledge = Guideline.load().knowledge
    names = [*knowledge.regimens, *knowledge.actions, *knowledge.settings]
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

    guideline = load(folder, layer, overlays)
    result = queries.why(guideline.answer(one_record(patient, guideline)), conclusion)
    print_result(form, result.to_dict, lambda width, colour: queries.render(result, width, colour, depth))


@cli.command()
@question
@click.argument("regimen", shell_complete=conclusion_names)
@click.option("--any", "anything", is_flag=True, help="Offer to change recorded facts that are over, too.")
def why_not(
    patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, regimen: str, anything: bool
) -> None:
    """Tell what keeps a regimen from being recommended, and all smallest changes that would make it certain."""
    from reasoner.queries import why_not as queries

    guideline = load(folder, layer, overlays)
    result = queries.why_not(guideline, one_record(patient, guideline), regimen, anything)
    print_result(form, result.to_dict, lambda width, colour: queries.render(result, width, colour))


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

    guideline = load(folder, layer, overlays)
    result = queries.what_if(guideline, one_record(patient, guideline), edits)
    print_result(form, result.to_dict, lambda width, colour: queries.render(result, width, colour))


@cli.command()
@question
@click.option("--all-paths", is_flag=True, help="Show a smallest decision tree down to answers without conditions.")
def ask(patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, all_paths: bool) -> None:
    """Name the unrecorded facts that can still change the answer, the most decisive first, with what each value gives."""
    from reasoner.queries import ask as queries

    guideline = load(folder, layer, overlays)
    record = one_record(patient, guideline)
    questions = queries.ask(guideline, record)
    if not all_paths:
        print_result(form, questions.to_dict, lambda width, colour: queries.render(questions, width, colour))
        return
    tree = queries.decision_tree(guideline, record)
    print_result(
        form,
        lambda: {**questions.to_dict(), "tree": tree.to_dict()},
        lambda width, colour: queries.render_tree(tree, width, colour),
    )


@cli.command()
@question
@click.option("--lines", type=click.IntRange(0), default=3, show_default=True, help="How many more courses to follow.")
def pathway(patient: str, folder: Path | None, overlays: tuple[Path, ...], layer: str, form: str, lines: int) -> None:
    """Follow the guideline from here: each next regimen, its possible outcomes, and where that ends."""
    from reasoner.queries import pathway as queries

    guideline = load(folder, layer, overlays)
    result = queries.pathway(guideline, one_record(patient, guideline), lines)
    print_result(form, result.to_dict, lambda width, colour: queries.render(result, width, colour))


def example_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    from reasoner.guideline import Guideline

    return [name for name in Guideline.load().cases() if name.startswith(incomplete)]


@cli.command()
@click.argument("name", required=False, shell_complete=example_names)
def example(name: str | None) -> None:
    """Print a shipped record, ready for `reasoner recommend -`; without NAME, list them."""
    import json

    from reasoner.guideline import Guideline

    cases = Guideline.load().cases()
    if name is None:
        for case in cases.values():
            click.echo(f"{case.name:40} {case.title}")
        return
    if name not in cases:
        raise ReasonerError(f'"{name}" is no example{nearest(name, cases)}; list them with: reasoner example')
    click.echo(json.dumps(cases[name].record, indent=1))


@cli.command()
@guideline_options
@click.option(
    "--source", type=click.Path(path_type=Path), metavar="FILE", help="The guideline's text, to compare line by line."
)
@click.option(
    "--fail-level",
    type=click.Choice(["error", "warning", "info"]),
    default="warning",
    show_default=True,
    help="Exit 1 from this severity on.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def coverage(
    folder: Path | None, overlays: tuple[Path, ...], layer: str, source: Path | None, fail_level: str, form: str
) -> None:
    """Show which statement is encoded by which rules, and which cases exercise them.

    With --source: the sentence beside its restatement, the cited lines that are not encoded, and those that changed since.
    """
    from reasoner.coverage import cover, to_json, to_text
    from reasoner.findings import at_least

    report = cover(load(folder, layer, overlays), source)
    sys.stdout.write(to_json(report) if form == "json" else to_text(report, answer_width()))
    if at_least(report.findings, fail_level):
        sys.stdout.flush()
        sys.exit(1)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands, options and examples: eval "$(reasoner completion bash)"."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "reasoner", "_REASONER_COMPLETE").source())


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli(prog_name="reasoner")
