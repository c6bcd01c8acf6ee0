"""The choice of a guideline: its folder, its layer, the overlays laid on top."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reasoner.errors import GuidelineError, nearest

__all__ = ["LAYERS", "Selection", "default_folder", "shared_folder"]

LAYERS = ("literal", "curated")
DEFAULT = "her2_mbc"


class Selection(msgspec.Struct, frozen=True):
    """Which guideline is meant.

    `folder` holds its files; `layer` is "literal" (each statement as it reads) or "curated" (with the readings);
    `overlays` are files of local rules, laid on top in order. Raises GuidelineError for a layer that does not exist.
    """

    folder: Path
    layer: str = "curated"
    overlays: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.layer not in LAYERS:
            raise GuidelineError(
                f'layer: "{self.layer}" is not a layer{nearest(self.layer, LAYERS)}; allowed: {", ".join(LAYERS)}'
            )

    def with_layer(self, layer: str) -> Selection:
        """Select the same guideline, under the same overlays, in another layer."""
        return Selection(self.folder, layer, self.overlays)


def shared_folder() -> Path:
    """Give the folder that holds the shared core and the guidelines that ship."""
    import asp

    return Path(asp.__path__[0])


def default_folder() -> Path:
    """Give the folder of the guideline that ships with the package."""
    return shared_folder() / DEFAULT
