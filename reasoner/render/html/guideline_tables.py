"""The tables of a guideline's page: doses, evidence, cases, and the glossary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from reasoner.compiler.dosage import DOSAGE_PREDICATES, arguments_of, dose_of
from reasoner.compiler.model import Dose, Fact, GuidelineModel
from reasoner.engine.dose_phrases import said_words
from reasoner.engine.predicates import predicate_of
from reasoner.render.html.document import items
from reasoner.render.rule_words import rule_words
from reasoner.verification.case_runs import CaseResult
from reasoner.verification.review import Review

__all__ = ["cases", "doses", "evidence", "glossary"]

TERMS = ("drug", "class", "regimen", "setting", "ground", "strength", "action", "caution", "score", "decision")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table whose cells are HTML; the first of each row names it, and nothing is written where there is none."""
    written = "".join(row(headings, own) for own in rows)
    heads = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{written}</tbody></table>\n" if written else ""


def row(headings: Sequence[str], cells: Sequence[str]) -> str:
    """Write a row; each cell carries its heading, for where there is no room for columns."""
    first, *others = cells
    rest = "".join(
        f'<td data-heading="{escape(heading)}">{cell}</td>' for heading, cell in zip(headings[1:], others, strict=True)
    )
    return f'<tr><th scope="row">{first}</th>{rest}</tr>\n'


def doses(model: GuidelineModel) -> str:
    """Write all doses and their limits, those first that are the same for every patient."""
    say = model.say
    headings = (say("document_dose_of"), say("document_schedule"), say("document_dose"), say("document_statement"))
    return table(headings, dose_rows(model))


def dose_rows(model: GuidelineModel) -> Iterator[tuple[str, str, str, str]]:
    for dose in model.doses:
        yield dose_row(dose, "", model)
    for rule in model.rules:
        if (predicate := predicate_of(rule.head)) in DOSAGE_PREDICATES and rule.annotation is not None:
            arguments = arguments_of(rule.head)
            if all(not own[:1].isupper() for own in arguments):
                conditions = model.say("and").join(rule_words(rule, model)[1])
                yield dose_row(dose_of(predicate, arguments, rule.annotation, 0), conditions, model)


def dose_row(dose: Dose, conditions: str, model: GuidelineModel) -> tuple[str, str, str, str]:
    label = model.label("drug" if dose.target in model.drugs else "regimen", dose.target)
    words = said_words(dose, model)
    route = model.routes.get(dose.target, "") if dose.kind == "dose" else ""
    told = " ".join(part for part in (words, route) if part)
    text = model.say("dose_if", told, conditions) if conditions else told
    schedule = model.say("comma").join((model.label("schedule", dose.schedule), model.label("step", dose.step)))
    return escape(label), escape(schedule), escape(text), escape(dose.statement)


def evidence(model: GuidelineModel) -> str:
    """Write each trial with what was published of it, where the text says something else, and what it does not have."""
    say = model.say
    parts = []
    for name, trial in model.trials.items():
        resting = [own.id for own in model.annotations.values() if name in own.trials]
        headings = (say("document_measure"), say("document_value"), say("document_population"), say("document_seen"))
        figures = (
            (escape(model.label("measure", measure)), escape(value), escape(population), f"<time>{escape(date)}</time>")
            for measure, value, population, date in trial.published
        )
        about = say("comma").join(filter(None, (trial.registry, *resting)))
        parts.append(
            f"<h3>{escape(trial.label)} <small>{escape(about)}</small></h3>\n"
            f"{items(trial.publications)}{table(headings, figures)}"
        )
    caveats = (
        (escape(statement), escape(text), f"<time>{escape(date)}</time>") for statement, date, text in model.discrepancies
    )
    later = ((escape(statement), escape(study), escape(words)) for statement, study, words in model.later)
    differing = (say("document_statement"), say("document_caveat"), say("document_seen"))
    besides = (say("document_statement"), say("document_trial"), say("document_published"))
    for heading, written in (
        (say("document_caveats"), table(differing, caveats)),
        (say("document_later"), table(besides, later)),
    ):
        parts.append(f"<h3>{escape(heading)}</h3>\n{written}" if written else "")
    return "".join(parts)


def cases(review: Review, model: GuidelineModel) -> str:
    """Write each case with its result and the statements and readings that it exercises."""
    say = model.say
    exercised: dict[str, list[str]] = {}
    for entry in review.coverage.statements or ():
        for name in dict.fromkeys(name for rule in entry.rules for name in rule.cases):
            exercised.setdefault(name, []).append(entry.id)
    rows = (
        (
            f'<span id="case-{escape(result.case.name)}">{escape(result.title)}</span>',
            result_words(result, model),
            escape(say("comma").join(exercised.get(result.case.name, ()))),
        )
        for result in review.cases.cases
    )
    return table((say("document_case"), say("document_result"), say("document_exercises")), rows)


def result_words(result: CaseResult, model: GuidelineModel) -> str:
    """Say whether a case is as expected, or what of it is not."""
    if not result.differences:
        return f'<span class="settled">✓ {escape(model.say("document_passed"))}</span>'
    keys = model.say("comma").join(own.key for own in result.differences)
    return f'<span class="refused">✗ {escape(model.say("document_failed", keys))}</span>'


def glossary(model: GuidelineModel) -> str:
    """Write the facts that a record can hold, and the names of an answer, with their words."""
    say = model.say
    facts = ((escape(own.label), escape(model.question(own)), fact_values(own, model)) for own in model.facts)
    courses = (
        (escape(say("document_of_courses", model.label("course_fact", name))), "", escape(own.kind))
        for name, own in model.course_facts.items()
    )
    headings = (say("document_term"), say("document_asked"), say("document_values"))
    parts = [f"<h3>{escape(say('document_facts'))}</h3>\n{table(headings, (*facts, *courses))}"]
    terms = [
        (escape(words), escape(kind), escape(name)) for kind in TERMS for name, words in model.labels.get(kind, {}).items()
    ]
    headings = (say("document_term"), say("document_kind"), say("document_name"))
    parts.append(f"<h3>{escape(say('document_names'))}</h3>\n{table(headings, terms)}")
    return "".join(parts)


def fact_values(fact: Fact, model: GuidelineModel) -> str:
    """Word the values that a fact can have."""
    comma = model.say("comma")
    if fact.kind == "number":
        thresholds = model.say("document_thresholds", comma.join(map(str, fact.thresholds))) if fact.thresholds else ""
        return escape(comma.join(filter(None, (model.range_words(fact.name), thresholds))))
    if fact.of_drugs:
        return escape(model.say("document_drugs"))
    return escape(comma.join(model.label("value", value) for value in fact.values))
