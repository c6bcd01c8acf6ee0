"""The choice of a guideline: its folder, its layer, the overlays laid on top, the alternatives of its readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from reasoner.errors import GuidelineError, nearest

__all__ = ["ANY", "LAYERS", "Selection", "default_folder", "shared_folder"]

LAYERS = ("literal", "curated")
DEFAULT = "her2_mbc"
ANY = "any"
"""Leaves the choice between the alternatives of a reading open; alone, that of all readings."""


class Selection(msgspec.Struct, frozen=True):
    """Which guideline is meant.

    `folder` holds its files; `layer` is "literal" (each statement as it reads) or "curated" (with the readings);
    `overlays` are files of local rules, laid on top in order; `readings` are written ``R5=b``, ``R5=any`` or ``any``, and
    take readings otherwise than by their defaults; with `no_record_means_none`, therapy and metastases that a FHIR chart
    does not record are read as not there. Raises GuidelineError for a layer that does not exist.
    """

    folder: Path
    layer: str = "curated"
    overlays: tuple[Path, ...] = ()
    readings: tuple[str, ...] = ()
    no_record_means_none: bool = False

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise GuidelineError(
                f'layer: "{self.layer}" is not a layer{nearest(self.layer, LAYERS)}; allowed: {", ".join(LAYERS)}'
            )

    def with_layer(self, layer: str) -> Selection:
        """Select the same guideline, under the same overlays, in another layer."""
        return msgspec.structs.replace(self, layer=layer)

    def with_readings(self, readings: tuple[str, ...]) -> Selection:
        """Select the same guideline with its readings taken otherwise."""
        return msgspec.structs.replace(self, readings=readings)

    def alternatives(self, known: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Give the alternative, or "any", of each reading that is not taken by its default; `known` are all alternatives.

        Raises GuidelineError, with what is allowed, for a reading or an alternative that is not there.
        """
        chosen: dict[str, str] = {}
        if self.readings and self.layer == "literal":
            raise GuidelineError("--reading: the literal layer has no readings; leave out --layer literal.")
        for text in self.readings:
            reading, _, name = text.partition("=")
            if text == ANY:
                continue
            options = [f"{other}={option}" for other, names in known.items() for option in (*names, ANY)]
            if reading not in known or name not in (*known[reading], ANY):
                alike = [own for own in options if number_in(own) == number_in(text)]
                hint = nearest(text, alike) if reading not in known else ""
                allowed = ", ".join((*options, ANY)) if options else "none: no reading of this guideline has an alternative"
                raise GuidelineError(f"--reading {text}: no such alternative of a reading{hint}; allowed: {allowed}")
            if chosen.setdefault(reading, name) != name:
                raise GuidelineError(f"--reading {text}: {reading} is taken as {chosen[reading]} already; choose one.")
        if ANY in self.readings:
            chosen = {reading: chosen.get(reading, ANY) for reading in known}
        return {reading: name for reading, name in chosen.items() if name != known[reading][0]}


def number_in(text: str) -> str:
    """Give the digits of a name: another number is another name, not a misspelt one."""
    return "".join(filter(str.isdecimal, text))


def shared_folder() -> Path:
    """Give the folder that holds the shared core and the guidelines that ship."""
    import asp

    return Path(asp.__path__[0])


def default_folder() -> Path:
    """Give the folder of the guideline that ships with the package."""
    return shared_folder() / DEFAULT
