"""The answer that a list of completions demands, worked out by brute force from the contract's words.

Certain, conditional, assuming, missing, rank and what alternatives change are read straight from clingo's answer sets; none
of the package's evaluation is used for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from plain import Completion

from reasoner.compiler.model import GuidelineModel
from reasoner.records.record import ONE_OF

CONCLUDED = ("setting", "recommended", "rank", "strength", "excluded", "action", "cautioned", "score")
GIVEN = ("dose", "dose_maximum", "dose_minimum", "dose_duration", "step_done")
Cube = tuple[tuple[int, int], ...]
Change = tuple[int, int, set[int]]
"""Two completions, by their places, and the variables of which the step from one to the other is a change."""


def without(
    completions: Sequence[Completion], unread: Collection[int], concluding: Sequence[str] = CONCLUDED + GIVEN
) -> list[Completion]:
    """Leave out the variables that nothing reads, numbered without the set of facts; completions alike are then one."""
    found: dict[tuple[Cube, frozenset[str]], Completion] = {}
    for completion in completions:
        sets = next((place for place, variable in enumerate(completion.variables) if variable.fact == ONE_OF), None)
        kept = tuple(
            (place, value)
            for place, value in completion.choices
            if place == sets or place - (sets is not None and place > sets) not in unread
        )
        concluded = frozenset(f"{name}({argument})" for name in concluding for argument in completion.arguments(name))
        found.setdefault((kept, concluded), replace(completion, choices=kept, atoms=concluded))
    return list(found.values())


def cubes(size: int, completions: list[Completion]) -> Iterator[Cube]:
    """Yield sets of `size` values of open variables, in the order in which equally small ones are preferred."""
    options: dict[int, set[int]] = {}
    for completion in completions:
        for variable, value in completion.choices:
            options.setdefault(variable, set()).add(value)
    known = completions[0].variables
    opened = [v for v, values in options.items() if len(values) > 1]
    for facts in combinations(sorted(opened), size):
        stated = [[n for n in sorted(options[v]) if known[v].values[n][0] is not None] for v in facts]
        for values in product(*stated):
            yield tuple(zip(facts, values, strict=True))


def smallest(true: list[bool], completions: list[Completion]) -> tuple[Cube, list[int]]:
    """Find the first smallest set of values under which all agreeing completions are true, with those completions.

    Where completions have several answer sets it can be that none does.
    """
    chosen = [set(completion.choices) for completion in completions]
    for size in range(len(completions[0].variables) + 1):
        for cube in cubes(size, completions):
            agreeing = [n for n, held in enumerate(chosen) if held.issuperset(cube)]
            if agreeing and all(true[n] for n in agreeing):
                return cube, agreeing
    assert len(set(map(tuple, map(sorted, chosen)))) < len(completions), "no set of values decides it"
    return (), [n for n, held in enumerate(true) if held]


def single_changes(completions: list[Completion]) -> list[Change]:
    """List the pairs of completions that differ, with the variables whose change that is, with no more than they force.

    A change from one set of facts to another is one of that alone; what is open otherwise changes within a set.
    """
    found = []
    for a, here in enumerate(completions):
        steps: dict[bool, list[tuple[int, set[int]]]] = {False: [], True: []}
        for b, there in enumerate(completions):
            differing = {v for (v, x), (_, y) in zip(here.choices, there.choices, strict=True) if x != y}
            steps[here.true_set != there.true_set].append((b, differing))
        for b, changed in steps[False]:
            smaller = [(c, other) for c, other in steps[False] if other < changed]
            changing = {
                v
                for v in changed
                if not any(v in other and completions[c].choices[at(here, v)] == completions[b].choices[at(here, v)]
                           for c, other in smaller)
            }  # fmt: skip
            if changing:
                found.append((a, b, changing))
        for b, changed in steps[True]:
            target = completions[b].true_set
            rivals = [other for c, other in steps[True] if completions[c].true_set == target]
            if not any(other < changed for other in rivals):
                found.append((a, b, {v for v in changed if here.variables[v].fact == ONE_OF}))
    return found


def at(completion: Completion, variable: int) -> int:
    """Find the place of a variable among the choices of a completion."""
    return next(place for place, (v, _) in enumerate(completion.choices) if v == variable)


def relevant_variables(signature: tuple[int, ...], changes: list[Change]) -> set[int]:
    """Find the variables of which a change, with no more than it forces, changes the signature."""
    return {v for a, b, changing in changes if signature[a] != signature[b] for v in changing}


def assumption(cube: Cube, completions: Sequence[Completion], labels: Sequence[str]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for variable, value in cube:
        known = completions[0].variables[variable]
        entry: dict[str, Any] = {"reading": known.reading} if known.reading is not None else {"fact": known.fact}
        more = {"has": known.member, "course": known.course, "key": known.key}
        entry |= {key: own for key, own in more.items() if own is not None}
        entries.append({**entry, "value": labels[value] if known.fact == ONE_OF else known.values[value][0]})
    return entries


def expected_answer(completions: list[Completion], model: GuidelineModel, labels: Sequence[str] = ()) -> dict[str, Any]:
    """Work out the answer that a list of completions gives; `labels` are those of several sets of facts."""
    settings = [frozenset(completion.arguments("setting")) for completion in completions]
    answer: dict[str, Any] = {"setting": setting_of(completions, model.settings_in())}
    if model.decisions:
        answer["decisions"] = {name: setting_of(completions, model.settings_in(name)) for name in model.decisions}
    signatures: dict[str, list[Any]] = {"setting": settings}
    cubes_of: dict[tuple[bool, ...], tuple[Cube, list[int]]] = {}
    for name, key in (("recommended", "recommended"), ("excluded", "excluded"), ("action", "actions")):
        found = {}
        for item in sorted({item for completion in completions for item in completion.arguments(name)}):
            true = [item in completion.arguments(name) for completion in completions]
            cube, agreeing = cubes_of.get(tuple(true)) or cubes_of.setdefault(tuple(true), smallest(true, completions))
            certainty = "certain" if all(true) else "conditional"
            found[item] = {"certainty": certainty, "assuming": assumption(cube, completions, labels)}
            if name == "recommended":
                found[item] |= standing(item, [completions[n] for n in agreeing], model)
            own = [
                place_of(item, w, model) if t and name == "recommended" else t
                for w, t in zip(completions, true, strict=True)
            ]
            signatures[item] = [
                (*old, new) for old, new in zip(signatures.get(item, [()] * len(completions)), own, strict=True)
            ]
        answer[key] = found
    for score in sorted({text.partition(",")[0] for completion in completions for text in completion.arguments("score")}):
        signatures[score] = [values_of(score, completion) for completion in completions]
        values = frozenset[int]().union(*signatures[score])
        answer.setdefault("scores", {})[score] = (min(values), max(values))
    answer["missing"] = missing(completions, signatures)
    return answer


def standing(regimen: str, agreeing: Sequence[Completion], model: GuidelineModel) -> dict[str, Any]:
    """Give the best rank and strength of a regimen where it is recommended, and all of its cautions."""
    rank, strength = min(place_of(regimen, completion, model) for completion in agreeing)
    cautions = {
        caution.partition(",")[2]
        for completion in agreeing
        for caution in completion.arguments("cautioned")
        if caution.startswith(regimen + ",")
    }
    return {"rank": rank, "strength": model.strengths[strength], "cautions": sorted(cautions)}


def missing(completions: list[Completion], signatures: Mapping[str, list[Any]]) -> dict[tuple[Any, ...], set[str]]:
    """Find the facts that can change what each signature tells, with what they can change.

    Where a completion has several answer sets, what they tell together counts.
    """
    found: dict[tuple[Any, ...], set[str]] = {}
    together: dict[tuple[int, ...], list[str]] = {}
    for item, signature in signatures.items():
        together.setdefault(tuple(map(signature.index, signature)), []).append(item)
    places: dict[tuple[Cube, int], list[int]] = {}
    for n, completion in enumerate(completions):
        places.setdefault((completion.choices, completion.true_set), []).append(n)
    changes = single_changes([completions[own[0]] for own in places.values()])
    for alike, items in together.items():
        several = [frozenset(alike[n] for n in own) for own in places.values()]
        for variable in relevant_variables(tuple(map(several.index, several)), changes):
            known = completions[0].variables[variable]
            if known.reading is None:
                found.setdefault((known.fact, known.member, known.course, known.key), set()).update(items)
    return found


def values_of(score: str, completion: Completion) -> frozenset[int]:
    """Give the values of a score in a completion."""
    texts = (text.partition(",") for text in completion.arguments("score"))
    return frozenset(int(value) for name, _, value in texts if name == score)


def setting_of(completions: Sequence[Completion], own: Sequence[str]) -> str:
    """Name the setting of a decision, whose settings are `own` in their order."""
    settings = {completion.arguments("setting") & frozenset(own) for completion in completions}
    if len(settings) > 1:
        return "undetermined"
    return next((name for name in own if name in next(iter(settings))), "not_addressed")


def place_of(regimen: str, completion: Completion, model: GuidelineModel) -> tuple[int, int]:
    rank = min(int(r.partition(",")[2]) for r in completion.arguments("rank") if r.startswith(regimen + ","))
    strength = min(
        model.strengths.index(s.partition(",")[2]) for s in completion.arguments("strength") if s.startswith(regimen + ",")
    )
    return rank, strength


def extents(completions: Sequence[Completion]) -> dict[tuple[str, str], str]:
    """Tell what is concluded, and whether in all completions or in some."""
    names = ("recommended", "excluded", "action")
    held = {(name, item) for completion in completions for name in names for item in completion.arguments(name)}
    return {
        (name, item): "certain" if all(item in c.arguments(name) for c in completions) else "conditional"
        for name, item in held
    }


def expected_alternatives(
    own: Sequence[Completion], others: Mapping[tuple[str, str], Sequence[Completion]], model: GuidelineModel
) -> tuple[list[dict[str, Any]], dict[tuple[str, str], set[str]]]:
    """Say what each alternative changes, and for each entry the readings of which another one changes it.

    `others` are the completions under each alternative that is not taken, by reading and alternative.
    """
    here, listed = extents(own), []
    depends: dict[tuple[str, str], set[str]] = {entry: set() for entry in here}
    for (reading, name), completions in others.items():
        there = extents(completions)
        for entry in here:
            if here[entry] != there.get(entry):
                depends[entry].add(reading)
        changed: dict[str, Any] = {
            kind: {
                "adds": [r for r in model.regimens if (kind, r) in there and (kind, r) not in here],
                "removes": [r for r in model.regimens if (kind, r) in here and (kind, r) not in there],
            }
            for kind in ("recommended", "excluded")
        }
        settings = {
            decision: setting
            for decision in model.decisions or ("",)
            if (setting := setting_of(completions, model.settings_in(decision)))
            != setting_of(own, model.settings_in(decision))
        }
        shifted = any(list(shift.values()) != [[], []] for shift in changed.values())
        first = settings.pop(model.decisions[0] if model.decisions else "", None)
        if first is not None:
            changed["setting"] = first
        if settings:
            changed["decisions"] = [{"decision": decision, "setting": setting} for decision, setting in settings.items()]
        if shifted or settings or first is not None:
            listed.append({"reading": reading, "alternative": name, **changed})
    return listed, depends


def given_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Put an answer's JSON in the form of `expected_answer`."""
    kept = {"recommended": ("certainty", "assuming", "rank", "strength", "cautions")}
    found: dict[str, Any] = {"setting": answer["setting"]}
    if "decisions" in answer:
        found["decisions"] = {own["decision"]: own["setting"] for own in answer["decisions"]}
    for key, name in (("recommended", "regimen"), ("excluded", "regimen"), ("actions", "action")):
        fields = kept.get(key, ("certainty", "assuming"))
        found[key] = {entry[name]: {field: entry[field] for field in fields} for entry in answer[key]}
    found["missing"] = {
        (entry["fact"], entry.get("has"), entry.get("course"), entry.get("key")): set(entry["decides"])
        for entry in answer["missing"]
    }
    if answer.get("scores"):
        found["scores"] = {entry["score"]: (entry["value"], entry["at_most"]) for entry in answer["scores"]}
    return found
