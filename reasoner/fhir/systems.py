"""Code systems by the URLs and OIDs that charts use, and codes as they are compared."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

__all__ = ["DISEASES", "HIERARCHIES", "SYSTEMS", "above", "key_of", "lineage", "system_of", "url_of"]

TABLE = Path(__file__).with_name("systems.csv")
ANYWHERE = "*"
ICD_O = "icdo3"
DISEASES = {"icd10cm", "icd9cm"}
"""Systems whose codes are diagnoses by themselves, in order of codes."""
HIERARCHIES = {*DISEASES, ICD_O, "atc", "ops", "hcpcs"}
ICD_MARKS = str.maketrans("", "", ".-+*!\N{DAGGER}# ")


def plain(url: str) -> str:
    """Write the URL of a code system without what tells no two apart: https, a version, capitals, a slash at its end."""
    return url.partition("|")[0].strip().lower().replace("https:", "http:", 1).rstrip("/")


with TABLE.open(encoding="utf-8", newline="") as rows:
    SYSTEMS = {row["url"]: row["system"] for row in csv.DictReader(rows)}
"""Names of code systems by their URLs; one between asterisks is a part of a URL."""
WHOLE = {plain(url): name for url, name in SYSTEMS.items() if not url.startswith(ANYWHERE)}
PARTS = [(plain(url.strip(ANYWHERE)), name) for url, name in SYSTEMS.items() if url.startswith(ANYWHERE)]


@lru_cache(maxsize=2**10)
def system_of(url: str | None) -> str:
    """Give the tables' name of a code system; one without a name keeps its URL."""
    if not url:
        return ""
    own = plain(url)
    return WHOLE.get(own) or next((name for part, name in PARTS if part in own), url)


def url_of(system: str) -> str:
    """Give the URL of a code system by its name in the tables; one that has none is a URL."""
    return next((url for url, name in SYSTEMS.items() if name == system), system if "://" in system else "")


def key_of(system: str, code: str) -> str:
    """Write a code as it is compared: ICD without points and marks, the labeller and product of an NDC without hyphens.

    A morphology of ICD-O is written without the grade of the tumour.
    """
    if system in DISEASES:
        return code.translate(ICD_MARKS).upper()
    if system == ICD_O:
        cells, slash, behaviour = code.translate(ICD_MARKS).upper().removeprefix("M").partition("/")
        return cells + slash + behaviour[:1]
    if system == "ndc":
        labeller, hyphen, product = code.partition("-")
        return labeller.zfill(5) + product.partition("-")[0].zfill(4) if hyphen else code[:9] if len(code) == 11 else code
    return code.strip().upper() if system in HIERARCHIES else code


def above(system: str, code: str) -> str:
    """Give the code above a code, or nothing where its system is not in order of codes.

    Above a morphology of ICD-O are those with fewer digits of its cells, and at last its behaviour alone: ``/3``.
    """
    if system not in HIERARCHIES:
        return ""
    cells, slash, behaviour = code.partition("/")
    return f"{cells[:-1]}{slash}{behaviour}" if cells else ""


def lineage(system: str, code: str) -> Iterator[str]:
    """Yield a code as it is compared, and those above it."""
    code = key_of(system, code)
    while code:
        yield code
        code = above(system, code)
