"""The argument for a conclusion: what a reader needs of its derivation, without what every guideline shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from reasoner.engine.answer import ActionCall, Answer, Exclusion, Recommendation
from reasoner.engine.argument_blocks import Block, BlockWriter
from reasoner.engine.argument_facts import About, ArgumentFact, Facts, Standing
from reasoner.engine.argument_walk import Walk
from reasoner.engine.completions import Truth
from reasoner.engine.conclusions import SILENT, Assumption, conclusions_of
from reasoner.engine.nearest import Nearest
from reasoner.engine.opened_record import Claim
from reasoner.engine.overturning import Sought
from reasoner.engine.phrases import best_strength_words, rank_is_sure
from reasoner.engine.predicates import (
    ACTION,
    CONTRAINDICATED,
    EXCLUDED,
    INDICATED,
    RECOMMENDED,
    SETTING,
    arguments_of,
    ground_atom,
)
from reasoner.engine.scores import score_words
from reasoner.engine.sufficient import Examined, examine
from reasoner.engine.way_phrases import requirements_of
from reasoner.records.shapes import Shape

__all__ = ["DENIED", "Argument", "Block", "Evidence", "Ground", "argue", "out_of_scope", "verdict_words"]

Kind = Literal["regimen", "action", "setting", "score"]
STATUS_WORDS = {
    "recommended": "status_recommended",
    "excluded": "status_excluded",
    "conditional": "status_conditional",
    "called_for": "status_called_for",
    "not_called_for": "status_not_called_for",
    "holds": "status_holds",
    "does_not_hold": "status_does_not_hold",
}
DENIED = ("not_recommended", "not_called_for", "does_not_hold")
MOST_FIGURES = 2


class Ground(Shape, frozen=True):
    """A statement, reading or overlay that carries a conclusion, with the patient's facts that meet it."""

    statement: str
    text: str
    facts: tuple[ArgumentFact, ...]


class Evidence(Shape, frozen=True):
    """A trial behind the argument, in words, and what the register holds against how the text reports it."""

    trial: str
    words: str
    caveat: str


class Argument(Shape, frozen=True):
    """The argument for a conclusion's status.

    `because` are the statements, readings and overlays that carry it, each once; `ruled_out_by` the facts that could exclude
    it or set it aside. `readings` are those that make a difference here, `changed_by` those of them of which another
    alternative would change the conclusion. `sufficient` is a smallest set of what the record
    tells that makes the conclusion certain whatever the rest is; null where it is not certain or could not be worked out.
    """

    verdict: str
    because: tuple[Ground, ...]
    ruled_out_by: tuple[Block, ...]
    readings: tuple[str, ...]
    changed_by: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    alternatives_considered: tuple[str, ...]
    sufficient: tuple[Assumption, ...] | None


def verdict_words(answer: Answer, conclusion: str, kind: Kind, status: str) -> str:
    """Word a conclusion and its status."""
    model = answer.derivation.model
    say = model.say
    for score in answer.scores or ():
        if kind == "score" and score.score == conclusion:
            return score_words(score, model)
    name = model.label("action_name" if kind == "action" else kind, conclusion)
    words = []
    for entry in answer.recommended if kind == "regimen" else ():
        if entry.regimen == conclusion:
            sure = rank_is_sure(entry, answer.derivation)
            rank = say("rank" if sure else "card_rank_at_best", str(entry.rank))
            rank = say("comma").join((rank, best_strength_words(entry, answer.derivation)))
            if entry.certainty == "conditional":
                words.append(
                    say("recommended_certain_if", requirements_of(RECOMMENDED, conclusion, answer.derivation), rank)
                )
            else:
                words += [say("status_recommended"), rank]
    for excluded in answer.excluded if kind == "regimen" else ():
        if excluded.regimen == conclusion and excluded.certainty == "conditional":
            words.append(say("excluded_certain_if", requirements_of(EXCLUDED, conclusion, answer.derivation)))
    if not words or status == "excluded":
        denied = kind == "regimen" and status in DENIED
        words.insert(0, denial_words(answer, conclusion) if denied else say(STATUS_WORDS[status]))
    for call in answer.actions if kind == "action" else ():
        if call.action == conclusion and call.certainty == "conditional":
            words.append(say("certain_if", requirements_of(ACTION, conclusion, answer.derivation)))
    if words == [say("status_conditional")]:
        words += condition_words(answer, conclusion, kind)
    return say("labelled", name, say("and").join(words))


def condition_words(answer: Answer, conclusion: str, kind: Kind) -> Iterator[str]:
    """Say when a setting is that of the patient; and of what no untreated patient is told that it depends on therapy."""
    derivation = answer.derivation
    model, none = derivation.model, derivation.completions.none
    truth = derivation.truth(ground_atom(SETTING, conclusion)) if kind == "setting" else none
    if truth != none:
        yield model.say("certain_if", requirements_of(SETTING, conclusion, derivation))
    elif derivation.possible is not None and model.courses_fact is not None:
        yield model.say("it_depends_on_therapy", model.courses_fact.label)


def denial_words(answer: Answer, regimen: str) -> str:
    """Say why a regimen is not recommended: the guideline does not apply, is silent, or does not indicate it."""
    say = answer.derivation.model.say
    if out_of_scope(answer, regimen):
        return say("status_out_of_scope")
    return say("status_silent" if setting_for(answer, regimen) == SILENT else "status_not_indicated")


def setting_for(answer: Answer, regimen: str) -> str:
    decision = answer.derivation.model.option_of.get(regimen, "")
    return next((own.setting for own in answer.decisions or () if own.decision == decision), answer.setting)


def out_of_scope(answer: Answer, regimen: str) -> bool:
    """Tell whether a patient stands where nothing is meant to be recommended."""
    return setting_for(answer, regimen) in answer.derivation.model.by_design


def argue(
    answer: Answer,
    conclusion: str,
    kind: Kind,
    status: str,
    claim: Claim,
    held: tuple[str, ...],
    nearest: Nearest | None,
) -> Argument:
    """Argue for a status; `claim` is what it claims, `held` are its atoms that hold somewhere.

    `nearest` is the rule that came nearest to recommending a regimen that is not recommended.
    """
    return ArgumentBuilder(answer, conclusion, kind, status, claim, held).argument(nearest)


def entry_of(
    answer: Answer, conclusion: str, kind: Kind, held: tuple[str, ...]
) -> Recommendation | Exclusion | ActionCall | None:
    """Find what an answer says of a regimen or an action; of a regimen that it is recommended where that is `held`."""
    if kind == "action":
        return next((call for call in answer.actions if call.action == conclusion), None)
    asked = [entry for entry in answer.recommended if not held or ground_atom(RECOMMENDED, conclusion) in held]
    recommended = next((entry for entry in asked if entry.regimen == conclusion), None)
    return recommended or next((entry for entry in answer.excluded if entry.regimen == conclusion), None)


class ArgumentBuilder:
    """Builds the argument for one conclusion of an answer."""

    def __init__(
        self, answer: Answer, conclusion: str, kind: Kind, status: str, claim: Claim, held: tuple[str, ...]
    ) -> None:
        self.answer = answer
        self.conclusion = conclusion
        self.kind = kind
        self.status = status
        self.derivation = answer.derivation
        self.program = answer.derivation.program
        self.model = answer.derivation.model
        self.denied = claim.denied
        targets = [self.program.index[atom] for atom in held or claim.atoms if atom in self.program.index]
        self.targets = targets[::-1] if claim.denied else targets[:1]
        self.claim = (
            claim if status != "conditional" else Claim(tuple(self.program.atoms[target] for target in self.targets))
        )
        self.entry = entry_of(answer, conclusion, kind, held)
        self.readings = self.needed_readings()
        self.walk = Walk(self.derivation, self.agree(), (*self.readings, *self.stating()))
        self.facts = Facts(self.walk, answer.asked.record.data)
        self.blocks = BlockWriter(self.facts, self.targets)

    def needed_readings(self) -> tuple[str, ...]:
        """Name the readings that make a difference: without which, or read otherwise, the conclusion would not stand so."""
        if self.entry is None:
            return ()
        return tuple(
            name for name in self.model.annotations if name in (*self.entry.readings, *self.entry.depends_on_readings)
        )

    def agree(self) -> Truth:
        """Give the completions that are argued for: all where it is certain, else those that agree with what it assumes."""
        every = self.derivation.completions.all
        if self.status != "conditional" or not self.targets:
            return every
        truth = self.derivation.values[self.targets[0]]
        return conclusions_of(self.derivation).certainty(truth)[2] if truth != self.derivation.completions.none else every

    def argument(self, nearest: Nearest | None) -> Argument:
        for target in self.targets if not self.denied else ():
            if not self.recommended(target):
                self.walk.support(target)
        because = self.grounds() if nearest is None or not self.denied else self.lacking(nearest)
        named = {fact.about for own in because.values() for fact in own if fact.state != "unknown"}
        certain = self.status != "conditional"
        examined = examine(self.answer.asked, self.claim, self.model, Sought(named, self.denied), certain)
        blocks = [*self.blocks.write(examined.overturned_by, because, carrying=not because), *self.histories(examined)]
        self.complete(because, blocks, examined)
        stating = [name for name in because if name in self.stating()]
        used = tuple(because)[:1] if self.kind == "action" else tuple(stating or because)
        return Argument(
            verdict=verdict_words(self.answer, self.conclusion, self.kind, self.status),
            because=tuple(self.ground(name, because[name]) for name in sorted(because, key=bool)),
            ruled_out_by=tuple(blocks),
            readings=tuple(self.readings),
            changed_by=tuple(getattr(self.entry, "depends_on_readings", ())),
            evidence=tuple(self.evidence(used)) if self.rests_on_trials(nearest) else (),
            alternatives_considered=tuple(self.others()),
            sufficient=examined.sufficient,
        )

    def rests_on_trials(self, nearest: Nearest | None) -> bool:
        """Tell whether trials say anything here: they do not for a setting in which nothing can be recommended."""
        if self.kind == "setting" and self.conclusion in (SILENT, *self.model.by_design):
            return False
        return not self.denied or nearest is not None

    def lacking(self, nearest: Nearest) -> dict[str, list[ArgumentFact]]:
        """Give the rule that came nearest with the facts by which it does not fire."""
        facts = {(fact.about, fact.words): fact for fact in map(self.facts.of_lack, nearest.lacks)}
        return {nearest.annotation: list(facts.values())}

    def ground(self, name: str, facts: list[ArgumentFact]) -> Ground:
        return Ground(name, self.model.annotations[name].text if name else "", tuple(facts))

    def recommended(self, target: int) -> bool:
        """Follow a recommendation by the statements that make it with the strength shown; tell whether it is one."""
        if self.program.atoms[target] != ground_atom(RECOMMENDED, self.conclusion) or self.entry is None:
            return False
        strength = getattr(self.entry, "strength", "")
        indicated = self.program.index.get(ground_atom(INDICATED, self.conclusion, strength))
        for rule in self.derivation.firing(target, self.walk.agree):
            conditions = self.program.rules[rule].conditions
            if (indicated, False) in conditions:
                for condition, negated in conditions:
                    self.walk.follow(condition, negated, "")
                return True
        return False

    def grounds(self) -> dict[str, list[ArgumentFact]]:
        """Give what carries the conclusion, each with its facts, every fact once.

        What concludes it by itself carries it, whatever it is, and so does what reads a fact.
        """
        found: dict[str, list[ArgumentFact]] = {
            name: [] for name in self.walk.because if name and (name in self.walk.leading or self.walk.carries(name))
        }
        given: set[About] = set()
        for name, atoms in self.walk.because.items():
            own = [fact for fact in self.facts.of_atoms(atoms) if fact.about not in given]
            given.update(fact.about for fact in own)
            if own:
                found.setdefault(name or self.blocks.reader(own[0].about), []).extend(own)
        return found

    def histories(self, examined: Examined) -> Iterator[Block]:
        """Yield what would exclude a regimen that is recommended in a course that was never given."""
        therapy, exclusion = self.model.courses_fact, ground_atom(CONTRAINDICATED, self.conclusion)
        own = {self.conclusion, *(drug for part in self.model.parts.get(self.conclusion, ()) for drug in part)}
        if therapy is None or not isinstance(self.entry, Recommendation) or exclusion not in self.program.index:
            return
        standing: Standing = "unknown" if self.derivation.possible is not None else "recorded_absent"
        for block, atom in self.walk.lacking(self.program.index[exclusion]):
            if own.isdisjoint(arguments_of(self.program.atoms[atom])):
                continue
            possible = examined.can_hold(atom)
            if not possible if possible is not None else self.walk.closed(atom):
                yield Block(block=block, fact=therapy.name, state=standing, words=self.program.phrases[atom])

    def complete(self, because: dict[str, list[ArgumentFact]], blocks: list[Block], examined: Examined) -> None:
        """Add what is sufficient and was not reached, that no therapy was given under what asks for it."""
        named = {fact.about for own in because.values() for fact in own}
        named.update(about for block in blocks for about in block.abouts)
        for one in examined.sufficient or ():
            about = (one.fact, one.member, one.course, one.key)
            if about not in named:
                asking = (name for name in because if name and self.blocks.needs_no_history(name)) if one.value == () else ()
                fact = self.facts.fact(about, one.value, None)  # type: ignore[arg-type]
                because.setdefault(next(iter(asking), ""), []).append(fact)

    def stating(self) -> set[str]:
        """Name what recommends or excludes the regimen, or calls for the action, by itself."""
        return {reason.annotation for reason in getattr(self.entry, "reasons", ())}

    def evidence(self, used: tuple[str, ...]) -> Iterator[Evidence]:
        """Yield the trials behind the statements, with their last figures and what the register holds against the text.

        Of what is not recommended only whom the trials enrolled.
        """
        model, measured = self.model, not self.denied
        annotations = [model.annotations[name.partition("=")[0]] for name in used if name]
        statements = dict.fromkeys([a.id for a in annotations] + [read for a in annotations for read in a.reads])
        trials = dict.fromkeys(trial for name in statements for trial in model.annotations[name].trials)
        shown: set[str] = set()
        for name in trials:
            trial = model.trials[name]
            shown_of = [figure for figure in trial.published if (figure[0] != "population") == measured][-MOST_FIGURES:]
            if measured:
                figures = (
                    model.say("figure", model.label("measure", measure), value, cut) for measure, value, cut, _ in shown_of
                )
                words = model.say("labelled", trial.label, model.say("and").join(figures)) if shown_of else trial.label
            else:
                words = model.say("enrolled", trial.label, shown_of[0][1]) if shown_of else trial.label
            caveats = []
            for statement, _, text in model.discrepancies if measured else ():
                annotation = model.annotations.get(statement)
                about = annotation is not None and name in annotation.trials
                if about and (statement in statements or (annotation and annotation.unformalised)) and text not in shown:
                    caveats.append(model.say("labelled", statement, text))
                    shown.add(text)
            yield Evidence(name, words, " ".join(caveats))

    def others(self) -> Iterator[str]:
        """Yield the other regimens that are recommended here, or would be if they were not excluded."""
        if self.kind != "regimen":
            return
        say, label, none = self.model.say, self.model.label, self.derivation.completions.none
        for entry in self.answer.recommended:
            if entry.regimen != self.conclusion:
                rank = say("rank" if entry.certainty == "certain" else "card_rank_at_best", str(entry.rank))
                yield say("labelled", label("regimen", entry.regimen), rank)
        indicated = self.program.table.get(INDICATED, {})
        named = {self.conclusion, *(entry.regimen for entry in self.answer.recommended)}
        for excluded in self.answer.excluded:
            rows = indicated.get(excluded.regimen, ())
            if excluded.regimen not in named and any(self.derivation.values[n] != none for _, n in rows):
                yield say("labelled", label("regimen", excluded.regimen), say("status_excluded"))
