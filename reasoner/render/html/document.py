"""An HTML document that loads nothing: its styles and scripts are in it, and its policy allows those alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files

from reasoner.compiler.model import GuidelineModel

__all__ = ["LOOK", "asset", "digest", "document", "items", "tag"]

LOOK = "look.css"
"""The style that all pages share: colours, light and dark, sizes of type, controls, print."""


def asset(name: str) -> str:
    return files("reasoner.render.html").joinpath(name).read_text("utf-8")


def digest(text: str) -> str:
    """Give the source expression that lets a policy allow one inline script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def document(title: str, body: str, model: GuidelineModel, styles: tuple[str, ...] = (), script: str = "") -> str:
    """Make a page of a title, which is text, and a body, which is HTML; `styles` and `script` name assets of this folder."""
    style = "".join(map(asset, (LOOK, *styles)))
    code = asset(script) if script else ""
    allowed = f"script-src {digest(code)}; " if code else ""
    policy = f"default-src 'none'; {allowed}style-src {digest(style)}; base-uri 'none'; form-action 'none'"
    runs = f"<script>{code}</script>\n" if code else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(model.say("viewer_language"))}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"{runs}</body>\n</html>\n"
    )


def tag(name: str, text: str, kind: str = "") -> str:
    """Write an element that holds a text; nothing where there is none."""
    return f"<{name}{of_class(kind)}>{escape(text)}</{name}>\n" if text else ""


def items(texts: Iterable[str], kind: str = "") -> str:
    """Write texts as a list; nothing where there are none."""
    lines = "".join(tag("li", text) for text in texts)
    return f"<ul{of_class(kind)}>{lines}</ul>\n" if lines else ""


def of_class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
