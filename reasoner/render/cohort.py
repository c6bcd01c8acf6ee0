"""Cohorts as text: the summary, also as a page with bars; two runs compared; an explanation."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.phrases import guideline_words, setting_words
from reasoner.render.layout import TextLayout

if TYPE_CHECKING:
    from reasoner.cohort.compare import Comparison
    from reasoner.cohort.explain import Explanation

__all__ = ["render_comparison", "render_explanation", "render_summary", "render_summary_page"]

SHOWN = 20

FINDINGS = {
    "nothing_recommended": "found_nothing_recommended",
    "incomplete": "found_incomplete",
    "recommended_and_excluded": "found_recommended_and_excluded",
}


class Bar(NamedTuple):
    """A line of the summary: what is counted, how often, and how much of it is certain, where that is told."""

    words: str
    times: int
    certain: int | None = None


class Chart(NamedTuple):
    """Bars under a heading."""

    heading: str
    bars: tuple[Bar, ...]


def number(counts: Mapping[str, object], name: str) -> int:
    value = counts.get(name, 0)
    return value if isinstance(value, int) else 0


def table(summary: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = summary.get(name, {})
    return value if isinstance(value, Mapping) else {}


def charts(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[Chart]:
    """Yield what a summary counts, the most frequent first."""
    say = model.say

    def ordered(bars: Iterator[Bar]) -> tuple[Bar, ...]:
        return tuple(sorted((bar for bar in bars if bar.times), key=lambda bar: (-bar.times, bar.words)))

    def held(name: str, kind: str, names: tuple[str, ...]) -> tuple[Bar, ...]:
        counts = table(summary, name)
        return ordered(
            Bar(
                model.label(kind, own),
                number(counts, f"{own} certain") + number(counts, f"{own} conditional"),
                number(counts, f"{own} certain"),
            )
            for own in names
        )

    settings = table(summary, "settings")
    first = table(summary, "recommended")
    missing = table(summary, "missing")
    labels = {fact.name: fact.label for fact in model.facts}
    yield Chart(say("heading_settings"), ordered(Bar(setting_words(s, model), number(settings, s)) for s in settings))
    yield Chart(
        say("heading_first"),
        ordered(Bar(model.label("regimen", r), number(first, f"{r} first")) for r in model.regimens),
    )
    yield Chart(say("heading_recommended"), held("recommended", "regimen", model.regimens))
    yield Chart(say("heading_excluded"), held("excluded", "regimen", model.regimens))
    yield Chart(say("heading_actions"), held("actions", "action_name", model.actions))
    yield Chart(
        say("heading_missing"),
        ordered(Bar(missing_words(name, labels, model), number(missing, name)) for name in missing),
    )
    found = table(summary, "findings")
    yield Chart(say("heading_findings"), ordered(Bar(say(FINDINGS[name]), number(found, name)) for name in found))


def missing_words(name: str, labels: Mapping[str, str], model: GuidelineModel) -> str:
    fact, _, member = name.partition("[")
    label = labels.get(fact, fact)
    return model.say("member", model.label("drug", member[:-1]), label) if member else label


def render_summary(
    summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel, width: int = 80, colour: bool = False
) -> str:
    """Render a summary as text of at most `width` columns."""
    page = TextLayout(width, colour)
    answered = number(summary, "answered")
    page.item("", title_of(info, model), "heading", indent=0)
    for words in totals(summary, model):
        page.item("", words, indent=0)
    for chart in charts(summary, model):
        if chart.bars:
            page.heading(chart.heading)
            for bar in chart.bars:
                page.item(f"{bar.times:>9}  {share(bar.times, answered):>4}  ", bar_words(bar, model), indent=17)
    return page.closing(info)


def title_of(info: GuidelineInfo, model: GuidelineModel) -> str:
    return model.say("cohort_title", guideline_words(info, model))


def totals(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[str]:
    """Say how many rows there are, and what of them is unusual."""
    answered, rejects, distinct = (str(number(summary, name)) for name in ("answered", "rejects", "distinct_explanations"))
    yield model.say("cohort_totals", answered, rejects, distinct)
    if repeated := number(summary, "repeated_ids"):
        yield model.say("cohort_repeated", str(repeated))
    if "without_courses" in summary:
        yield model.say("cohort_without_courses", str(number(summary, "without_courses")))


def bar_words(bar: Bar, model: GuidelineModel) -> str:
    if bar.certain is None or bar.certain == bar.times:
        return bar.words
    return model.say("partly_certain", bar.words, str(bar.certain))


def share(times: int, total: int) -> str:
    return f"{100 * times / total:.0f}%" if total else ""


STYLE = (
    ":root { color-scheme: light dark; } body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; "
    "padding: 0 1rem; } table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 400; "
    "width: 45%; } td, th { padding: 0.15rem 0.4rem; vertical-align: top; } .times { text-align: right; width: 8rem; } "
    "meter { width: 100%; }"
)


def render_summary_page(summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel) -> str:
    """Render a summary as a page that needs nothing from outside and runs nothing."""
    answered = max(1, number(summary, "answered"))
    hashed = b64encode(sha256(STYLE.encode()).digest()).decode()
    title = escape(title_of(info, model))
    said = "".join(f"<p>{escape(words)}</p>\n" for words in (*totals(summary, model), info.digest))
    sections = "".join(section(chart, answered, model) for chart in charts(summary, model) if chart.bars)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hashed}'\">\n"
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n<main><h1>{title}</h1>\n"
        f"{said}<p><strong>{escape(info.disclaimer)}</strong></p>\n"
        f"{sections}</main></body></html>\n"
    )


def section(chart: Chart, answered: int, model: GuidelineModel) -> str:
    rows = "".join(row(bar, answered, model) for bar in chart.bars)
    return f"<h2>{escape(chart.heading.capitalize())}</h2>\n<table>{rows}</table>\n"


def row(bar: Bar, answered: int, model: GuidelineModel) -> str:
    label = escape(bar_words(bar, model))
    part = bar.times / answered
    return (
        f'<tr><th scope="row">{label}</th><td class="times">{bar.times} <small>{share(bar.times, answered)}</small></td>'
        f'<td><meter value="{part:.4f}" aria-label="{label}">{part:.0%}</meter></td></tr>\n'
    )


def render_comparison(found: Comparison, width: int = 80, colour: bool = False) -> str:
    """Render a comparison as text of at most `width` columns: the most frequent changes, and how many more there are."""
    say = found.model.say
    page = TextLayout(width, colour)
    page.item("", say("heading_cohort_diff", name_of(found.old), name_of(found.new)), "heading", indent=0)
    changed = sum(change.times for change in found.changes)
    page.item(
        "", say("cohort_changed", str(found.compared), str(changed), str(found.only_old), str(found.only_new)), indent=0
    )
    for change in found.changes[:SHOWN]:
        page.lines.append("")
        page.item(f"{change.times:>9}  ", say("cohort_example", change.example), indent=11)
        for aspect in change.before:
            before, after = listed(change.before[aspect], found.model), listed(change.after[aspect], found.model)
            page.item("           ", say("cohort_change", say(ASPECTS[aspect]), before, after), indent=13)
        if change.rules_before:
            page.item("           ", say("rules_old", say("comma").join(change.rules_before)), "faint", indent=13)
        if change.rules_after:
            page.item("           ", say("rules_new", say("comma").join(change.rules_after)), "faint", indent=13)
    if more := found.changes[SHOWN:]:
        page.lines.append("")
        page.item("", say("cohort_more", str(sum(change.times for change in more)), str(len(more))), indent=0)
    return page.closing(found.new)


ASPECTS = {
    "setting": "aspect_setting",
    "recommended": "aspect_recommended",
    "excluded": "aspect_excluded",
    "actions": "aspect_actions",
}


def name_of(info: GuidelineInfo) -> str:
    return " + ".join((f"{info.id} ({info.layer}, {info.digest[:15]})", *info.overlays))


def listed(value: object, model: GuidelineModel) -> str:
    """Word what an answer lists, or a setting."""
    if isinstance(value, str):
        return setting_words(value, model)
    return model.say("and").join(entries(value, model)) or model.say("none")


def entries(value: object, model: GuidelineModel) -> Iterator[str]:
    assert isinstance(value, list)
    for entry in value:
        mark = "?" if entry["certainty"] == "conditional" else ""
        if "action" in entry:
            yield model.label("action_name", entry["action"]) + mark
        else:
            rank = f"{entry['rank']}. " if "rank" in entry else ""
            yield rank + model.label("regimen", entry["regimen"]) + mark


KINDS = {
    "rules": "heading_fired",
    "statements": "heading_statements",
    "readings": "heading_readings",
    "overlays": "heading_overlays",
    "trials": "heading_trials",
}


def render_explanation(found: Explanation, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render an explanation as text of at most `width` columns, with the texts of what the rules rest on."""
    say = model.say
    words = {name: annotation.text for name, annotation in model.annotations.items()}
    words |= {name: trial.label for name, trial in model.trials.items()}
    page = TextLayout(width, colour)
    page.item("", say("explanation_title", found.id, str(found.patients)), "heading", indent=0)
    page.guideline(found.guideline, model)
    for kind, names in found.holds.items():
        if names:
            page.heading(say(KINDS[kind]))
        if kind == "rules":
            page.item("", say("comma").join(names))
        else:
            for name in names:
                page.item("", say("definition", name, words[name]))
    return page.closing(found.guideline)
