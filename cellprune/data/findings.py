"""What a check finds in a data set, sequence by sequence, and how it is told: in sentences, and as plain values."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from cellprune.data.copies import Annotated, copies
from cellprune.data.inspection import CellCount, Diameter, InPieces, Inspection, Lacking, SequenceInspection
from cellprune.data.proposal import NETWORK_SIZE_PX, middle, proposal, shaped, too_small
from cellprune.data.sets.cards import Card
from cellprune.evaluation.iou import IGNORED
from cellprune.images.read import UNSTACK
from cellprune.wording import many

_SHOWN = 8  # names or sizes before the rest is left out
_SAME_SCALE = 0.01  # relative difference of pixel sizes that is no difference

FrameName = int | str  # its number in a recording, or the name of its image
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Disc:
    """A cell as a disc of its area.

    Attributes:
        diameter_px: in its image.
        share: that diameter over the square root of its image's area. An image is resized as a whole to learn from, so
            this times the square root of the network's area is the diameter there, whatever the image's size.
    """

    diameter_px: float
    share: float


@dataclass
class Findings:
    """One sequence, filled while its frames are looked at."""

    name: str
    n_frames: Counter[str] = field(default_factory=Counter)  # by kind of file
    n_read: Counter[str] = field(default_factory=Counter)  # by kind of truth: the files without an error
    n_tracked_cells: int = 0
    missing: list[Lacking] = field(default_factory=list)
    components: list[InPieces] = field(default_factory=list)
    empty: list[FrameName] = field(default_factory=list)
    unknown: list[FrameName] = field(default_factory=list)  # frames of which every pixel is ignored
    n_lacking_in_silver: int = 0
    jaccard: list[float] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    gold_sizes: list[tuple[int, int]] = field(default_factory=list)  # of each frame with gold truth
    cells: list[Disc] = field(default_factory=list)  # as large as the gold cells
    pieces: list[Disc] = field(default_factory=list)  # as large as the connected pieces of gold cells
    annotated: list[Annotated] = field(default_factory=list)
    values: set[int] = field(default_factory=set)  # that number gold cells, of all frames
    drawn: list[Path] = field(default_factory=list)  # label images that draw their cells and do not number them
    numbered: list[Path] = field(default_factory=list)  # those with several numbers
    grey_levels: set[float] = field(default_factory=set)  # each image's darkest and brightest
    stacked: list[Path] = field(default_factory=list)  # colour images that may be stacks of grey ones
    channels: dict[int, Path] = field(default_factory=dict)  # number of channels -> the first image that has so many
    grey: list[Path] = field(default_factory=list)  # images that are saved in colour, all channels equal
    n_pixels: Counter[int] = field(default_factory=Counter)  # by value of the target, of plain folders
    no_classes: list[str] = field(default_factory=list)  # one sentence for each label image with a value that is none
    dtypes: dict[str, set[str]] = field(default_factory=dict)
    pixel_sizes_um: set[tuple[float, ...]] = field(default_factory=set)
    n_without_pixel_size: int = 0  # images that state none
    marked: list[int] = field(default_factory=list)  # the frames whose markers could be read
    shown: dict[int, set[int]] = field(default_factory=dict)  # track -> the frames whose markers show it
    errors: list[str] = field(default_factory=list)


def notes(findings: Findings, card: Card | None) -> list[str]:
    """Say in sentences what is partial or untidy in a sequence; nothing of it is wrong."""
    said = []
    if findings.missing:
        frames = ", ".join(f"{m.frame} ({m.missing} of {m.cells})" for m in findings.missing)
        said.append(f"cells without a gold mask: {sum(m.missing for m in findings.missing)}, in frames {frames}")
    if findings.components and not is_one_value(findings):
        said.append(f"gold masks in several pieces in frames {_listed(c.frame for c in findings.components)}")
    if is_one_value(findings):
        said.append(f"the label images have one value, so connected pieces count as cells: {len(findings.pieces)}")
    if findings.empty:
        said.append(f"no cell in the gold truth of frames {_listed(findings.empty)}")
    if findings.unknown:
        said.append(f"every pixel is ignored in {_listed(findings.unknown)}: nothing is learned or scored there")
    if findings.n_lacking_in_silver:
        said.append(f"silver truth lacks {findings.n_lacking_in_silver} of {findings.n_tracked_cells} tracked cells")
    if findings.jaccard:
        low, high = min(findings.jaccard), max(findings.jaccard)
        said.append(f"mean Jaccard of silver with gold {low:.2f} to {high:.2f}, by frame")
    if len(findings.sizes) > 1:
        sizes = shortened([f"{h} x {w}" for h, w in sorted(findings.sizes)])
        said.append(f"frames of {len(findings.sizes)} sizes, each resized to the network's to learn from: {sizes}")
    if findings.grey and set(findings.channels) <= {1}:
        names = shortened([path.name for path in findings.grey])
        said.append(f"saved in colour, but all channels are equal: read as grey: {names}")
    if findings.stacked:
        names = shortened([path.name for path in findings.stacked])
        said.append(f"tagged as colour, yet saved channel by channel: {names}; {UNSTACK}")
    if card and card.pixel_size_um:
        for tagged in sorted(findings.pixel_sizes_um):
            if not np.allclose(tagged, card.pixel_size_um, rtol=_SAME_SCALE):
                said.append(f"the TIFF tag says pixels of {tagged} um, the card {card.pixel_size_um}")
    return [f"{findings.name}: {note}" for note in said]


def class_notes(findings: Findings, classes: Sequence[str]) -> list[str]:
    """Say how much of the annotated area each class has."""
    total = sum(findings.n_pixels.values())
    named = [*enumerate(classes), (IGNORED, "unknown")]
    shares = ", ".join(f"{name} {findings.n_pixels[value] / total:.1%}" for value, name in named) if total else ""
    return [f"annotated pixels: {shares}"] if shares else []


def shortened(names: Sequence[str]) -> str:
    """List some of many."""
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")


def report(
    name: str,
    findings: Sequence[Findings],
    errors: Sequence[str],
    notes: Sequence[str],
    pairing: str | None = None,
    *,
    card: Card | None = None,
) -> Inspection:
    """Put everything together, the totals first; frames of a set with a card are squares to the network."""
    sequences = tuple(map(_sequence, findings))
    levels = [level for sequence in findings for level in sequence.grey_levels]
    gold_sizes = [size for sequence in findings for size in sequence.gold_sizes]
    network_px = shaped(middle(gold_sizes)) if gold_sizes and card is None else NETWORK_SIZE_PX
    diameter = _diameter(findings, network_px)
    advice = proposal(gold_sizes, diameter.native if diameter else None, sum(s.silver for s in sequences))
    return Inspection(
        dataset=name,
        frames=sum(s.frames for s in sequences),
        gold=sum(s.gold for s in sequences),
        silver=sum(s.silver for s in sequences),
        markers=sum(s.markers for s in sequences),
        cells=CellCount(sum(s.cells.gold for s in sequences), sum(s.cells.tracked for s in sequences)),
        missing=sum(lacking.missing for s in sequences for lacking in s.missing),
        components=sum(len(pieces.labels) for s in sequences for pieces in s.components),
        sizes=_merged(s.sizes for s in sequences),
        channels=_merged(s.channels for s in sequences),
        dtypes={
            kind: _merged(s.dtypes.get(kind, ()) for s in sequences) for kind in ("image", "gold", "silver", "markers")
        },
        pixel_size_um=_merged(s.pixel_size_um for s in sequences),
        grey_levels=(min(levels), max(levels)) if levels else None,
        cell_diameter_px=diameter,
        network_size_px=network_px,
        sequences=sequences,
        pairing=pairing,
        facts=(*_facts(sequences, levels, diameter, network_px), *([advice] if advice else [])),
        warnings=(
            *(too_small(diameter.network, gold_sizes, network_px) if diameter else ()),
            *copies(one for sequence in findings for one in sequence.annotated),
        ),
        errors=tuple(errors),
        notes=tuple(notes),
    )


def _diameter(findings: Sequence[Findings], network_px: tuple[int, int]) -> Diameter | None:
    """Give the median cell's diameter as saved, and as the network sees it where nothing else is asked for."""
    cells = [cell for sequence in findings for cell in gold_cells(sequence)]
    if not cells:
        return None
    share = float(np.median([cell.share for cell in cells]))
    return Diameter(
        native=float(np.median([cell.diameter_px for cell in cells])),
        network=share * (network_px[0] * network_px[1]) ** 0.5,
    )


def gold_cells(findings: Findings) -> list[Disc]:
    """Give what counts as a cell: each number of a label image, or each piece where all have one number."""
    return findings.pieces if is_one_value(findings) else findings.cells


def is_one_value(findings: Findings) -> bool:
    """Tell whether label images only draw cells and do not number them: one value in all of them, in several pieces."""
    return len(findings.values) == 1 and len(findings.pieces) > len(findings.cells)


def _facts(
    sequences: Sequence[SequenceInspection],
    levels: Sequence[float],
    diameter: Diameter | None,
    network_px: tuple[int, int],
) -> Iterator[str]:
    """Say what the images and the cells are like."""
    stated = _merged(s.pixel_size_um for s in sequences)
    n_silent = sum(s.without_pixel_size for s in sequences)
    is_known = len(stated) == 1 and not n_silent
    if levels:
        low, high = min(levels), max(levels)
        bits = f" ({(high - low).bit_length()} bits)" if isinstance(low, int) and isinstance(high, int) else ""
        channels = " or ".join(many(n, "channel") for n in sorted(_merged(s.channels for s in sequences)))
        dtypes = " and ".join(_merged(s.dtypes.get("image", ()) for s in sequences))
        pixels = " or ".join(" x ".join(f"{um:.4g}" for um in size) + " um" for size in stated)
        partly = ""
        if stated and not is_known:  # where not all images state the same pixel size, the set has none
            n_frames = sum(s.frames for s in sequences)
            silent = f"{n_silent} of {n_frames} images state none" if n_silent else "they differ"
            partly = f" ({silent}, so the pixel size of the set counts as unknown)"
        yield (
            f"images: {channels}, {dtypes}, grey levels {low:g} to {high:g}{bits}, pixels of "
            f"{pixels or 'unknown size'}{partly}"
        )
    if diameter:
        um = ""
        if is_known:
            ((down, across),) = stated
            um = f" ({diameter.native * (down * across) ** 0.5:.3g} um)"
        height, width = network_px
        yield (
            f"cells: median diameter {diameter.native:.1f} px{um}, {diameter.network:.1f} px in a network of "
            f"{height} x {width} px"
        )


def _sequence(findings: Findings) -> SequenceInspection:
    return SequenceInspection(
        sequence=findings.name,
        frames=findings.n_frames["image"],
        gold=findings.n_frames["gold"],
        silver=findings.n_frames["silver"],
        markers=findings.n_frames["markers"],
        cells=CellCount(len(gold_cells(findings)), findings.n_tracked_cells),
        missing=tuple(findings.missing),
        components=tuple(findings.components),
        silver_lacks=findings.n_lacking_in_silver,
        silver_jaccard=(min(findings.jaccard), max(findings.jaccard)) if findings.jaccard else None,
        sizes=tuple(sorted(findings.sizes)),
        channels=tuple(sorted(findings.channels)) or (1,) * bool(findings.grey),
        dtypes={kind: tuple(sorted(types)) for kind, types in findings.dtypes.items()},
        pixel_size_um=tuple(sorted(findings.pixel_sizes_um)),
        without_pixel_size=findings.n_without_pixel_size,
        grey_levels=(min(findings.grey_levels), max(findings.grey_levels)) if findings.grey_levels else None,
    )


def _merged(values: Iterable[Sequence[_Value]]) -> tuple[_Value, ...]:
    """Give every value once, in order."""
    return tuple(dict.fromkeys(chain.from_iterable(values)))


def _listed(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))
