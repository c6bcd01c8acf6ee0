"""What a cohort's answers come to, one explanation, and two runs side by side, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from reasoner.compiler.dosage import dose_listed
from reasoner.compiler.model import GuidelineModel
from reasoner.engine.answer import GuidelineInfo, Missing
from reasoner.engine.counting import range_words
from reasoner.engine.dose_phrases import said_words
from reasoner.engine.missing_phrases import unknown_words
from reasoner.engine.phrases import course_fact_words, fact_words, guideline_words, layer_words, reading_words, setting_words
from reasoner.render.layout import TextLayout

if TYPE_CHECKING:
    from reasoner.cohort.compare import Comparison
    from reasoner.cohort.explain import Explanation
    from reasoner.cohort.summary import Summary

__all__ = [
    "Bar",
    "Chart",
    "bar_words",
    "charts",
    "render_comparison",
    "render_explanation",
    "render_summary",
    "share",
    "title_of",
    "totals",
]

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
    "doses": "aspect_doses",
    "scores": "aspect_scores",
}
WITHOUT_COURSES = {"unknown": "cohort_without_courses", "untreated": "cohort_untreated"}
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


def render_summary(summary: Summary, model: GuidelineModel, width: int = 80, colour: bool = False) -> str:
    """Render a summary as text of at most `width` columns."""
    page = TextLayout(width, colour)
    page.item("", title_of(summary, model), "heading", indent=0)
    for words in totals(summary, model):
        page.item("", words, indent=0)
    for chart in charts(summary, model):
        page.heading(chart.heading)
        for bar in chart.bars:
            page.item(f"{bar.patients:>9}  {share(bar.patients, summary.answered):>4}  ", bar_words(bar, model), indent=17)
    return page.closing(summary.guideline)


def title_of(summary: Summary, model: GuidelineModel) -> str:
    return model.say("cohort_title", guideline_words(summary.guideline, model))


def totals(summary: Summary, model: GuidelineModel) -> Iterator[str]:
    """Yield how many rows there are, and how many of them are unusual."""
    answered, rejects, distinct = map(str, (summary.answered, summary.rejects, summary.distinct_explanations))
    yield model.say("cohort_totals", answered, rejects, distinct)
    if summary.repeated_ids:
        yield model.say("cohort_repeated", str(summary.repeated_ids))
    if summary.without_courses is not UNSET:
        yield model.say(WITHOUT_COURSES[str(summary.without_courses_means)], str(summary.without_courses))


def charts(summary: Summary, model: GuidelineModel) -> Iterator[Chart]:
    """Yield a chart of each kind of thing that a summary counts, where it counts any."""
    say = model.say
    regimens = {name: model.label("regimen", name) for name in model.regimens}
    actions = {name: model.label("action_name", name) for name in model.actions}
    found = (
        *settings_charts(summary, model),
        (say("heading_first"), [Bar(words, summary.recommended.get(f"{r} first", 0)) for r, words in regimens.items()]),
        (say("heading_recommended"), graded(summary.recommended, regimens)),
        (say("heading_excluded"), graded(summary.excluded, regimens)),
        (say("heading_actions"), graded(summary.actions, actions)),
        (say("heading_missing"), [Bar(missing_words(name, model), n) for name, n in summary.missing.items()]),
        (say("heading_alternatives"), [Bar(name, n) for name, n in summary.depends_on_readings.items()]),
        (say("heading_assumed"), [Bar(default_words(name, model), n) for name, n in summary.assumed.items()]),
        (say("heading_findings"), [Bar(say(FINDINGS[name]), n) for name, n in summary.findings.items()]),
    )
    for heading, bars in found:
        if ordered := sorted((bar for bar in bars if bar.patients), key=lambda bar: (-bar.patients, bar.label)):
            yield Chart(heading, tuple(ordered))


def settings_charts(summary: Summary, model: GuidelineModel) -> Iterator[tuple[str, list[Bar]]]:
    """Yield the settings of each decision, with a heading."""
    if not model.decisions:
        yield model.say("heading_settings"), [Bar(setting_words(name, model), n) for name, n in summary.settings.items()]
    for decision in model.decisions:
        told = {
            name.removeprefix(f"{decision} "): n for name, n in summary.settings.items() if name.startswith(f"{decision} ")
        }
        heading = model.say("heading_settings_of", model.label("decision", decision))
        yield heading, [Bar(setting_words(name, model), n) for name, n in told.items()]


def graded(counts: Mapping[str, int], labels: Mapping[str, str]) -> list[Bar]:
    """List bars of what can be certain or conditional, for the names that have labels."""
    certain = {own: counts.get(f"{own} certain", 0) for own in labels}
    return [Bar(label, certain[own] + counts.get(f"{own} conditional", 0), certain[own]) for own, label in labels.items()]


def missing_words(name: str, model: GuidelineModel) -> str:
    """Word an unknown fact, a member of a list, ``fact[member]``, or what is unknown of a course, ``fact[0].key``."""
    fact, _, rest = name.partition("[")
    inside, _, key = rest.partition("]")
    if key:
        own = None if key == ".outcome" else key.removeprefix(".")
        return unknown_words(Missing(fact=fact, course=int(inside) + 1, key=own, decides=()), model)
    return unknown_words(Missing(fact=fact, member=inside or None, decides=()), model)


def default_words(name: str, model: GuidelineModel) -> str:
    """Word what stands by default for a fact, or for one of courses: ``fact[].key``."""
    fact, _, key = name.partition("[].")
    if key:
        return course_fact_words(key, False, model)
    return fact_words(fact, next(known.default_value for known in model.facts if known.name == fact), model)


def bar_words(bar: Bar, model: GuidelineModel) -> str:
    if bar.certain is None or bar.certain == bar.patients:
        return bar.label
    return model.say("partly_certain", bar.label, str(bar.certain))


def share(count: int, total: int) -> str:
    return f"{100 * count / total:.0f}%" if total else ""


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
    page.item("", say("heading_cohort_diff", run_words(found.old, model), run_words(found.new, model)), "heading", indent=0)
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


def run_words(info: GuidelineInfo, model: GuidelineModel) -> str:
    """Name the guideline of a run so that it can be told from another version of it."""
    own = model.say("run_of", info.id, layer_words(info.layer, model), info.digest[:15])
    return model.say("plus").join((own, *info.overlays, *reading_words(info.readings, model)))


def listed(value: object, model: GuidelineModel) -> str:
    """Word what an answer lists, or a setting."""
    if isinstance(value, str):
        return setting_words(value, model)
    return model.say("and").join(entries(value, model)) or model.say("none")


def entries(value: object, model: GuidelineModel) -> Iterator[str]:
    assert isinstance(value, list)
    for entry in value:
        if "score" in entry:
            yield model.say(
                "labelled", model.label("score", entry["score"]), range_words(entry["value"], entry["at_most"], model)
            )
            continue
        mark = "?" if entry["certainty"] == "conditional" else ""
        if "kind" in entry:
            dose = dose_listed(entry)
            target = model.label("drug" if dose.target in model.drugs else "regimen", dose.target)
            schedule, step = model.label("schedule", dose.schedule), model.label("step", dose.step)
            yield model.say("cohort_dose", target, schedule, step, said_words(dose, model)) + mark
            continue
        if "action" in entry:
            yield model.label("action_name", entry["action"]) + mark
        else:
            rank = f"{entry['rank']}. " if "rank" in entry else ""
            strength = f" - {model.label('strength', entry['strength'])}" if "strength" in entry else ""
            evidence = entry.get("evidence_certainty")
            told = f"{model.say('comma')}{model.label('evidence_certainty', evidence)}" if evidence else ""
            yield f"{rank}{model.label('regimen', entry['regimen'])}{strength}{told}{mark}"
