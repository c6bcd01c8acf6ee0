"""All words that texts and notes show stand in asp/core/wording.lp, so that another language is a file."""

from __future__ import annotations

import ast
import html
import re
import shutil
from collections.abc import Iterator

import pytest
from conftest import ROOT
from msgspec.structs import replace

from graphs.build import answer_graph, pathway_graph
from graphs.tree import to_tree
from graphs.viewer.document import to_html
from reasoner import Guideline
from reasoner.cohort.compare import Change, Comparison
from reasoner.cohort.explain import Explanation
from reasoner.cohort.summary import Summary
from reasoner.engine.caveats import atoms_of
from reasoner.engine.evaluator import Evaluator
from reasoner.guideline import default_folder, shared_folder
from reasoner.queries.ask import ask, decision_tree
from reasoner.queries.pathway import pathway
from reasoner.queries.what_if import what_if
from reasoner.queries.why import why
from reasoner.queries.why_not import why_not
from reasoner.render import answer as answer_text
from reasoner.render import ask as ask_text
from reasoner.render import cohort as cohort_text
from reasoner.render import coverage as coverage_text
from reasoner.render import derivation as derivation_text
from reasoner.render import findings as findings_text
from reasoner.render import pathway as pathway_text
from reasoner.render import what_if as what_if_text
from reasoner.render import why as why_text
from reasoner.render import why_not as why_not_text
from reasoner.render.html import findings as findings_page
from reasoner.render.html.cohort import render_summary_page
from reasoner.verification.definitions import Definition
from reasoner.verification.findings import Finding, Side
from reasoner.verification.reports import CohortSize, FindingsReport, RuleCoverage, StatementCoverage
from reasoner.verification.witness import departures

DECLARED = (ROOT / "asp/core/wording.lp").read_text("utf-8")
PAGE = ROOT / "reasoner/serve/page"
PAGES = (PAGE, ROOT / "graphs/viewer")
PLACES = re.compile(r"\{(\d+)\}")
OVERLAY = shared_folder() / "overlays" / "formulary_without_tdxd.lp"


def tables(tree: ast.Module) -> dict[str, list[str]]:
    """Find the dictionaries of texts that a module has, each with its values, and the names that run over these."""
    found = {
        node.targets[0].id: [value.value for value in node.value.values]
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Dict)
        and all(isinstance(value, ast.Constant) for value in node.value.values)
    }
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
    for loop in loops:
        name, _, method = ast.unparse(loop.iter).partition(".")
        if name in found and method == "items()" and isinstance(loop.target, ast.Tuple):
            found[ast.unparse(loop.target.elts[1])] = found[name]
    return found


def keys_of(node: ast.expr, known: dict[str, list[str]]) -> list[str]:
    """List the keys that an argument can be."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return keys_of(node.body, known) + keys_of(node.orelse, known)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return known[node.value.id]
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    raise AssertionError(f"line {node.lineno}: the key is neither a literal nor from a dictionary of the module")


def said() -> Iterator[tuple[str, str, int]]:
    """Yield each key that Python says, with the place and the number of words."""
    for path in sorted(path for folder in ("reasoner", "graphs") for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        known = tables(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and "say" in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
                assert not any(isinstance(word, ast.Starred) for word in node.args), f"{path}:{node.lineno}"
                for key in keys_of(node.args[0], known):
                    yield key, f"{path.name}:{node.lineno}", len(node.args) - 1


def said_by_pages() -> Iterator[tuple[str, str, int]]:
    """Yield each key that the templates and scripts of pages say, with the place and the number of words."""
    for folder in PAGES:
        for template in folder.glob("*.html"):
            for key in re.findall(r"\$(\w+_\w+)", template.read_text("utf-8")):
                yield key, template.name, 0
        for path in sorted(folder.glob("*.js")):
            text = re.sub(r",(\s*[)\]}])", r"\1", path.read_text("utf-8"))
            for call in re.finditer(r'\bsay\(\s*"(\w+)"', text):
                yield call[1], path.name, words_given(text[call.end() :])


def words_given(call: str) -> int:
    """Count the arguments after the first of a call in JavaScript; `call` begins behind that one."""
    depth, count, quote = 0, 0, ""
    for letter in call:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            if not depth:
                break
            depth -= 1
        count += letter == "," and not depth and not quote
    return count


def test_exactly_the_declared_keys_are_said_each_with_its_number_of_words(curated: Guideline) -> None:
    wording = curated.model.wording
    declared = re.findall(r"^wording\((\w+), ", DECLARED, re.MULTILINE)
    assert len(declared) == len(set(declared))
    assert set(declared) == set(wording)
    used = [*said(), *said_by_pages()]
    assert {key for key, _, _ in used} == set(wording)
    for key, place, count in used:
        assert {int(n) for n in PLACES.findall(wording[key])} == set(range(1, count + 1)), (place, key)


def test_the_page_has_no_words_of_its_own() -> None:
    shown = r"\b(?:textContent|ariaLabel|title|placeholder|label): ?(?:\"[^\"]*[A-Za-z]|`[^`$]*[a-z]{2})"
    assert [found[0] for path in PAGE.glob("*.js") for found in re.finditer(shown, path.read_text("utf-8"))] == []
    bare = re.sub(r"\$\w+|<(?:script|style)[^>]*>|<!?[^>]*>", " ", (PAGE / "index.html").read_text("utf-8"))
    assert bare.split() == []


def test_what_stands_in_the_words_is_not_filled_in(curated: Guideline) -> None:
    assert curated.model.say("value", "{2} {3}", "{1}") == "{2} {3}: {1}"
    assert curated.model.say("without", r"\1") == r"no \1"


def foreign(text: str) -> str:
    """Write a text in letters that no English word has."""
    letters = {ord(c): ord(c) + 0xFEE0 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
    return text.translate(letters)


@pytest.fixture(scope="module")
def translated(own_cache: None, tmp_path_factory: pytest.TempPathFactory) -> Guideline:
    """The guideline with the words of another language, from a file, under an overlay; so are its terms and sentences."""
    folder = tmp_path_factory.mktemp("translated") / "her2_mbc"
    shutil.copytree(default_folder(), folder)
    with (folder / "guideline.lp").open("a", encoding="utf-8") as master:
        master.write('#include "words.lp".\n')
    words = re.sub(r'(?<=, )".*"(?=\)\.)', lambda text: foreign(text[0]), DECLARED)
    (folder / "words.lp").write_text("".join(re.findall(r"^wording.*\n", words, re.MULTILINE)), "utf-8")
    guideline = Guideline.load(folder, overlays=OVERLAY)
    known = guideline.model
    assert known.wording == {key: foreign(text) for key, text in Guideline.load().model.wording.items()}
    labels = {kind: {name: foreign(label) for name, label in terms.items()} for kind, terms in known.labels.items()}
    labels["action_name"] = {name: foreign(name) for name in known.actions}
    labels["finding_class"] = {name: foreign(name) for name in findings_text.known_classes()}
    labels["measure"] = {m: foreign(m) for trial in known.trials.values() for m, _, _, _ in trial.published}
    guideline.model = replace(
        known,
        labels=labels,
        facts=tuple(replace(f, label=foreign(f.label), question=foreign(f.question)) for f in known.facts),
        annotations={
            name: replace(annotation, text=foreign(annotation.text)) for name, annotation in known.annotations.items()
        },
        routes={drug: foreign(route) for drug, route in known.routes.items()},
        step_routes={step: foreign(route) for step, route in known.step_routes.items()},
        discrepancies=tuple((s, date, foreign(text)) for s, date, text in known.discrepancies),
        later=tuple((s, foreign(study), foreign(text)) for s, study, text in known.later),
        not_considered=tuple(map(foreign, known.not_considered)),
        remarks={name: tuple(map(foreign, own)) for name, own in known.remarks.items()},
        action_texts={key: foreign(text) for key, text in known.action_texts.items()},
        trials={
            name: replace(
                trial,
                label=foreign(trial.label),
                registry=foreign(trial.registry),
                publications=tuple(map(foreign, trial.publications)),
                published=tuple((m, foreign(value), foreign(cut), date) for m, value, cut, date in trial.published),
            )
            for name, trial in known.trials.items()
        },
    )
    guideline.info = replace(guideline.info, title=foreign(known.title), disclaimer=foreign(known.disclaimer))
    for courses in range(6):
        program = guideline.program(courses)
        phrases = tuple(map(foreign, program.phrases))
        guideline._evaluators[courses, False] = Evaluator(replace(program, phrases=phrases))
    return guideline


def names_in(guideline: Guideline, patient: str) -> set[str]:
    """Give what every language shows as it is: ids, places, units and the mark for what stands in the way."""
    known = guideline.model
    enrolled = (rest for _, _, rest in atoms_of(guideline.program(1), "outside"))
    return {
        *re.findall(r"[A-Za-z][\w./:-]*\w|[A-Za-z]", " ".join(enrolled)),
        patient,
        guideline.info.id,
        *(guideline.info.digest[:length] for length in (15, 19, None)),
        "mg",
        "mg/kg",
        "x",
        *(part for name in known.annotations for part in name.split("=")),
        *(part for rule in known.rules for name in (rule.id, rule.place) for part in name.split("=")),
    }


def visible(page: str) -> Iterator[str]:
    """Yield what a page shows and what it reads out, without its scripts and styles."""
    body = re.sub(r"<(script|style).*?</\1>", "", page.partition("<title>")[2], flags=re.DOTALL)
    yield html.unescape(re.sub(r"<[^>]*>", " ", body))
    yield from map(html.unescape, re.findall(r'(?:aria-label|placeholder|alt)="([^"]*)"', body))


def texts(guideline: Guideline, record: dict[str, object]) -> Iterator[str]:
    known, answer = guideline.model, guideline.answer(record)
    yield answer_text.render(answer, 10_000)
    yield "\n".join(answer.notes)
    for name in (*known.regimens, *known.actions, *known.settings):
        yield derivation_text.render_full(why(answer, name), 10_000, depth=9)
        yield derivation_text.render_full(why(answer, name), 10_000, depth=1)
        yield why_text.render(why(answer, name), 10_000)
    for name in known.regimens:
        yield why_not_text.render(why_not(guideline, guideline.record(record), name), 10_000)
    for edit in ("her2=", "hr=positive", "weight_kg=70", "heart_failure=true", "metastatic_therapy=[]", "adjuvant_drugs=[]"):
        yield what_if_text.render(what_if(guideline, record, [edit]), 10_000)
    yield what_if_text.render(what_if(guideline, record, ["metastatic_therapy+=lapatinib+capecitabine:ongoing"]), 10_000)
    yield ask_text.render(ask(guideline, record), 10_000)
    yield ask_text.render_tree(decision_tree(guideline, record), 10_000)
    yield to_tree(answer_graph(answer), 10_000)
    yield from visible(to_html(answer_graph(answer)))
    found = pathway(guideline, record, lines=1)
    yield from visible(to_html(pathway_graph(found)))
    yield pathway_text.render(found, 10_000)
    yield "\n".join(node.label for node in found.nodes)


def made_up_findings(guideline: Guideline, record: dict[str, object]) -> FindingsReport:
    """A report with a finding of each severity, between them with all that a finding can have."""
    known = guideline.model
    first, second, *_ = known.annotations
    text, place = foreign("message"), known.rules[0].place
    sides = tuple(Side(name, foreign("derives"), (), (place,)) for name in (first, second))
    plain = Finding(id="gap-1", kind="gap", severity="info", message=text, places=(place,), repair=text, cause="a")
    whole = replace(
        plain,
        kind="dead_end",
        severity="error",
        witness=record,
        sides=sides,
        shared=(text,),
        resolved_by=(first,),
        cause="b",
        affected=2,
    ).carrying(departures=departures({**record, "her2": None}, {}, known))
    found = (plain, whole, replace(plain, severity="warning", accepted=text))
    return FindingsReport(
        guideline=guideline.info,
        courses=3,
        findings=found,
        undecided=("gap",),
        gone=("gap-2",),
        cohort=CohortSize(9, 1, 2, 1),
        readings={first: text},
    ).carrying(title=known.say("heading_check", guideline.info.id))


def made_up_coverage(guideline: Guideline) -> FindingsReport:
    """A report of coverage in which a statement is in each state that there is."""
    known = guideline.model
    place, cases = known.rules[0].place, tuple(guideline.cases())
    rules = tuple(RuleCoverage(rule.id, rule.place, cases[:n]) for rule, n in zip(known.rules, (0, 1, 9), strict=False))
    statements = tuple(
        StatementCoverage(name, "statement", place, foreign("text"), rules, data, foreign("why"), foreign("line"), state)
        for name, data, state in zip(
            known.annotations, (0, 1, 2, 0), ("same", "changed", "absent", "now line 7"), strict=False
        )
    )
    return replace(made_up_findings(guideline, {"id": "a"}), statements=statements)


def made_up_cohort(guideline: Guideline) -> Iterator[str]:
    """The texts about a cohort: its summary, also as a page; an explanation; two runs compared."""
    known, info = guideline.model, guideline.info
    regimen, action, setting = known.regimens[0], known.actions[0], known.settings[0]
    rules = tuple(rule.id for rule in known.rules[:3])
    summary = Summary(
        guideline=info, distinct_explanations=3, repeated_ids=1, without_courses=2, answered=9, rejects=1,
        without_courses_means="unknown", settings={setting: 4, "undetermined": 3, "not_addressed": 2},
        missing={
            "hr": 2, "adjuvant_drugs[pertuzumab]": 1, "metastatic_therapy": 1, "metastatic_therapy[0].outcome": 1,
            "metastatic_therapy[1].taxane_cycles": 1,
        },
        assumed={"breast_cancer": 1, "unavailable_drugs": 2, "metastatic_therapy[].chemotherapy_stopped": 1},
        depends_on_readings={"R9": 1}, alternatives={"R9=b": 1},
        recommended={f"{regimen} first": 2, f"{regimen} certain": 2, f"{regimen} conditional": 1},
        excluded={f"{regimen} certain": 1}, actions={f"{action} conditional": 1},
        findings={"nothing_recommended": 1, "incomplete": 2, "recommended_and_excluded": 1},
    )  # fmt: skip
    for means in ("unknown", "untreated"):
        yield cohort_text.render_summary(replace(summary, without_courses_means=means), known, 10_000)
    yield from visible(render_summary_page(summary, known))
    names = [tuple(annotation.id for annotation in known.annotations.values() if annotation.kind == kind)[:2]
             for kind in ("statement", "reading", "overlay")]  # fmt: skip
    explanation = Explanation(info, rules[0], 2, rules, *names, tuple(known.trials)[:2])
    yield cohort_text.render_explanation(explanation, known, 10_000)
    conditional = {"certainty": "conditional"}
    before = {
        "setting": setting, "recommended": [{"regimen": regimen, "rank": 1, **conditional}], "excluded": [],
        "actions": [{"action": action, **conditional}],
        "doses": [{**{name: str(getattr(known.doses[0], name)) for name in ("schedule", "step", "kind", "amount", "unit")},
                   "drug": known.doses[0].target, "interval": "weeks(3)", **conditional}],
    }  # fmt: skip
    after = {**before, "setting": "undetermined", "recommended": []}
    changes = tuple(Change(2, before, after, rules, rules[:1], rules[0]) for _ in range(30))
    yield cohort_text.render_comparison(Comparison(info, info, 9, 1, 1, 60, changes), known, 10_000)


def test_reports_and_cohorts_have_no_english_word_of_their_own(
    translated: Guideline, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, record = translated.model, translated.cases()["lung_disease_not_recorded"].record
    classes = {name: Definition(*map(foreign, d)) for name, d in findings_text.known_classes().items()}
    monkeypatch.setattr(findings_text, "known_classes", lambda: classes)
    monkeypatch.setattr(findings_page, "known_classes", lambda: classes)
    report = made_up_findings(translated, record)
    empty = replace(report, findings=(), undecided=(), gone=())
    shown = [
        *(
            findings_text.render(found, known, 10_000)
            for found in (report, empty, replace(empty, equivalent=True, courses=0))
        ),
        findings_text.render_definition(classes["gap"], known, 10_000),
        coverage_text.render(made_up_coverage(translated), known, 10_000),
        *made_up_cohort(translated),
        *(
            text
            for found in (report, empty, replace(empty, courses=0))
            for text in visible(
                re.sub("<pre>.*?</pre>", "", findings_page.render_findings_page(found, known), flags=re.DOTALL)
            )
        ),
    ]
    kept = names_in(translated, str(record["id"])) | {"gap", "gap-1", "gap-2", *known.trials, *translated.cases()}
    for text in shown:
        assert set(re.findall(r"[A-Za-z][\w./:-]*\w|[A-Za-z]", text, re.ASCII)) - kept == set()


@pytest.mark.parametrize(
    "case", ["lung_disease_not_recorded", "silent_after_endocrine_and_trastuzumab", "dead_end_conjugates_exhausted"]
)
def test_in_another_language_no_english_word_is_left(case: str, translated: Guideline) -> None:
    record = translated.cases()[case].record
    names = names_in(translated, str(record["id"]))
    for text in texts(translated, record):
        assert set(re.findall(r"[A-Za-z][\w./:-]*\w|[A-Za-z]", text, re.ASCII)) - names == set()
