"""A whole derivation as text."""

from __future__ import annotations

from collections.abc import Iterator

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.derivation import Derivation, RuleUse, SeenCondition
from reasoner.engine.phrases import annotation_words, requirement_words, state_words
from reasoner.queries.why import Why
from reasoner.render.layout import TextLayout

DEPTH = 4

__all__ = ["DEPTH", "render_full"]

AS_ABOVE = {
    "statement": "statement_as_above",
    "reading": "reading_as_above",
    "alternative": "reading_as_above",
    "overlay": "overlay_as_above",
}


class DerivationText:
    """A derivation as numbered parts, each written once and referred to by its number."""

    def __init__(self, page: TextLayout, derivation: Derivation, depth: int) -> None:
        self.page = page
        self.derivation = derivation
        self.model = derivation.model
        self.say = self.model.say
        self.depth = depth
        self.numbers: dict[str, int] = {}
        self.queue: list[tuple[str, int]] = []
        self.folded = 0
        self.shown: dict[str, None] = {}

    def write(self, atoms: tuple[str, ...]) -> None:
        """Write the parts, nearest to the conclusion first."""
        for atom in atoms:
            self.refer(atom, 0)
        while self.queue:
            atom, level = self.queue.pop(0)
            self.part(atom, level)

    def refer(self, atom: str, level: int) -> str:
        """Give the mark that refers to a part; parts too deep are folded."""
        if atom not in self.numbers:
            if level >= self.depth:
                self.folded += 1
                return self.say("folded")
            self.numbers[atom] = len(self.numbers) + 1
            self.queue.append((atom, level))
        return self.say("see", str(self.numbers[atom]))

    def part(self, atom: str, level: int) -> None:
        explanation = self.derivation.explain(atom)
        number = f"{self.numbers[atom]}."
        self.page.blank()
        if explanation.supports:
            self.page.item(f"{number:<4}", explanation.phrase, "heading", indent=4)
            for use in explanation.supports:
                self.support(use, level)
        else:
            self.page.item(f"{number:<4}", self.say("no_record", explanation.phrase), "heading", indent=4)
            self.obstacles(explanation.blocked, level)

    def support(self, use: RuleUse, level: int) -> None:
        self.page.item("", self.origin(use), indent=4)
        for condition in self.visible(use):
            mark = "?" if condition.met == "sometimes" else "-" if condition.negated else "+"
            absent = condition.negated and condition.state != "recorded_absent"
            phrase = self.say("no_record", condition.phrase) if absent else condition.phrase
            self.page.item(f"      {mark}", self.say("in_state", phrase, self.state(condition, level)), indent=8)

    def obstacles(self, uses: tuple[RuleUse, ...], level: int) -> None:
        """Write what keeps each rule from firing, the ways of one rule together."""
        ways: dict[str, list[RuleUse]] = {}
        for use in uses:
            ways.setdefault(use.rule.id, []).append(use)
        for rule, own in ways.items():
            if len(own) > 1:
                lead = self.say("rule_does_not_fire_in_any_way", rule, own[0].rule.place, str(len(own)))
            else:
                lead = self.say("rule_does_not_fire", rule, own[0].rule.place)
            self.page.item("", lead, indent=4)
            for condition in dict.fromkeys(c for use in own for c in self.visible(use) if c.met != "always"):
                required = self.say("asks_for", requirement_words(condition, self.model))
                self.page.item("      x", self.say("in_state", required, self.state(condition, level)), indent=8)
        if not ways:
            self.page.item("", self.say("no_rule_could"), indent=4)

    def origin(self, use: RuleUse) -> str:
        """Word what a rule encodes: the whole sentence the first time, then its id."""
        if use.rule.annotation is None:
            return self.say("by_definition", use.rule.place)
        annotation = self.model.annotations[use.rule.annotation]
        if annotation.id in self.shown:
            return self.say(AS_ABOVE[annotation.kind], annotation.id, use.rule.place)
        self.shown[annotation.id] = None
        return self.say("rule_says", annotation_words(annotation, self.model), use.rule.place)

    def visible(self, use: RuleUse) -> Iterator[SeenCondition]:
        """Yield the conditions but those on the guideline's own data."""
        for condition in use.conditions:
            if self.model.roles[condition.atom.partition("(")[0]] != "catalogue":
                yield condition

    def state(self, seen: SeenCondition, level: int) -> str:
        """Word a condition's state, and where its own reasons stand."""
        program = self.derivation.program
        number = program.index[seen.atom]
        if not program.supports[number]:
            state = state_words(seen, self.model)
            sources = self.derivation.sources(number)
            return self.say("read_from", state, self.say("and").join(sources)) if sources else state
        state = self.say("depends") if seen.met == "sometimes" else state_words(seen, self.model)
        return self.say("comma").join((state, self.refer(seen.atom, level + 1)))


def trials(shown: dict[str, None], model: GuidelineModel) -> Iterator[str]:
    """Yield the register's entry on each trial that a shown statement rests on."""
    say = model.say
    names = dict.fromkeys(trial for annotation in shown for trial in model.annotations[annotation].trials)
    for name in names:
        trial = model.trials[name]
        figures = (say("figure", model.label("measure", measure), value, cut) for measure, value, cut, _ in trial.published)
        dates = say("comma").join(sorted({date for *_, date in trial.published}))
        publications = say("and").join(trial.publications)
        yield say("trial_entry", trial.label, trial.registry, say("and").join(figures), dates, publications)


def render_full(result: Why, width: int = 80, colour: bool = False, depth: int = DEPTH) -> str:
    """Render a derivation as text of at most `width` columns, `depth` rules deep; what is below is folded."""
    model = result.answer.derivation.model
    page = TextLayout(width, colour)
    page.opening(result.answer.patient, result.answer.guideline, model)
    page.item("", result.argument.verdict, "heading", indent=0)
    page.item("", model.say("legend"), "faint", indent=0)
    text = DerivationText(page, result.answer.derivation, depth)
    if not result.atoms:
        page.item("", model.say("never_concluded"), indent=0)
    text.write(result.atoms)
    if text.folded:
        page.blank()
        page.item("", model.say("parts_folded", str(text.folded), str(depth + 1)), "faint", indent=0)
    evidence = list(trials(text.shown, model))
    if evidence:
        page.heading(model.say("heading_trials"))
        for entry in evidence:
            page.item("  -", entry)
    return page.closing(result.answer.guideline)
