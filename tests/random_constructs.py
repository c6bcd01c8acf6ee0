"""Random guidelines of all that a guideline can say: what `random_guidelines` draws, and everything else that loads.

Several decisions with options that are no drugs, doses with limits and conditions, certainties of evidence, conditions on
courses, numbers that have a meaning for some patients alone, calculations, texts, what takes positions back, layers,
overlays, and predicates that depend on themselves through `not`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import NamedTuple

from random_guidelines import CONDITIONS, SCORED, body, loops, random_guideline, random_readings, rule

from reasoner import Guideline

MORE = """
fact(9, months, number). term(fact, months, "months since the last fever").
minimum(months, 0). maximum(months, 24). threshold(months, 12). threshold(months, "6.5").
applies(months) :- has(confirmed).
fact(10, surface, number). term(fact, surface, "body surface"). body_surface(surface). above(surface, 0).
term(course_fact, tolerated, "good tolerance"). course_fact(2, tolerated, boolean).
term(course_fact, level, "level in blood"). course_fact(3, level, number). course_fact_needs(level, salts).
minimum(level, 0). maximum(level, 9). course_threshold(level, "2.5"). course_threshold(level, 4).
term(class, antibiotics, "an antibiotic"). class_of((amarin;belosol), antibiotics).
term(setting, lasting, "lasting fever"). term(setting, ward, "on a ward"). term(setting, home, "at home").
term(ground, long, "a long fever"). term(ground, contact, "contact with others"). term(ground, rest, "no reason to stay").
term(regimen, isolate, "isolation"). without_drugs(isolate).
term(regimen, visit, "a daily visit"). without_drugs(visit).
term(action, refer, "Refer to a marsh clinic."). term(action_name, refer, "referral").
term(caution, kidneys, "Mind the kidneys."). term(caution, sleep, "It makes sleepy.").
term(provision, clause, "the clause on kidneys").
term(evidence_certainty, high, "high certainty"). certainty_order(1, high).
term(evidence_certainty, low, "low certainty"). certainty_order(2, low).
term(schedule, weekly, "weekly"). term(step, loading, "loading dose"). term(step, maintenance, "maintenance").
term(unit, mg_per_m2, "mg/m2"). term(unit, tablets, "tablets").
term(score, danger, "danger").
predicate(usual_for(regimen, strength), catalogue, "{1} usually {2}").
usual_for(amarin, standard). usual_for((amarin_salt;watch), alternative). usual_for(isolate, standard).
predicate(graded(whole), derived, "grade {1}").
predicate(noted(text), derived, "the note {1}").
predicate(pair(any), derived, "the pair {1}").
predicate(said(any, regimen, strength), derived, "{1} saying that {2} is {3}").
"""
DECISIONS = """
term(decision, cure, "cure"). term(decision, stay, "place of stay").
setting_of((acute;lasting), cure). setting_of((ward;home), stay).
option_of((amarin;amarin_salt;watch), cure). option_of((isolate;visit), stay).
"""
OF_COURSES = (
    *(f"outcome({course}, {outcome})" for course in ("1", "2", "_") for outcome in ("progression", "toxicity", "ongoing")),
    *(f"progressed_on({drug})" for drug in ("amarin", "belosol")),
    *("progressed_on_class(salts)", "received(belosol)", "ended_in_toxicity(amarin)", "finished(1)", "has_class(_, salts)"),
    *("last_regimen(amarin_salt)", "last_regimen(watch)", "last_in_catalogue", "ongoing(_)", "last_course(2)"),
    *("course_has(1, tolerated)", "course_has(_, tolerated)", 'course_at_least(_, level, "2.5")'),
    *("course_at_least(1, level, 4)", "unavailable_drug(belosol)", "obtainable(salts)", "unavailable(amarin_salt)"),
    "drug_in(I1, D1), class_of(D1, salts), course_at_least(I1, days, 7)",
    "drug_in(I2, _), I2 > 1, outcome(I2, O2), O2 != completed",
    "course(I3), last_course(I3), I3 >= enough",
)
OF_FACTS = (
    *("known(temperature)", "known(signs)", "recorded(kidney_function, failing)", "lists(signs, rash)", "valued(months)"),
    *("at_most(months, 12)", 'less_than(months, "6.5")', "more_than(months, 12)", 'at_least(months, "6.5")'),
    "is(kidney_function, (reduced;failing))",
    "weighs(F1, W1), has(F1), W1 > 0",
    "weighs(F2, V2), weighs(G2, U2), has(F2), has(G2), U2 = V2 + 1, F2 != G2",
    "weighs(F3, V3), has(F3), 1 <= V3 < more_than_enough",
    "weighs(F4, V4), includes(signs, F4), U4 = 2 * V4 - 1, U4 >= 1",
    *("graded(2)", "graded(1..3)", "graded(X5), X5 > enough", r'noted("a \"(b;c, \\")', "pair((rash, X6)), X6 != cough"),
)
ALL = CONDITIONS + OF_COURSES + OF_FACTS
OF_SPACE = ("inconsistent(", "applies(")
UNITS = ("mg", "mg", "g", "mg_per_kg", "mg_per_m2", "tablets", "microgram")
INTERVALS = ("once", "hours(8)", "days(1)", "weeks(2)", "months(3)")
STEPS = (("daily", "every_dose"), ("weekly", "loading"), ("weekly", "maintenance"))
OPTIONS = ("amarin", "amarin_salt", "watch", "isolate", "visit")
OCCASIONS = ("recommended(_)", "excluded(watch)")
PLACES = (("acute", "fever"), ("lasting", "long"), ("ward", "contact"), ("home", "rest"))


class Drawn(NamedTuple):
    """A guideline as text: its main file, its readings, an overlay or nothing; its layer, and how readings are taken."""

    guideline: str
    readings: str
    overlay: str
    layer: str
    chosen: tuple[str, ...] = ()

    def load(self, folder: Path) -> Guideline:
        """Write the files into a folder, and load them."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "guideline.lp").write_text(self.guideline, "utf-8")
        (folder / "readings.lp").write_text(self.readings, "utf-8")
        overlay = folder.parent / "overlay.lp"
        overlay.write_text(self.overlay, "utf-8")
        return Guideline.load(folder, self.layer, [overlay] if self.overlay else [], self.chosen)

    def space(self) -> str:
        """Give what says which patients there can be: the data, and the rules about what is inconsistent."""
        of_patients = (line for line in self.guideline.splitlines() if ":-" not in line or line.startswith(OF_SPACE))
        readings = (line for line in self.readings.splitlines() if line.startswith("alternative("))
        return "\n".join((*of_patients, *(readings if self.layer == "curated" else ())))


def dose_rule(rng: Random, with_conditions: bool) -> str:
    """Draw what a dose is, what limits it or how long it is given."""
    target = rng.choice(("amarin", "belosol", "cerodin", "amarin_salt"))
    schedule, step = rng.choice(STEPS)
    amount, unit = rng.choice(("2", "4", "0.5", "12.25")), rng.choice(UNITS)
    heads = (
        f'dose({target}, {schedule}, {step}, "{amount}", {unit}, {rng.choice(INTERVALS)})',
        f'dose_maximum({target}, {schedule}, {step}, "{amount}", {unit})',
        f'dose_minimum({target}, {schedule}, {step}, "{amount}", {unit})',
        f"dose_duration({target}, {schedule}, {step}, {rng.choice(INTERVALS[1:])})",
    )
    (head,) = rng.choices(heads, (5, 2, 1, 1))
    return f"{head} :- {body(rng, 2, among=ALL)}." if with_conditions else f"{head}."


def indication(rng: Random, statement: str) -> str:
    """Draw an indication."""
    setting, option = rng.choice(PLACES)[0], rng.choice(OPTIONS)
    strength = rng.choice(("standard", "alternative"))
    own = body(rng, 2, f"setting({setting})", ALL)
    if rng.random() < 0.2:
        option, strength, own = "R", "T", f"usual_for(R, T), {own}"
    elif rng.random() < 0.2:
        option, own = "R", f"regimen(R), R != {option}, {own}"
    return said(statement, option, strength, own)


def said(statement: str, option: str, strength: str, own: str) -> str:
    """Write an indication, and which statement says so: what plain clingo can tell of the certainty of evidence."""
    return f"indicated({option}, {strength}) :- {own}.\nsaid({statement}, {option}, {strength}) :- {own}."


def more_rule(rng: Random, statement: str, takes_back: bool = False) -> str:
    """Draw a rule of any kind; one that takes a position back only where that is allowed."""
    first, second = rng.sample(OPTIONS, 2)
    setting, ground = rng.choice(PLACES)
    occasion = rng.choice((f"setting({setting})", f"rank({first}, 1)", f"excluded({first})", *OCCASIONS))

    relation = rng.choice((">", "<", "!="))
    summed = "; ".join((*SCORED, f"-1,t : {rng.choice(OF_COURSES[:18])}"))

    def conditions(given: str = "", most: int = 2) -> str:
        return body(rng, most, given, ALL)

    kinds = {
        indication(rng, statement): 6,
        f"places({setting}, {ground}) :- {conditions()}.": 4,
        f"prefers({first}, {second}) :- {conditions(f'setting({setting})')}.": 3,
        f"prefers(R, {second}) :- usual_for(R, alternative), {conditions()}.": 1,
        f"contraindicated({first}) :- {conditions()}.": 3,
        f"contraindicated(R) :- contains(R, D9), includes(allergies, D9), {conditions()}.": 2,
        f"contraindicated(R) :- usual_for(R, alternative), not defeated(clause), {conditions()}.": 1,
        f"defeated(clause) :- {conditions()}.": 1,
        f"calls_for(({'measure_again;refer' if rng.random() < 0.3 else 'refer'})) :- {conditions(occasion)}.": 2,
        f"caution({first}, {rng.choice(('kidneys', 'sleep'))}) :- {conditions()}.": 2,
        f"graded({rng.choice(('1..enough', '3', '(1;3)'))}) :- {conditions()}.": 1,
        f'noted("a \\"(b;c, \\\\") :- {conditions()}.': 1,
        f"pair(({rng.choice(('rash', 'cough'))}, {rng.choice(('rash', 'cough', '1'))})) :- {conditions()}.": 1,
        f"unavailable_drug({rng.choice(('belosol', 'cerodin', 'amarin'))}) :- {conditions()}.": 1,
        f"step_done({rng.choice(('amarin', 'belosol'))}, loading) :- {conditions()}.": 1,
        f"score(danger, N) :- {conditions(most=1)}, N = #sum+ {{ {summed} }}.": 1,
        said(statement, "watch", "alternative", f"score(danger, N), N {relation} 2, setting({setting})"): 1,
        dose_rule(rng, with_conditions=True): 4,
        f"permitted({first}) :- {conditions()}.": 1,
    }  # fmt: skip
    if takes_back:
        kinds |= {
            f"suppressed({first}) :- {conditions()}.": 2,
            "suppressed(R) :- excluded(R).": 2,
            f"exclusion_defeated({first}) :- {conditions()}.": 3,
            f"waived({rng.choice(('refer', 'measure_again'))}) :- {conditions()}.": 2,
        }
    (chosen,) = rng.choices(list(kinds), list(kinds.values()))
    return chosen


def statements(rng: Random) -> str:
    """Draw statements, some with the certainty of their evidence; data of doses stand under the last one."""
    text = "".join(f"ground_priority({ground}, {rng.randint(1, 3)}).\n" for _, ground in PLACES if rng.random() < 0.5) + (
        DECISIONS if rng.random() < 0.5 else ""
    )
    for number in range(5, rng.choice((7, 8))):
        certainty = rng.choice(("", "@certainty high\n", "@certainty low\n"))
        text += f"%* @statement L{number} [1] sha256:000000000000\nStatement {number}.\n{certainty}*%\n"
        text += "".join(f"{more_rule(rng, f'l{number}')}\n" for _ in range(rng.randint(3, 7)))
    text += "%* @statement L9 [1] sha256:000000000000\nStatement 9.\n*%\n"
    doses = {dose_rule(rng, with_conditions=False) for _ in range(rng.choice((0, 1, 3)))}
    text += "".join(f"{dose}\n" for dose in sorted(doses))
    for target in sorted({dose.partition("(")[2].partition(",")[0] for dose in doses if " loading," in dose}):
        text += f'dose({target}, weekly, maintenance, "7", mg, weeks(1)).\n'
    return text + "".join(f"places({setting}, {ground}) :- {body(rng, 1, among=ALL)}.\n" for setting, ground in PLACES[1:3])


def circles(rng: Random) -> str:
    """Draw rules of a predicate that depends on itself through `not`."""
    ways = ("north", "south", "coast")
    text = 'predicate(way(any), derived, "the way {1}").\n'
    text += "%* @statement L8 [1] sha256:000000000000\nStatement 8.\n*%\n"
    for first, second in rng.sample([(a, b) for a in ways for b in ways if a != b], rng.choice((2, 2, 3))):
        text += f"way({first}) :- {body(rng, 1, f'not way({second})', ALL)}.\n"
    text += "way(south) :- not way(north).\nway(north) :- not way(south).\n" if rng.random() < 0.6 else ""
    for head in rng.sample(("contraindicated(amarin)", "calls_for(refer)", "indicated(watch, alternative)"), 2):
        text += f"{head} :- {body(rng, 1, rng.choice(('', 'not ')) + f'way({rng.choice(ways)})', ALL)}.\n"
    return text


def overlay(rng: Random) -> str:
    """Draw a local adaptation."""
    rules = [more_rule(rng, "local", takes_back=True) for _ in range(rng.randint(1, 3))]
    return "%* @overlay local\nLocal.\n@why Local.\n*%\n" + "".join(f"{own}\n" for own in rules)


def drawn(rng: Random) -> Drawn:
    """Draw a guideline of everything that loads."""
    text = random_guideline(rng) + MORE + statements(rng)
    text += loops(rng) if rng.random() < 0.4 else ""
    text += circles(rng) if rng.random() < 0.2 else ""
    readings = f"{random_readings(rng)}%* @reading R8\nReading 8.\n*%\n{rule(rng)}\n"
    readings += f"%* @reading R9\nReading 9.\n@reads L5\n*%\n{more_rule(rng, 'r9', takes_back=True)}\n"
    names = [line[len("alternative(") : -2].split(", ") for line in readings.splitlines() if line.startswith("alternative(")]
    chosen = {reading.upper(): rng.choice((name, "any")) for reading, name in names if rng.random() < 0.3}
    local = overlay(rng) if rng.random() < 0.4 else ""
    layer = "literal" if rng.random() < 0.2 else "curated"
    taken = tuple(f"{reading}={name}" for reading, name in chosen.items()) if layer == "curated" else ()
    return Drawn(text, readings, local, layer, taken)
