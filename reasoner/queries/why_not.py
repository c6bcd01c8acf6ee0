"""Why not: what keeps a regimen from being recommended, what comes before it, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reasoner.answer import Answer, Exclusion, Recommendation
from reasoner.derivation import RuleUse, SeenCondition
from reasoner.errors import RecordError, nearest
from reasoner.guideline import Guideline
from reasoner.knowledge import Knowledge
from reasoner.page import Page, source_words, state_words, value_words
from reasoner.queries.changes import Change, smallest_changes
from reasoner.queries.why import Why, title, why
from reasoner.record import Record

__all__ = ["Outranking", "WhyNot", "render", "why_not"]


class Outranking(NamedTuple):
    """A regimen that is recommended ahead, with the rules that put it there."""

    regimen: str
    rank: int
    rules: tuple[str, ...]
    blocks: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {"regimen": self.regimen, "rank": self.rank, "rules": list(self.rules), "by": list(self.blocks)}


class WhyNot(NamedTuple):
    """What keeps a regimen from being recommended with certainty, or from coming first.

    `rules` are those that could have recommended it and do not in every completion, those that miss least first;
    `changes` are all smallest changes to the record that make it certain, none where it is.
    """

    why: Why
    rules: tuple[RuleUse, ...]
    excluded_by: tuple[Exclusion, ...]
    outranked_by: tuple[Outranking, ...]
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, object]:
        """Give the JSON object of schema ``reasoner.why/1`` with what why-not adds to it."""
        knowledge = self.why.answer.derivation.knowledge
        return {
            **self.why.to_dict(),
            "rules": [
                {
                    "rule": use.rule.id,
                    "statements": list(statements_of(use, knowledge)),
                    "blocked_by": [
                        {
                            "condition": words(condition, knowledge),
                            "atom": condition.atom,
                            "negated": condition.negated,
                            "state": condition.state if condition.state not in ("holds", "fails") else "derived",
                        }
                        for condition in use.blocked_by
                    ],
                }
                for use in self.rules
            ],
            "excluded_by": [entry.to_dict() for entry in self.excluded_by],
            "outranked_by": [entry.to_dict() for entry in self.outranked_by],
            "changes": [change.to_dict() for change in self.changes],
        }


def why_not(guideline: Guideline, record: Record, regimen: str, anything: bool = False) -> WhyNot:
    """Tell what keeps a regimen from being recommended with certainty, or from coming first, and what would change that.

    Recorded facts that are over are offered for change only where `anything` is true. Raises RecordError, with the nearest
    names, for a regimen that the guideline does not know.
    """
    knowledge = guideline.knowledge
    if regimen not in knowledge.regimens:
        hint = nearest(regimen, knowledge.regimens, knowledge.labels["regimen"])
        raise RecordError(f'"{regimen}" is no regimen{hint}; allowed: {", ".join(knowledge.regimens)}')
    answer = guideline.answer(record)
    entry = next((found for found in answer.recommended if found.regimen == regimen), None)
    certain = entry is not None and entry.certainty == "certain"
    program = guideline.program(record.courses)
    target = f"recommended({regimen})"
    return WhyNot(
        why(answer, regimen),
        tuple(blocked(answer, regimen)),
        tuple(found for found in answer.excluded if found.regimen == regimen),
        tuple(outranking(answer, entry)),
        () if certain else tuple(smallest_changes(record, program, knowledge, target, anything)),
    )


def blocked(answer: Answer, regimen: str) -> list[RuleUse]:
    """List the rules that could indicate a regimen and do not fire in every completion, those that miss least first."""
    derivation = answer.derivation
    uses = [
        derivation.use(support)
        for _, atom in derivation.program.table.get("indicated", {}).get(regimen, ())
        for support in derivation.program.supports[atom]
    ]
    return sorted((use for use in uses if use.fires != "always"), key=lambda use: len(use.blocked_by))


def outranking(answer: Answer, entry: Recommendation | None) -> Iterator[Outranking]:
    """Yield the regimens that are recommended ahead of one that is recommended too."""
    if entry is None:
        return
    derivation = answer.derivation
    program, knowledge = derivation.program, derivation.knowledge
    for other in answer.recommended:
        ahead = [atom for name, atom in program.table.get("before", {}).get(other.regimen, ()) if name == entry.regimen]
        preferred = [atom for name, atom in program.table.get("prefers", {}).get(other.regimen, ()) if name == entry.regimen]
        if any(derivation.values[atom] for atom in ahead):
            rules = [n for atom in preferred for n in program.supports[atom] if derivation.fired[n]]
            own = dict.fromkeys(knowledge.rules[program.rules[n].rule] for n in rules)
            blocks = dict.fromkeys(rule.block for rule in own if rule.block is not None)
            yield Outranking(other.regimen, other.rank, tuple(rule.id for rule in own), tuple(blocks))


def is_recorded(condition: SeenCondition, knowledge: Knowledge) -> bool:
    """Tell whether a condition is about what records hold, not about what is derived."""
    return knowledge.roles[condition.atom.partition("(")[0]] in ("record", "patient", "history")


def statements_of(use: RuleUse, knowledge: Knowledge) -> tuple[str, ...]:
    block = knowledge.blocks[use.rule.block] if use.rule.block is not None else None
    if block is None:
        return ()
    return (block.id,) if block.kind == "statement" else block.reads


def words(condition: SeenCondition, knowledge: Knowledge) -> str:
    """Word what a rule asks for."""
    return knowledge.say("without", condition.phrase) if condition.negated else condition.phrase


def condition_state(condition: SeenCondition, knowledge: Knowledge) -> str:
    """Word the state of what a rule asks for."""
    depends = condition.met == "sometimes" and not is_recorded(condition, knowledge)
    return knowledge.say("depends") if depends else state_words(condition.state, knowledge)


def rule(page: Page, use: RuleUse, knowledge: Knowledge) -> None:
    block = knowledge.blocks[use.rule.block] if use.rule.block is not None else None
    page.item("  -", f"{block.text} [{source_words(block, knowledge)}]" if block is not None else use.rule.id)
    for condition in use.blocked_by:
        mark = "conditional" if condition.met == "sometimes" else "against"
        lead = "     ? " if condition.met == "sometimes" else "     x "
        wanted = knowledge.say("asks_for", words(condition, knowledge))
        page.item(lead, f"{wanted} [{condition_state(condition, knowledge)}]", mark, indent=7)


KINDS = {"find_out": "change_to_find_out", "contrary": "change_contrary"}


def change_words(change: Change, knowledge: Knowledge) -> str:
    """Word a change: each key with its new value, and whether that is to find out or contrary to the record."""
    say = knowledge.say
    return say("and").join(
        say(KINDS[change.kind[key]], value_words(key, value, knowledge)) for key, value in change.set.items()
    )


def render(result: WhyNot, width: int = 80, colour: bool = False) -> str:
    """Render the result as text of at most `width` columns."""
    answer = result.why.answer
    knowledge = answer.derivation.knowledge
    say = knowledge.say
    page = Page(width, colour)
    page.opening(answer.patient, answer.guideline, knowledge)
    page.item("", title(result.why, knowledge), "heading", indent=0)
    if result.excluded_by:
        page.heading(say("heading_excluded_by"))
        for entry in result.excluded_by:
            for reason in entry.because:
                page.item("  x", f"{reason.words} [{source_words(knowledge.blocks[reason.block], knowledge)}]", "against")
    if result.outranked_by:
        page.heading(say("heading_ahead"))
        for other in result.outranked_by:
            texts = [f"{knowledge.blocks[b].text} [{source_words(knowledge.blocks[b], knowledge)}]" for b in other.blocks]
            page.item(f"  {other.rank}.", f"{knowledge.label('regimen', other.regimen)}: {' '.join(texts)}")
    if result.rules:
        page.heading(say("heading_rules"))
        for use in result.rules:
            rule(page, use, knowledge)
    page.heading(say("heading_smallest_changes"))
    for number, change in enumerate(result.changes, start=1):
        page.item(f"  {number}.", change_words(change, knowledge))
    if result.why.status == "recommended":
        page.item("  -", say("no_change_needed"))
    elif not result.changes:
        page.item("  -", say("no_change_possible"))
    return page.closing(answer.guideline)
