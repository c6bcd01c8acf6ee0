"""Why: the complete derivation of a conclusion, down to the patient's facts, what is absent included."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import field

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer, GuidelineInfo
from reasoner.engine.argument import Argument, argue, out_of_scope
from reasoner.engine.conclusions import CONDITIONAL
from reasoner.engine.derivation import Derivation
from reasoner.engine.doses import dosage_atoms
from reasoner.engine.memory import on_larger_diagrams
from reasoner.engine.nearest import Nearest, nearest_rule
from reasoner.engine.opened_record import Claim
from reasoner.engine.predicates import (
    ACTION,
    EXCLUDED,
    RECOMMENDED,
    SCORE,
    SETTING,
    arguments_of,
    ground_atom,
    predicate_of,
)
from reasoner.engine.trace import Trace, trace
from reasoner.errors import RecordError, nearest
from reasoner.records.shapes import Carried, Result

__all__ = ["Argued", "Why", "argued", "concluded", "conclusion_kind", "why"]

Kind = Literal["regimen", "action", "setting", "score"]
Status = Literal[
    "recommended", "excluded", "not_recommended", "called_for", "not_called_for", "holds", "does_not_hold", "conditional"
]

STATUS: dict[Kind, dict[str, Status]] = {
    "regimen": {RECOMMENDED: "recommended", EXCLUDED: "excluded"},
    "action": {ACTION: "called_for"},
    "setting": {SETTING: "holds"},
    "score": {SCORE: "holds"},
}
NEVER: dict[Kind, Status] = {
    "regimen": "not_recommended",
    "action": "not_called_for",
    "setting": "does_not_hold",
    "score": "does_not_hold",
}


class Why(Result, frozen=True, tag_field="schema", tag="reasoner.why/1"):
    """The derivation of one conclusion.

    `status` is "recommended", "excluded", "conditional" or "not_recommended" for a regimen, "called_for", "conditional" or
    "not_called_for" for an action, "holds", "conditional" or "does_not_hold" for a setting or a score, which holds where
    it has a value.

    Not part of the JSON: the whole `answer`; `kind`, "regimen", "action", "setting" or "score"; `atoms`, the conclusions
    explained, as clingo text; `nearest`, the rule that came nearest to recommending a regimen that is not recommended with
    certainty.
    """

    guideline: GuidelineInfo
    patient: str
    conclusion: str
    status: Status
    trace: Trace = field(name="derivation")
    argument: Argument

    answer = Carried[Answer]()
    kind = Carried[Kind]()
    atoms = Carried[tuple[str, ...]]()
    nearest = Carried[Nearest | None](None)


def conclusion_kind(name: str, model: GuidelineModel) -> Kind:
    """Tell whether a name is a "regimen", an "action", a "setting" or a "score".

    Raises RecordError, with the nearest names, where it is none.
    """
    kinds: dict[Kind, tuple[str, ...]] = {
        "regimen": model.regimens,
        "action": model.actions,
        "setting": model.settings,
        "score": tuple(model.labels.get(SCORE, ())),
    }
    for kind, names in kinds.items():
        if name in names:
            return kind
    allowed = [known for names in kinds.values() for known in names]
    hint = nearest(name, allowed, model.labels["regimen"])
    raise RecordError(f'"{name}" is not a regimen, an action, a setting or a score{hint}; allowed: {", ".join(allowed)}')


class Concluded(NamedTuple):
    """What an answer concludes of something: its status, what that claims, and the atoms that explain it.

    `held` are its atoms that hold somewhere.
    """

    kind: Kind
    status: Status
    claim: Claim
    held: tuple[str, ...]
    atoms: tuple[str, ...]


def concluded(answer: Answer, conclusion: str) -> Concluded:
    """Find the status of a regimen, an action, a setting or a score.

    Where it is not known which therapy was given, what some history would conclude is conditional.
    Raises RecordError, with the nearest names, for a conclusion that the guideline does not know.
    """
    derivation = answer.derivation
    kind = conclusion_kind(conclusion, derivation.model)
    every, none = derivation.completions.all, derivation.completions.none
    candidates = {ground_atom(predicate, conclusion): status for predicate, status in STATUS[kind].items()}
    if kind == "score":
        rows = derivation.program.table.get(SCORE, {}).get(conclusion, ())
        candidates = {derivation.program.atoms[atom]: STATUS[kind][SCORE] for _, atom in rows}
    held = tuple(text for text in candidates if derivation.truth(text) != none)
    where = dict.fromkeys(candidates.values(), none)
    for text, status in candidates.items():
        where[status] = where[status] | derivation.truth(text)
    certain = [status for status, truth in where.items() if truth == every]
    atoms = held or tuple(text for text in tuple(candidates)[:1] if text in derivation.program.index)
    doses = doses_of(conclusion, derivation) if kind == "regimen" and held else ()
    perhaps = any(map(derivation.may_hold, candidates))
    status = certain[0] if certain else CONDITIONAL if held or perhaps else NEVER[kind]
    claimed = tuple(text for text, own in candidates.items() if own == status) if certain else tuple(candidates)
    return Concluded(kind, status, Claim(claimed, denied=status == NEVER[kind]), held, (*atoms, *doses))


@on_larger_diagrams
def why(answer: Answer, conclusion: str, depth: int | None = None) -> Why:
    """Explain the status of a regimen, an action, a setting or a score, `depth` rules deep or to the end.

    Raises RecordError, with the nearest names, for a conclusion that the guideline does not know.
    """
    answer = answer.anew()
    kind, status, claim, held, atoms = concluded(answer, conclusion)
    asked = kind == "regimen" and status != RECOMMENDED and not out_of_scope(answer, conclusion)
    nearest = nearest_rule(answer.derivation, conclusion) if asked else None
    return Why(
        guideline=answer.guideline,
        patient=answer.patient,
        conclusion=conclusion,
        status=status,
        trace=trace(answer.derivation, answer.patient, atoms, depth),
        argument=argue(answer, conclusion, kind, status, claim, held, nearest),
    ).carrying(answer=answer, kind=kind, atoms=atoms, nearest=nearest)


class Argued(NamedTuple):
    """A conclusion, as clingo text, with the argument for its status."""

    atom: str
    name: str
    status: Status
    argument: Argument


@on_larger_diagrams
def argued(answer: Answer, atom: str) -> Argued:
    """Argue for one conclusion, clingo text such as "excluded(pertuzumab)", or against it where it holds nowhere."""
    answer = answer.anew()
    derivation = answer.derivation
    predicate, (name, *_) = predicate_of(atom), arguments_of(atom)
    kind = next(kind for kind, statuses in STATUS.items() if predicate in statuses)
    truth = derivation.truth(atom)
    if truth == derivation.completions.none:
        other = why(answer, name, depth=1)
        return Argued(atom, name, other.status, other.argument)
    status = STATUS[kind][predicate] if truth == derivation.completions.all else CONDITIONAL
    return Argued(atom, name, status, argue(answer, name, kind, status, Claim((atom,), denied=False), (atom,), None))


def doses_of(regimen: str, derivation: Derivation) -> tuple[str, ...]:
    """List what rules conclude somewhere on the doses of a regimen and of its drugs."""
    targets = {regimen, *(drug for part in derivation.model.parts.get(regimen, ()) for drug in part)}
    return tuple(
        derivation.program.atoms[number]
        for _, number in dosage_atoms(derivation.program)
        if derivation.holds(number) and arguments_of(derivation.program.atoms[number])[0] in targets
    )
