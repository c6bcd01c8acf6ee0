"""What all texts share: wrapped lines, colours, and the wording of values and sources."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from reasoner.answer import GuidelineInfo
from reasoner.knowledge import Block, Knowledge
from reasoner.verdicts import SILENT, UNDETERMINED, Assumption

__all__ = [
    "Page",
    "assumption_words",
    "condition_words",
    "course_words",
    "member_words",
    "safe",
    "setting_words",
    "source_words",
    "state_words",
    "stretch_words",
    "value_words",
]

MARKS = {"heading": "\033[1m", "certain": "\033[32m", "conditional": "\033[33m", "against": "\033[31m", "faint": "\033[2m"}
PLAIN = "\033[0m"

LAYERS = {"literal": "layer_literal", "curated": "layer_curated"}
SETTINGS = {UNDETERMINED: "setting_undetermined", SILENT: "setting_not_addressed"}
STATES = {
    "recorded": "recorded",
    "recorded_absent": "recorded_absent",
    "unknown": "unknown",
    "holds": "holds",
    "fails": "fails",
}


def safe(text: str) -> str:
    """Make a record's text harmless on a terminal: what cannot be printed is shown as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Page:
    """Collects wrapped lines, in colour or not."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour
        self.lines: list[str] = []

    def opening(self, patient: str, info: GuidelineInfo, knowledge: Knowledge) -> None:
        """Start with the patient and the guideline; local rules show here first."""
        self.item("", knowledge.say("patient", safe(patient)), "heading", indent=0)
        self.guideline(info, knowledge)

    def guideline(self, info: GuidelineInfo, knowledge: Knowledge) -> None:
        """Say which guideline it is, in which layer, under which overlays."""
        self.item("", guideline_words(info, knowledge), "faint", indent=0)

    def closing(self, info: GuidelineInfo) -> str:
        """End with the guideline's disclaimer; give the whole page."""
        self.lines.append("")
        self.item("", info.disclaimer, "faint", indent=0)
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    def mark(self, text: str, mark: str) -> str:
        return f"{MARKS[mark]}{text}{PLAIN}" if self.colour and mark else text

    def heading(self, text: str) -> None:
        self.lines += ["", self.mark(text, "heading")]

    def item(self, lead: str, text: str, mark: str = "", indent: int = 5) -> None:
        """Add a paragraph behind a lead, wrapped under itself."""
        wrapped = textwrap.wrap(text, self.width - indent, break_on_hyphens=False) or [""]
        self.lines.append(f"{lead:<{indent}}{self.mark(wrapped[0], mark)}")
        self.lines += [" " * indent + self.mark(line, mark) for line in wrapped[1:]]


def guideline_words(info: GuidelineInfo, knowledge: Knowledge) -> str:
    """Name a guideline, its layer, and the overlays on top."""
    say = knowledge.say
    overlays = (say("overlay_name", name) for name in info.overlays)
    return say("comma").join((info.title, say(LAYERS[info.layer]), *overlays))


def setting_words(setting: str, knowledge: Knowledge) -> str:
    """Word the setting of an answer, which can be none that the guideline has a term for."""
    if setting in SETTINGS and setting not in knowledge.settings:
        return knowledge.say(SETTINGS[setting])
    return knowledge.label("setting", setting)


def assumption_words(assumption: Assumption, knowledge: Knowledge) -> str:
    """Word an assumed value of an unknown fact."""
    if assumption.member is None:
        return value_words(assumption.fact, assumption.value, knowledge)
    label = member_words(assumption.fact, assumption.member, knowledge)
    return label if assumption.value else knowledge.say("without", label)


def member_words(fact: str, member: str, knowledge: Knowledge) -> str:
    """Word the membership of a list."""
    name = next(
        (labels[member] for labels in (knowledge.labels.get(k, {}) for k in ("drug", "value")) if member in labels), member
    )
    return knowledge.say("member", name, knowledge.label("fact", fact))


def value_words(fact: str, value: object, knowledge: Knowledge) -> str:
    """Word a fact with a value, as an answer or a record gives it."""
    label = knowledge.label("fact", fact)
    if isinstance(value, bool):
        return label if value else knowledge.say("without", label)
    if isinstance(value, list | tuple):
        names = [member_words(fact, str(member), knowledge) for member in value]
        return knowledge.say("and").join(names) or knowledge.say("without", label)
    named = knowledge.stretch(fact, value) if isinstance(value, int | float) else str(value)
    return knowledge.say("value", label, stretch_words(named, knowledge))


def stretch_words(value: str, knowledge: Knowledge) -> str:
    """Word a value by itself; of a number that can be the stretch between thresholds, such as ``>6,<=12``."""
    bounds = re.findall(r"(<=|>)([^,]+)", value)
    if not bounds:
        return knowledge.label("value", value)
    return knowledge.say("comma").join(
        knowledge.say("at_most" if relation == "<=" else "more_than", bound) for relation, bound in bounds
    )


def course_words(course: Mapping[str, object], knowledge: Knowledge) -> str:
    """Word one course of therapy."""
    drugs = course["drugs"]
    assert isinstance(drugs, list | tuple)
    yes, no = knowledge.say("yes"), knowledge.say("no")
    noted = [
        knowledge.say(
            "value", knowledge.label("course_fact", name), (yes if value else no) if isinstance(value, bool) else str(value)
        )
        for name in knowledge.course_facts
        if isinstance(value := course.get(name), int | float)
    ]
    given = " + ".join(knowledge.label("drug", drug) for drug in drugs)
    return knowledge.say("comma").join([given, knowledge.label("outcome", str(course["outcome"])), *noted])


def condition_words(assuming: Sequence[Assumption], knowledge: Knowledge) -> str:
    """Word what an entry assumes."""
    return knowledge.say("and").join(assumption_words(assumption, knowledge) for assumption in assuming)


def state_words(state: str, knowledge: Knowledge) -> str:
    """Word the state of a condition."""
    return knowledge.say(STATES[state])


def source_words(block: Block, knowledge: Knowledge) -> str:
    """Word where a sentence comes from: statement, reference numbers, trials; or reading or overlay."""
    say = knowledge.say
    if block.kind == "statement":
        parts = [block.id]
    else:
        parts = [say("overlay_name" if block.kind == "overlay" else "reading_name", block.id)]
    if block.citations:
        parts.append(say("references", say("comma").join(map(str, block.citations))))
    parts += [knowledge.trials[trial].label for trial in block.trials]
    return say("and").join(parts)
