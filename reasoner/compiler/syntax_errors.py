"""What a syntax error of clingo's means to an author: where a rule stops being one, and what to write there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from reasoner.compiler.lexer import Token, tokens

__all__ = ["explain_syntax"]

MESSAGE = re.compile(r"<string>:(\d+):(\d+)(?:-\d+(?::\d+)?)?: error: (.*)", re.DOTALL)
EXPECTED = re.compile(r"expecting (.*)")
SPOKEN = {
    "if": "write :- between a conclusion and its conditions",
    "when": "write :- between a conclusion and its conditions",
    "and": "write , between conditions",
    "or": "write a rule of its own for each alternative",
    "else": "write a rule of its own, with not before the condition",
    "then": "write the conclusion first, then :- and its conditions",
}
SIGNS = {
    ":=": "write :- between a conclusion and its conditions",
    "<-": "write :- between a conclusion and its conditions",
    "=>": "write >= for at least",
    "=<": "write <= for at most",
    "//": "a comment begins with %",
    "/*": "a comment begins with %",
    ",.": "drop the comma, or add the condition that is missing",
    ",)": "drop the comma, or add the argument that is missing",
    ";;": "drop one of the two",
    ",,": "drop one of the two",
}
AGGREGATES = ("#count", "#sum", "#min", "#max", "{")
NEWLINE, LONGEST = "\n", 60
HYPHEN = re.compile(r"\b[a-z]\w*(?:-[a-z]\w*)+")
DECIMAL = re.compile(r"\d+\.\d+")
SKIPPED = ("space", "block", "comment")


def explain_syntax(message: str, text: str, name: str) -> str:
    """Word a syntax error in the text of a file that messages call `name`."""
    found = MESSAGE.match(message)
    if found is None:
        return message.replace("<string>", name).strip()
    line, column = int(found[1]), int(found[2])
    lines = text.split("\n")
    start = sum(len(own) + 1 for own in lines[: line - 1])
    start += len(lines[line - 1].encode()[: column - 1].decode(errors="ignore")) if line <= len(lines) else 0
    read = [token for token in tokens(text) if token.kind not in SKIPPED]
    before = [token for token in read if token.start < start]
    here = next((token for token in read if token.start >= start), None)
    opened, shown = open_bracket(before), "the end of the file" if here is None else here.text[:LONGEST]
    decimal = DECIMAL.match(text, before[-1].start) if before else None
    if decimal is not None and here is not None and decimal.end() > here.start:
        return f'{name}:{line}:{column}: a decimal number stands in double quotes; write "{decimal[0]}".'
    if here is not None and here.text == ":-" and (comma := comma_for_stop(before, text)) is not None:
        where = f"{name}:{text.count(NEWLINE, 0, comma.start) + 1}"
        return f"{where}: a comma ends the line, and what follows is a rule by itself; write a full stop for the comma."
    if opened is not None and (here is None or here.text in (".", ":-")):
        where = f"{name}:{text.count(NEWLINE, 0, opened.start) + 1}"
        closing = "the full stop" if shown == "." else shown
        return f"{where}: the bracket {opened.text} that opens here is not closed before {closing}."
    if before and lacks_stop(before, here, text):
        last, end = before[-1].start, before[-1].start + len(before[-1].text)
        rule = text[text.rfind(NEWLINE, 0, last) + 1 : end].strip()[-LONGEST:]
        return f"{name}:{text.count(NEWLINE, 0, last) + 1}: no full stop ends the rule; write {rule}."
    advice = advice_on(before, here, text) or expected(found[3])
    return f"{name}:{line}:{column}: {shown} cannot stand here; {advice}."


def open_bracket(read: Sequence[Token]) -> Token | None:
    """Find the last bracket that the rule under way leaves open."""
    opened: list[Token] = []
    for token in read:
        if token.kind == "opening":
            opened.append(token)
        elif token.kind == "closing" and opened:
            opened.pop()
        elif token.text == ".":
            opened.clear()
    return opened[-1] if opened else None


def comma_for_stop(before: Sequence[Token], text: str) -> Token | None:
    """Find the comma at the end of a line after which a rule under way seems to go on with the head of another."""
    start = max((n for n, token in enumerate(before) if token.text == "."), default=-1) + 1
    rule = before[start:]
    if all(token.text != ":-" for token in rule):
        return None
    pairs = pairwise(rule)
    found = [one for one, two in pairs if one.text == "," and NEWLINE in text[one.start : two.start]]
    return found[-1] if found else None


def lacks_stop(before: Sequence[Token], here: Token | None, text: str) -> bool:
    """Tell whether what stands before an error ends a rule but for its full stop, and a new line begins."""
    last = before[-1]
    if last.kind not in ("name", "number", "string", "closing") or last.text in (*SPOKEN, "not"):
        return False
    if here is None:
        return True
    begins = "\n" in text[last.start + len(last.text) : here.start]
    return begins and here.kind in ("name", "directive", "include", "opening") and here.text not in SPOKEN


def advice_on(before: Sequence[Token], here: Token | None, text: str) -> str:
    """Advise on what is often written; nothing where it is nothing of that."""
    if here is None:
        return "a rule ends with a full stop"
    if here.text in SPOKEN:
        return SPOKEN[here.text]
    if here.text in AGGREGATES and before and (open_bracket(before) is not None or before[-1].text == ":"):
        return "a count or a sum stands within nothing else; derive a predicate by it, and ask for that"
    if here.kind == "directive" and (not before or before[-1].text == "."):
        return "of what begins with #, a guideline has #include, #const, #show, #defined and #program base"
    if here.text == "$":
        return "compare numbers with thresholds: at_most(F, T), more_than(F, T)"
    near = text[max(0, here.start - 1) : here.start + 2]
    for sign, advice in SIGNS.items():
        if sign in near or (before and f"{before[-1].text}{here.text}" == sign):
            return advice
    hyphen = HYPHEN.search(text, text.rfind(NEWLINE, 0, here.start) + 1, here.start)
    if hyphen is not None:
        return f"a name holds no hyphen; write {hyphen[0].replace('-', '_')}"
    if here.text == "#":
        return "a comment begins with %"
    if here.kind == "closing" and open_bracket(before) is None:
        return "no bracket is open for it"
    if before and before[-1].kind == "name" and before[-1].text[:1].isupper():
        return f"{before[-1].text[:40]} begins with a capital letter and is a variable; a name begins with a small letter"
    if here.kind in ("name", "number", "string") and before and before[-1].kind in ("name", "number", "string", "closing"):
        return "write , between conditions and between arguments, _ for a space in a name, a full stop at the end of a rule"
    return ""


def expected(told: str) -> str:
    """Give what clingo expects, where it says so."""
    found = EXPECTED.search(told)
    return f"expected {found[1].strip()}" if found else "see whether a bracket, a comma or a full stop is missing before it"
