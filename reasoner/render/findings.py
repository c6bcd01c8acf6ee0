"""Findings as text."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.render.layout import TextLayout
from reasoner.verification.definitions import Definition, definitions
from reasoner.verification.findings import SEVERITIES, Finding, Trial
from reasoner.verification.reports import FindingsReport

__all__ = [
    "affected_by",
    "course_count",
    "known_classes",
    "ordered_groups",
    "render",
    "render_definition",
    "severity_words",
    "statements_named",
    "totals",
]

SEVERITIES_SAID = {"error": "severity_error", "warning": "severity_warning", "info": "severity_info"}
MOST_GROUPS = 10
WORD = re.compile(r"\w+")
MARKS = {"error": "against", "warning": "conditional", "info": "faint"}


def course_count(number: int, model: GuidelineModel) -> str:
    """Word a number of courses of therapy."""
    return model.say("one_course_of_therapy") if number == 1 else model.say("courses_of_therapy", str(number))


def known_classes() -> Mapping[str, Definition]:
    """Give the definitions of all classes of findings: of defects, then of differences."""
    return {**definitions(), **definitions("differences")}


def severity_words(severity: str, model: GuidelineModel) -> str:
    return model.say(SEVERITIES_SAID[severity])


def render(
    found: FindingsReport, model: GuidelineModel, width: int = 80, colour: bool = False, everything: bool = False
) -> str:
    """Render what check or diff found as text of at most `width` columns: counts, what is to be decided, then the findings.

    Findings are shown in their groups, ten of these unless `everything` is asked for.
    """
    say = model.say
    page = TextLayout(width, colour)
    page.item("", found.title, "heading", indent=0)
    page.guideline(found.guideline, model)
    courses = course_count(found.courses or 0, model)
    page.item("", say("all_patients", courses) if found.courses else say("all_untreated"), "faint", indent=0)
    if found.equivalent is True:
        page.item("", say("equivalent", courses), "certain", indent=0)
    elif not (found.findings or found.undecided):
        page.item("", say("no_findings"), "certain", indent=0)
    if found.undecided:
        page.item("", say("undecided", say("comma").join(found.undecided)), "against", indent=0)
    for name in found.gone:
        page.item("", say("accepted_gone", name), "conditional", indent=0)
    counts(page, found, model)
    if found.repairs_tried is not UNSET:
        tried = found.repairs_tried
        page.item("", say("repairs_tried", str(tried)) if tried else say("no_repair_tried"), indent=0)
    groups = ordered_groups(found, model)
    shown = groups if everything else groups[:MOST_GROUPS]
    if shown:
        overview(page, shown, len(groups), found, model)
        statements(page, shown, model)
        readings(page, shown, found, model)
    explained: set[str] = set()
    for number, group in enumerate(shown, start=1):
        group_item(page, number, group, model, everything, explained)
    return page.closing(found.guideline)


def ordered_groups(found: FindingsReport, model: GuidelineModel) -> list[list[Finding]]:
    """Gather the findings in their groups, the gravest first; where patients were counted, by how many show one of them.

    Of groups as grave, what no reading settles comes first; what is accepted comes last.
    """
    classes, places = list(known_classes()), {name: place for place, name in enumerate(model.annotations)}
    groups: dict[str, list[Finding]] = {}
    for entry in found.findings:
        groups.setdefault(entry.group, []).append(entry)

    def gravity(entry: Finding) -> tuple[object, ...]:
        return entry.accepted is not None, -SEVERITIES.index(entry.severity), -(entry.affected or 0), entry.message

    def order(group: list[Finding]) -> tuple[object, ...]:
        first, settled = group[0], all(entry.resolved_by for entry in group)
        accepted, severity, *_ = gravity(first)
        about = [places.get(name, 0) for name in first.statements or first.readings]
        return accepted, -affected_by(group), severity, settled, classes.index(first.kind), -len(group), about, first.group

    return sorted((sorted(group, key=gravity) for group in groups.values()), key=order)


def affected_by(group: Iterable[Finding]) -> int:
    """Count the patients of a cohort who show some finding of a group."""
    return sum({place: count for entry in group for place, count in entry.patients.items()}.values())


def counts(page: TextLayout, found: FindingsReport, model: GuidelineModel) -> None:
    """Count the findings by severity and class, and the patients of a cohort."""
    say = model.say
    page.item("", totals(found, model), "heading", indent=0)
    for severity in reversed(SEVERITIES):
        kinds = Counter(e.kind for e in found.findings if e.severity == severity and not e.accepted)
        if kinds:
            words = (say("counted_class", model.label("finding_class", k), str(n)) for k, n in kinds.most_common())
            page.item(f"  {severity_words(severity, model)}", say("comma").join(words), MARKS[severity], indent=11)
    if found.cohort is not UNSET:
        looked_at, rejected, longer = map(str, (found.cohort.patients, found.cohort.rejected, found.cohort.longer))
        page.item("", say("cohort_counted", looked_at, rejected, longer), indent=0)
        if found.cohort.unanswered:
            page.item("", say("cohort_unanswered", str(found.cohort.unanswered)), "against", indent=0)


def overview(
    page: TextLayout, groups: Sequence[Sequence[Finding]], count: int, found: FindingsReport, model: GuidelineModel
) -> None:
    """List the groups, each by its first finding, in at most two lines."""
    say = model.say
    whole = say("to_decide") if found.cohort is UNSET else say("to_decide_affected")
    page.heading(whole if len(groups) == count else say("first_groups", str(len(groups)), str(count)))
    width = max(len(severity_words(severity, model)) for severity in SEVERITIES)
    for number, group in enumerate(groups, start=1):
        tail = ""
        if len(group) > 1:
            tail = say("more_like_it", tail, str(len(group) - 1))
        if found.cohort is not UNSET and any(entry.affected is not None for entry in group):
            tail = say("group_affected", tail, str(affected_by(group)), str(found.cohort.patients))
        lead = f"{number:>3}. {severity_words(group[0].severity, model):<{width}}"
        room = 2 * (page.width - width - 6) - len(tail) - 12
        text = f"{shortened(group[0].message, room)}{tail}"
        page.item(lead, text, "faint" if group[0].accepted else MARKS[group[0].severity], indent=width + 6)


def statements(page: TextLayout, shown: Sequence[Sequence[Finding]], model: GuidelineModel) -> None:
    """Say what the statements say that the groups shown name."""
    named = {name for group in shown for entry in group[:1] for name in statements_named(entry, model)}
    listed = [name for name in model.annotations if name in named]
    if listed:
        page.heading(model.say("heading_statements_named"))
    for name in listed:
        page.item(f"{name:>6} ", model.annotations[name].first_sentence, indent=7)


def statements_named(entry: Finding, model: GuidelineModel) -> list[str]:
    """List the statements of a guideline that a finding names: those it is about, and those of the nearest rules."""
    words = f"{entry.message} {entry.repair}"
    named = {*entry.statements, *(side.annotation for side in entry.sides), *WORD.findall(words)}
    return [name for name, own in model.annotations.items() if own.kind == "statement" and name in named]


def readings(page: TextLayout, shown: Sequence[Sequence[Finding]], found: FindingsReport, model: GuidelineModel) -> None:
    """Say what the readings say that the groups shown name or that settle findings, those that settle most first."""
    settled = Counter(name for entry in found.findings for name in entry.resolved_by)
    named = {name for group in shown for entry in group[:1] for name in (*entry.readings, *entry.settling)}
    listed = sorted((name for name in found.readings if name in settled or name in named), key=lambda name: -settled[name])
    if listed:
        page.heading(model.say("heading_readings_named"))
    for name in listed:
        words = found.readings[name]
        text = model.say("reading_settles", words, str(settled[name])) if settled[name] else words
        page.item(f"{name:>6} ", text, indent=7)


def shortened(text: str, most: int) -> str:
    """Shorten a text at the end of a word."""
    return textwrap.shorten(text, max(most, 40), placeholder=" …")


def group_item(
    page: TextLayout, number: int, group: Sequence[Finding], model: GuidelineModel, everything: bool, explained: set[str]
) -> None:
    """Add one group: its class, explained where it is new, its first finding in full, the others too or in brief."""
    first, classes = group[0], known_classes()
    page.heading(f"{number}. {model.label('finding_class', first.kind).upper()}")
    if first.kind in classes and first.kind not in explained:
        explained.add(first.kind)
        page.item("", classes[first.kind].text, "faint", indent=2)
    for place, entry in enumerate(group):
        finding_item(page, entry, model, full=everything or place == 0)


def totals(found: FindingsReport, model: GuidelineModel) -> str:
    """Count the findings by severity, those that are accepted apart."""
    counted = [entry for entry in found.findings if not entry.accepted]
    errors, warnings, infos = (
        str(sum(entry.severity == severity for entry in counted)) for severity in reversed(SEVERITIES)
    )
    return model.say("totals", errors, warnings, infos, str(len(found.findings) - len(counted)))


def finding_item(page: TextLayout, entry: Finding, model: GuidelineModel, full: bool) -> None:
    """Add one finding: what it is; in `full` both sides with their places, the witness, what settles it, a repair."""
    say, join = model.say, model.say("and")
    severity = severity_words(entry.severity, model)
    page.item("  -", say("finding", severity, entry.id, entry.message), "faint" if entry.accepted else MARKS[entry.severity])
    if entry.accepted:
        page.item("", say("accepted", entry.accepted), indent=7)
    if not full:
        return
    for side in entry.sides:
        page.item("", say("side", side.annotation, side.derives, say("comma").join(side.places)), "faint", indent=7)
    if entry.places and not entry.sides:
        page.item("", say("at_places", say("comma").join(entry.places)), "faint", indent=7)
    if entry.witness is not None:
        page.item("", say("witness", join.join(entry.departures) or say("default_patient")), indent=7)
    if entry.affected is not None:
        page.item("", say("affected", str(entry.affected)), indent=7)
    if entry.under:
        page.item("", say("shown_under", say("comma").join(entry.under)), indent=7)
    if entry.shared:
        page.item("", say("shared_conditions", join.join(entry.shared)), indent=7)
    if entry.resolved_by:
        page.item("", say("settled_by", say("comma").join(entry.resolved_by)), "certain", indent=7)
    if entry.settled_by_alternatives:
        page.item("", say("settled_by_alternatives", say("comma").join(entry.settled_by_alternatives)), "certain", indent=7)
    if entry.eased_by_alternatives:
        page.item("", say("eased_by_alternatives", say("comma").join(entry.eased_by_alternatives)), indent=7)
    if entry.repair and not entry.accepted:
        page.item("", say("repair" if entry.edits else "advice", entry.repair), "faint", indent=7)
    if entry.trial is not None:
        trial_items(page, entry.trial, model)


def trial_items(page: TextLayout, trial: Trial, model: GuidelineModel) -> None:
    """Add what became of a finding when its repair was made in a copy."""
    say = model.say
    if trial.refused:
        page.item("", say("trial_refused", trial.refused), "against", indent=9)
        return
    page.item("", say("trial_gone" if trial.gone else "trial_stays"), "certain" if trial.gone else "against", indent=9)
    for message in trial.new:
        page.item("", say("trial_new", message), "against", indent=9)
    for change in trial.changes:
        page.item("", say("trial_change", change.message, change.patient or say("default_patient")), indent=9)
    if not trial.changes:
        page.item("", say("trial_unchanged"), indent=9)


def render_definition(definition: Definition, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render what a class of findings is, why it matters, and the usual repairs."""
    say, page = model.say, TextLayout(width, colour)
    page.item("", say("definition", definition.name, definition.text), "heading", indent=0)
    if definition.why:
        page.item("", say("explained_why", definition.why), indent=2)
        page.item("", say("explained_example", definition.example), indent=2)
        page.item("", say("explained_repair", definition.repair), indent=2)
    return page.text()
