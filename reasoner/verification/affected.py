"""How many patients of a cohort show each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial

from reasoner.compiler.model import GuidelineModel
from reasoner.compiler.variables import variables_of
from reasoner.guideline import Guideline
from reasoner.records.record import OPEN, Record, Told
from reasoner.verification.answer_sets import all_patients
from reasoner.verification.atoms import fact_of, split_atom
from reasoner.verification.findings import Finding
from reasoner.verification.patients import Patients
from reasoner.verification.reports import CohortSize, FindingsReport

__all__ = ["count_affected"]

EXPLORED = "explored"
"""Whether it is looked at what an unrecorded fact may turn out to be: a question about all patients leaves it open."""


def count_affected(
    found: FindingsReport, guideline: Guideline, records: Iterable[tuple[Record, int]], rejected: int = 0
) -> FindingsReport:
    """Count for each finding the patients who show it; each record comes with the number of patients who have it.

    A patient whose record leaves something open shows a finding if every completion of the record that has an answer does.
    Where none has, the record contradicts itself, or rules do: a patient without an answer. `rejected` are the records that
    are invalid; those that contradict themselves are counted with them. This takes as long as it takes.
    """
    model, everyone = guideline.model, cache(partial(all_patients, guideline, found.courses or 0))
    asked: dict[int, tuple[Patients, list[Finding]]] = {}
    for entry in found.findings:
        if entry.among is not None:
            asked.setdefault(id(entry.among), (replace(entry.among, deadline=None), []))[1].append(entry)
    shown: dict[str, dict[int, int]] = {entry.id: {} for _, entries in asked.values() for entry in entries}
    counted = unanswered = longer = 0
    for place, (record, count) in enumerate(records):
        if any(told.courses is not None and told.courses > (found.courses or 0) for told in record.told):
            longer += count
            continue
        certain = {key: certainties(record, patients, entries, model) for key, (patients, entries) in asked.items()}
        answered = None not in certain.values()
        if not answered and certainties(record, everyone(), (), model) is None:
            rejected += count
            continue
        counted, unanswered = counted + count, unanswered + (0 if answered else count)
        for key, (_, entries) in asked.items():
            for entry in entries:
                if shows(certain[key], entry):
                    shown[entry.id][place] = count
    marked = (
        entry.replace(affected=sum(shown[entry.id].values()), patients=shown[entry.id]) if entry.id in shown else entry
        for entry in found.findings
    )
    return found.replace(findings=tuple(marked), cohort=CohortSize(counted, unanswered, rejected, longer))


def shows(certain: frozenset[tuple[str, bool]] | None, entry: Finding) -> bool:
    """Tell whether a patient shows a finding, by what is certain; by None, where no completion has an answer."""
    if entry.shown_by is None:
        return certain is None
    return certain is not None and certain.issuperset(entry.shown_by)


def certainties(
    record: Record, patients: Patients, entries: Sequence[Finding], model: GuidelineModel
) -> frozenset[tuple[str, bool]] | None:
    """Collect what is certain of a patient, of all that findings are shown by; None where no completion has an answer."""
    atoms = sorted({atom for entry in entries for atom, _ in entry.shown_by or ()})
    explored = [(atom, True) for atom in patients.literals if split_atom(atom)[0] == EXPLORED]
    sets = [patients.certain([*explored, *assumptions(record, told, patients, model)], atoms) for told in record.told]
    possible = [held for held in sets if held is not None]
    return frozenset.intersection(*possible) if possible else None


def assumptions(record: Record, told: Told, patients: Patients, model: GuidelineModel) -> Iterator[tuple[str, bool]]:
    """Yield what is so of a patient, by what a record tells: each input that it does not leave open."""
    held, open_ = set(told.atoms), set[str]()
    for variable, choice in zip(variables_of(model, record.courses, record.fewer), told.choices, strict=True):
        if variable.reading is not None or choice == OPEN:
            open_.update(atom for _, own in variable.values for atom in own)
        else:
            held.update(variable.values[choice][1])
    therapy = model.courses_fact
    unread = {fact.name for fact in model.facts if fact.kind == "number" and not fact.cuts}
    for atom in patients.inputs:
        predicate, arguments = split_atom(atom)
        if atom in open_ or predicate == "reading":
            continue
        of_therapy = therapy is not None and fact_of(atom, model) == therapy.name
        if told.courses is None and (of_therapy or model.roles[predicate] == "history"):
            continue
        if predicate in ("known", "recorded") and arguments[0] in unread:
            yield atom, False
        elif predicate == "course" and told.courses is not None:
            yield atom, int(arguments[0]) <= told.courses
        else:
            yield atom, atom in held
