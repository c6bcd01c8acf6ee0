"""The commands that help: pages of the documentation, and completion in the shell."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import click

from reasoner.errors import ReasonerError, nearest

PAGE = "README.md"


class Topic(NamedTuple):
    """A page of the documentation: the package that it describes, the folder in it, and what the page is about."""

    package: str
    folder: str
    summary: str

    @property
    def text(self) -> str:
        """Read the page.

        Raises ReasonerError where this installation does not hold it.
        """
        page = files(self.package).joinpath(self.folder, PAGE)
        if not page.is_file():
            raise ReasonerError(f"{page}: this page of the documentation is missing; install the package again")
        return page.read_text("utf-8")


TOPICS = {
    "guidelines": Topic("asp", "", "Writing a guideline: a tutorial, then the reference"),
    "code": Topic("reasoner", "", "How the code is laid out, for those who work on it"),
    "fhir": Topic("reasoner", "fhir", "Reading patients' records from FHIR"),
    "service": Topic("reasoner", "serve", "Running the HTTP service and connecting clients"),
    "cohorts": Topic("reasoner", "cohort", "Answering many records, and comparing runs"),
    "graphs": Topic("graphs", "", "The explanation graph and its file formats"),
}


def topic_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (click's signature)
    return [name for name in TOPICS if name.startswith(incomplete)]


@click.command()
@click.argument("topic", required=False, shell_complete=topic_names)
def help(topic: str | None) -> None:  # noqa: A001 (the command's name)
    """Show a page of the documentation; without TOPIC, list the topics."""
    if topic is None:
        width = max(map(len, TOPICS))
        lines = (f"  {name:{width}}  {known.summary}" for name, known in TOPICS.items())
        click.echo("\n".join(["Topics of reasoner help TOPIC:", *lines, "", "Commands: reasoner --help"]))
    elif topic in TOPICS:
        click.echo_via_pager(TOPICS[topic].text.rstrip("\n"))
    else:
        raise ReasonerError(f'"{topic}" is not a topic{nearest(topic, TOPICS)}; topics: {", ".join(TOPICS)}')


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands, options and examples: eval "$(reasoner completion bash)"."""
    from click.shell_completion import get_completion_class

    from reasoner.cli.group import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "reasoner", "_REASONER_COMPLETE").source())
