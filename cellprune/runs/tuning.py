"""tuning.json: the decoders that were tried on what the network learned from, and the one that was chosen.

Likewise the numbers by which cells are linked, where a recording has true tracks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from cellprune.runs import documents
from cellprune.runs.linking import Linking
from cellprune.targets.decoders import Decoder

_Decoder = Annotated[Decoder, Field(discriminator="name")]


@dataclass(frozen=True)
class Tried:
    """A decoder, and its SEG; None where the frames show no cell, or nothing was scored."""

    decoder: _Decoder
    seg: float | None


@dataclass(frozen=True)
class TriedLinking:
    """Numbers of the linker, and their LNK."""

    linking: Linking
    lnk: float


@dataclass(frozen=True)
class LinkTuning:
    """What was tried of the linker.

    Attributes:
        tried: the usual numbers first.
        chosen: which of them are the run's, counted from 0.
        recordings: whose true tracks they were scored on; nothing of them is held out.
        n_links: true links there.
    """

    tried: tuple[TriedLinking, ...]
    chosen: int
    recordings: tuple[str, ...]
    n_links: int

    def __post_init__(self) -> None:
        """Refuse a choice that was not tried."""
        if not 0 <= self.chosen < len(self.tried):
            raise ValueError(f"linking {self.chosen} of {len(self.tried)} is chosen")

    @property
    def before(self) -> TriedLinking:
        """The usual numbers."""
        return self.tried[0]

    @property
    def after(self) -> TriedLinking:
        """Those that were chosen."""
        return self.tried[self.chosen]


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The content of tuning.json.

    Attributes:
        tried: the decoder as it was first, then the others.
        chosen: which of them is the run's, counted from 0.
        frames: that they were scored on, by name; all are of the training part.
        n_cells: true cells there.
        skipped: why nothing was scored, so that the decoder is as it was; None where it was.
        links: of the linker; None where no recording that is learned from as a whole has true tracks.
    """

    tried: tuple[Tried, ...]
    chosen: int = 0
    frames: tuple[str, ...] = ()
    n_cells: int = 0
    skipped: str | None = None
    links: LinkTuning | None = None

    def __post_init__(self) -> None:
        """Refuse a choice that was not tried."""
        if not 0 <= self.chosen < len(self.tried):
            raise ValueError(f"decoder {self.chosen} of {len(self.tried)} is chosen")

    @property
    def before(self) -> Tried:
        """The decoder as it was."""
        return self.tried[0]

    @property
    def after(self) -> Tried:
        """The one that was chosen."""
        return self.tried[self.chosen]


def write(path: Path, tuning: Tuning) -> None:
    """Write tuning.json, whole or not at all."""
    documents.write_json(path, content(tuning))


def content(tuning: Tuning) -> dict[str, object]:
    """Give what tuning.json holds, as JSON values; every number of a decoder, usual or not."""
    values: dict[str, object] = TypeAdapter(Tuning).dump_python(tuning, mode="json")
    return values


def read(path: Path) -> Tuning:
    """Read a tuning.json; CellpruneError where it is absent or damaged."""
    return documents.checked(path, Tuning, documents.read_json(path))
