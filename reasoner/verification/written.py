"""Differences between two guidelines in writing: in what they say and cite, and in their catalogues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import clingo

from reasoner.compiler.model import Annotation
from reasoner.verification.atoms import split_atom
from reasoner.verification.definitions import templates
from reasoner.verification.patients import Patients

__all__ = ["annotation_differences", "data_differences"]

Data = Sequence[tuple[str, str | None]]


def annotation_differences(
    old: Mapping[str, Annotation], new: Mapping[str, Annotation]
) -> Iterator[tuple[clingo.Symbol, str]]:
    """Yield the forms of the annotations that are gone, new, or say or cite something else, each with its annotation."""
    suffix = "_changed"
    fields = [name.removesuffix(suffix) for name in templates("differences") if name.endswith(suffix)]
    for name in {**old, **new}:
        if name not in new or name not in old:
            forms = ["block_gone" if name in old else "block_new"]
        else:
            forms = [field + suffix for field in fields if getattr(old[name], field) != getattr(new[name], field)]
        yield from ((clingo.Function(form, [clingo.String(name)]), name) for form in forms)


def data_differences(old: Data, new: Data, patients: Patients) -> Iterator[tuple[str, clingo.Symbol, str | None]]:
    """Yield the data that only one of two catalogues has: the class, the form, and the annotation they stand under.

    `patients` know which data declare what a record can hold, and which are not compared.
    """
    not_compared, declares_record = (
        {str(symbol.arguments[0]) for symbol in patients.symbols(name)} for name in ("not_compared", "declares_record")
    )
    for end, data, others in (("gone", dict(old), dict(new)), ("new", dict(new), dict(old))):
        for datum, annotation in data.items():
            predicate = split_atom(datum)[0]
            if datum not in others and predicate not in not_compared and not predicate.startswith("_"):
                kind, form = ("space", "declaration") if predicate in declares_record else ("data", "fact")
                yield kind, clingo.Function(f"{form}_{end}", [clingo.String(datum)]), annotation
