"""Answer cases, and hold each answer against what the case expects of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from reasoner.engine.answer import ActionCall, Answer, Exclusion, GuidelineInfo, Recommendation
from reasoner.engine.conclusions import UNDETERMINED
from reasoner.engine.predicates import SETTING
from reasoner.errors import ReasonerError, RecordError
from reasoner.guideline import Guideline
from reasoner.records.case import Case
from reasoner.records.shapes import Carried, Result, Shape
from reasoner.verification.expectation_checks import check_expectation
from reasoner.verification.expectations import LISTS, as_written, complete, given, normalised
from reasoner.verification.search import Progress

__all__ = ["Behind", "CaseReport", "CaseResult", "Difference", "check_cases", "run_cases", "updated"]

Listing = Literal["placed", "unplaced", "undecided", "recommended", "excluded", "called_for", "missing", "nowhere"]


class Behind(Shape, frozen=True):
    """What is behind a difference: how the answer lists a name, and by which statements, readings, overlays and rules.

    `listed` is "nowhere" for a regimen that is neither recommended nor excluded, and an action that is not called for; of a
    setting it says whether rules place the patient there, none does ("unplaced"), or an unknown fact decides ("undecided").
    """

    name: str
    listed: Listing
    certainty: str = ""
    grounds: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Difference(Shape, frozen=True):
    """A key of which the answer says something else than is expected, with what is behind that."""

    key: str
    expected: Any
    found: Any
    behind: tuple[Behind, ...]


class CaseResult(Result, frozen=True):
    """A case with what of its answer is not as expected.

    `case` and `answer`, not part of the JSON, are the case and the answer themselves.
    """

    title: str
    file: str
    differences: tuple[Difference, ...]

    case = Carried[Case]()
    answer = Carried[Answer]()


class CaseReport(Result, frozen=True, tag_field="schema", tag="reasoner.test/1"):
    """The cases that were answered, and how many answers are as expected and how many differ."""

    guideline: GuidelineInfo
    cases: tuple[CaseResult, ...]
    passed: int
    failed: int


def check_cases(cases: Iterable[Case], guideline: Guideline, may_be_empty: bool = False) -> None:
    """Refuse cases that no answer can pass, or every answer: with nothing to expect, unless that `may_be_empty`.

    Raises RecordError, naming file and key.
    """
    for case in cases:
        if not case.expected and not may_be_empty:
            raise RecordError(
                f"{case.path}: nothing is expected; name what the answer shall say, or have it recorded by --update"
            )
        try:
            check_expectation(case.expected, guideline.model)
        except RecordError as error:
            raise RecordError(f"{case.path}: {error}") from None


def run_cases(cases: Sequence[Case], guideline: Guideline, progress: Progress = lambda *_: None) -> CaseReport:
    """Answer cases that were checked, each under its own readings, and compare.

    `progress` is called with what is being done, how much of it is done, and how much there is. Raises RecordError, naming
    the file, for a record that cannot be used.
    """
    results = []
    for number, case in enumerate(cases):
        progress("cases", number, len(cases))
        try:
            answering = guideline.with_readings(case.readings) if case.readings else guideline
            answer = answering.answer(case.record)
        except ReasonerError as error:
            raise RecordError(f"{case.path}: {error}") from None
        results.append(compared(case, answer))
    progress("done", 1, 1)
    failed = sum(bool(result.differences) for result in results)
    return CaseReport(guideline.info, tuple(results), len(results) - failed, failed)


def compared(case: Case, answer: Answer) -> CaseResult:
    """Compare an answer with what its case expects."""
    wanted = normalised(case.expected)
    found = given(wanted, answer)
    differences = tuple(
        Difference(key, as_written(key, wanted[key]), as_written(key, own), tuple(behind(key, wanted[key], own, answer)))
        for key, own in found.items()
        if own != wanted[key]
    )
    return CaseResult(case.title, str(case.path), differences).carrying(case=case, answer=answer)


def updated(result: CaseResult) -> dict[str, Any]:
    """Give what a case expects once the answer given is right; of a case that expects nothing, all that is recorded."""
    if not result.case.expected:
        return complete({}, result.answer)
    return {**result.case.expected, **{difference.key: difference.found for difference in result.differences}}


def behind(key: str, wanted: Any, found: Any, answer: Answer) -> Iterator[Behind]:  # noqa: ANN401 (what JSON holds)
    """Yield what is behind a difference, for each name of which it says something else than expected."""
    if key == "setting":
        yield setting_behind(answer.setting, answer)
    elif key == "decisions":
        yield from (setting_behind(own, answer) for name, own in found.items() if own != wanted[name])
    elif key == "assuming":
        yield from (own for name in found if found[name] != wanted[name] for own in listed(name, answer))
    elif key in LISTS:
        name = LISTS[key].name
        expected = {entry[name]: entry for entry in wanted}
        told = {entry[name]: entry for entry in found}
        differing = [own for own in {**told, **expected} if told.get(own) != expected.get(own)]
        for own in differing or told:
            yield from listed(own, answer)


def setting_behind(setting: str, answer: Answer) -> Behind:
    """Say by which statements and rules a patient stands in a setting."""
    derivation = answer.derivation
    all_rules: set[str] = set()
    names: dict[str, None] = {}
    for _, atom in derivation.program.table.get(SETTING, {}).get(setting, ()):
        grounds = derivation.grounds(atom, derivation.completions.all)
        all_rules.update(grounds.rules)
        names |= dict.fromkeys((*grounds.statements, *grounds.readings, *grounds.overlays))
    kind: Listing = "placed" if names else "undecided" if setting == UNDETERMINED else "unplaced"
    return Behind(setting, kind, "", tuple(names), places(all_rules, answer))


def listed(name: str, answer: Answer) -> Iterator[Behind]:
    """Say how an answer lists a name: a regimen can be both recommended and excluded, on conditions or by a conflict."""
    entries: list[tuple[Listing, Recommendation | Exclusion | ActionCall]] = [
        *(("recommended", own) for own in answer.recommended if own.regimen == name),
        *(("excluded", own) for own in answer.excluded if own.regimen == name),
        *(("called_for", own) for own in answer.actions if own.action == name),
    ]
    for kind, entry in entries:
        grounds = (*entry.statements, *entry.readings, *entry.overlays)
        yield Behind(name, kind, entry.certainty, grounds, places(entry.rules, answer))
    if not entries:
        yield Behind(name, "missing" if any(own.fact == name for own in answer.missing) else "nowhere")


def places(rules: Iterable[str], answer: Answer) -> tuple[str, ...]:
    """Give the places of rules, those alone that take a position where there are any."""
    own = set(rules)
    used = [rule for rule in answer.derivation.model.rules if rule.id in own]
    return tuple(rule.place for rule in used if rule.role == "position") or tuple(rule.place for rule in used)
