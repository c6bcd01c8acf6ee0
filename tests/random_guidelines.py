"""Guidelines drawn at random over the catalogue of the invented marsh fever, as text.

`random_guideline` draws statements, contradictions and defaults; `loops` predicates that depend on themselves;
`random_readings` readings with alternatives. What else guidelines can say is drawn by `random_constructs`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

from reasoner import Guideline

MARSH_FEVER = Path(__file__).parent / "guidelines/marsh_fever/guideline.lp"
CATALOGUE = (
    MARSH_FEVER.read_text("utf-8").partition("%* @statement")[0]
    + """
term(action_name, measure_again, "measuring again").
#const enough = 2.
#const more_than_enough = enough + 1.
predicate(weighs(any, whole), catalogue, "{1} weighing {2}").
weighs(confirmed, 1).
weighs((pregnant;rash), enough).
weighs(cough, -1).
term(score, burden, "burden").
threshold(temperature, "38.5").
"""
)
RELATIONS = ("at_most", "more_than", "at_least", "less_than")
CONDITIONS = (
    *(f"has({fact})" for fact in ("confirmed", "pregnant")),
    *(f"is(kidney_function, {value})" for value in ("normal", "reduced", "failing")),
    *(f"{side}(temperature, {bound})" for side in RELATIONS for bound in (38, '"38.5"', 40)),
    *(f"includes(signs, {sign})" for sign in ("rash", "cough")),
    *(f"includes(allergies, {drug})" for drug in ("amarin", "belosol")),
    *(f"course({place})" for place in (1, 2)),
    "drug_in(_, amarin)",
    "course_at_least(_, days, 7)",
    "includes(signs, (rash;cough))",
    "drug_in((1;2), (amarin;belosol))",
    "course(1..enough)",
    "course_at_least(1..2, days, 7)",
    "weighs(rash, N), course(N)",
)
SCORED = ("W,F : weighs(F, W), has(F)", "W,S : weighs(S, W), includes(signs, S)", "3,late : course_at_least(_, days, 7)")
ELEMENTS = (
    "{weight}F : weighs(F, {name}), has(F)",
    "{weight}S : weighs(S, {name}), includes(signs, S)",
    "{weight}S : includes(signs, S), not has(pregnant)",
    "{weight}D : drug_in(_, D)",
    "{weight}D,I : drug_in(I, D), I = 1..enough",
    "{weight}course,I : course_at_least(I, days, 7)",
    "{weight}one : not is(kidney_function, (normal;failing))",
    "{weight}one : more_than(temperature, 38)",
    "{weight}D : includes(allergies, D), not drug_in(1..2, D)",
)
REGIMENS = ("amarin", "amarin_salt", "watch")


def body(rng: Random, most: int, given: str = "", among: Sequence[str] = CONDITIONS) -> str:
    """Draw conditions of a rule, `given` one of them, the others `among` some; at most so many besides."""
    conditions = [given] if given else []
    for _ in range(rng.randint(0 if given else 1, most)):
        if rng.random() < 0.2:
            conditions.append(aggregate(rng))
            continue
        condition = rng.choice(among)
        plain = not re.search(r"\b_\b", condition) and ", " not in re.sub(r"\(.*?\)", "", condition)
        conditions.append(f"not {condition}" if plain and rng.random() < 0.35 else condition)
    return ", ".join(rng.sample(conditions, len(conditions)))


def aggregate(rng: Random) -> str:
    """Draw a count or a sum, compared or assigned."""
    function = rng.choice(("#count", "#sum", "#sum", "#sum+"))
    elements = []
    for element in rng.sample(ELEMENTS, rng.randint(1, 4)):
        named = "W" if function != "#count" and "{name}" in element and rng.random() < 0.7 else "_"
        weight = "" if function == "#count" else "W," if named == "W" else f"{rng.choice((-2, -1, 1, 1, 1, 3))},"
        elements.append(element.format(weight=weight, name=named))
    own = f"{function}{{ {'; '.join(elements)} }}"
    number = rng.choice((*map(str, range(-1, 5)), "enough", "more_than_enough"))
    other = rng.choice(("0", "enough"))
    forms = (
        f"{own} {rng.choice(('>=', '>=', '>', '<', '<=', '=', '!='))} {number}",
        f"{number} {rng.choice(('>=', '<', '<='))} {own}",
        f"{other} {rng.choice(('<', '<=', '!='))} {own} {rng.choice(('<=', '<', '!='))} {number}",
    )
    if rng.random() < 0.2:
        name = f"N{rng.randrange(10**6)}"
        return f"{name} = {own}, {name} {rng.choice(('>', '<', '!='))} {number}"
    return f"{rng.choice(('', '', 'not '))}{rng.choice(forms)}"


def rule(rng: Random) -> str:
    first, second = rng.sample(REGIMENS, 2)
    strength = rng.choice(("standard", "alternative"))
    occasion = rng.choice(("recommended(_)", "setting(acute)", "excluded(watch)"))
    rules = {
        f"places(acute, fever) :- {body(rng, 2)}.": 2,
        f"indicated({first}, {strength}) :- {body(rng, 2, 'setting(acute)')}.": 8,
        f"prefers({first}, {second}) :- {body(rng, 2, 'setting(acute)')}.": 2,
        f"contraindicated({first}) :- {body(rng, 2)}.": 3,
        f"contraindicated({first};{second}) :- {body(rng, 2)}.": 1,
        f"contraindicated(R) :- drug_in(I, D), may_contain(R, D), #count{{ E : drug_in(I, E) }} >= {rng.choice('12')}.": 1,
        f"calls_for(measure_again) :- {body(rng, 2, occasion)}.": 2,
        "suppressed(R) :- excluded(R).": 1,
        f'dose({first}, daily, every_dose, "{rng.choice("24")}", mg, hours(8)) :- {body(rng, 2)}.': 1,
        f'dose_maximum(belosol, daily, every_dose, "9", mg) :- {body(rng, 2)}.': 1,
    }
    (chosen,) = rng.choices(list(rules), list(rules.values()))
    return chosen


def random_guideline(rng: Random) -> str:
    """Draw a guideline; its last line is a rule."""
    text = re.sub(r"^(inconsistent|term\(contradiction|default\(pregnant).*\n", "", CATALOGUE, flags=re.MULTILINE)
    for number in range(rng.choice((0, 0, 1, 2))):
        text += f'term(contradiction, odd_{number}, "odd {number}").\ninconsistent(odd_{number}) :- {body(rng, 2)}.\n'
    if rng.random() < 0.4:
        text += "default(pregnant, false).\n"
    for number in range(1, 4):
        text += f"%* @statement L{number} [1] sha256:000000000000\nStatement {number}.\n*%\n"
        text += "".join(f"{rule(rng)}\n" for _ in range(rng.randint(3, 7)))
    if rng.random() < 0.6:
        text += f"score(burden, N) :- {body(rng, 1)}, N = #sum{{ {'; '.join(SCORED)} }}.\n"
        text += (
            f"indicated(watch, alternative) :- setting(acute), score(burden, {rng.choice(('0..1', '(1;3)', 'enough'))}).\n"
        )
    return text + f"places(acute, fever) :- {body(rng, 1)}.\n"


def loops(rng: Random) -> str:
    """Draw rules of a predicate that depends on itself, and some that ask for it."""
    places = ("skin", "lungs", "blood")
    text = 'predicate(spread(any), derived, "spread to {1}").\n'
    text += "%* @statement L4 [1] sha256:000000000000\nStatement 4.\n*%\n"
    for _ in range(rng.randint(3, 7)):
        first, second = rng.choices(places, k=2)
        given = rng.choice((f"spread({second})", f"spread({second})", ""))
        text += f"spread({first}) :- {body(rng, 2, given)}.\n"
    for head in rng.sample(("contraindicated(amarin)", "calls_for(measure_again)", "indicated(watch, alternative)"), 2):
        text += f"{head} :- {body(rng, 1, rng.choice(('', 'not ')) + f'spread({rng.choice(places)})')}.\n"
    return text


def random_readings(rng: Random) -> str:
    """Draw readings with alternatives; in some rules the default alone holds, in some another one."""
    text = ""
    for number in range(1, rng.choice((1, 2, 3))):
        asked = [f"reading(r{number}, {name})" for name in ("a", "b", "c")]
        text += f"%* @reading R{number}\nReading {number}.\n*%\n"
        text += "".join(f"{with_condition(rule(rng), rng.choice((asked[0], '')))}\n" for _ in range(3))
        for name, condition in zip(("b", "c")[: rng.choice((1, 2))], asked[1:], strict=False):
            text += f"%* @alternative R{number}={name}\nAlternative {name}.\n@why As good.\n*%\n"
            text += f"alternative(r{number}, {name}).\n"
            text += "".join(f"{with_condition(rule(rng), condition)}\n" for _ in range(2))
    return text


def with_condition(text: str, condition: str) -> str:
    return f"{text[:-1]}, {condition}." if condition else text


def load(folder: Path, seed: int) -> tuple[Random, Guideline]:
    rng = Random(seed)
    (folder / "guideline.lp").write_text(random_guideline(rng) + (loops(rng) if seed % 2 else ""))
    return rng, Guideline.load(folder)


def load_with_readings(folder: Path, seed: int) -> tuple[Random, Guideline]:
    """Load a random guideline with readings, one of them perhaps taken otherwise or left open; every other has loops."""
    rng = Random(seed)
    (folder / "guideline.lp").write_text(random_guideline(rng) + (loops(rng) if seed % 2 else ""))
    (folder / "readings.lp").write_text(random_readings(rng))
    known = Guideline.load(folder).model.alternatives
    chosen = [f"{reading}={rng.choice((*names, 'any'))}" for reading, names in known.items() if rng.random() < 0.6]
    return rng, Guideline.load(folder, readings=chosen)
