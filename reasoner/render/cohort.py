"""What a cohort's answers come to, one explanation, and two runs side by side: as text, the first also as a page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo
from reasoner.phrases import guideline_words, member_words, setting_words
from reasoner.render.layout import TextLayout

if TYPE_CHECKING:
    from reasoner.cohort.compare import Comparison
    from reasoner.cohort.explain import Explanation

__all__ = ["render_comparison", "render_explanation", "render_summary", "render_summary_page"]

MOST_CHANGES = 20
FINDINGS = {
    "nothing_recommended": "found_nothing_recommended",
    "incomplete": "found_incomplete",
    "recommended_and_excluded": "found_recommended_and_excluded",
}
ASPECTS = {
    "setting": "aspect_setting",
    "recommended": "aspect_recommended",
    "excluded": "aspect_excluded",
    "actions": "aspect_actions",
}
GROUNDS = {
    "rules": "heading_fired",
    "statements": "heading_statements",
    "readings": "heading_readings",
    "overlays": "heading_overlays",
    "trials": "heading_trials",
}


class Bar(NamedTuple):
    """A bar of a chart: what is counted, for how many patients, and for how many of them it is certain, if not for all."""

    label: str
    patients: int
    certain: int | None = None


class Chart(NamedTuple):
    """Bars under a heading."""

    heading: str
    bars: tuple[Bar, ...]


def render_summary(
    summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel, width: int = 80, colour: bool = False
) -> str:
    """Render a summary as text of at most `width` columns."""
    page = TextLayout(width, colour)
    answered = count_of(summary, "answered")
    page.item("", title_of(info, model), "heading", indent=0)
    for words in totals(summary, model):
        page.item("", words, indent=0)
    for chart in charts(summary, model):
        page.heading(chart.heading)
        for bar in chart.bars:
            page.item(f"{bar.patients:>9}  {share(bar.patients, answered):>4}  ", bar_words(bar, model), indent=17)
    return page.closing(info)


def title_of(info: GuidelineInfo, model: GuidelineModel) -> str:
    return model.say("cohort_title", guideline_words(info, model))


def totals(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[str]:
    """Yield how many rows there are, and how many of them are unusual."""
    answered, rejects, distinct = (str(count_of(summary, name)) for name in ("answered", "rejects", "distinct_explanations"))
    yield model.say("cohort_totals", answered, rejects, distinct)
    if repeated := count_of(summary, "repeated_ids"):
        yield model.say("cohort_repeated", str(repeated))
    if "without_courses" in summary:
        yield model.say("cohort_without_courses", str(count_of(summary, "without_courses")))


def charts(summary: Mapping[str, object], model: GuidelineModel) -> Iterator[Chart]:
    """Yield a chart of each kind of thing that a summary counts, where it counts any."""
    say = model.say
    counts = {name: counts_of(summary, name) for name in ("settings", "recommended", "missing", "findings")}
    found = (
        (say("heading_settings"), [Bar(setting_words(name, model), n) for name, n in counts["settings"].items()]),
        (
            say("heading_first"),
            [Bar(model.label("regimen", r), counts["recommended"].get(f"{r} first", 0)) for r in model.regimens],
        ),
        (say("heading_recommended"), graded(summary, "recommended", {r: model.label("regimen", r) for r in model.regimens})),
        (say("heading_excluded"), graded(summary, "excluded", {r: model.label("regimen", r) for r in model.regimens})),
        (say("heading_actions"), graded(summary, "actions", {a: model.label("action_name", a) for a in model.actions})),
        (say("heading_missing"), [Bar(missing_words(name, model), n) for name, n in counts["missing"].items()]),
        (say("heading_findings"), [Bar(say(FINDINGS[name]), n) for name, n in counts["findings"].items()]),
    )
    for heading, bars in found:
        if ordered := sorted((bar for bar in bars if bar.patients), key=lambda bar: (-bar.patients, bar.label)):
            yield Chart(heading, tuple(ordered))


def graded(summary: Mapping[str, object], name: str, labels: Mapping[str, str]) -> list[Bar]:
    """List bars of what can be certain or conditional."""
    counts = counts_of(summary, name)
    certain = {own: counts.get(f"{own} certain", 0) for own in labels}
    return [Bar(label, certain[own] + counts.get(f"{own} conditional", 0), certain[own]) for own, label in labels.items()]


def count_of(summary: Mapping[str, object], name: str) -> int:
    value = summary.get(name, 0)
    assert isinstance(value, int)
    return value


def counts_of(summary: Mapping[str, object], name: str) -> Mapping[str, int]:
    value = summary.get(name, {})
    assert isinstance(value, Mapping)
    return value


def missing_words(name: str, model: GuidelineModel) -> str:
    """Word an unknown fact, or whether a list has a member: ``fact`` or ``fact[member]``."""
    fact, _, member = name.removesuffix("]").partition("[")
    return member_words(fact, member, model) if member else model.label("fact", fact)


def bar_words(bar: Bar, model: GuidelineModel) -> str:
    if bar.certain is None or bar.certain == bar.patients:
        return bar.label
    return model.say("partly_certain", bar.label, str(bar.certain))


def share(count: int, total: int) -> str:
    return f"{100 * count / total:.0f}%" if total else ""


STYLE = (
    ":root { color-scheme: light dark; } body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 1rem auto; "
    "padding: 0 1rem; } table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 400; "
    "width: 45%; } td, th { padding: 0.15rem 0.4rem; vertical-align: top; } .times { text-align: right; width: 8rem; } "
    "meter { width: 100%; }"
)


def render_summary_page(summary: Mapping[str, object], info: GuidelineInfo, model: GuidelineModel) -> str:
    """Render a summary as an HTML page that loads nothing and runs nothing."""
    answered = max(1, count_of(summary, "answered"))
    hashed = b64encode(sha256(STYLE.encode()).digest()).decode()
    title = escape(title_of(info, model))
    paragraphs = "".join(f"<p>{escape(words)}</p>\n" for words in (*totals(summary, model), info.digest))
    sections = "".join(section(chart, answered, model) for chart in charts(summary, model))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hashed}'\">\n"
        f"<title>{title}</title><style>{STYLE}</style></head><body>\n<main><h1>{title}</h1>\n"
        f"{paragraphs}<p><strong>{escape(info.disclaimer)}</strong></p>\n"
        f"{sections}</main></body></html>\n"
    )


def section(chart: Chart, answered: int, model: GuidelineModel) -> str:
    rows = "".join(row(bar, answered, model) for bar in chart.bars)
    return f"<h2>{escape(chart.heading.capitalize())}</h2>\n<table>{rows}</table>\n"


def row(bar: Bar, answered: int, model: GuidelineModel) -> str:
    label = escape(bar_words(bar, model))
    part, percent = bar.patients / answered, share(bar.patients, answered)
    return (
        f'<tr><th scope="row">{label}</th><td class="times">{bar.patients} <small>{percent}</small></td>'
        f'<td><meter value="{part:.4f}" aria-label="{label}">{part:.0%}</meter></td></tr>\n'
    )


def render_explanation(found: Explanation, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render an explanation as text of at most `width` columns, with the texts of what the rules rest on."""
    say = model.say
    words = {name: annotation.text for name, annotation in model.annotations.items()}
    words |= {name: trial.label for name, trial in model.trials.items()}
    page = TextLayout(width, colour)
    page.item("", say("explanation_title", found.id, str(found.patients)), "heading", indent=0)
    page.guideline(found.guideline, model)
    for kind, heading in GROUNDS.items():
        names: tuple[str, ...] = getattr(found, kind)
        if names:
            page.heading(say(heading))
        if kind == "rules":
            page.item("", say("comma").join(names))
        else:
            for name in names:
                page.item("", say("definition", name, words[name]))
    return page.closing(found.guideline)


def render_comparison(found: Comparison, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render a comparison as text of at most `width` columns: the most frequent changes, and how many more there are."""
    say = model.say
    page = TextLayout(width, colour)
    page.item("", say("heading_cohort_diff", guideline_name(found.old), guideline_name(found.new)), "heading", indent=0)
    changed = str(found.changed)
    page.item("", say("cohort_changed", str(found.compared), changed, str(found.only_old), str(found.only_new)), indent=0)
    for change in found.changes[:MOST_CHANGES]:
        page.blank()
        page.item(f"{change.times:>9}  ", say("cohort_example", change.example), indent=11)
        for aspect in change.before:
            before, after = (listed(side[aspect], model) for side in (change.before, change.after))
            page.item("           ", say("cohort_change", say(ASPECTS[aspect]), before, after), indent=13)
        if change.rules_before:
            page.item("           ", say("rules_old", say("comma").join(change.rules_before)), "faint", indent=13)
        if change.rules_after:
            page.item("           ", say("rules_new", say("comma").join(change.rules_after)), "faint", indent=13)
    if more := found.changes[MOST_CHANGES:]:
        page.blank()
        page.item("", say("cohort_more", str(sum(change.times for change in more)), str(len(more))), indent=0)
    return page.closing(found.new)


def guideline_name(info: GuidelineInfo) -> str:
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
