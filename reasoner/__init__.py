"""Explainable reasoning over clinical guidelines.

>>> from reasoner import Guideline
>>> guideline = Guideline.load()
>>> answer = guideline.answer({"id": "p1", "her2": "negative", "metastatic_therapy": []})
>>> answer.setting
'out_of_scope'

A `Guideline` is loaded once and answers many records; an `Answer` is immutable and holds its complete `Derivation`.
"""

from __future__ import annotations

from importlib import import_module

__all__ = ["Answer", "Derivation", "Guideline", "GuidelineError", "ReasonerError", "Record", "RecordError", "__version__"]
__version__ = "0.1.0"

HOMES = {
    "Answer": "engine.answer",
    "Derivation": "engine.derivation",
    "Guideline": "guideline",
    "GuidelineError": "errors",
    "ReasonerError": "errors",
    "Record": "records.record",
    "RecordError": "errors",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is: a short command pays only for what it uses."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
