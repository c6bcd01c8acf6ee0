"""Why: the complete derivation of a conclusion, down to the patient's facts, what is absent included."""

from __future__ import annotations

from typing import NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import Answer
from reasoner.engine.trace import Trace, trace
from reasoner.errors import RecordError, nearest

__all__ = ["Why", "conclusion_kind", "why"]

SCHEMA = "reasoner.why/1"


class Why(NamedTuple):
    """The derivation of one conclusion.

    `kind` is "regimen", "action" or "setting"; `status` is "recommended", "excluded", "conditional" or "not_recommended" for
    a regimen, "called_for", "conditional" or "not_called_for" for an action, "holds", "conditional" or "does_not_hold" for
    a setting; `atoms` are the conclusions explained, as clingo text.
    """

    answer: Answer
    conclusion: str
    kind: str
    status: str
    atoms: tuple[str, ...]
    trace: Trace

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object of schema ``reasoner.why/1``."""
        return {
            "schema": SCHEMA,
            "guideline": self.answer.guideline.to_dict(),
            "patient": self.answer.patient,
            "conclusion": self.conclusion,
            "status": self.status,
            "derivation": self.trace.to_dict(),
        }


def conclusion_kind(name: str, model: GuidelineModel) -> str:
    """Tell whether a name is a "regimen", an "action" or a "setting".

    Raises RecordError, with the nearest names, where it is none.
    """
    kinds = {"regimen": model.regimens, "action": model.actions, "setting": model.settings}
    for kind, names in kinds.items():
        if name in names:
            return kind
    allowed = [known for names in kinds.values() for known in names]
    hint = nearest(name, allowed, model.labels["regimen"])
    raise RecordError(f'"{name}" is no regimen, action or setting{hint}; allowed: {", ".join(allowed)}')


def why(answer: Answer, conclusion: str, depth: int | None = None) -> Why:
    """Explain a regimen's, an action's or a setting's status, `depth` rules deep or to the end.

    Raises RecordError, with the nearest names, for a conclusion that the guideline does not know.
    """
    derivation = answer.derivation
    kind = conclusion_kind(conclusion, derivation.model)
    every = derivation.completions.all
    predicates = {"regimen": ("recommended", "excluded"), "action": ("action",), "setting": ("setting",)}[kind]
    truths = {f"{predicate}({conclusion})": derivation.truth(f"{predicate}({conclusion})") for predicate in predicates}
    held = tuple(atom for atom, truth in truths.items() if truth)
    certain = [predicate for predicate, truth in zip(predicates, truths.values(), strict=True) if truth == every]
    status = STATUS[kind][certain[0] if certain else "conditional" if held else "never"]
    atoms = held or tuple(atom for atom in tuple(truths)[:1] if atom in derivation.program.index)
    return Why(answer, conclusion, kind, status, atoms, trace(derivation, answer.patient, atoms, depth))


STATUS = {
    "regimen": {
        "recommended": "recommended",
        "excluded": "excluded",
        "conditional": "conditional",
        "never": "not_recommended",
    },
    "action": {"action": "called_for", "conditional": "conditional", "never": "not_called_for"},
    "setting": {"setting": "holds", "conditional": "conditional", "never": "does_not_hold"},
}
