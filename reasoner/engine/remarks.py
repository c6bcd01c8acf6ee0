"""What is said beside a recommendation: why it comes first, what the text allows with it, what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reasoner.engine.caveats import atoms_of
from reasoner.engine.conclusions import CERTAIN, conclusions_of
from reasoner.engine.predicates import PREFERS, RECOMMENDED, ground_atom

if TYPE_CHECKING:
    from reasoner.engine.answer import Recommendation
    from reasoner.engine.derivation import Derivation

__all__ = ["remarks_on"]

PERMITTED = "permitted"


def remarks_on(entry: Recommendation, others: Sequence[Recommendation], derivation: Derivation) -> Iterator[str]:
    """Yield remarks on a recommendation, in sentences; `others` are all that are recommended."""
    model, say = derivation.model, derivation.model.say
    yield from before_stronger(entry, others, derivation)
    for number, inner, _ in atoms_of(derivation.program, PERMITTED):
        name, _, regimen = inner.removesuffix(")").partition("(")
        truth = derivation.values[number]
        recommended = derivation.truth(ground_atom(RECOMMENDED, regimen))
        if regimen == entry.regimen and truth & recommended != derivation.completions.none:
            rules = (derivation.program.rules[rule].rule for rule in derivation.firing(number, truth))
            sources = say("comma").join(dict.fromkeys(model.rules[rule].annotation or "" for rule in rules))
            certain = entry.certainty == CERTAIN
            agree = derivation.completions.all if certain else conclusions_of(derivation).certainty(recommended)[2]
            if truth & agree == agree:
                yield say("allowed", model.label("action_name", name), sources)
    yield from model.remarks.get(entry.regimen, ())
    for target in dict.fromkeys((*(drug for part in model.parts.get(entry.regimen, ()) for drug in part), entry.regimen)):
        if target in model.titrated:
            label = model.label("drug" if target in model.drugs else "regimen", target)
            yield say("titrated", label, model.titrated[target])


def before_stronger(entry: Recommendation, others: Sequence[Recommendation], derivation: Derivation) -> Iterator[str]:
    """Say why a regimen ranks ahead of one that is recommended more strongly."""
    model, say = derivation.model, derivation.model.say
    for other in others:
        weaker = model.strengths.index(other.strength) < model.strengths.index(entry.strength)
        number = derivation.program.index.get(ground_atom(PREFERS, entry.regimen, other.regimen))
        if other.rank > entry.rank and other.decision == entry.decision and weaker and number is not None:
            rules = derivation.firing(number, derivation.completions.all)
            sources = dict.fromkeys(model.rules[derivation.program.rules[n].rule].annotation for n in rules)
            reads = {s: None for name in sources if name for s in (*model.annotations[name.partition("=")[0]].reads, name)}
            regimen, strength = model.label("regimen", other.regimen), model.label("strength", other.strength)
            texts = [model.annotations[name].text for name in sources if name]
            if texts:
                yield say("before_stronger", regimen, strength, texts[0], say("comma").join(reads))
