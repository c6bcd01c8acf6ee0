"""The house as its README draws it: few rooms, arrows that only run down, nothing too long to live in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

FLOORS = (
    {"asp", "reasoner", "reasoner.errors"},
    {"reasoner.files"},
    {"reasoner.compiler"},
    {"reasoner.records"},
    {"reasoner.engine"},
    {"reasoner.fhir"},
    {"reasoner.guideline"},
    {"reasoner.queries", "reasoner.verification"},
    {"reasoner.cohort"},
    {"reasoner.render"},
    {"graphs"},
    {"reasoner.serve"},
    {"reasoner.cli"},
    {"reasoner.__main__"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path for folder in ("reasoner", "graphs") for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = sorted(
    path for folder in ("reasoner", "graphs") for path in (ROOT / folder).rglob("*.js") if not path.name.endswith(".min.js")
)


def room_of(module: str) -> str | None:
    """Name the room that a module stands in, None for one of another package."""
    first, *rest = module.split(".")
    if first in ("asp", "graphs"):
        return first
    if first != "reasoner":
        return None
    return f"reasoner.{rest[0]}" if rest and f"reasoner.{rest[0]}" in FLOOR_OF else "reasoner"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if room_of(name) != room_of(node.module) else node.module for name in names)


def arrows() -> set[tuple[str, str]]:
    found = {(room_of(module_of(path)), room_of(name)) for path in MODULES for name in imported(path)}
    return {(source, target) for source, target in found if source and target and source != target}


def test_no_room_imports_from_its_own_floor_or_from_one_above() -> None:
    wrong = [(s, t) for s, t in arrows() if FLOOR_OF[t] >= FLOOR_OF[s]]
    assert sorted(wrong) == []


def test_few_arrows_lead_from_room_to_room() -> None:
    assert len(arrows()) <= 154 / 2


def test_few_modules_stand_directly_under_the_package() -> None:
    assert len(list((ROOT / "reasoner").glob("*.py"))) <= 6


def test_only_the_command_line_and_the_service_draw_graphs() -> None:
    assert {source for source, target in arrows() if target == "graphs"} <= {"reasoner.cli", "reasoner.serve"}


def test_graphs_know_nothing_of_the_solver() -> None:
    assert not [path for path in MODULES if path.is_relative_to(ROOT / "graphs") and "clingo" in imported(path)]


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    if path.suffix != ".py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            command = any("click" in ast.unparse(d) or ".command" in ast.unparse(d) for d in node.decorator_list)
            parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            named = [p for p in parameters if p.arg not in ("self", "cls")]
            assert command or len(named) <= 7, f"{node.name} takes {len(named)} parameters"
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is too long"


def test_the_public_names_have_the_types_of_what_they_are() -> None:
    import reasoner

    stub = ast.parse((ROOT / "reasoner/__init__.pyi").read_text("utf-8"))
    homes = {
        name.name: node.module.removeprefix("reasoner.")
        for node in stub.body
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    assert homes == reasoner.HOMES
