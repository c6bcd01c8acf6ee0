"""From a guideline's catalogue to its model: what records may hold, what answers may name, what rules rest on."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import clingo

from reasoner.compiler.dosage import DOSAGE_PREDICATES, dose_of, dose_units
from reasoner.compiler.model import CourseFact, Dose, Fact, GuidelineModel, Trial, Variable
from reasoner.compiler.parser import ParsedGuideline
from reasoner.compiler.thresholds import COURSE_CUT, CUT, cuts_of, ranges_of
from reasoner.compiler.variables import DEFAULT_ALTERNATIVE, fact_variables
from reasoner.errors import GuidelineError

__all__ = ["build_model", "declared_variables", "symbol_text", "tables_of"]

Labels = dict[str, dict[str, str]]


@lru_cache(maxsize=2**14)
def symbol_text(symbol: clingo.Symbol) -> str:
    """Give a text as it is, any other symbol as clingo writes it."""
    return symbol.string if symbol.type == clingo.SymbolType.String else str(symbol)


class Tables:
    """The facts of the catalogue as texts, by predicate."""

    def __init__(self, parsed: ParsedGuideline) -> None:
        self.texts = {name: [tuple(map(symbol_text, row)) for row in rows] for name, rows in parsed.catalogue.items()}
        self.labels: Labels = {}
        for kind, name, label in self.rows("term"):
            self.labels.setdefault(kind, {})[name] = label

    def rows(self, name: str) -> list[tuple[str, ...]]:
        return self.texts.get(name, [])

    def names(self, name: str) -> tuple[str, ...]:
        """List the first arguments of a predicate's facts."""
        return tuple(row[0] for row in self.rows(name))

    def pairs(self, name: str) -> dict[str, str]:
        """Map the first argument of a predicate's facts to the second; of several the last counts."""
        return {row[0]: row[1] for row in self.rows(name)}

    def grouped(self, *names: str) -> dict[str, tuple[str, ...]]:
        """Map the first argument of the facts of predicates to all second ones."""
        found: dict[str, list[str]] = {}
        for name in names:
            for row in self.rows(name):
                found.setdefault(row[0], []).append(row[1])
        return {first: tuple(others) for first, others in found.items()}

    def numbered(self, name: str) -> list[tuple[str, ...]]:
        """Give the facts of a predicate whose first argument is their number, in that order."""
        return sorted(self.rows(name), key=lambda row: int(row[0]))

    def outcomes(self, kind: str) -> tuple[str, ...]:
        """List the outcomes of a kind."""
        return tuple(outcome for outcome, own in self.pairs("outcome_kind").items() if own == kind)


@lru_cache(maxsize=1)
def tables_of(parsed: ParsedGuideline) -> Tables:
    """Give the facts of a guideline's catalogue as texts, which all its parts are made from."""
    return Tables(parsed)


def build_model(parsed: ParsedGuideline, recursive: str | None) -> GuidelineModel:
    """Gather a guideline's data from what was read; `recursive` says where it depends on itself.

    Raises GuidelineError where the guideline lacks its id, title or disclaimer.
    """
    tables = tables_of(parsed)
    about, labels = about_of(tables), tables.labels
    fits, parts = tables.grouped("fits"), tables.grouped("part")
    return GuidelineModel(
        id=about["id"],
        title=about["title"],
        disclaimer=about["disclaimer"],
        facts=facts_of(tables),
        course_facts=course_facts_of(tables),
        ranges=ranges_of(tables.rows),
        alternatives=alternatives_of(tables, parsed),
        drugs=tuple(labels.get("drug", {})),
        outcomes=tuple(labels.get("outcome", {})),
        under_way=tables.outcomes("under_way"),
        as_planned=tables.outcomes("as_planned"),
        regimens=tuple(labels.get("regimen", {})),
        actions=tuple(labels.get("action", {})),
        settings=tuple(labels.get("setting", {})),
        strengths=tuple(strength for _, strength in tables.numbered("strength_order")),
        certainties=tuple(level for _, level in tables.numbered("certainty_order")),
        decisions=tuple(labels.get("decision", {})),
        setting_of=tables.pairs("setting_of"),
        option_of=tables.pairs("option_of"),
        labels=labels,
        parts={regimen: tuple(fits[part] for part in parts.get(regimen, ())) for regimen in labels.get("regimen", {})},
        doses=doses_of(parsed),
        dosage_order=parsed.dosage_order,
        units=dose_units(parsed.catalogue),
        routes=tables.pairs("route"),
        step_routes={(target, schedule, step): route for target, schedule, step, route in tables.rows("dose_route")},
        weight=next(iter(tables.names("weight")), ""),
        body_surface=next(iter(tables.names("body_surface")), ""),
        wording=tables.pairs("wording"),
        trials=trials_of(tables),
        discrepancies=tuple((statement.upper(), date, words) for statement, date, words in tables.rows("discrepancy")),
        later=later_of(tables),
        not_considered=tables.names("not_considered"),
        remarks=tables.grouped("remark"),
        titrated=tables.pairs("titrated"),
        urgent=tables.names("urgent"),
        action_texts=action_texts_of(tables),
        by_design=tables.names("by_design"),
        typical=tables.pairs("typical"),
        annotations=parsed.annotations,
        overlays=tuple(name for name, annotation in parsed.annotations.items() if annotation.kind == "overlay"),
        rules=parsed.rules,
        roles={name: predicate.role for name, predicate in parsed.predicates.items()},
        kinds={name: predicate.kinds for name, predicate in parsed.predicates.items()},
        phrases={name: predicate.phrase for name, predicate in parsed.predicates.items()},
        data=dict(Counter(parsed.supports.values())),
        recursive=recursive,
        longest_history=next((int(courses) for courses in tables.names("longest_history")), None),
    )


def declared_variables(parsed: ParsedGuideline, courses: int, fewer: bool) -> tuple[Variable, ...]:
    """List what a completion decides of records with `courses` courses; with `fewer`, also of those with fewer."""
    tables = tables_of(parsed)
    under_way = tables.outcomes("under_way")
    endings = tuple(outcome for outcome in tables.labels.get("outcome", {}) if outcome not in under_way)
    return fact_variables(
        facts_of(tables),
        course_facts_of(tables),
        (endings, under_way),
        alternatives_of(tables, parsed),
        courses,
        fewer,
    )


def alternatives_of(tables: Tables, parsed: ParsedGuideline) -> dict[str, tuple[str, ...]]:
    """Map each reading that has alternatives to their names, the default first."""
    names = {name.lower(): name for name, annotation in parsed.annotations.items() if annotation.kind == "reading"}
    declared = {reading: others for reading, others in tables.grouped("alternative").items() if reading in names}
    return {names[reading]: (DEFAULT_ALTERNATIVE, *declared[reading]) for reading in names if reading in declared}


def facts_of(tables: Tables) -> tuple[Fact, ...]:
    labels, members, cuts = tables.labels, tables.pairs("members"), cuts_of(tables.rows(CUT))
    values: dict[str, list[str]] = {}
    for fact, _, value in sorted(tables.rows("value"), key=lambda row: (int(row[1]), row[2])):
        values.setdefault(fact, []).append(value)
    open_members, questions, defaults = tables.grouped("open_member"), tables.pairs("question"), tables.pairs("default")
    immutable, ever = tables.names("immutable"), tables.names("ever")
    return tuple(
        Fact(
            name=name,
            kind=kind,
            label=labels.get("fact", {}).get(name, name.replace("_", " ")),
            question=questions.get(name, ""),
            values=tuple(labels.get(members.get(name, ""), ())) or tuple(values.get(name, ())),
            of_drugs=members.get(name) == "drug",
            open_members=open_members.get(name, ()),
            cuts=cuts.get(name, ()),
            default=defaults.get(name),
            immutable=name in immutable,
            ever=name in ever,
        )
        for _, name, kind in tables.numbered("fact")
    )


def course_facts_of(tables: Tables) -> dict[str, CourseFact]:
    classes: dict[str, list[str]] = {}
    for drug, class_name in tables.rows("class_of"):
        classes.setdefault(class_name, []).append(drug)
    needs: dict[str, list[str]] = {}
    for fact, part in tables.rows("course_fact_needs"):
        needs.setdefault(fact, []).extend(classes.get(part, [part]))
    cuts = cuts_of(tables.rows(COURSE_CUT))
    return {
        name: CourseFact(name, kind, cuts.get(name, ()), tuple(needs.get(name, ())))
        for _, name, kind in tables.numbered("course_fact")
    }


def doses_of(parsed: ParsedGuideline) -> tuple[Dose, ...]:
    """Read the doses that are the same for every patient, in the order in which they are written."""
    found = []
    for predicate in DOSAGE_PREDICATES:
        for row in parsed.catalogue.get(predicate, ()):
            text = str(clingo.Function(predicate, row))
            order = parsed.dosage_order.get(text, len(parsed.dosage_order))
            found.append(dose_of(predicate, list(map(str, row)), parsed.supports.get(text, ""), order))
    return tuple(sorted(found, key=lambda dose: dose.order))


def about_of(tables: Tables) -> dict[str, str]:
    """Read what a guideline says of itself."""
    about = tables.pairs("guideline")
    for key in ("id", "title", "disclaimer"):
        if key not in about:
            raise GuidelineError(f'guideline.lp: the guideline does not say its {key}; write guideline({key}, "...").')
    return about


def later_of(tables: Tables) -> tuple[tuple[str, str, str], ...]:
    return tuple((statement.upper(), study, words) for statement, study, _, words in tables.rows("later"))


def action_texts_of(tables: Tables) -> dict[tuple[str, str], str]:
    return {(action, source.upper()): words for action, source, words in tables.rows("action_text")}


def trials_of(tables: Tables) -> dict[str, Trial]:
    return {
        trial: Trial(
            label,
            registry,
            tuple(" ".join(part for part in row[1:] if part) for row in tables.rows("publication") if row[0] == trial),
            tuple((row[1], row[2], row[3], row[4]) for row in tables.rows("published") if row[0] == trial),
        )
        for trial, label, registry in tables.rows("trial")
    }
