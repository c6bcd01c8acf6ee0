"""A guideline that cannot be used is refused with file and line, before anything is answered."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reasoner import Guideline, GuidelineError
from reasoner.guideline import default_folder, shared_folder
from reasoner.records.shapes import to_plain

STATEMENT = "%* @statement L99 [1] sha256:000000000000\nA statement.\n*%\n"

ALTERNATIVE = "%* @alternative R12={0}\nAnother way.\n@why As good a reason.\n*%\n"

WRONG = {
    "a name in quotes": (
        "readings.lp",
        STATEMENT + 'contraindicated(pertuzumab) :- has("heart_failure").',
        'has("heart_failure"): "heart_failure" is a text, not a boolean; write heart_failure, without quotes.',
    ),
    "a title that is said already": (
        "readings.lp",
        'guideline(title, "Another title").',
        'guideline(title,"Another title"): the title is said already at copy/guideline.lp:',
    ),
    "an alternative of a reading that does not exist": (
        "readings.lp",
        ALTERNATIVE.format("b").replace("R12", "R112"),
        "no reading R112 stands above its alternative b (did you mean",
    ),
    "a block within a rule": (
        "readings.lp",
        f"contraindicated(pertuzumab) :- has(heart_failure), {STATEMENT}has(metastatic).",
        "L99 stands within this rule; write its block above it.",
    ),
    "an alternative of a statement": (
        "readings.lp",
        ALTERNATIVE.format("b").replace("R12", "L17"),
        "no reading L17 stands above its alternative b",
    ),
    "an alternative named as the default": (
        "readings.lp",
        ALTERNATIVE.format("a"),
        "a is the default; its rules stand under @reading R12 and ask reading(r12, a)",
    ),
    "an alternative named as what leaves the choice open": (
        "readings.lp",
        ALTERNATIVE.format("any"),
        "any leaves the choice open; call the alternative otherwise, such as b",
    ),
    "an alternative that is not declared": (
        "readings.lp",
        ALTERNATIVE.format("b") + "contraindicated(pertuzumab) :- has(heart_failure), reading(r12, b).",
        "R12=b: write alternative(r12, b). under it",
    ),
    "an alternative that is declared and says nothing of itself": (
        "readings.lp",
        "alternative(r12, c).",
        "alternative(r12,c): no annotation says what it is; write @alternative R12=c",
    ),
    "an alternative without a reason": (
        "readings.lp",
        ALTERNATIVE.format("b").replace("@why As good a reason.\n", ""),
        "R12=b gives no reason; say in @why what makes it as defensible as the default",
    ),
    "an alternative that does not name itself": (
        "readings.lp",
        ALTERNATIVE.format("b").replace("R12=b", "R12"),
        "an alternative names its reading and itself, as in @alternative R5=b",
    ),
    "a reading named as an alternative is": (
        "readings.lp",
        "%* @reading R12=b\nAnother way.\n*%",
        "an alternative names its reading and itself, as in @alternative R5=b; nothing else does",
    ),
    "an alternative that stands twice": (
        "readings.lp",
        ALTERNATIVE.format("b") + "alternative(r12, b).\n" + ALTERNATIVE.format("b"),
        "alternative R12=b already stands at",
    ),
    "a rule under an alternative that holds without it": (
        "readings.lp",
        ALTERNATIVE.format("b") + "alternative(r12, b).\ncontraindicated(pertuzumab) :- has(heart_failure).",
        "the rule stands under R12=b and holds without it; add the condition reading(r12, b)",
    ),
    "a rule under an alternative that asks for it only by what it is not": (
        "readings.lp",
        ALTERNATIVE.format("b") + "alternative(r12, b).\n"
        "contraindicated(pertuzumab) :- has(heart_failure), not reading(r12, a).",
        "the rule stands under R12=b and holds without it",
    ),
    "a rule under a statement that asks how a reading is taken": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- has(heart_failure), reading(r5, b).",
        "reading(r5,b): only rules under a reading ask for one of its alternatives",
    ),
    "a rule under a reading that asks how another is taken": (
        "readings.lp",
        ALTERNATIVE.format("b") + "alternative(r12, b).\n"
        "contraindicated(pertuzumab) :- has(heart_failure), reading(r12, b), reading(r5, b).",
        "reading(r5,b): only rules under a reading ask for one of its alternatives",
    ),
    "an alternative that nobody declared, asked for": (
        "readings.lp",
        "%* @reading R99\nA reading.\n*%\ncontraindicated(pertuzumab) :- has(heart_failure), reading(r99, b).",
        "reading(r99,b) is never so; allowed: ",
    ),
    "a rule that concludes how a reading is taken": (
        "readings.lp",
        ALTERNATIVE.format("b") + "alternative(r12, b).\nreading(r12, b) :- has(heart_failure).",
        "reading(r12,b): how a reading is taken is chosen with the guideline",
    ),
    "a comparison of constants, which would hold for everyone": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- weight_kg >= 150.",
        "weight_kg >= 150: it compares two constants and says nothing of a patient",
    ),
    "a dose in years": (
        "second_line.lp",
        STATEMENT + 'dose(lapatinib, weekly, every_dose, "5", mg, years(1)).',
        "years(1) is not an interval; write once, hours(N), days(N), weeks(N) or months(N)",
    ),
    "a derived dose in years": (
        "second_line.lp",
        STATEMENT + 'dose(D, weekly, every_dose, "5", mg, years(2)) :- class_of(D, taxane).',
        'dose(docetaxel,weekly,every_dose,"5",mg,years(2)): years(2) is not an interval',
    ),
    "a dose every no week": (
        "second_line.lp",
        STATEMENT + 'dose(lapatinib, weekly, every_dose, "5", mg, weeks(0)).',
        "weeks(0) is not an interval",
    ),
    "a dose in words": (
        "second_line.lp",
        STATEMENT + 'dose(lapatinib, weekly, every_dose, "twenty", mg, once).',
        '"twenty" is not an amount; write a number above 0 of at most 15 digits in quotes',
    ),
    "a name with a capital letter among the data": (
        "second_line.lp",
        'criterion(L17, "preferred").',
        "L17 begins with a capital letter and is a variable",
    ),
    "a conclusion without statement, reading or overlay": (
        "drugs.lp",
        "contraindicated(pertuzumab) :- has(heart_failure).",
        "contraindicated(pertuzumab) is concluded without a statement, a reading or an overlay",
    ),
    "an undeclared predicate in a condition": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- hass(heart_failure).",
        'predicate "hass" is not declared (did you mean "has"?)',
    ),
    "an undeclared predicate that is concluded": (
        "second_line.lp",
        STATEMENT + "contraindicatd(pertuzumab) :- has(heart_failure).",
        'predicate "contraindicatd" is not declared (did you mean "contraindicated"?)',
    ),
    "a predicate with one argument too many": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab, always) :- has(heart_failure).",
        "contraindicated takes 1 argument: contraindicated(regimen)",
    ),
    "a misspelt drug": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- progressed_on(trastuzumb).",
        '"trastuzumb" is not a drug (did you mean "trastuzumab"?)',
    ),
    "a misspelt drug in the catalogue": ("drugs.lp", "class_of(lapatinb, anti_her2).", '"lapatinb" is not a drug'),
    "a misspelt fact": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- has(heart_failur).",
        '"heart_failur" is not a boolean (did you mean "heart_failure"?)',
    ),
    "a misspelt value": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- is(her2, positve).",
        '"positve" is not a value of her2 (did you mean "positive"?)',
    ),
    "a misspelt regimen": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumap) :- has(heart_failure).",
        '"pertuzumap" is not a regimen (did you mean "pertuzumab"?)',
    ),
    "a threshold that is not declared": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- at_most(months_to_recurrence, 6).",
        "allowed: 12; to compare with it, declare threshold(months_to_recurrence, 6).",
    ),
    "a trial that does not exist": (
        "second_line.lp",
        STATEMENT.replace("A statement.", "A statement.\n@trial cleopatrra"),
        'L99 names the trial "cleopatrra", which is not declared (did you mean "cleopatra"?)',
    ),
    "a citation that does not exist": (
        "second_line.lp",
        STATEMENT.replace("[1]", "[1, 9]"),
        "L99 cites [9]; declared citations: [",
    ),
    "a reading of a statement that does not exist": (
        "readings.lp",
        "%* @reading R99\nA reading.\n@reads L98\n*%",
        'R99 reads "L98", which is not a statement',
    ),
    "a statement that stands twice": ("third_line.lp", STATEMENT.replace("L99", "L17"), "statement L17 already stands at"),
    "a statement without words": ("third_line.lp", STATEMENT.replace("A statement.", ""), "statement L99 says nothing"),
    "a statement without a digest": (
        "third_line.lp",
        "%* @statement L99 [1]\nA statement.\n*%",
        "statement L99 lacks sha256: and the first 12 digits of its line's SHA-256; add it",
    ),
    "a statement without citations": (
        "third_line.lp",
        "%* @statement L99 sha256:0123456789ab\nA statement.\n*%",
        "statement L99 lacks what its line cites, as in [1, 2]; add it",
    ),
    "a number asked for as a boolean": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- has(weight_kg).",
        '"weight_kg" is a number, not a boolean; ask for it by at_least(weight_kg, THRESHOLD).',
    ),
    "a boolean asked for as a choice": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- is(heart_failure, true).",
        '"heart_failure" is a boolean, not a choice; ask for it by has(heart_failure).',
    ),
    "a comma for a full stop": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- has(heart_failure),\nindicated(tucatinib, preferred) :- setting(a).",
        "a comma ends the line, and what follows is a rule by itself; write a full stop for the comma.",
    ),
    "a bracket left open at a full stop": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- has(heart_failure.",
        "the bracket ( that opens here is not closed before the full stop.",
    ),
    "a misspelt annotation": ("third_line.lp", STATEMENT.replace("@statement", "@statment"), "does not open an annotation"),
    "a misspelt field": (
        "third_line.lp",
        STATEMENT.replace("A statement.", "A statement.\n@trail cleopatra"),
        '"@trail" is not a field of a statement (did you mean "trial"?); allowed: @certainty, @trial, @unformalised',
    ),
    "an overlay's annotation in the guideline": (
        "third_line.lp",
        "%* @overlay X\nLocal.\n*%",
        "local rules stand under @overlay",
    ),
    "a rule under a statement that is not formalised": (
        "trials.lp",
        "contraindicated(pertuzumab) :- has(heart_failure).",
        "L71 is marked @unformalised and has a rule",
    ),
    "code": ("third_line.lp", "#script (python)\nimport os\n#end.", "#script would run code"),
    "an include that leaves the folder": ("third_line.lp", '#include "../core/core.lp".', "leaves the folder"),
    "an include of a file that is absent": ("third_line.lp", '#include "absent.lp".', "cannot be read: No such file"),
    "an include of clingo's own": (
        "third_line.lp",
        "#include <incmode>.",
        "#include takes a file of the guideline's folder",
    ),
    "a call of a function": (
        "third_line.lp",
        STATEMENT + "contraindicated(@regimen()) :- has(heart_failure).",
        "@regimen: a call of a function is not allowed; write the value itself",
    ),
    "a syntax error": ("third_line.lp", "contraindicated(pertuzumab) :-", "the end of the file cannot stand here"),
    "an unsafe variable": (
        "third_line.lp",
        STATEMENT + "contraindicated(R) :- not excluded(R).",
        "R of contraindicated(R) stands in no positive condition",
    ),
    "a choice": (
        "third_line.lp",
        STATEMENT + "{ contraindicated(pertuzumab) }.",
        "a choice is not allowed; a rule concludes one thing",
    ),
    "a constraint": ("third_line.lp", ":- has(heart_failure).", "a constraint is not allowed; write inconsistent(WHY)"),
    "an aggregate": (
        "third_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- #max { I : outcome(I, progression) } > 2.",
        "only #count, #sum and #sum+ are explained",
    ),
    "a number compared with what is no threshold, where it has none": (
        "third_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- more_than(weight_kg, 150).",
        '"150" is not a threshold of weight_kg; allowed: none is declared',
    ),
    "an anonymous variable in a negated condition": (
        "third_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- not received(_).",
        "a negated condition names no anonymous variable",
    ),
    "a conclusion that is drawn from positions": (
        "third_line.lp",
        STATEMENT + "recommended(pertuzumab) :- has(heart_failure).",
        "recommended(pertuzumab) is drawn from positions; conclude a position (places, indicated, contraindicated",
    ),
    "a variable that stands once": (
        "third_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- is(lvef_decline, Persistent).",
        "Persistent stands once",
    ),
    "a course bound by arithmetic alone, which would never end": (
        "third_line.lp",
        STATEMENT + "drug_in_joined_course(I, D) :- received(D), drug_in_joined_course(I-1, D).",
        "I of drug_in_joined_course(I,D) stands in no positive condition, or only in arithmetic",
    ),
    "arithmetic that would count without end": (
        "third_line.lp",
        STATEMENT + "drug_in_joined_course(I+1, D) :- drug_in_joined_course(I, D).",
        "no arithmetic before :-",
    ),
    "a drug in the place of a regimen": (
        "third_line.lp",
        STATEMENT + "contraindicated(lapatinib) :- has(heart_failure).",
        '"lapatinib" is a drug, not a regimen',
    ),
    "a conclusion about what the record says": (
        "third_line.lp",
        STATEMENT + "has(heart_failure) :- is(lvef_decline, persistent).",
        "has(heart_failure) comes from the record",
    ),
    "a program part": ("third_line.lp", "#program step(t).", "not allowed"),
    "an external atom": ("third_line.lp", "#external a.", "an external atom is not allowed; declare what a record can say"),
    "data under a condition on the patient": (
        "drugs.lp",
        "class_of(lapatinib, taxane) :- has(heart_failure).",
        "class_of(lapatinib,taxane) is data, the same for every patient, and has(heart_failure) (patient) is not; "
        "write class_of without conditions on the patient",
    ),
    "data of one's own under a condition on the patient": (
        "drugs.lp",
        'predicate(strained, catalogue, "strain").\nstrained :- drug(_), not has(heart_failure).',
        "strained is data, the same for every patient, and has(heart_failure) (patient) is not; declare strained as derived",
    ),
    "data that follow from what is derived from the patient": (
        "drugs.lp",
        "by_design(S) :- setting(S), received(lapatinib).",
        "by_design(S) is data, the same for every patient, and setting(S) (conclusion) is not",
    ),
    "data that follow from a misspelt predicate": (
        "drugs.lp",
        "class_of(D, taxane) :- pat(pertuzumab, D).",
        'predicate "pat" is not declared (did you mean "part"?)',
    ),
    "data that follow from a misspelt name": (
        "drugs.lp",
        "class_of(D, taxane) :- part(pertuzumap, D).",
        '"pertuzumap" is not a regimen (did you mean "pertuzumab"?)',
    ),
    "a declaration under conditions": (
        "drugs.lp",
        'predicate(strained, derived, "strain") :- drug(_).',
        'predicate(strained,derived,"strain") holds in any case; write it as a fact, without conditions',
    ),
    "a predicate of the core, declared to be another": (
        "glossary.lp",
        'predicate(has(any), derived, "something").',
        "has is declared already at core/vocabulary.lp:",
    ),
    "a predicate of the guideline's own, declared twice": (
        "glossary.lp",
        'predicate(line_of(drug), derived, "one").\npredicate(line_of(drug, drug), derived, "another").',
        "line_of is declared already at copy/glossary.lp:",
    ),
    "a predicate that checks use": (
        "glossary.lp",
        'predicate(treated(whole), derived, "treatment").',
        "treated(whole): treated is a predicate of core/space.lp, which rules cannot ask for. Call yours otherwise.",
    ),
    "a predicate that checks ask for": (
        "glossary.lp",
        'predicate(adopted(any), derived, "adoption of {1}").',
        "adopted(any): adopted is a predicate of core/space.lp, which rules cannot ask for. Call yours otherwise.",
    ),
    "a predicate that tells plain clingo what a record leaves out, asked for": (
        "second_line.lp",
        STATEMENT + "contraindicated(pertuzumab) :- open(heart_failure).",
        "open(heart_failure): open is for plain clingo alone; ask not known(FACT)",
    ),
    "a predicate that tells plain clingo what a record leaves out, declared": (
        "glossary.lp",
        'predicate(unknown(fact), derived, "unknown").',
        "unknown(fact): unknown is for plain clingo alone; ask not known(FACT) for a fact that is not recorded. Call yours",
    ),
    "a role that does not exist": (
        "glossary.lp",
        'predicate(strange, derivd, "x").',
        '"derivd" is not a role (did you mean "derived"?)',
    ),
    "a regimen without parts": (
        "drugs.lp",
        'term(regimen, nothing, "nothing").',
        "the regimen nothing has no part; write part(nothing, D) for each drug or class in it, or without_drugs(nothing).",
    ),
    "a class without members": (
        "drugs.lp",
        'term(class, nothing, "nothing").',
        "the class nothing has no member; write class_of(D, nothing) for each drug of it.",
    ),
    "a strength without a place": (
        "glossary.lp",
        'term(strength, faint, "faint").',
        "the strength faint has no place among the others; write strength_order(N, faint).",
    ),
    "a regimen without drugs that has parts": (
        "drugs.lp",
        "without_drugs(pertuzumab).",
        "without_drugs(pertuzumab): the regimen pertuzumab has parts; drop one or the other.",
    ),
    "text that is not UTF-8": ("third_line.lp", "% \udcff", "not UTF-8 text"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(default_folder(), copy)
    return copy


def add(folder: Path, name: str, text: str) -> int:
    """Append text to a file; give the number of its first line."""
    old = (folder / name).read_text("utf-8")
    (folder / name).write_bytes((old + text + "\n").encode("utf-8", "surrogateescape"))
    return old.count("\n") + 1


@pytest.mark.parametrize("name", WRONG)
def test_the_message_names_file_and_line(name: str, folder: Path) -> None:
    file, text, message = WRONG[name]
    first = add(folder, file, text)
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(folder)
    error = str(caught.value)
    assert message in error
    if "UTF-8" not in message:
        line = int(error.partition(f"copy/{file}:")[2].partition(":")[0])
        assert first <= line <= first + text.count("\n") + 1


RENAMED = {
    "withheld(pertuzumab) :- has(heart_failure).": "suppressed",
    "void(pertuzumab) :- has(heart_failure).": "exclusion_defeated",
    "set_aside(L17) :- has(heart_failure).": "defeated",
    "contraindicated(pertuzumab) :- noted(1, maximal_response).": "course_has",
    "contraindicated(pertuzumab) :- reached(1, taxane_cycles, 6).": "course_at_least",
    "contraindicated(pertuzumab) :- last_is(pertuzumab).": "last_regimen",
    "order(recurrence, 3).": "ground_priority",
    "usual(her2, positive).": "typical",
    "impossible(cns) :- has(cns_predominant).": "inconsistent",
    "past(her2).": "immutable",
}


@pytest.mark.parametrize("rule", RENAMED)
def test_an_old_name_of_a_predicate_is_answered_with_the_new_one(rule: str, folder: Path) -> None:
    line = add(folder, "third_line.lp", STATEMENT + rule) + 3
    old = rule.rpartition(":- ")[2] if rule.startswith("contra") else rule
    message = f"copy/third_line.lp:{line}: {old.partition('(')[0]} is now called {RENAMED[rule]}; use the new name."
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(folder)
    assert str(caught.value) == message


def test_an_old_name_can_be_declared_anew(folder: Path) -> None:
    add(folder, "third_line.lp", 'predicate(usual(drug), derived, "{1}").\n' + STATEMENT + "usual(D) :- received(D).")
    assert Guideline.load(folder).model.roles["usual"] == "derived"


def test_a_working_directory_with_a_file_of_the_same_name_changes_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "facts.lp").write_text("nonsense(.")
    monkeypatch.chdir(tmp_path)
    assert Guideline.load(folder).model.id == "her2_mbc"


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.lp").write_text("secret.")
    (folder / "link.lp").symlink_to(tmp_path / "outside.lp")
    add(folder, "third_line.lp", '#include "link.lp".')
    with pytest.raises(GuidelineError, match="leaves the folder"):
        Guideline.load(folder)


def test_a_folder_or_an_overlay_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuidelineError, match="no such folder"):
        Guideline.load(tmp_path / "absent")
    with pytest.raises(GuidelineError, match=r"guideline\.lp"):
        Guideline.load(tmp_path)
    with pytest.raises(GuidelineError, match="no such overlay file"):
        Guideline.load(overlays=[tmp_path / "absent.lp"])
    with pytest.raises(GuidelineError, match='did you mean "curated"'):
        Guideline.load(layer="curatd")


def test_a_changed_file_is_never_answered_from_what_was_kept(folder: Path, curated: Guideline) -> None:
    record = curated.cases()["second_line"].record
    before = Guideline.load(folder)
    assert [entry.regimen for entry in before.answer(record).recommended] == ["trastuzumab_deruxtecan"]
    add(folder, "third_line.lp", STATEMENT + "contraindicated(trastuzumab_deruxtecan) :- in_scope.")
    after = Guideline.load(folder)
    assert after.digest != before.digest
    assert after.answer(record).recommended == ()


def test_what_was_kept_and_is_spoilt_is_made_anew(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Guideline.load(folder).program(1)
    kept = sorted((tmp_path / "cache").rglob("*.msgpack"))
    assert kept
    for path in kept:
        path.write_bytes(b"spoilt")
    assert Guideline.load(folder).program(1).courses == 1


def test_the_answer_is_the_same_where_nothing_can_be_kept(curated: Guideline, monkeypatch: pytest.MonkeyPatch) -> None:
    record = curated.cases()["nothing_recorded"].record
    monkeypatch.setenv("REASONER_CACHE", "off")
    assert to_plain(Guideline.load().answer(record)) == to_plain(curated.answer(record))


def test_an_overlay_is_marked_wherever_it_shows(curated: Guideline) -> None:
    from reasoner.render.answer import render

    local = Guideline.load(overlays=[shared_folder() / "overlays" / "formulary_without_tdxd.lp"])
    record = curated.cases()["second_line"].record
    answer = local.answer(record)
    assert answer.guideline.overlays == ("formulary_without_tdxd",)
    assert [(e.regimen, e.overlays) for e in answer.recommended] == [("trastuzumab_emtansine", ("formulary_without_tdxd",))]
    (excluded,) = [e for e in answer.excluded if e.regimen == "trastuzumab_deruxtecan"]
    assert excluded.overlays == ("formulary_without_tdxd",)
    assert render(answer).count("LOCAL overlay") >= 3
    assert curated.answer(record).guideline.overlays == ()


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("fact(4, signs, list).\nvalue(signs, 1, rash).\n", r":46: what signs holds while it is not recorded is not said"),
        ("fact(4, days, number).\nthreshold(days, 3).\n", r":46: when days has a value is not said; write applies\(days\)"),
        ("fact(4, signs, lst).\n", r':46: "lst" is not a kind of fact \(did you mean "list"'),
        ("fact(3, weak, boolean).\n", r":46: weak has the number of pregnant"),
        ("typical(fevr, true).\n", r':46: typical\(fevr,true\): "fevr" is not a fact \(did you mean "fever"'),
        ("typical(fever, high).\n", r':46: typical\(fever,high\): "high" is not a value of fever; allowed: true, false'),
        (
            "fact(4, days, number).\nthreshold(days, 3).\napplies(days).\ntypical(days, 2).\n",
            r'"2" is not a value of days; allowed: at_most\(3\), more_than\(3\)',
        ),
    ],
)
def test_what_a_fact_leaves_unsaid_is_refused(added: str, message: str, tmp_path: Path) -> None:
    text = (Path(__file__).parent / "guidelines" / "river_cough" / "guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(text + added, "utf-8")
    with pytest.raises(GuidelineError, match=message):
        Guideline.load(tmp_path)


NUMBERS = "fact(4, weight, number).\nthreshold(weight, 60).\napplies(weight).\n"
RULE = "%* @statement L9 [1] sha256:000000000000\nAn example.\n*%\n"
SEVERITY = 'predicate(severity(any, drug), catalogue, "severity").\nseverity(1..3, oralin).\n'
NEVER_MEANT = {
    "a number of the record, compared by its name": (
        NUMBERS + RULE + "contraindicated(oralin) :- has(fever), weight >= 150.",
        "weight >= 150: it compares two constants and says nothing of a patient; ask for a number of the record by a "
        "condition, as in at_least(weight, N)",
    ),
    "a number of the record, compared by its name among data": (
        NUMBERS + "no_order(oralin, oralin) :- weight >= 150.",
        "weight >= 150: it compares two constants",
    ),
    "a variable for drugs, compared with a number": (
        RULE + "contraindicated(oralin) :- received(D), D > 5.",
        "D > 5: D is a name and 5 is a number, so that this is so for everybody or nobody; compare like with like",
    ),
    "the number of a course, compared with a name": (
        NUMBERS + RULE + "contraindicated(oralin) :- last_course(I), I >= weight.",
        "I >= weight: I is a number and weight is a name, so that this is so for everybody or nobody; ask for a number",
    ),
    "the number of a course, compared with a text": (
        RULE + 'contraindicated(oralin) :- last_course(I), I >= "2".',
        'I is a number and "2" is a text',
    ),
    "numbers among data, compared with a name": (
        SEVERITY + RULE + "contraindicated(oralin) :- severity(N, oralin), N != mild.",
        "N is a number and mild is a name",
    ),
    "a calculation, compared with a name": (
        SEVERITY + RULE + "contraindicated(oralin) :- severity(N, oralin), N + 1 < many.",
        "(N+1) is a number and many is a name",
    ),
    "a variable, compared with itself": (
        RULE + "contraindicated(oralin) :- received(D), D = D.",
        "D = D: it compares D with itself, and is so for everybody or nobody",
    ),
    "a misspelt drug in a comparison": (
        RULE + "contraindicated(oralin) :- received(D), D != orlin.",
        '"orlin" is not a drug (did you mean "oralin"?); allowed: oralin',
    ),
    "a variable for a drug and for a number": (
        RULE + "contraindicated(oralin) :- drug_in(X, X).",
        "X stands for a number and for a drug, and nothing is both; use two variables",
    ),
    "a variable for two kinds of facts": (
        NUMBERS + RULE + "contraindicated(oralin) :- has(F), more_than(F, 60).",
        "F stands for a boolean and for a number, and nothing is both",
    ),
    "a boolean, asked for its value": (
        RULE + "contraindicated(oralin) :- valued(pregnant).",
        '"pregnant" is a boolean, not a number',
    ),
    "a term in the place of a drug": (
        RULE + "contraindicated(oralin) :- received(drug(oralin)).",
        'received(drug(oralin)): "drug(oralin)" is not a drug',
    ),
    "a name in the place of a number": ("strength_order(second, standard).", "second is not a whole number"),
    "a name in the place of a citation": ("citation(two).", "citation(two): two is not a whole number"),
    "a name in the place of words": ("term(value, odd, odd).", "odd is not a text in double quotes"),
    "words in the place of a name": (
        'trial("STAR", "STAR", "NCT1").',
        '"STAR" is not a name, which begins with a small letter',
    ),
    "data that give a name in the place of a number": (
        'predicate(place_of(any, any), catalogue, "place").\nplace_of(first, standard).\n'
        "strength_order(N, S) :- place_of(N, S).",
        "strength_order(first,standard): first is not a whole number",
    ),
    "a kind of argument that does not exist": (
        'predicate(weak(drgu), derived, "weakness").',
        '"drgu" is not a kind of argument (did you mean "drug"?); write any, or declare what it can be',
    ),
    "a kind of term that does not exist": (
        'term(regimne, oralin, "oralin").',
        '"regimne" is not a kind of term (did you mean "regimen"?); no predicate has an argument of it',
    ),
    "a member of a list that is not declared": (
        "fact(4, signs, list).\nvalue(signs, 1, rash).\nopen_member(signs, rahs).",
        'open_member(signs,rahs): "rahs" is not a value of signs (did you mean "rash"?)',
    ),
    "a choice without values": ("fact(4, grade, choice).", "grade has no values; write value(grade, N, V) for each"),
    "a choice with a default": (
        "fact(4, grade, choice).\nvalue(grade, 1, low).\ndefault(grade, low).",
        "default(grade,low): a choice has no default; ask not known(grade)",
    ),
    "a default that is no value": ("default(fever, yes).", '"yes" is not a default of a boolean; allowed: true, false'),
    "two defaults": (
        "default(fever, true).\ndefault(fever, false).",
        "default(fever,false): the default of fever is true already; write one",
    ),
    "a list that holds something by default": (
        "fact(4, signs, list).\nvalue(signs, 1, rash).\ndefault(signs, rash).",
        '"rash" is not a default of a list; allowed: empty',
    ),
    "a value of a boolean": ("value(fever, 1, high).", "fever is no choice and no list, and has no values"),
    "a value in words": (
        'fact(4, grade, choice).\nvalue(grade, 1, "very low").',
        'value(grade,1,"very low"): "very low" is not a name; write one, and its words as term(value, NAME, "words")',
    ),
    "a list of values and of drugs": (
        "fact(4, signs, list).\ndefault(signs, empty).\nvalue(signs, 1, rash).\nmembers(signs, drug).",
        "members(signs,drug): members are those of a list without values of its own",
    ),
    "a list of terms that do not exist": (
        "fact(4, signs, list).\ndefault(signs, empty).\nmembers(signs, drugs).",
        'members(signs,drugs): there is no term of the kind "drugs" (did you mean "drug"?)',
    ),
    "a fact that is declared twice": ("fact(4, fever, boolean).", "fever is a fact already at "),
    "a fact that is called as a key of every record": ("fact(4, id, boolean).", "every record has a key id that is no fact"),
    "a fact of courses that is called as a key of every course": (
        "course_fact(1, drugs, boolean).",
        "every course has a key drugs that is no fact",
    ),
    "a fact of courses of another kind": ("course_fact(1, cycles, whole).", '"whole" is not a kind of fact about a course'),
    "two facts that hold the courses": (
        "fact(4, therapy, courses).\nfact(5, treatment, courses).",
        "treatment: therapy holds the courses already; one fact does",
    ),
    "a least value of a boolean": ("minimum(fever, 3).", '"fever" is not a number; allowed: none is declared'),
    "an outcome of another kind": (
        "outcome_kind(toxicity, over).",
        '"over" is not a kind of outcome; allowed: under_way, as',
    ),
    "a setting that answers use": (
        'term(setting, undetermined, "open").',
        "undetermined is what answers say of an open setting",
    ),
    "a term that is not a name": ('term(drug, salt(oralin), "salt").', "salt(oralin) is not a name"),
    "a key of the guideline that does not exist": (
        'guideline(titel, "Cough").',
        '"titel" is not what a guideline says of itself',
    ),
    "words under a key that does not exist": (
        'wording(recommendd, "recommended").',
        '"recommendd" is not a key of the wording (did you mean "',
    ),
    "words with a place that nothing fills": ('wording(comma, "{1}, ").', "{1} is filled by nothing there; places: none"),
    "a phrase with a place that no argument fills": (
        'predicate(weak(drug), derived, "weakness for {2}").',
        "{2} stands for no argument of weak(drug)",
    ),
    "a predicate with a minus sign": (
        'predicate(-ill, derived, "health").',
        "-ill has a minus sign; declare what is known to be false under a name of its own",
    ),
    "a greatest value of a boolean": ("maximum(fever, 3).", '"fever" is not a number; allowed: none is declared'),
    "a sum that is too large": (
        "contraindicated(oralin) :- #sum { 2147483647,a : has(fever); 2147483647,b : has(pregnant) } > 0.",
        "contraindicated(oralin): a number in it is too large when it is added up; the largest is 2147483647",
    ),
    "a criterion for a statement that does not exist": ('criterion(l7, "severe").', '"l7" is not a statement'),
    "a name with too few words": ("renamed(oralin).", "renamed takes 2 arguments: renamed(name, name)"),
}


@pytest.mark.parametrize("name", NEVER_MEANT)
def test_what_cannot_have_been_meant_is_refused(name: str, tmp_path: Path) -> None:
    added, message = NEVER_MEANT[name]
    old = (Path(__file__).parent / "guidelines" / "river_cough" / "guideline.lp").read_text("utf-8")
    (tmp_path / "guideline.lp").write_text(f"{old}{added}\n", "utf-8")
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path.name}/guideline.lp:{old.count(chr(10)) + added.count(chr(10)) + 1}: ")
    assert message in str(caught.value)


def test_an_overlay_without_its_block_is_refused(tmp_path: Path) -> None:
    overlay = tmp_path / "local.lp"
    overlay.write_text("unavailable_drug(lapatinib).\n")
    with pytest.raises(GuidelineError, match=r"local\.lp:1: unavailable_drug\(lapatinib\) is concluded without"):
        Guideline.load(overlays=[overlay])
    with pytest.raises(GuidelineError, match="given twice"):
        Guideline.load(overlays=[overlay, tmp_path / "." / "local.lp"])
    overlay.write_text('term(value, local, "local").\n')
    with pytest.raises(GuidelineError, match=r"local\.lp: no @overlay annotation in it"):
        Guideline.load(overlays=overlay)
    overlay.write_text('%* @overlay X\nLocal.\n*%\n#include "other.lp".\nunavailable_drug(lapatinib).\n')
    (tmp_path / "other.lp").write_text("% nothing\n")
    with pytest.raises(GuidelineError, match="an overlay is one file"):
        Guideline.load(overlays=[overlay])


def test_what_an_overlay_holds_back_is_said(tmp_path: Path, curated: Guideline) -> None:
    overlay = tmp_path / "local.lp"
    overlay.write_text("%* @overlay no_lapatinib_pair\nLocal.\n*%\nsuppressed(lapatinib_trastuzumab).\n")
    answer = Guideline.load(overlays=overlay).answer(curated.cases()["third_line"].record)
    assert "LOCAL overlay no_lapatinib_pair: a reason not to recommend lapatinib + trastuzumab." in answer.notes
    assert "lapatinib_trastuzumab" not in {entry.regimen for entry in answer.recommended}


LOOP = (
    "%* @statement L99 [1] sha256:000000000000\nEither of two, each unless the other.\n*%\n"
    "caution(pertuzumab, cardiac_conjugate) :- in_scope, not caution(lapatinib_capecitabine, cardiac_conjugate).\n"
    "caution(lapatinib_capecitabine, cardiac_conjugate) :- in_scope, not caution(pertuzumab, cardiac_conjugate).\n"
)


def test_recursion_through_negation_is_warned_of_and_answered_by_clingo(folder: Path, curated: Guideline) -> None:
    first = add(folder, "third_line.lp", LOOP)
    guideline = Guideline.load(folder)
    (warning,) = guideline.warnings
    assert any(f"copy/third_line.lp:{first + n}" in warning for n in (3, 4))
    assert "through negation" in warning
    compared_worlds = {"readings", "depends_on_readings"}
    for name, case in curated.cases().items():
        by_clingo = guideline.answer(case.record)
        if not by_clingo.derivation.completions.assumes:
            continue
        plain, loop = to_plain(curated.answer(case.record)), to_plain(by_clingo)
        for part in ("recommended", "excluded", "actions"):
            for mine, theirs in zip(plain[part], loop[part], strict=True):
                if not theirs.get("cautions", ()):
                    assert {**mine, **{key: theirs[key] for key in compared_worlds}} == theirs, name
        assert plain["missing"] == loop["missing"], name


def test_rules_that_contradict_each_other_for_a_record_are_said_to(folder: Path, curated: Guideline) -> None:
    add(folder, "third_line.lp", STATEMENT + "suppressed(R) :- recommended(R), contains_class(R, conjugate).")
    guideline = Guideline.load(folder)
    with pytest.raises(GuidelineError, match="the guideline's rules contradict each other for this record") as caught:
        guideline.answer(curated.cases()["second_line"].record)
    (warned,) = guideline.warnings
    assert "slower" in warned
    assert "slower" not in str(caught.value)
    assert guideline.answer(curated.cases()["de_novo_untreated"].record).recommended


def test_the_shipped_guideline_has_no_warnings(curated: Guideline, literal: Guideline) -> None:
    assert curated.warnings == ()
    assert literal.warnings == ()


def test_paths_that_lead_nowhere_are_refused(curated: Guideline, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    odd = tmp_path / "odd\udcff"
    shutil.copytree(curated.folder, odd)
    for options, message in (
        ({"folder": loop}, "symbolic links form a circle"),
        ({"overlays": loop}, "symbolic links form a circle"),
        ({"folder": odd}, "the path is not UTF-8 text"),
    ):
        with pytest.raises(GuidelineError, match=message):
            Guideline.load(**options)
