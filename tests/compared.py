"""The answer to one record of any guideline, compared with what plain clingo concludes from the same files.

Everything that an answer says and plain clingo can say is compared: settings, positions with their certainty and what they
assume, ranks, strengths, cautions, doses, scores, what is missing, conflicts, what other alternatives of readings change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from expected import CONCLUDED, GIVEN, expected_alternatives, expected_answer, given_answer, without
from expected_doses import expected_doses, shown, shown_by
from plain import Completion, PlainClingo, consequences, laid_out, reading_facts, sets_of, solve, taken_otherwise
from smaller import Assumptions, Values

from reasoner import Guideline, GuidelineError, RecordError
from reasoner.engine import opened, stable_models
from reasoner.engine.worlds import NO_OTHER
from reasoner.records.record import Record, parse_record
from reasoner.records.shapes import to_plain

COMPARED = (*CONCLUDED, *GIVEN, "said")
"""The predicates of which what is concluded is compared."""
MOST = 120
"""A record with more completions is compared by what holds in all and in some of them."""
MOST_READ = 48
"""With more that differ in what rules read, only positions are compared."""
ENTRIES = (("recommended", "recommended", "regimen"), ("excluded", "excluded", "regimen"), ("actions", "action", "action"))


class Reference:
    """Plain clingo on the files of one guideline; `space` is what tells which patients there can be at all.

    `plain` is what is ground already of the same files, however their readings are taken.
    """

    def __init__(self, guideline: Guideline, space: str, plain: PlainClingo | None = None) -> None:
        self.guideline = guideline
        self.plain = plain or PlainClingo(guideline, COMPARED)
        self.space = space

    def solve(self, facts: str, anew: bool = False, most: int = MOST) -> list[Completion]:
        """Give the completions of a record's facts; grounding `anew`, with the facts as they are."""
        own = self.guideline
        if anew:
            return solve(facts, own.folder, own.layer, own.model, most, own.selection.overlays)
        return self.plain.solve(facts, most)

    def consequences(self, facts: str) -> tuple[frozenset[str], frozenset[str]]:
        """Give what holds in all completions and in some, grounding anew."""
        own = self.guideline
        return consequences(facts, own.folder, own.layer, own.model, own.selection.overlays)

    def bounds(self, facts: str) -> list[Completion]:
        """Give two that stand for all completions: what holds in all, and what holds in some."""
        return [Completion((), (), atoms) for atoms in self.plain.consequences(facts)]

    def admissible(self, facts: str) -> int:
        """Count what a record leaves open: its completions, whatever the guideline's rules conclude."""
        with TemporaryDirectory() as scratch:
            (Path(scratch) / "guideline.lp").write_text(self.space, "utf-8")
            found = solve(facts, Path(scratch), "literal", self.guideline.model, 2 * MOST)
        return len({(completion.choices, completion.true_set) for completion in found})


@contextmanager
def answering(engine: str) -> Iterator[None]:
    """Answer by "integers", by "diagrams" also where little is open, or by "bounds" where rules have several answers."""
    most, limit = opened.MOST_BITS, stable_models.LIMIT
    opened.MOST_BITS, stable_models.LIMIT = 0 if engine == "diagrams" else most, 0 if engine == "bounds" else limit
    try:
        yield
    finally:
        opened.MOST_BITS, stable_models.LIMIT = most, limit


def differences(
    guideline: Guideline, reference: Reference, record: Mapping[str, object], anew: bool = False, engine: str = "integers"
) -> tuple[str, list[str]]:
    """Compare the answer to a record; return how it was compared, and each difference, which begins with its kind."""
    with answering(engine):
        return compare(guideline, reference, record, anew)


def compare(guideline: Guideline, reference: Reference, record: Mapping[str, object], anew: bool) -> tuple[str, list[str]]:
    """Compare the answer to a record, as `differences` does."""
    parsed = parse_record(record, guideline.model)
    facts = parsed.facts + reading_facts(guideline.alternatives)
    untold = any(told.courses is None for told in parsed.told)
    circular = guideline.model.recursive is not None
    completions = reference.solve(facts, anew or untold, 1 if untold else MOST)
    few = not untold and len(completions) <= MOST
    missing_sets = circular and few and reference.admissible(facts) > len({(c.choices, c.true_set) for c in completions})
    try:
        answer = guideline.answer(parsed)
    except RecordError as error:
        right = "the record contradicts itself" in str(error) and not completions
        return "contradicting", [] if right else [f"refusal: {error}; {len(completions)} completions"]
    except GuidelineError as error:
        right = missing_sets or (circular and not few)
        return "without answer sets", [] if right else [f"refusal: {error}; {len(completions)} completions"]
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a difference)
        return "failed", [f"failure: {type(error).__name__}: {error}"]
    if untold and not completions:
        return "unknown therapy", []  # plain clingo tries no longer histories
    if missing_sets or not completions:
        return "answered", [f"answered: a completion has no answer set, or none is there ({len(completions)})"]
    given = to_plain(answer)
    try:
        if untold:
            return "unknown therapy", list(untold_differences(guideline, reference, parsed, given, facts))
        unread = answer.derivation.completions.worlds.unread
        read = without(completions, unread, COMPARED) if few else []
        if not few or len(read) > MOST_READ or not answer.derivation.completions.assumes:
            found = list(positions(guideline, reference, given, facts))
            if answer.derivation.completions.assumes and not circular:
                found += standings(guideline, reference, given, facts)
                found += compared_readings(guideline, parsed, given, reference.bounds(facts), reference.bounds)
            return "positions" + " (circular)" * circular, found
        found = list(whole(guideline, parsed, given, read))
        if answer.derivation.completions.worlds is not NO_OTHER:
            found += compared_readings(guideline, parsed, given, completions, reference.solve)
    except AssertionError as error:
        return "failed", [f"unexplained: {error}"]
    kind = "complete" if len(read) == 1 else "incomplete"
    return kind + " (circular)" * circular, found


def unlike(kind: str, given: object, expected: object) -> Iterator[str]:
    """Yield the innermost differences between two values."""
    if isinstance(given, dict) and isinstance(expected, dict):
        for key in dict.fromkeys((*given, *expected)):
            yield from unlike(f"{kind} {key}" if ":" in kind else f"{kind}: {key}", given.get(key), expected.get(key))
    elif given != expected:
        yield f"{kind if ':' in kind else f'{kind}:'}: {given} instead of {expected}"


def whole(guideline: Guideline, parsed: Record, given: Mapping[str, Any], read: Sequence[Completion]) -> Iterator[str]:
    """Compare everything, with all completions of the record at hand."""
    model = guideline.model
    own, expected = given_answer(dict(given)), expected_answer(list(read), model, parsed.labels)
    for key in dict.fromkeys((*own, *expected)):
        yield from unlike(key, own.get(key), expected.get(key))
    for entry in given["recommended"]:
        regimen = entry["regimen"]
        doses = expected_doses(regimen, entry, read, model, parsed.data, parsed.labels)
        wanted = Counter(shown(dose, certainty, model, parsed.data) for dose, certainty in doses.items())
        listed = Counter(map(shown_by, entry["doses"]))
        if listed != wanted:
            yield f"doses: of {regimen}: {sorted(map(str, listed - wanted))} instead of {sorted(map(str, wanted - listed))}"
        if "said" in model.roles:
            yield from evidence(entry, read, guideline)
    for regimen in model.regimens:
        both = [regimen in c.arguments("recommended") & c.arguments("excluded") for c in read]
        notes = {
            "note_both": all(both),
            "note_both_depends": any(both) and not all(both),
        }
        for key, expected_note in notes.items():
            if (model.say(key, model.label("regimen", regimen)) in given["notes"]) != expected_note:
                yield f"conflict: {regimen}: {key} should be {'there' if expected_note else 'absent'}"


def evidence(entry: Mapping[str, Any], read: Sequence[Completion], guideline: Guideline) -> Iterator[str]:
    """Compare the certainty of evidence with that of the statements that say so in all, or in some agreeing completions."""
    model, regimen = guideline.model, entry["regimen"]
    levels = {name.lower(): {a.certainty, *(model.annotations[own].certainty for own in a.reads)} - {None, ""}
              for name, a in model.annotations.items()}  # fmt: skip

    def said_by(completions: Sequence[Completion], every: bool) -> set[str]:
        said = [{own[0] for text in c.arguments("said") if (own := text.split(","))[1:] == [regimen, entry["strength"]]}
                for c in completions]  # fmt: skip
        names = set.intersection(*said) if every and said else set().union(*said)
        return {level for name in names for level in levels.get(name, ())}

    agreeing = [c for c in read if regimen in c.arguments("recommended")]
    some, always = said_by(agreeing, every=False), said_by(agreeing, every=True)
    level = entry["evidence_certainty"]
    order = [*model.certainties, None]
    best = min((order.index(name) for name in always), default=len(order) - 1)
    if (level is not None and level not in some) or (entry["certainty"] == "certain" and order.index(level) > best):
        yield f"evidence: {regimen}: {level}, said in some {sorted(some)}, in all {sorted(always)}"


def compared_readings(
    guideline: Guideline,
    parsed: Record,
    given: Mapping[str, Any],
    completions: Sequence[Completion],
    solve: Callable[[str], list[Completion]],
) -> Iterator[str]:
    """Compare what other alternatives of readings change."""
    others = taken_otherwise(guideline, solve, parsed.facts)
    alternatives, depends = expected_alternatives(completions, others, guideline.model)
    if given["alternatives"] != alternatives:
        yield f"alternatives: {given['alternatives']} instead of {alternatives}"
    opened = {reading for reading, taken in guideline.alternatives.items() if taken == "any"}
    for key, kind, name in ENTRIES:
        for entry in given[key]:
            if set(entry["depends_on_readings"]) - opened != depends[kind, entry[name]]:
                yield f"depends_on_readings: {entry[name]}: {entry['depends_on_readings']}"


def positions(guideline: Guideline, reference: Reference, given: Mapping[str, Any], facts: str) -> Iterator[str]:
    """Compare what is certain and what is possible, and the bounds of scores."""
    certain, possible = reference.plain.consequences(facts)
    model = guideline.model
    for decision in model.decisions or ("",):
        own = [name for name in model.settings_in(decision) if f"setting({name})" in possible]
        expected = own[0] if own and all(f"setting({name})" in certain for name in own) else "undetermined"
        expected = expected if own else "not_addressed"
        told = {d["decision"]: d["setting"] for d in given.get("decisions", [])}.get(decision, given["setting"])
        if told != expected:
            yield f"setting: {told} instead of {expected}"
    for key, kind, name in ENTRIES:
        listed = {entry[name]: entry["certainty"] for entry in given[key]}
        wanted = {
            atom[len(kind) + 1 : -1]: "certain" if atom in certain else "conditional"
            for atom in possible
            if atom.startswith(f"{kind}(")
        }
        yield from unlike(key, listed, wanted)
    for score in model.labels.get("score", {}):
        values = [int(atom.partition(",")[2][:-1]) for atom in possible if atom.startswith(f"score({score},")]
        told = next(((s["value"], s["at_most"]) for s in given.get("scores", []) if s["score"] == score), None)
        if told != ((min(values), max(values)) if values else None):
            yield f"scores: {score}: {told} instead of {sorted(values)}"


def standings(guideline: Guideline, reference: Reference, given: Mapping[str, Any], facts: str) -> Iterator[str]:
    """Compare assumptions, and rank, strength and cautions in the completions that agree with them.

    That can be asked of one set of facts.
    """
    if sets_of(facts).one_of:
        return
    assumptions, model = Assumptions(reference.plain, facts), guideline.model
    for key, kind, name in ENTRIES:
        for entry in given[key]:
            if not assumptions.suffice(assumptions.values_of(entry["assuming"]), f"{kind}({entry[name]})"):
                yield f"assuming: {entry[name]} ({key}): {entry['assuming']} is not enough"
    for entry in given["recommended"]:
        regimen, values = entry["regimen"], assumptions.values_of(entry["assuming"])

        def possible(*atoms: str, values: Values = values) -> bool:
            return assumptions.completion(values, atoms, holds=True) is not None

        best = f"rank({regimen},{entry['rank']})"
        better = model.strengths[: model.strengths.index(entry["strength"])]
        if (
            any(possible(f"rank({regimen},{rank})") for rank in range(1, entry["rank"]))
            or any(possible(best, f"strength({regimen},{strength})") for strength in better)
            or not possible(best, f"strength({regimen},{entry['strength']})")
        ):
            yield f"rank: {regimen}: not {entry['rank']}, {entry['strength']}"
        cautions = [name for name in model.labels.get("caution", {}) if possible(f"cautioned({regimen},{name})")]
        if sorted(cautions) != entry["cautions"]:
            yield f"cautions: {regimen}: {entry['cautions']} instead of {sorted(cautions)}"


def untold_differences(
    guideline: Guideline, reference: Reference, parsed: Record, given: Mapping[str, Any], facts: str
) -> Iterator[str]:
    """Compare the answer where it is not known which therapy was given.

    What is certain holds for every history of at most two courses; the rest is what holds if none was given.
    """
    courses = guideline.model.courses_fact
    assert courses is not None
    certain, possible = reference.consequences(facts)
    _, untreated = reference.consequences(f"{facts}known({courses.name}).\n") if not parsed.labels else ((), ())
    for key, kind, name in ENTRIES:
        for entry in given[key]:
            if entry["certainty"] == "certain" and f"{kind}({entry[name]})" not in certain:
                yield f"{key}: {entry[name]} is certain, and some history refutes it"
        wanted = {atom[len(kind) + 1 : -1] for atom in untreated if atom.startswith(f"{kind}(")}
        if untreated and {entry[name] for entry in given[key]} != wanted:
            yield f"{key}: with unknown therapy {[entry[name] for entry in given[key]]} instead of {sorted(wanted)}"
    if untreated:
        yield from insufficient(guideline, reference, given, facts, courses.name)
    for decision in guideline.model.decisions or ("",):
        own = [name for name in guideline.model.settings_in(decision) if f"setting({name})" in possible]
        told = {d["decision"]: d["setting"] for d in given.get("decisions", [])}.get(decision, given["setting"])
        settled = all(f"setting({name})" in certain for name in own)
        if told != "undetermined" and (not settled or told != next(iter(own), "not_addressed")):
            yield f"setting: {told} is certain, and some history refutes it: {own}"


def insufficient(
    guideline: Guideline, reference: Reference, given: Mapping[str, Any], facts: str, courses: str
) -> Iterator[str]:
    """Find what conditional entries assume that plain clingo does not find enough; without therapy, or after any."""
    variables = laid_out(guideline.model, sets_of(facts))
    for key, kind, name in ENTRIES:
        for entry in given[key]:
            told = facts
            for assumed in entry["assuming"] if entry["certainty"] == "conditional" else ():
                if assumed.get("fact") == courses:
                    told += f"known({courses}).\n"
                    continue
                own = next(v for v in variables if v.reading == assumed.get("reading") and v.member == assumed.get("has")
                           and (v.reading is not None or v.fact == assumed["fact"]))  # fmt: skip
                atoms = dict(own.values)[assumed["value"]]
                others = {atom for _, marks in own.values for atom in marks} - set(atoms)
                told += "".join(f":- not {atom}.\n" for atom in atoms) + "".join(f":- {atom}.\n" for atom in others)
            if told != facts and f"{kind}({entry[name]})" not in reference.consequences(told)[0]:
                yield f"assuming: {entry[name]} ({key}): {entry['assuming']} is not enough"
