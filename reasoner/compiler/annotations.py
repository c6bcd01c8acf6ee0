"""Read the block comments that say what a guideline's rules encode.

The files are plain clingo programs. What a rule rests on stands in the block comment above it::

    %* @statement L17 [1, 2, 5] sha256:0123456789ab
    The statement in own words.
    @trial NAME
    *%
    indicated(REGIMEN, preferred) :- setting(SETTING), ...

An annotation opens with ``@statement ID [citations] sha256:digest-of-the-source-line``, ``@reading ID``,
``@alternative ID=NAME`` (another way to take a reading) or ``@overlay ID``. Lines of an annotation that start with
``@`` are fields: ``@trial``, ``@certainty``, ``@unformalised`` in statements, ``@reads``, ``@why`` and ``@settles``
in readings. An annotation holds for the rules after it in its file, up to the next annotation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from reasoner.compiler.model import Annotation
from reasoner.errors import GuidelineError, article, nearest

__all__ = ["read_annotation", "read_fields"]


ANNOTATION_HEAD = re.compile(
    r"@(?P<kind>statement|reading|alternative|overlay)\s+(?P<id>[A-Za-z]\w*(?P<alternative>=[a-z]\w*)?)(?:\s+\[(?P<cites>[\d,\s]*)\])?(?:\s+sha256:(?P<digest>[0-9a-f]{12}))?$"
)
FIELDS = {
    "statement": {"trial", "unformalised", "certainty"},
    "reading": {"reads", "why", "settles"},
    "alternative": {"why"},
    "overlay": {"why"},
}


def read_annotation(comment: str, here: str) -> Annotation | None:
    """Read a block comment as the statement, reading or overlay it opens; None where it is only a comment.

    `here` is its place, for messages. Raises GuidelineError for an annotation that is not written as described above.
    """
    lines = comment.removeprefix("%*").removesuffix("*%").strip().splitlines()
    if not lines or not lines[0].startswith("@"):
        return None
    head = ANNOTATION_HEAD.match(lines[0].strip())
    if head is None:
        raise GuidelineError(
            f'{here}: "{lines[0]}" does not open an annotation; '
            "write @statement ID [1, 2] sha256:DIGEST, @reading ID, @alternative ID=NAME or @overlay ID."
        )
    kind = head["kind"]
    if (kind == "alternative") != (head["alternative"] is not None):
        raise GuidelineError(
            f'{here}: "{lines[0]}": an alternative names its reading and itself, as in @alternative R5=b; nothing else does.'
        )
    needed = {
        "cites": "what its line cites, as in [1, 2]",
        "digest": "sha256: and the first 12 digits of its line's SHA-256",
    }
    lacking = [words for name, words in needed.items() if head[name] is None] if kind == "statement" else []
    if lacking:
        raise GuidelineError(f"{here}: statement {head['id']} lacks {' and '.join(lacking)}; add it after the id.")
    text = read_fields(lines[1:], FIELDS[kind], here, kind)
    if not text["text"]:
        raise GuidelineError(f"{here}: {kind} {head['id']} says nothing; restate it in a sentence.")
    if kind == "alternative" and not text.get("why"):
        raise GuidelineError(
            f"{here}: {head['id']} gives no reason; say in @why what makes it as defensible as the default."
        )
    return Annotation(
        kind=kind,
        id=head["id"],
        text=text["text"],
        place=here,
        citations=tuple(int(c) for c in re.findall(r"\d+", head["cites"] or "")),
        digest=head["digest"] or "",
        trials=tuple(t.strip() for t in text.get("trial", "").split("\0") if t.strip()),
        unformalised=text.get("unformalised", ""),
        reads=tuple(re.findall(r"\w+", text.get("reads", ""))),
        why=text.get("why", ""),
        settles=text.get("settles", ""),
        certainty=text.get("certainty", ""),
    )


def read_fields(lines: Iterable[str], allowed: Collection[str], here: str, kind: str) -> dict[str, str]:
    """Read the lines of an annotation: its text, and the fields that begin with ``@``, each joined to one line.

    Raises GuidelineError for a field that is not `allowed`.
    """
    words: dict[str, list[str]] = {"text": []}
    current = "text"
    for line in lines:
        line = " ".join(line.split())
        if line.startswith("@"):
            name, _, rest = line[1:].partition(" ")
            if name not in allowed:
                names = ", ".join("@" + n for n in sorted(allowed))
                raise GuidelineError(
                    f'{here}: "@{name}" is not a field of {article(kind)}{nearest(name, allowed)}; allowed: {names}'
                )
            current = name
            words.setdefault(name, []).append(rest.strip() + ("\0" if name == "trial" else ""))
        elif line:
            words[current].append(line)
    return {name: " ".join(parts).strip() for name, parts in words.items()}
