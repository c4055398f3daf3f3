"""What a check of a data set comes to: frozen values, as the command prints them and `--json` has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GreyLevels = tuple[float, float]  # darkest and brightest; whole numbers where the images hold such
Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class CellCount:
    """Cells of the gold truth, and markers of tracked cells, over all frames."""

    gold: int
    tracked: int


@dataclass(frozen=True)
class Lacking:
    """A gold frame with tracked cells that have no gold mask."""

    frame: int | str
    missing: int
    cells: int


@dataclass(frozen=True)
class InPieces:
    """A gold frame with masks that are of several pieces: their labels."""

    frame: int | str
    labels: tuple[int, ...]


@dataclass(frozen=True)
class SequenceInspection:
    """One recording, or a plain folder.

    Attributes:
        frames, gold, silver, markers: counts of files.
        silver_lacks: tracked cells that the silver truth does not show.
        silver_jaccard: lowest and highest mean Jaccard of a frame, of silver with gold.
        channels: numbers of them that images have.
        dtypes: kind of file -> its types.
        pixel_size_um: (y, x) that images state.
        without_pixel_size: images that state none.
    """

    sequence: str
    frames: int
    gold: int
    silver: int
    markers: int
    cells: CellCount
    missing: tuple[Lacking, ...]
    components: tuple[InPieces, ...]
    silver_lacks: int
    silver_jaccard: tuple[float, float] | None
    sizes: tuple[Size, ...]
    channels: tuple[int, ...]
    dtypes: Mapping[str, tuple[str, ...]]
    pixel_size_um: tuple[tuple[float, ...], ...]
    without_pixel_size: int
    grey_levels: GreyLevels | None


@dataclass(frozen=True)
class Diameter:
    """The median cell's diameter, px, as saved and in a network of the usual size."""

    native: float
    network: float


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A data set of cells in images.

    Attributes:
        frames, gold, silver, markers: counts of files.
        missing: cells without a gold mask.
        components: gold masks that are of several pieces.
        network_size_px: what whole frames are brought to, where no size is asked for.
        pairing: how images and labels of a plain folder are paired.
        facts, warnings, errors, notes: sentences; with an error the set cannot be used as it is.
    """

    dataset: str
    frames: int
    gold: int
    silver: int
    markers: int
    cells: CellCount
    missing: int
    components: int
    sizes: tuple[Size, ...]
    channels: tuple[int, ...]
    dtypes: Mapping[str, tuple[str, ...]]
    pixel_size_um: tuple[tuple[float, ...], ...]
    grey_levels: GreyLevels | None
    cell_diameter_px: Diameter | None
    network_size_px: Size
    sequences: tuple[SequenceInspection, ...]
    pairing: str | None
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ClassCount:
    """Images of one class in each part of the data set."""

    name: str
    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class ClassesInspection:
    """A data set of images that have one class each.

    Attributes:
        images: part -> number of images; empty where the set cannot be read.
        duplicates: test images that are training images, too; None where the set cannot be read.
        files: name -> hash of each file.
        errors, notes: sentences.
    """

    dataset: str
    images: Mapping[str, int]
    classes: tuple[ClassCount, ...]
    duplicates: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...]
    notes: tuple[str, ...]
