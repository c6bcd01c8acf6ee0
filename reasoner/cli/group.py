"""The group of all commands: what each is for, where it is defined, and how what cannot be used is refused."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from reasoner.errors import ReasonerError, nearest, printable

__all__ = ["COMMANDS", "CommandEntry", "cli", "main"]


class CommandEntry(NamedTuple):
    """Where a command is defined, as a module of this package, and what it does in a line."""

    module: str
    summary: str


COMMANDS: Mapping[str, CommandEntry] = {
    "recommend": CommandEntry("answering", "Say what is recommended, excluded and missing, with the reasons."),
    "why": CommandEntry("answering", "Explain the status of a regimen, an action or a setting."),
    "why-not": CommandEntry("answering", "Say what keeps a regimen from being recommended, and what would change that."),
    "what-if": CommandEntry("answering", "Show how the answer changes when the record is edited."),
    "ask": CommandEntry("answering", "List the unrecorded facts that can still change the answer."),
    "pathway": CommandEntry("answering", "Follow the guideline through the next lines of therapy."),
    "concordance": CommandEntry("answering", "Say whether the guideline was followed, course by course."),
    "graph": CommandEntry("graphs", "Export an explanation, a pathway or the guideline as a graph."),
    "facts": CommandEntry("answering", "Read a patient's record from FHIR."),
    "example": CommandEntry("answering", "Print a record that ships with the guideline."),
    "check": CommandEntry("verification", "Look for defects of the guideline over all possible patients."),
    "diff": CommandEntry("verification", "Compare two guidelines over all possible patients."),
    "coverage": CommandEntry("verification", "Show which rules encode each statement, and which cases exercise them."),
    "new": CommandEntry("authoring", "Write a small guideline to start from."),
    "test": CommandEntry("authoring", "Answer the guideline's cases, and say what is not as expected."),
    "document": CommandEntry("authoring", "Write the guideline as a page for a review board."),
    "cohort": CommandEntry("cohort", "Answer a file of patients, and explain or compare the answers."),
    "serve": CommandEntry("serve", "Serve the guideline over HTTP."),
    "help": CommandEntry("help", "Show a page of the documentation."),
    "completion": CommandEntry("help", "Print a script that completes commands in the shell."),
}


class Refusal(click.ClickException):
    """An input that cannot be used: one message, exit status 2."""

    exit_code = 2


class LazyGroup(click.Group):
    """Loads the module of a command when the command is asked for.

    What cannot be used becomes one message on standard error; a closed pipe ends the command in silence.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"reasoner.cli.{COMMANDS[cmd_name].module}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:  # noqa: ANN401 (click's type)
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(
                f'No such command "{name}"{nearest(name, COMMANDS)}; commands: {", ".join(COMMANDS)}.', ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's signature)
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        commands = (CompletionItem(name, help=entry.summary) for name, entry in COMMANDS.items())
        own = click.Command.shell_complete(self, ctx, incomplete)
        return [*(item for item in commands if item.value.startswith(incomplete)), *own]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's type)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except ReasonerError as error:
            raise Refusal("\n".join(map(printable, str(error).split("\n")))) from None
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise Refusal(f"the output cannot be written: {error.strerror}") from None
            ctx.exit(0)
        return result


def print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from reasoner import __version__
    from reasoner.guideline import Guideline

    guideline = Guideline.load()
    click.echo(f"guideline-reasoner {__version__}\n{guideline.info.id} {guideline.digest}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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

    The guideline that ships with the package encodes an unreviewed secondary source. This is not medical advice.
    """


def main() -> None:
    """Run the command line; cyclic garbage is left to the operating system when it ends."""
    atexit.register(gc.freeze)
    if sys.stdout is None or sys.stderr is None:
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli(prog_name="reasoner")
