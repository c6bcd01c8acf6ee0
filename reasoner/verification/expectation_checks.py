"""Refuse what no answer can meet: keys that an expectation does not have, names that the guideline does not have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec
import msgspec.inspect as types

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.conclusions import SILENT, UNDETERMINED, Assumption, Missing
from reasoner.errors import RecordError, nearest
from reasoner.verification.expectations import KEYS, LISTS, Listed

__all__ = ["check_expectation"]

NAMES: Mapping[str, tuple[str, Callable[[GuidelineModel], Collection[str]]]] = {
    "setting": ("a setting", lambda model: (*model.settings, SILENT, UNDETERMINED)),
    "decision": ("a decision", lambda model: model.decisions),
    "regimen": ("a regimen", lambda model: model.regimens),
    "action": ("an action", lambda model: model.actions),
    "fact": ("a fact", lambda model: (*(fact.name for fact in model.facts), "one_of")),
    "score": ("a score", lambda model: model.labels.get("score", ())),
    "strength": ("a strength", lambda model: model.strengths),
    "evidence_certainty": ("a certainty of evidence", lambda model: model.certainties),
    "cautions": ("a caution", lambda model: model.labels.get("caution", ())),
    "drug": ("a drug or a regimen", lambda model: (*model.drugs, *model.regimens)),
    "schedule": ("a schedule", lambda model: model.labels.get("schedule", ())),
    "step": ("a step", lambda model: model.labels.get("step", ())),
    "unit": ("a unit", lambda model: tuple(model.labels.get("unit", {}).values())),
    "trials": ("a trial", lambda model: model.trials),
    "rules": ("a rule", lambda model: tuple(rule.id for rule in model.rules)),
    "statement": ("a statement", lambda model: annotated(model, "statement")),
    "reading": ("a reading", lambda model: annotated(model, "reading")),
    "overlays": ("an overlay", lambda model: annotated(model, "overlay")),
    "alternative": ("an alternative of a reading", lambda model: tuple(alternatives_of(model))),
}
"""What the values of a key are names of, and which names there are."""
NAMED_ALIKE = {"statements": "statement", "readings": "reading", "depends_on_readings": "reading"}


def annotated(model: GuidelineModel, kind: str) -> tuple[str, ...]:
    return tuple(name for name, annotation in model.annotations.items() if annotation.kind == kind)


def alternatives_of(model: GuidelineModel) -> Iterator[str]:
    return (f"{reading}={name}" for reading, names in model.alternatives.items() for name in names)


def check_expectation(expected: Mapping[str, Any], model: GuidelineModel) -> None:
    """Refuse an expectation that no answer can meet: an unknown key, a name that the guideline does not have, another type.

    Raises RecordError, naming the key, what was found and what is allowed.
    """
    for key, value in expected.items():
        place = f"expected.{key}"
        if key not in KEYS:
            raise RecordError(
                f'expected: "{key}" is not something to expect{nearest(key, KEYS)}; allowed: {", ".join(KEYS)}'
            )
        if key in LISTS:
            check_list(value, LISTS[key], place, model)
        elif key == "setting":
            check_name(value, "setting", place, model)
        elif key == "alternatives":
            for number, name in enumerate(as_list(value, place)):
                check_name(name, "alternative", f"{place}[{number}]", model)
        else:
            check_mapping(key, value, place, model)


def check_list(value: object, listed: Listed, place: str, model: GuidelineModel) -> None:
    shape = types.type_info(listed.shape)
    names = []
    for number, entry in enumerate(as_list(value, place)):
        here = f"{place}[{number}]"
        if isinstance(entry, dict) and listed.name not in entry:
            raise RecordError(f'{here}: an entry names its {listed.name}, as in {{"{listed.name}": "…", …}}')
        if isinstance(entry, dict):
            check_value(entry, shape, "", here, model)
        else:
            check_name(entry, listed.name, here, model)
        names.append(
            json_text(entry) if listed.shape is Missing else str(entry[listed.name] if isinstance(entry, dict) else entry)
        )
        if names[-1] in names[:-1]:
            raise RecordError(f"{here}: {names[-1]} stands twice; keep one")


def check_mapping(key: str, value: object, place: str, model: GuidelineModel) -> None:
    """Refuse what is no object of settings by decision, of scores, or of what regimens assume."""
    if not isinstance(value, dict):
        raise RecordError(f"{place}: an object is expected, a name with what it has; found: {json_text(value)}")
    name_kind = {"decisions": "decision", "scores": "score", "assuming": "regimen"}[key]
    for name, own in value.items():
        check_name(name, name_kind, place, model)
        here = f"{place}.{name}"
        if key == "decisions":
            check_name(own, "setting", here, model)
        elif key == "assuming":
            check_value(own, types.type_info(tuple[Assumption, ...]), "", here, model)
        elif not (is_whole(own) or (isinstance(own, list) and len(own) == 2 and all(map(is_whole, own)))):
            raise RecordError(f"{here}: a score is a whole number, or two of them where it is open; found: {json_text(own)}")


def check_value(value: object, kind: types.Type, key: str, place: str, model: GuidelineModel) -> None:
    """Refuse a value that nothing of its kind in an answer has; `key` is the one under which it stands."""
    match kind:
        case types.UnionType():
            fitting = [own for own in kind.types if fits(value, own)]
            check_value(value, fitting[0] if fitting else kind.types[0], key, place, model)
        case types.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field.type for field in kind.fields}
            for name, own in value.items():
                if name not in fields:
                    hint = nearest(name, fields)
                    raise RecordError(f'{place}: "{name}" is not a key of it{hint}; allowed: {", ".join(fields)}')
                check_value(own, fields[name], name, f"{place}.{name}", model)
        case types.VarTupleType() if isinstance(value, list):
            for number, own in enumerate(value):
                check_value(own, kind.item_type, key, f"{place}[{number}]", model)
        case types.LiteralType():
            if value not in kind.values:
                words = tuple(map(str, kind.values))
                hint = nearest(str(value), words)
                raise RecordError(f"{place}: {json_text(value)} is not allowed{hint}; allowed: {', '.join(words)}")
        case _ if not fits(value, kind):
            raise RecordError(f"{place}: {kind_words(kind)} is expected; found: {json_text(value)}")
        case _ if isinstance(value, str) and (known := NAMED_ALIKE.get(key, key)) in NAMES:
            check_name(value, known, place, model)


def fits(value: object, kind: types.Type) -> bool:
    """Tell whether a value of JSON can be of a kind."""
    match kind:
        case types.NoneType():
            return value is None
        case types.StructType():
            return isinstance(value, dict)
        case types.VarTupleType():
            return isinstance(value, list)
        case types.BoolType():
            return isinstance(value, bool)
        case types.IntType() | types.FloatType():
            return is_whole(value) or (isinstance(kind, types.FloatType) and isinstance(value, float))
        case types.LiteralType():
            return value in kind.values
        case _:
            return isinstance(value, str)


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def kind_words(kind: types.Type) -> str:
    match kind:
        case types.StructType():
            return "an object"
        case types.VarTupleType():
            return "a list"
        case types.BoolType():
            return "true or false"
        case types.IntType():
            return "a whole number"
        case types.FloatType():
            return "a number"
        case _:
            return "a text"


def check_name(name: object, kind: str, place: str, model: GuidelineModel) -> None:
    """Refuse what is no name of its kind; a term with arguments goes by its own name."""
    words, known = NAMES[kind][0], NAMES[kind][1](model)
    if not isinstance(name, str) or name.partition("(")[0] not in known:
        hint = nearest(name, known) if isinstance(name, str) else ""
        allowed = ", ".join(known) or "none: the guideline has none"
        raise RecordError(f"{place}: {json_text(name)} is not {words} of the guideline{hint}; allowed: {allowed}")


def as_list(value: object, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise RecordError(f"{place}: a list is expected; found: {json_text(value)}")
    return value


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()
