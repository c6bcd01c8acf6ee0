"""What loads and may not mean what its author meant: a file left out, a ; for "or", a rule under another's statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from reasoner.compiler.lexer import tokens
from reasoner.compiler.model import Annotation, GuidelineModel, Rule
from reasoner.compiler.sources import READINGS, place_name
from reasoner.engine.predicates import predicate_of
from reasoner.guideline import Guideline, shared_folder
from reasoner.verification.coverage import fault
from reasoner.verification.findings import Finding

__all__ = ["slips"]

CLASS = "slip"
NAME = re.compile(r'"[^"]*"|\b[a-z]\w*\b(?!\()')
WORD = re.compile(r"\w{3,}")
STEM = 5
OVERLAY = re.compile(r"%\*\s*@overlay\b")


def slips(guideline: Guideline) -> Iterator[Finding]:
    """Yield the slips in a guideline's files and its overlays."""
    core = shared_folder().resolve() / "core"
    model = guideline.model
    starts = {rule.place: rule for rule in model.rules}
    for file in (name for name, path in guideline.files.items() if not path.is_relative_to(core)):
        for begins, line in semicolons(guideline.sources[file]):
            rule = starts.get(f"{file}:{begins}")
            if rule is not None:
                yield slip("semicolon", (rule.id,), f"{rule.id} ;", rule, (f"{file}:{line}",))
    for annotation in last_of_files(model):
        for rule in strangers([rule for rule in model.rules if rule.annotation == annotation.id], annotation, model):
            yield slip("stranger", (rule.id, annotation.id), f"{rule.id} under {annotation.id}", rule, (rule.place,))
    yield from left_out(guideline)


def semicolons(text: str) -> Iterator[tuple[int, int]]:
    """Yield each ; between conditions of a rule, outside of all brackets: the line where the rule begins, and its own."""
    begins, depth, body = 0, 0, False
    for token in tokens(text):
        if token.kind in ("space", "comment", "block"):
            continue
        begins = begins or text.count("\n", 0, token.start) + 1
        depth += (token.kind == "opening") - (token.kind == "closing")
        body = body or token.text == ":-"
        if token.text == "." and not depth:
            begins, body = 0, False
        elif token.text == ";" and body and not depth:
            yield begins, text.count("\n", 0, token.start) + 1


def last_of_files(model: GuidelineModel) -> Iterable[Annotation]:
    """Give the last statement, reading or overlay of each file."""
    return {annotation.place.rpartition(":")[0]: annotation for annotation in model.annotations.values()}.values()


def strangers(rules: Sequence[Rule], annotation: Annotation, model: GuidelineModel) -> Iterator[Rule]:
    """Yield the rules that name nothing of what stands above them: neither a word of the annotation nor a name of its rules.

    The first rule belongs there, and so does one that asks for what a rule above it derives. Of a rule that names nothing it
    cannot be told, nor under words that name nothing of the first rule.
    """
    told = [annotation.text, annotation.why, annotation.settles]
    told += [model.trials[trial].label for trial in annotation.trials]
    told += [model.annotations[name].text for name in annotation.reads]
    about, derived = stems(told), set[str]()
    for number, rule in enumerate(rules):
        named = stems(words for atom in atoms_of(rule) for words in named_words(atom, model))
        asked = {predicate_of(condition.text) for condition in rule.body if not condition.comparison}
        if about.isdisjoint(named):
            if not number:
                return
            if named and derived.isdisjoint(asked):
                yield rule
        about |= named
        derived |= {predicate_of(rule.head)} if model.roles[predicate_of(rule.head)] == "derived" else set()


def atoms_of(rule: Rule) -> tuple[str, ...]:
    """Give the head of a rule and its conditions as they are written."""
    return rule.head, *(condition.text for condition in rule.body if not condition.comparison)


def named_words(atom: str, model: GuidelineModel) -> Iterator[str]:
    """Yield the words of the names that an atom has as arguments; of an atom without any, those of its phrase."""
    arguments = atom.partition("(")[2]
    if not arguments:
        yield model.phrases.get(predicate_of(atom), "")
    for name in NAME.findall(arguments):
        yield name.strip('"').replace("_", " ")
        yield from (labels[name] for labels in model.labels.values() if name in labels)


def stems(texts: Iterable[str]) -> set[str]:
    """Give the beginnings of the longer words of texts, by which words of one family are the same."""
    return {word[:STEM].casefold() for text in texts for word in WORD.findall(text)}


def left_out(guideline: Guideline) -> Iterator[Finding]:
    """Yield the files of rules in the folder that nothing includes; the readings and overlays may stand there so."""
    folder, read = guideline.folder.resolve(), set(guideline.files.values())
    for path in sorted(folder.rglob("*.lp")):
        if path.resolve() in read or path == folder / READINGS:
            continue
        if not OVERLAY.search(path.read_text("utf-8", "replace")):
            name = path.relative_to(folder).as_posix()
            yield slip("left_out", (place_name(path), name), name, None, (f"{place_name(path)}:1",))


def slip(form: str, words: Sequence[str], subject: str, rule: Rule | None, places: Sequence[str]) -> Finding:
    """Word a slip, in a rule if one is named."""
    statement, rules = ("", ()) if rule is None else (rule.annotation or "", (rule.id,))
    return fault(CLASS, form, words, subject, statement, rules, places)
