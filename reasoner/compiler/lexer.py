"""What a guideline's text may be made of, told before clingo reads it.

clingo ends the process on a character that it cannot read, ignores what follows a NUL, and wraps numbers that are too large.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from reasoner.errors import GuidelineError

__all__ = ["Token", "check_text", "named", "tokens"]

LARGEST = 2**31 - 1
LONGEST = 40
DEEPEST = 60
DIGITS = re.compile(rf"\d{{{LONGEST + 1},}}")

TOKEN = re.compile(
    r"""(?P<block>%\*)
      | (?P<comment>%[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\["\\n])*")
      | (?P<unclosed>"(?:[^"\\\n]|\\["\\n])*)
      | (?P<include>\#include\b)
      | (?P<code>\#script\b)
      | (?P<directive>\#[A-Za-z!]*)
      | (?P<name>[A-Za-z_'][A-Za-z0-9_']*)
      | (?P<number>0x[0-9A-Fa-f]+|0b[01]+|0o[0-7]+|[0-9]+)
      | (?P<opening>[(\[{])
      | (?P<closing>[)\]}])
      | (?P<separator>:-|[,;:]|\.(?!\.))
      | (?P<operator>\*\*|\.\.|[-+*/\\&?^~|@])
      | (?P<space>[ \t\n]+|\r\n)
      | (?P<other>[!-~])
      | (?P<foreign>.)""",
    re.DOTALL | re.VERBOSE,
)
COMMENT_MARK = re.compile(r"%\*|\*%|%[^\n]*")
HIDDEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
CONTROLS = {
    "\0": "NULL",
    "\t": "TABULATION",
    "\r": "CARRIAGE RETURN",
    "\v": "LINE TABULATION",
    "\f": "FORM FEED",
    "\x1b": "ESCAPE",
    "\x85": "NEXT LINE",
}
ASCII = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    '"': "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\u00b4",
    ">=": "\u2265\u2a7e",
    "<=": "\u2264\u2a7d",
    "!=": "\u2260",
    "*": "\u00d7\u2217\u00b7",
    ":-": "\u2190\u21d0",
    "not": "\u00ac",
    "..": "\u2026",
}
WRITTEN = {odd: plain for plain, several in ASCII.items() for odd in several}


class Token(NamedTuple):
    """A piece of a guideline's text: its kind, its text, and where it begins."""

    kind: str
    text: str
    start: int


def tokens(text: str) -> Iterator[Token]:
    """Take a guideline's text apart as clingo does; block comments nest, and % hides the rest of a line in them.

    A block comment without its end is `unclosed`.
    """
    position = 0
    while match := TOKEN.match(text, position):
        kind, position = str(match.lastgroup), match.end()
        if kind == "block":
            depth = 1
            while depth and (mark := COMMENT_MARK.search(text, position)):
                depth += {"%*": 1, "*%": -1}.get(mark[0], 0)
                position = mark.end()
            if depth:
                kind, position = "unclosed", len(text)
        yield Token(kind, text[match.start() : position], match.start())


def named(character: str) -> str:
    """Name a character, as in "U+2013 EN DASH"."""
    return f"U+{ord(character):04X} {CONTROLS.get(character) or unicodedata.name(character, 'a control character')}"


def check_text(text: str, name: str) -> None:
    """Check the text of a file that messages call `name`.

    Raises GuidelineError, with line and column, for characters that clingo cannot read or a terminal should not show, texts
    and comments without an end, numbers that are too large, names that are reserved, terms that are nested too deeply.
    """
    nesting = [0]
    for token in tokens(text):
        problem = problem_of(token)
        if token.kind == "opening":
            nesting.append(0)
        elif token.kind == "closing" and len(nesting) > 1:
            nesting.pop()
        elif token.kind == "separator":
            nesting[-1] = 0
        elif token.kind == "operator":
            nesting[-1] += 1
        if len(nesting) + sum(nesting) > DEEPEST:
            problem = 0, f"the term is nested more than {DEEPEST} deep; name its parts in conditions of their own."
        if problem is not None:
            fail(text, token.start + problem[0], name, problem[1])


def fail(text: str, position: int, name: str, problem: str) -> NoReturn:
    """Refuse what stands at a position of a text."""
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    raise GuidelineError(f"{name}:{line}:{column}: {problem}")


def problem_of(token: Token) -> tuple[int, str] | None:
    """Say what is wrong with a token, and how far into it; None for what may stand."""
    kind, text = token.kind, token.text
    if kind in ("block", "comment", "string"):
        return problem_of_words(text, kind)
    if kind == "foreign":
        return 0, f"{named(text)} stands outside a text in quotes and outside a comment; {instead(text)}."
    if kind == "unclosed":
        if text.startswith("%*"):
            return (
                0,
                "the comment that opens here with %* has no end; close it with *%, and with no % before that on its line.",
            )
        return 0, 'the text that opens here has no end on its line; close it with ", and write \\" for a quote in it.'
    if kind == "number" and (len(text) > LONGEST or int(text, 0 if text[1:2].isalpha() else 10) > LARGEST):
        return 0, f"{text[:LONGEST]} is too large a number; the largest is {LARGEST}."
    if kind == "directive" and text.startswith("#!"):
        return 0, "#! is not allowed; a comment begins with %."
    if kind == "name" and "'" in text:
        return text.index("'"), "a name holds letters, digits and _ only; a text stands in double quotes."
    if kind == "name" and text.startswith("_") and text != "_":
        return (
            0,
            f"{text[:LONGEST]}: names that begin with _ are reserved; write {text.strip('_')[:LONGEST] or 'another name'}.",
        )
    return None


def problem_of_words(text: str, kind: str) -> tuple[int, str] | None:
    """Say what is wrong with the characters of a text in quotes or of a comment."""
    if kind == "string" and "\\n" in text.replace("\\\\", "  "):
        return text.index("\\n"), "a text stands on one line; write a space for \\n."
    if digits := DIGITS.search(text):
        return digits.start(), f"a number of more than {LONGEST} digits stands in a text or a comment; write fewer."
    if text.isascii() and text.isprintable():
        return None
    for place, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[place + 1 : place + 2] == "\n"):
            continue
        if character == "\t":
            if kind == "string":
                return place, f"{named(character)} stands in a text; write a space."
        elif unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or HIDDEN.match(character):
            return place, f"{named(character)} stands in a {'text' if kind == 'string' else 'comment'}; leave it out."
    return None


def instead(character: str) -> str:
    """Say what to write instead of a character that clingo cannot read."""
    if character == "\ufeff":
        return "save the file as UTF-8 without a byte order mark"
    plain = WRITTEN.get(character) or "".join(c for c in unicodedata.normalize("NFKD", character) if " " < c < "\x7f")
    if plain:
        return f"write {plain}"
    if character == "\r" or unicodedata.category(character) in ("Zl", "Zp"):
        return "end lines with a line feed, or with a carriage return and a line feed"
    if unicodedata.category(character) == "Zs":
        return "write a space"
    if character.isalpha():
        return "names are made of the letters a to z, A to Z, digits and _"
    return "leave it out"
