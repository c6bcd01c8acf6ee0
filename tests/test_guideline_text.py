"""The text of a guideline's files: what it may be made of, and that every change of it changes the digest."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from reasoner import Guideline, GuidelineError

RIVER_COUGH = ROOT / "tests/guidelines/river_cough/guideline.lp"
LABEL = 'term(value, odd, "{}").'

REFUSED = {
    "a dash in the place of a hyphen": ("contraindicated(oralin) :\u2013 has(fever).", 26, "U+2013 EN DASH", "write -."),
    "a minus sign": ("threshold(days, \u22123).", 17, "U+2212 MINUS SIGN", "write -."),
    "a space that does not break": ("contraindicated(oralin)\u00a0.", 24, "U+00A0 NO-BREAK SPACE", "write a space."),
    "curly quotes": ("term(value, odd, \u201codd\u201d).", 18, "U+201C LEFT DOUBLE QUOTATION MARK", 'write ".'),
    "a letter with an accent": ("fact(4, fi\u00e8vre, boolean).", 11, "U+00E8 LATIN SMALL LETTER E WITH GRAVE", "write e."),
    "a letter of another script": ("fact(4, \u03b1, boolean).", 9, "U+03B1 GREEK", "the letters a to z"),
    "a sign for at least": ("oralin :- D \u2265 3.", 13, "U+2265 GREATER-THAN OR EQUAL TO", "write >=."),
    "a byte order mark": ("\ufefforalin.", 1, "U+FEFF", "without a byte order mark"),
    "a NUL": ("oralin.\0", 8, "U+0000 NULL", "leave it out"),
    "a line that ends with a carriage return": ("% oralin\r% fever", 9, "U+000D CARRIAGE RETURN", "leave it out"),
    "an escape of the terminal in a text": (LABEL.format("\x1b[31m"), 19, "U+001B ESCAPE stands in a text", "leave it out"),
    "an escape of the terminal in a comment": ("%* @reading A1\n\x1b[2J *%", 1, "U+001B ESCAPE stands in a comment", ""),
    "a text that is turned round": (LABEL.format("\u202e05"), 19, "U+202E RIGHT-TO-LEFT OVERRIDE", "leave it out"),
    "a tabulation in a text": (LABEL.format("\t"), 19, "U+0009 TABULATION stands in a text", "write a space"),
    "a line break in a text": (LABEL.format("a\\nb"), 20, "a text stands on one line", "write a space for \\n"),
    "an escape that clingo does not know": (LABEL.format("a\\tb"), 18, "has no end on its line", 'write \\" for a quote'),
    "a text without its end": ('term(value, odd, "odd).', 18, "the text that opens here has no end on its line", ""),
    "a comment without its end": ("%* odd\nfever.", 1, "has no end; close it with *%", ""),
    "a comment of which the end is hidden": ("%* in 50% of *%", 1, "has no end", "no % before that on its line"),
    "a number that wraps": ("threshold(days, 4294967296).", 17, "4294967296 is too large a number", "2147483647"),
    "a number of very many digits": (f"threshold(days, {'9' * 9999}).", 17, "is too large a number", ""),
    "a text of very many digits": (f'minimum(days, "{"9" * 5000}").', 16, "more than 40 digits", "write fewer"),
    "a citation of very many digits": (f"%* @statement L1 [{'9' * 5000}] sha256:0 *%", 19, "more than 40 digits", ""),
    "a predicate that is reserved": ("_fires(oralin).", 1, "_fires: names that begin with _ are reserved", "write fires"),
    "a variable that is reserved": ("oralin :- drug(_Any1).", 16, "_Any1: names that begin with _ are reserved", "Any1"),
    "a name with a prime": ("oralin' :- fever.", 7, "a name holds letters, digits and _ only", ""),
    "terms that are nested deeply": (f"oralin({'f(' * 99}a{')' * 99}).", None, "nested more than 60 deep", "conditions"),
    "a sum without end": (f"oralin({'1+' * 99}1).", None, "nested more than 60 deep", ""),
    "a line for a shell": ("#!/bin/sh", 1, "#! is not allowed; a comment begins with %", ""),
}


def write(folder: Path, text: str, name: str = "guideline.lp") -> Path:
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_a_character_is_refused_with_its_place_and_its_name(name: str, tmp_path: Path) -> None:
    text, column, found, instead = REFUSED[name]
    old = RIVER_COUGH.read_text("utf-8")
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(write(tmp_path, f"{old}{text}\n"))
    error = str(caught.value)
    line = old.count("\n") + 1 + (column == 1 and "\n\x1b" in text)
    assert error.startswith(f"{tmp_path.name}/guideline.lp:{line}:{'' if column is None else f'{column}: '}")
    assert found in error
    assert instead in error
    assert error.isprintable()


def test_texts_and_comments_hold_letters_of_all_languages(tmp_path: Path) -> None:
    text = RIVER_COUGH.read_text("utf-8").replace('"fever"', '"Fièvre \\"élevée\\" \u2013 38 °C, 熱, \\\\"')
    Guideline.load(write(tmp_path, f"% ≥ 38 °C %\n%* %* “fièvre” *% \u2013 \t*%\n{text}".replace("\n", "\r\n")))


MISTAKES = {
    "a rule without its full stop": (
        "ill(oralin)\n% a comment\nwell :- fever.",
        "1: no full stop ends the rule; write ill(oralin)",
    ),
    "the last one without its full stop": (
        "ill :- fever, cough",
        "1: no full stop ends the rule; write ill :- fever, cough.",
    ),
    "a bracket that is not closed": (
        "ill :- is(fever, high.",
        "1: the bracket ( that opens here is not closed before the full stop.",
    ),
    "a bracket that is not opened": ("ill :- has(fever)).", "1:18: ) cannot stand here; no bracket is open for it."),
    "or between conditions": ("ill :- fever or cough.", "1:14: or cannot stand here; write a rule of its own for each"),
    "and between conditions": ("ill :- fever and cough.", "1:14: and cannot stand here; write , between conditions."),
    "if after the conclusion": ("ill if fever.", "1:5: if cannot stand here; write :- between a conclusion and its"),
    "another sign after the conclusion": ("ill := fever.", "1:6: = cannot stand here; write :- between a conclusion"),
    "another sign for at least": ("ill :- N => 3.", "1:11: > cannot stand here; write >= for at least."),
    "a decimal without quotes": ("threshold(weight, 7.5).", '1:20: a decimal number stands in double quotes; write "7.5".'),
    "a name with a capital letter": ("ill :- Fever(high).", "1:13: ( cannot stand here; Fever begins with a capital"),
    "a name with a hyphen": ("high-fever :- ill.", "1:12: :- cannot stand here; a name holds no hyphen; write high_fever"),
    "a name with a space": ("ill(high fever).", "1:10: fever cannot stand here; write , between conditions and between"),
    "a comma too many": ("ill :- fever,.", "1:14: . cannot stand here; drop the comma, or add the condition"),
    "a comment of another language": ("// fever", "1:1: / cannot stand here; a comment begins with %."),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_syntax_error_is_answered_with_what_to_write(name: str, tmp_path: Path) -> None:
    text, message = MISTAKES[name]
    with pytest.raises(GuidelineError) as caught:
        Guideline.load(write(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path.name}/guideline.lp:{message}")


@pytest.mark.parametrize("text", ["_fires(1).", 'predicate(_ill, derived, "illness").', "unavailable_drug(_Oralin)."])
def test_an_overlay_forges_nothing_under_a_reserved_name(text: str, tmp_path: Path) -> None:
    write(tmp_path, f"%* @overlay local\nLocal rules.\n*%\n{text}\n", "local.lp")
    with pytest.raises(GuidelineError, match=r"local\.lp:4:\d+: _\w+: names that begin with _ are reserved"):
        Guideline.load(RIVER_COUGH.parent, overlays=tmp_path / "local.lp")


FILES = {
    "guideline.lp": '#include "b.txt".\n#include "c.lp".\n' + RIVER_COUGH.read_text("utf-8"),
    "b.txt": "% B\n",
    "c.lp": "% C\n",
}


def files(folder: Path, other: dict[str, str]) -> str:
    """Write the files of a guideline, some of them otherwise, and give its digest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in (FILES | other).items():
        write(folder, text, name)
    return Guideline.load(folder).digest


def test_every_file_that_is_read_is_part_of_the_digest(tmp_path: Path) -> None:
    master = FILES["guideline.lp"]
    changes = (
        {},
        {"b.txt": "% b\n"},
        {"c.lp": "% c\n"},
        {"b.txt": FILES["c.lp"], "c.lp": FILES["b.txt"]},
        {"guideline.lp": master.replace("b.txt", "d.txt"), "d.txt": FILES["b.txt"]},
        {"guideline.lp": master.replace('"b.txt"', '"x"').replace('"c.lp"', '"b.txt"').replace('"x"', '"c.lp"')},
        {"guideline.lp": master.replace('#include "c.lp".\n', "")},
        {"b.txt": "", "c.lp": FILES["b.txt"] + FILES["c.lp"]},
    )
    digests = [files(tmp_path / "guideline", change) for change in changes]
    assert len(set(digests)) == len(changes)
    assert files(tmp_path / "elsewhere", {}) == digests[0]
    assert files(tmp_path / "guideline", {"unread.lp": "% nothing reads it\n"}) == digests[0]


def test_a_file_that_is_included_again_is_read_once(tmp_path: Path) -> None:
    files(tmp_path / "guideline", {})
    folder = tmp_path / "guideline"
    (folder / "same.lp").symlink_to("c.lp")
    write(folder, FILES["guideline.lp"] + '#include "same.lp".\n#include "./c.lp".\n')
    write(folder, '#include "c.lp".\n#include "guideline.lp".\nterm(value, odd, "odd").\n', "c.lp")
    guideline = Guideline.load(folder)
    assert guideline.model.labels["value"] == {"odd": "odd"}
    assert sorted(path.name for path in guideline.files.values() if path.parent == folder) == [
        "b.txt",
        "c.lp",
        "guideline.lp",
    ]


def test_two_files_that_places_would_not_tell_apart_are_refused(tmp_path: Path) -> None:
    for folder in ("a/same", "b/same"):
        (tmp_path / folder).mkdir(parents=True)
        write(tmp_path / folder, "% nothing\n", "c.lp")
    write(tmp_path, '#include "a/same/c.lp".\n#include "b/same/c.lp".\n')
    with pytest.raises(GuidelineError, match=r"b/same/c\.lp: .*a/same/c\.lp is called same/c\.lp in messages, too; rename"):
        Guideline.load(tmp_path)


def test_places_after_an_include_are_those_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, '%* #include "no.lp". %* *% *%\n#include\n\n  "b.lp". odd(.\n' + RIVER_COUGH.read_text("utf-8"))
    write(tmp_path, "% nothing\n", "b.lp")
    with pytest.raises(GuidelineError, match=r"guideline\.lp:4:"):
        Guideline.load(tmp_path)


def too_large(folder: Path) -> None:
    write(folder, " " * (2**22 + 1), "b.lp")


def many_large(folder: Path) -> None:
    for number in range(5):
        write(
            folder, f"{' ' * (2**22 - 99)}\n" + f'#include "c{number}.lp".\n', "b.lp" if not number else f"c{number - 1}.lp"
        )


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file that is too large": (too_large, r"guideline\.lp:1: .*b\.lp is larger than 4 MiB; split it"),
    "files that are too large together": (
        many_large,
        r"c2\.lp:2: .*/guideline\.lp and what it includes are larger than 16 MiB",
    ),
    "a pipe": (lambda folder: os.mkfifo(folder / "b.lp"), r"guideline\.lp:1: .*b\.lp cannot be read: it is not a file"),
    "text of another encoding": (
        lambda folder: (folder / "b.lp").write_bytes(b"%\n\xff"),
        r"\(line 2 holds the byte 0xff\)",
    ),
    "text of sixteen bits": (lambda folder: (folder / "b.lp").write_bytes("% a".encode("utf-16")), "it is UTF-16 text"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    make, message = UNREADABLE[name]
    make(tmp_path)
    write(tmp_path, '#include "b.lp".\n')
    with pytest.raises(GuidelineError, match=message):
        Guideline.load(tmp_path)


def test_names_of_files_reach_no_terminal_as_control_characters(tmp_path: Path) -> None:
    write(tmp_path, "fever :- .\n", "\x1b[2J.lp")
    (tmp_path / "b.lp").symlink_to("\x1b[2J.lp")
    for name in ("\x1b[2J.lp", "b.lp"):
        with pytest.raises(GuidelineError, match="a character that is not printable") as caught:
            Guideline.load(write(tmp_path, f'#include "{name}".\n'))
        assert str(caught.value).isprintable()
    with pytest.raises(GuidelineError, match=re.escape('#include "b.lp" lacks its full stop')):
        Guideline.load(write(tmp_path, '#include "b.lp"\n'))
