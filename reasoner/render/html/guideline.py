"""A guideline as one page for a review board: each statement beside its rules, then what it all rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from reasoner.compiler.lexer import tokens
from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.engine.phrases import guideline_words
from reasoner.render.cases import totals as case_totals
from reasoner.render.coverage import state_words
from reasoner.render.findings import ordered_groups
from reasoner.render.findings import totals as finding_totals
from reasoner.render.html.document import document, items, tag
from reasoner.render.html.findings import badge
from reasoner.render.html.guideline_tables import cases, doses, evidence, glossary
from reasoner.render.rule_words import rule_words
from reasoner.verification.reports import StatementCoverage
from reasoner.verification.review import Review

__all__ = ["render_guideline_page"]

MOST_CASES = 3
READINGS = ("reading", "alternative")


class Section(NamedTuple):
    """A section of the page: the anchor, the heading, and its content as HTML."""

    anchor: str
    heading: str
    body: str


def render_guideline_page(review: Review, model: GuidelineModel) -> str:
    """Render a guideline as an HTML page that loads nothing and runs nothing."""
    say, info = model.say, review.coverage.guideline
    title = say("document_title", info.title)
    sections = [
        *statements(review, model),
        Section("doses", say("document_doses"), doses(model)),
        Section("evidence", say("document_evidence"), evidence(model)),
        Section("cases", say("document_cases"), cases(review, model)),
        Section("findings", say("document_open_findings"), findings(review, model)),
        Section("omitted", say("document_omitted"), omitted(model)),
        Section("silent", say("document_silent"), items(model.not_considered)),
        Section("glossary", say("document_glossary"), glossary(model)),
    ]
    links = "".join(f'<li><a href="#{own.anchor}">{escape(own.heading)}</a></li>\n' for own in sections)
    contents = escape(say("document_contents"))
    body = (
        f"{heading(title, review, model)}<main>\n"
        f'<nav aria-labelledby="contents"><h2 id="contents">{contents}</h2>\n<ol>{links}</ol></nav>\n'
        f"{''.join(written(own, model) for own in sections)}</main>"
    )
    return document(title, body, model, ("report.css", "findings.css", "guideline.css"))


def written(section: Section, model: GuidelineModel) -> str:
    body = section.body or tag("p", model.say("document_none"))
    return (
        f'<section class="part" id="{section.anchor}" aria-labelledby="{section.anchor}-title">\n'
        f'<h2 id="{section.anchor}-title">{escape(section.heading)}</h2>\n{body}</section>\n'
    )


def heading(title: str, review: Review, model: GuidelineModel) -> str:
    """Say which guideline it is, from when its source is, and what there is of it."""
    info, covered = review.coverage.guideline, review.coverage.statements or ()
    kinds = [entry.kind for entry in covered]
    unformalised, rules = sum(bool(entry.unformalised) for entry in covered), sum(len(entry.rules) for entry in covered)
    stated, read, otherwise = (str(kinds.count(kind)) for kind in ("statement", "reading", "alternative"))
    lines = (
        guideline_words(info, model),
        model.say("document_counts", stated, str(unformalised), read, otherwise, str(rules)),
        case_totals(review.cases, model) if review.cases.cases else "",
        finding_totals(review.checked, model),
        info.digest[:19],
    )
    return (
        f"<header>\n<h1>{escape(title)}</h1>\n{''.join(tag('p', line) for line in lines)}"
        f"{tag('p', info.disclaimer, 'disclaimer')}</header>\n"
    )


def statements(review: Review, model: GuidelineModel) -> Iterator[Section]:
    """Yield a section for each file that has statements, readings or local rules, in their order."""
    files: dict[str, list[StatementCoverage]] = {}
    for entry in review.coverage.statements or ():
        files.setdefault(entry.place.rpartition(":")[0], []).append(entry)
    for number, (file, entries) in enumerate(files.items(), start=1):
        body = "".join(article(entry, review, model) for entry in entries)
        yield Section(f"section-{number}", section_heading(file, entries, review, model), body)


def section_heading(file: str, entries: Sequence[StatementCoverage], review: Review, model: GuidelineModel) -> str:
    """Name a file by what it holds, or by the comment of one line that opens it."""
    if all(entry.kind in READINGS for entry in entries):
        return model.say("document_readings")
    if all(entry.kind == "overlay" for entry in entries):
        return model.say("document_overlays")
    first, _, rest = review.sources[file].partition("\n")
    if first.startswith("% ") and not rest.startswith("%"):
        return first.removeprefix("% ").rstrip(".")
    return model.say("document_statements_in", file)


def article(entry: StatementCoverage, review: Review, model: GuidelineModel) -> str:
    """Write a statement, a reading or an overlay beside what encodes it: the rules in words, and as they are written."""
    annotation = entry.annotation
    first, last, source = written_under(annotation, review.sources)
    file = entry.place.rpartition(":")[0]
    place = f"{file}:{first}-{last}" if last > first else f"{file}:{first}"
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>\n" for name, value in details(entry, review, model) if value)
    rules = "".join(rule_item(rule, model) for rule in model.rules if rule.annotation == entry.id)
    code = (
        f"{tag('pre', source)}{tag('p', place, 'places')}" if source else tag("p", model.say("document_unencoded"), "quiet")
    )
    said = f"<h3>{escape(entry.id)}</h3>\n{tag('p', entry.text, 'text')}{f'<dl>{facts}</dl>' if facts else ''}"
    return (
        f'<article class="statement {escape(entry.kind)}" id="{anchor(entry.id)}">\n<div class="said">{said}</div>\n'
        f'<div class="encoded">{f"<ol>{rules}</ol>" if rules else ""}{code}</div>\n</article>\n'
    )


def anchor(name: str) -> str:
    return escape(name.replace("=", "-"))


def link(name: str) -> str:
    return f'<a href="#{anchor(name)}">{escape(name)}</a>'


def rule_item(rule: Rule, model: GuidelineModel) -> str:
    """Write a rule in words: its conclusion, and its conditions as a list."""
    head, conditions = rule_words(rule, model)
    words = model.say("document_if", head) if conditions else model.say("document_always", head)
    return f"<li><p>{escape(words)}</p>{items(conditions)}</li>\n"


def details(entry: StatementCoverage, review: Review, model: GuidelineModel) -> Iterator[tuple[str, str]]:
    """Yield what is known of a statement, a reading or an overlay: a name, and its value as HTML."""
    say, own, comma = model.say, entry.annotation, model.say("comma")
    if own.kind == "alternative":
        yield say("document_alternative_of"), link(own.id.partition("=")[0])
    yield say("document_why"), escape(own.why)
    yield say("document_reads"), comma.join(map(link, own.reads))
    yield say("document_settles"), escape(own.settles)
    readings = [name for name, other in model.annotations.items() if own.id in other.reads]
    readings += [name for name in model.annotations if name.startswith(f"{own.id}=")]
    yield (
        say("document_interpreted") if own.kind == "statement" else say("document_alternatives"),
        comma.join(map(link, readings)),
    )
    yield say("document_cites"), escape(comma.join(map(str, own.citations)))
    yield say("document_trials"), escape(comma.join(model.trials[trial].label for trial in own.trials))
    yield say("document_certainty"), escape(model.label("evidence_certainty", own.certainty) if own.certainty else "")
    yield say("document_source"), escape(entry.sentence)
    yield say("document_state"), escape(state_words(entry.state, model))
    yield say("document_unformalised"), escape(own.unformalised)
    if entry.rules:
        yield say("document_exercised"), exercising(entry, review, model)
    yield say("document_findings_here"), found_in(entry, review, model)


def found_in(entry: StatementCoverage, review: Review, model: GuidelineModel) -> str:
    """Name the classes of findings about a statement or a reading, with the numbers of their groups."""
    kinds: dict[str, list[str]] = {}
    for number, group in enumerate(ordered_groups(review.checked, model), start=1):
        if entry.id in (*group[0].statements, *group[0].readings):
            kinds.setdefault(group[0].kind, []).append(f'<a href="#group-{number}">{number}</a>')
    comma = model.say("comma")
    return comma.join(f"{escape(model.label('finding_class', kind))} {comma.join(own)}" for kind, own in kinds.items())


def exercising(entry: StatementCoverage, review: Review, model: GuidelineModel) -> str:
    """Name the cases in which a rule of a statement fires, of many the first, with their results."""
    names = list(dict.fromkeys(name for rule in entry.rules for name in rule.cases))
    if not names:
        return escape(model.say("document_no_case"))
    failed = {result.case.name for result in review.cases.cases if result.differences}
    links = [
        f'<a href="#case-{escape(name)}">{escape(name)}</a>{" ✗" if name in failed else ""}' for name in names[:MOST_CASES]
    ]
    words = model.say("comma").join(links)
    more = len(names) - MOST_CASES
    return model.say("and_more", words, str(more)) if more > 0 else words


def written_under(annotation: Annotation, sources: Mapping[str, str]) -> tuple[int, int, str]:
    """Give the rules and facts under an annotation as they are written, with the numbers of the first and last line."""
    file, _, line = annotation.place.rpartition(":")
    text = sources[file]
    begins = sum(len(own) + 1 for own in text.split("\n")[: int(line) - 1])
    read = [token for token in tokens(text) if token.kind != "space" and token.start >= begins]
    until = next((token.start for token in read[1:] if token.kind == "block" and opens(token.text)), len(text))
    own = [token for token in read[1:] if token.start < until]
    while own and own[-1].kind in ("comment", "block"):
        own.pop()
    if not own:
        return int(line), int(line), ""
    start, end = text.rfind("\n", 0, own[0].start) + 1, own[-1].start + len(own[-1].text)
    first = text.count("\n", 0, start) + 1
    return first, first + text.count("\n", start, end), text[start:end]


def opens(comment: str) -> bool:
    """Tell whether a block comment is an annotation."""
    return comment.removeprefix("%*").lstrip().startswith("@")


def findings(review: Review, model: GuidelineModel) -> str:
    """List the groups of findings that are not accepted, the gravest first, each by its first finding."""
    say = model.say
    rows = ""
    for number, group in enumerate(ordered_groups(review.checked, model), start=1):
        first = group[0]
        more = say("more_like_it", "", str(len(group) - 1)) if len(group) > 1 else ""
        label = say("repair", first.repair) if first.edits else say("advice", first.repair)
        told = (
            tag("p", say("accepted", first.accepted), "quiet") if first.accepted else tag("p", label, "quiet"),
            tag("p", say("settled_by", say("comma").join(first.resolved_by)), "settled") if first.resolved_by else "",
        )
        rows += (
            f'<li id="group-{number}"><span class="number">{number}.</span> {badge(first.severity, model)} <div>'
            f'<p>{escape(first.message)}<span class="quiet">{escape(more)}</span></p>\n{"".join(told)}</div></li>\n'
        )
    undecided = review.checked.undecided
    unknown = tag("p", say("undecided", say("comma").join(undecided)), "refused") if undecided else ""
    return f'{unknown}{tag("p", finding_totals(review.checked, model))}<ol class="groups">{rows}</ol>\n'


def omitted(model: GuidelineModel) -> str:
    """List the statements that no rule encodes, each with the reason."""
    rows = "".join(
        f'<tr><th scope="row">{link(own.id)}</th><td>{escape(own.text)}</td><td>{escape(own.unformalised)}</td></tr>\n'
        for own in model.annotations.values()
        if own.unformalised
    )
    return f"<table>{rows}</table>\n" if rows else ""
