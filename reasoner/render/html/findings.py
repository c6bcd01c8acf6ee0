"""What check found, as a page for those who decide about a guideline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import UNSET

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.phrases import guideline_words
from reasoner.render.findings import (
    affected_by,
    course_count,
    known_classes,
    ordered_groups,
    severity_words,
    statements_named,
    totals,
)
from reasoner.render.html.document import document, items, tag
from reasoner.verification.findings import SEVERITIES, Finding, Side, Trial
from reasoner.verification.reports import FindingsReport

__all__ = ["render_findings_page"]


def render_findings_page(found: FindingsReport, model: GuidelineModel) -> str:
    """Render what check found as a page: what is to be decided, the filter, then every finding in its group, in full."""
    say, groups = model.say, ordered_groups(found, model)
    title = say("report_title", found.guideline.title)
    body = (
        f'<a class="skip" href="#findings">{escape(say("report_skip"))}</a>\n'
        f"{heading(title, found, model)}<main>\n{opening(found, model)}"
    )
    if groups:
        details = "".join(section(number, group, found, model) for number, group in enumerate(groups, start=1))
        body += (
            f"{choices(found, model)}{overview(groups, found, model)}"
            f'<section id="findings" tabindex="-1" aria-labelledby="findings-title">\n'
            f'<h2 id="findings-title">{escape(say("report_findings"))}</h2>\n{details}</section>\n'
        )
    return document(title, f"{body}</main>", model, ("report.css", "findings.css"), "findings.js" if groups else "")


def heading(title: str, found: FindingsReport, model: GuidelineModel) -> str:
    info = found.guideline
    courses = course_count(found.courses or 0, model)
    lines = (
        guideline_words(info, model),
        model.say("all_patients", courses) if found.courses else model.say("all_untreated"),
        info.digest[:19],
    )
    paragraphs = "".join(tag("p", line) for line in lines)
    return f"<header>\n<h1>{escape(title)}</h1>\n{paragraphs}{tag('p', info.disclaimer, 'disclaimer')}</header>\n"


def opening(found: FindingsReport, model: GuidelineModel) -> str:
    """Say what is undecided or no longer found, how many findings there are, and of which patients they were counted."""
    say = model.say
    parts = []
    if found.undecided:
        parts.append(tag("p", say("undecided", say("comma").join(found.undecided)), "refused"))
    if not (found.findings or found.undecided):
        parts.append(tag("p", say("no_findings"), "settled"))
    parts += [tag("p", say("accepted_gone", name)) for name in found.gone]
    if found.findings:
        parts.append(f"{tag('p', totals(found, model))}{table(found, model)}")
    if found.repairs_tried is not UNSET:
        tried = found.repairs_tried
        parts.append(tag("p", say("repairs_tried", str(tried)) if tried else say("no_repair_tried")))
    if found.cohort is not UNSET:
        looked_at, rejected, longer = map(str, (found.cohort.patients, found.cohort.rejected, found.cohort.longer))
        parts.append(tag("p", say("cohort_counted", looked_at, rejected, longer)))
        if found.cohort.unanswered:
            parts.append(tag("p", say("cohort_unanswered", str(found.cohort.unanswered)), "refused"))
    return "".join(parts)


def table(found: FindingsReport, model: GuidelineModel) -> str:
    """Count the classes of findings, a row for each severity."""
    rows = ""
    for severity in reversed(SEVERITIES):
        kinds = Counter(entry.kind for entry in found.findings if entry.severity == severity and not entry.accepted)
        if kinds:
            counted = (model.say("counted_class", model.label("finding_class", k), str(n)) for k, n in kinds.most_common())
            words = escape(model.say("comma").join(counted))
            rows += f'<tr><th scope="row">{badge(severity, model)}</th><td>{words}</td></tr>\n'
    return f'<table class="totals">{rows}</table>\n' if rows else ""


def badge(severity: str, model: GuidelineModel) -> str:
    return f'<span class="severity {severity}">{escape(severity_words(severity, model))}</span>'


def choices(found: FindingsReport, model: GuidelineModel) -> str:
    """Write the filter, which the page's script shows."""
    say = model.say
    severities = Counter(entry.severity for entry in found.findings)
    kinds = Counter(entry.kind for entry in found.findings)
    boxes = "".join(
        f'<label class="choice"><input type="checkbox" value="{name}" checked>'
        f"<span>{escape(say('bracketed', severity_words(name, model), str(severities[name])))}</span></label>\n"
        for name in reversed(SEVERITIES)
        if severities[name]
    )
    options = "".join(
        f'<option value="{escape(name)}">'
        f"{escape(say('bracketed', model.label('finding_class', name), str(kinds[name])))}</option>\n"
        for name in known_classes()
        if kinds[name]
    )
    return (
        f'<form id="filter" class="row" aria-label="{escape(say("report_filter"))}" hidden>\n'
        f'<fieldset><legend>{escape(say("report_severity"))}</legend><div class="choices">{boxes}</div></fieldset>\n'
        f"<label>{escape(say('report_class'))} "
        f'<select><option value="">{escape(say("report_all_classes"))}</option>\n{options}</select></label>\n'
        f'<button type="reset">{escape(say("report_show_all"))}</button>\n'
        f'<output role="status" data-words="{escape(say("report_shown", "{1}", "{2}"))}"></output>\n</form>\n'
    )


def overview(groups: Sequence[Sequence[Finding]], found: FindingsReport, model: GuidelineModel) -> str:
    """List the groups, each by its first finding, with a link to all of it."""
    say = model.say
    title = say("to_decide") if found.cohort is UNSET else say("to_decide_affected")
    lines = ""
    for number, group in enumerate(groups, start=1):
        more = say("more_like_it", "", str(len(group) - 1)) if len(group) > 1 else ""
        if found.cohort is not UNSET and any(entry.affected is not None for entry in group):
            more = say("group_affected", more, str(affected_by(group)), str(found.cohort.patients))
        lines += (
            f'<li id="to-group-{number}"><span class="number">{number}.</span> {badge(group[0].severity, model)} '
            f'<span><a href="#group-{number}">{escape(group[0].message)}</a>'
            f'<span class="quiet">{escape(more)}</span></span></li>\n'
        )
    return (
        f'<nav aria-labelledby="groups-title">\n<h2 id="groups-title">{escape(title.capitalize())}</h2>\n'
        f'<ol class="groups">{lines}</ol>\n</nav>\n'
    )


def section(number: int, group: Sequence[Finding], found: FindingsReport, model: GuidelineModel) -> str:
    """Write a group: its class and why that matters, then its findings in full."""
    kind = group[0].kind
    label = escape(model.label("finding_class", kind))
    known = known_classes().get(kind)
    about = f"{tag('p', known.text, 'quiet')}{tag('p', known.why, 'quiet')}" if known else ""
    return (
        f'<section class="group" id="group-{number}" aria-labelledby="title-{number}">\n'
        f'<h3 id="title-{number}"><span class="quiet">{number}.</span> {label}</h3>\n{about}'
        f"{''.join(article(entry, found, model) for entry in group)}</section>\n"
    )


def article(entry: Finding, found: FindingsReport, model: GuidelineModel) -> str:
    """Write a finding: both sides, the smallest patient, who is affected, what settles it, its repair."""
    grounds = model.say("comma").join((entry.id, *(() if entry.sides else entry.statements)))
    sides = "".join(side(own, model) for own in entry.sides)
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>\n" for name, value in details(entry, found, model) if value)
    accepted = " accepted" if entry.accepted else ""
    return (
        f'<article class="finding {entry.severity}{accepted}" id="{escape(entry.id)}" '
        f'data-severity="{entry.severity}" data-kind="{escape(entry.kind)}">\n'
        f'<p class="about">{badge(entry.severity, model)} {escape(grounds)}</p>\n{tag("h4", entry.message)}'
        f"{f'<div class=sides>{sides}</div>' if sides else ''}"
        f"{f'<dl>{facts}</dl>' if facts else ''}{record(entry, model)}</article>\n"
    )


def side(own: Side, model: GuidelineModel) -> str:
    """Write one side of a finding: what it derives, the words of its statement, and where its rules are."""
    known = model.annotations.get(own.annotation)
    quoted = tag("blockquote", known.text) if known else ""
    where = model.say("bracketed", model.say("comma").join(own.rules), model.say("comma").join(own.places))
    return (
        f'<div class="side"><p><strong>{escape(own.annotation)}</strong> {escape(own.derives)}</p>'
        f"{quoted}{tag('p', where, 'places')}</div>\n"
    )


def details(entry: Finding, found: FindingsReport, model: GuidelineModel) -> Iterator[tuple[str, str]]:
    """Yield what is known of a finding: a name, and its value as HTML."""
    say = model.say
    if entry.accepted:
        yield say("report_accepted"), escape(entry.accepted)
    if entry.witness is not None:
        yield say("report_patient"), items(entry.departures) or escape(say("default_patient"))
    if entry.affected is not None:
        yield say("report_affected"), str(entry.affected)
    if not entry.sides:
        named = statements_named(entry, model)
        yield say("report_statements"), items(say("definition", name, model.annotations[name].text) for name in named)
    yield say("report_under"), items(entry.under)
    yield say("report_shared"), items(entry.shared)
    for name, settling in (
        (say("report_settled"), entry.resolved_by),
        (say("report_settled_otherwise"), entry.settled_by_alternatives),
        (say("report_eased"), entry.eased_by_alternatives),
    ):
        yield name, items((reading(own, found, model) for own in settling), "settled")
    if not entry.accepted:
        yield say("report_repair") if entry.edits else say("report_advice"), escape(entry.repair)
    if entry.trial is not None:
        yield say("report_trial"), items(trial(entry.trial, model))
    if not entry.sides:
        yield say("report_places"), tag("span", say("comma").join(entry.places), "places")


def reading(name: str, found: FindingsReport, model: GuidelineModel) -> str:
    """Name a reading, or an alternative of one, with what it says."""
    words = model.annotations[name].text if name in model.annotations else found.readings.get(name)
    return model.say("definition", name, words) if words else name


def trial(own: Trial, model: GuidelineModel) -> Iterator[str]:
    """Yield what became of a finding when its repair was made in a copy."""
    say = model.say
    if own.refused:
        yield say("trial_refused", own.refused)
        return
    yield say("trial_gone") if own.gone else say("trial_stays")
    for message in own.new:
        yield say("trial_new", message)
    for change in own.changes:
        yield say("trial_change", change.message, change.patient or say("default_patient"))
    if not own.changes:
        yield say("trial_unchanged")


def record(entry: Finding, model: GuidelineModel) -> str:
    """Write the witness as a record, folded away."""
    if entry.witness is None:
        return ""
    text = json.dumps({**entry.witness, "id": entry.id}, indent=1, ensure_ascii=False)
    return f"<details><summary>{escape(model.say('report_record'))}</summary>{tag('pre', text)}</details>\n"
