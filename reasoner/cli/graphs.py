"""The command that exports graphs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphs.formats import summary_of_formats
from reasoner.cli.answering import conclusion_names
from reasoner.cli.inputs import load, one_record
from reasoner.cli.options import corrections_option, guideline_options, output_option
from reasoner.cli.output import text_width
from reasoner.guideline import Selection

if TYPE_CHECKING:
    from graphs.graph import ExplanationGraph

HELP = f"""Export the explanation graph of an answer, a pathway from a record, or the guideline itself.

\b
{summary_of_formats()}
"""


@click.command(help=HELP)
@click.argument("patient", type=click.Path(allow_dash=True), required=False)
@guideline_options
@output_option("The file; its suffix chooses the format.  [default: a tree on the terminal]")
@click.option(
    "--focus",
    metavar="CONCLUSION",
    shell_complete=conclusion_names,
    help="Only this regimen, action or setting, with its reasons.",
)
@click.option("--full", is_flag=True, help="The whole derivation, with every rule and definition, instead of the argument.")
@click.option("--carrying", is_flag=True, help="The derivation without rules that do not fire and what blocks them.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="The derivation, at most N rules deep.")
@click.option(
    "--pathway", "lines", type=click.IntRange(0), metavar="LINES", help="The pathways from here, LINES courses long."
)
@corrections_option
@click.option("--guideline-only", is_flag=True, help="The guideline without a patient: its statements, by section.")
def graph(
    patient: str | None, selection: Selection, output: Path | None, focus: str | None, full: bool,
    carrying: bool, depth: int | None, lines: int | None, edits: tuple[str, ...], guideline_only: bool,
) -> None:  # fmt: skip
    from graphs.argument import explained, legible
    from graphs.build import guideline_graph, pathway_graph
    from graphs.formats import format_of, write_graph
    from graphs.statements import statements_graph

    if (patient is None) != guideline_only:
        raise click.UsageError("Give a PATIENT, or --guideline-only for the guideline without one.")
    narrowed = focus is not None or carrying or depth is not None or (full and lines is not None)
    if narrowed and (guideline_only or lines is not None):
        raise click.UsageError("--focus, --full, --carrying and --depth choose from the graph of an answer; omit them here.")
    if edits and guideline_only:
        raise click.UsageError("--set corrects a patient's record; omit it here.")
    if lines is not None and (guideline_only or output is None):
        raise click.UsageError("--pathway takes a PATIENT and -o FILE; on the terminal: reasoner pathway.")
    if output is not None:
        format_of(output)
    guideline = load(selection)
    if patient is None:
        found = (guideline_graph if full else statements_graph)(guideline.model, guideline.info)
    elif lines is not None:
        from reasoner.queries.pathway import pathway

        found = pathway_graph(pathway(guideline, one_record(patient, guideline, edits), lines))
    else:
        from reasoner.engine.memory import on_larger_diagrams
        from reasoner.queries.why import concluded

        record = one_record(patient, guideline, edits)

        @on_larger_diagrams
        def drawn() -> ExplanationGraph:
            answer = guideline.answer(record)
            wanted = concluded(answer, focus).atoms if focus is not None else ()
            return explained(answer, wanted, full, not carrying, depth)

        found = drawn()
    if output is not None:
        write_graph(found if format_of(output).unfolds else legible(found), output)
    else:
        from graphs.tree import to_tree

        sys.stdout.write(to_tree(found, text_width()))
