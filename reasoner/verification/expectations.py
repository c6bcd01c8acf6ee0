"""What a case expects of an answer, and what the answer says of it in the same form.

An expectation names as much of an answer as its author likes. `given` says what an answer holds of exactly that: in the
form of the expectation, and where order means nothing in its order. The answer is the one expected where both are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.conclusions import CERTAIN, CONDITIONAL, Missing
from reasoner.records.shapes import to_plain

__all__ = ["KEYS", "LISTS", "Listed", "as_written", "complete", "given", "normalised"]


class Listed(NamedTuple):
    """The entries of an answer that a key of an expectation stands for.

    They are those of one `certainty` in the list `entries`, each named under the key `name`; `shape` is that of an entry,
    and `recorded` the keys of it that are recorded where an expectation does not say.
    """

    entries: str
    name: str
    certainty: str
    shape: type[msgspec.Struct]
    recorded: tuple[str, ...]


LISTS = {
    "recommended": Listed("recommended", "regimen", CERTAIN, Recommendation, ("regimen", "rank", "strength")),
    "conditional": Listed("recommended", "regimen", CONDITIONAL, Recommendation, ("regimen",)),
    "excluded": Listed("excluded", "regimen", CERTAIN, Exclusion, ("regimen",)),
    "excluded_conditional": Listed("excluded", "regimen", CONDITIONAL, Exclusion, ("regimen",)),
    "actions": Listed("actions", "action", CERTAIN, ActionCall, ("action",)),
    "actions_conditional": Listed("actions", "action", CONDITIONAL, ActionCall, ("action",)),
    "missing": Listed("missing", "fact", "", Missing, ("fact",)),
}
KEYS = (
    "setting", "decisions", "recommended", "conditional", "assuming", "excluded", "excluded_conditional", "actions",
    "actions_conditional", "missing", "scores", "alternatives",
)  # fmt: skip
ALWAYS = {"setting", "recommended", "excluded", "actions"}
"""What is recorded of every answer; the rest only where there is any."""


def normalised(expected: Mapping[str, Any]) -> dict[str, Any]:
    """Write an expectation out: each entry of a list as an object, with its certainty where any of the list names one."""
    return {key: written_out(own, LISTS[key]) if key in LISTS else own for key, own in expected.items()}


def written_out(entries: Sequence[Any], listed: Listed) -> list[dict[str, Any]]:
    forms = [entry if isinstance(entry, dict) else {listed.name: entry} for entry in entries]
    certainty = {"certainty": CERTAIN} if listed.certainty == CERTAIN and names_certainty(forms) else {}
    return [{**form, **{key: own for key, own in certainty.items() if key not in form}} for form in forms]


def names_certainty(forms: Sequence[Mapping[str, Any]]) -> bool:
    return any("certainty" in form for form in forms)


def as_written(key: str, value: Any) -> Any:  # noqa: ANN401 (what JSON holds)
    """Give a value as it is read and written: an entry of which nothing but the name is told is the name alone."""
    if key not in LISTS:
        return value
    return [entry[LISTS[key].name] if entry.keys() == {LISTS[key].name} else entry for entry in value]


def given(wanted: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Give what an answer says of all that a normalised expectation names, in its form."""
    told = to_plain(answer)
    found: dict[str, Any] = {}
    for key, own in wanted.items():
        if key in LISTS:
            found[key] = entries_given(LISTS[key], own, told)
        elif key == "setting":
            found[key] = told["setting"]
        elif key == "decisions":
            settings = {placed["decision"]: placed["setting"] for placed in told.get("decisions", ())}
            found[key] = {name: settings[name] for name in own}
        elif key == "alternatives":
            found[key] = aligned([f"{other['reading']}={other['alternative']}" for other in told["alternatives"]], own)
        elif key == "assuming":
            assumed = {entry["regimen"]: entry["assuming"] for entry in told["recommended"]}
            found[key] = {name: aligned(assumed.get(name, []), assumptions) for name, assumptions in own.items()}
        else:
            values = {score["score"]: [score["value"], score["at_most"]] for score in told.get("scores", ())}
            found[key] = {name: score_given(values.get(name), score) for name, score in own.items()}
    return found


def complete(expected: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """Give all that is recorded of an answer: what an expectation names, in its form, and the rest of what there is."""
    told = to_plain(answer)
    whole: dict[str, Any] = {key: [] for key in KEYS}
    whole["assuming"] = {entry["regimen"]: [] for entry in told["recommended"] if entry["assuming"]}
    whole["assuming"] |= expected.get("assuming", {})
    whole["decisions"] = {own["decision"]: "" for own in told.get("decisions", ())}
    whole["scores"] = {own["score"]: 0 for own in told.get("scores", ())}
    found = given(normalised({**whole, **{key: own for key, own in expected.items() if key != "assuming"}}), answer)
    return {key: as_written(key, own) for key, own in found.items() if own or key in ALWAYS or key in expected}


def score_given(value: list[int] | None, wanted: object) -> object:
    """Give a score in the form in which it is expected: one number, or the least and the greatest where it is open."""
    return value if value is None or isinstance(wanted, list) or value[0] != value[1] else value[0]


def entries_given(listed: Listed, wanted: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> list[Any]:
    """Give the entries of a list in the form and the order of those expected, then others.

    Where an expected entry names its certainty, those of both certainties are given. Regimens that are recommended keep the
    order of the answer where the order expected is none of their ranks, and does not name these.
    """
    own = [e for e in told[listed.entries] if names_certainty(wanted) or e.get("certainty", "") == listed.certainty]
    if listed.shape is Missing and all(form.keys() == {"fact"} for form in wanted):
        own = list({entry["fact"]: entry for entry in own}.values())
    found = aligned(own, wanted or [dict.fromkeys(listed.recorded)], listed.name)
    if listed.shape is not Recommendation or listed.certainty != CERTAIN or all("rank" in form for form in wanted):
        return found
    ranks = {entry["regimen"]: (entry.get("decision"), entry["rank"]) for entry in own}
    for decision in {decision for decision, _ in ranks.values()}:
        order = [rank for form in found for place, rank in [ranks[form["regimen"]]] if place == decision]
        if order != sorted(order):
            places = list(ranks)
            return sorted(found, key=lambda form: places.index(form["regimen"]))
    return found


def aligned(found: Sequence[Any], wanted: Sequence[Any], name: str = "") -> list[Any]:
    """Give the items found in the form of those wanted that they meet, in the order of these; then the others.

    Where items have a `name`, one that is not as wanted still stands in the place of the one of its name.
    """
    left, placed = list(found), {}
    exacting = sorted(range(len(wanted)), key=lambda n: -len(wanted[n]) if isinstance(wanted[n], dict) else 0)

    def place(meets: Callable[[Any, Any], bool]) -> None:
        for number in exacting:
            own = next((item for item in left if number not in placed and meets(item, wanted[number])), None)
            if own is not None:
                left.remove(own)
                placed[number] = like(own, wanted[number])

    place(lambda item, own: like(item, own) == own)
    if name:
        place(lambda item, own: bool(item[name] == own[name]))
    form = {key: value for own in reversed(wanted) if isinstance(own, dict) for key, value in own.items()} or None
    return [placed[number] for number in sorted(placed)] + [like(item, form) for item in left]


def like(found: Any, wanted: Any) -> Any:  # noqa: ANN401 (what JSON holds)
    """Give of what is found as much as is wanted: the keys of an object, the items of a list in their order."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {key: like(found[key], own) for key, own in wanted.items() if key in found}
    if isinstance(found, list) and isinstance(wanted, list):
        return aligned(found, wanted)
    return found
