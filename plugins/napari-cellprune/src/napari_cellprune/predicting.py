"""A model on an open image: the same labels as of `cellprune predict`, plane by plane, until somebody stops it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellprune.errors import CellpruneError
from cellprune.images.read import are_equal, in_unit_range
from cellprune.lab import scale
from cellprune.lab.engine import Engine, engine_of
from cellprune.lab.scale import Scale
from cellprune.lab.segment import cells_in, require_channels
from cellprune.runs.folder import FILES
from cellprune.runs.searched import found_by
from cellprune.wording import many, quoted

Tell = Callable[[float, str], None]  # the share that is done, 0..1, and what is under way
IsStopped = Callable[[], bool]


class Stopped(Exception):
    """Somebody stopped the work; nothing of it is kept."""


@dataclass(frozen=True, eq=False)
class OpenImage:
    """An image as a viewer has it.

    Attributes:
        name: for messages.
        data: (..., H, W) of real numbers, or (..., H, W, 3 or 4) in colour; all axes before these count planes.
        is_colour: whether the last axis is colour.
        pixel_size_um: (y, x); None when unknown.
    """

    name: str
    data: NDArray
    is_colour: bool = False
    pixel_size_um: Scale | None = None

    @property
    def outer(self) -> tuple[int, ...]:
        """The axes that count planes; () of a single one."""
        return self.data.shape[: -3 if self.is_colour else -2]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.data.shape[len(self.outer) :][:2]
        return height, width

    def planes(self) -> Iterator[tuple[tuple[int, ...], NDArray]]:
        """Give each plane with its place: (C, H, W), without the transparency of colours."""
        for at in np.ndindex(*self.outer):
            pixels = np.asarray(self.data[at])
            yield at, np.moveaxis(pixels[..., :3], -1, 0) if self.is_colour else pixels[None]


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model found in an image.

    Attributes:
        model: its name.
        labels: (..., H, W) int32, 0 is background; in each plane the cells have numbers from 1.
        n_cells: of all planes.
        warnings: why the labels may not be what they are taken for.
    """

    model: str
    labels: NDArray[np.int32]
    n_cells: int
    warnings: tuple[str, ...]


def predict(model: Path, image: OpenImage, *, tell: Tell, is_stopped: IsStopped) -> Predicted:
    """Label the cells of an image.

    Args:
        model: an ONNX file, which needs no torch, a model file, a run or a search.
        tell: told after each plane, and after each tile of a large one.
        is_stopped: asked as often.
    Raises:
        CellpruneError: no such model, it cannot run here, or no plane of the image can be used.
        Stopped: somebody stopped it.
    """
    if not model.exists():
        raise CellpruneError(f"there is no file or folder {quoted(str(model))}: choose a model")
    tell(0, "loading the model")
    engine = engine_of(found_by(model))
    if image.data.dtype.kind not in "uif":
        raise CellpruneError(
            f"{image.name} holds {image.data.dtype} values, which are not grey levels: choose another image"
        )
    labels = np.zeros((*image.outer, *image.size), np.int32)
    lost: list[tuple[int, ...]] = []
    n_cells = n_done = 0
    for at, pixels in image.planes():
        step = _Steps(tell, is_stopped, n_done, int(np.prod(image.outer)))
        step(0, 1)
        if _shows_nothing(pixels):
            lost.append(at)
        else:
            labels[at] = cells_in(engine, in_unit_range(_seen(engine, image.name, pixels)), step=step).labels
            n_cells += int(labels[at].max())
        step(1, 1)
        n_done += 1
    if len(lost) == n_done:
        raise CellpruneError(f"{image.name} is constant or has NaN or infinite pixels: there is nothing to see")
    return Predicted(name_of(model), labels, n_cells, tuple(_doubts(engine, image, lost)))


def name_of(model: Path) -> str:
    """Give what a model is called: the folder of a run, else the file."""
    path = model.resolve()
    return path.parent.name if path.name == FILES["model"] else path.stem if path.is_file() else path.name


@dataclass(frozen=True)
class _Steps:
    """Tells how far a plane is, and stops."""

    tell: Tell
    is_stopped: IsStopped
    n_done: int
    n_planes: int

    def __call__(self, tile: int, n_tiles: int) -> None:
        if self.is_stopped():
            raise Stopped
        message = f"image {self.n_done + 1} of {self.n_planes}" if self.n_planes > 1 else "finding cells"
        if n_tiles > 1:
            message += f", tile {tile}/{n_tiles}"
        self.tell((self.n_done + tile / n_tiles) / self.n_planes, message)


def _shows_nothing(pixels: NDArray) -> bool:
    return not np.isfinite(pixels).all() or pixels.min() == pixels.max()


def _seen(engine: Engine, name: str, pixels: NDArray) -> NDArray:
    """Give the channels that the network takes; grey that is shown in colour has one."""
    if engine.card.in_channels == 1 and are_equal(pixels):
        return pixels[:1]
    require_channels(engine, len(pixels), name)
    return pixels


def _doubts(engine: Engine, image: OpenImage, lost: list[tuple[int, ...]]) -> Iterator[str]:
    if differing := scale.difference(engine.card, {image.name: image.pixel_size_um}):
        yield f"{differing}; correct the scale of the layer, or use 'cellprune predict --rescale'"
    if lost:
        where = ", ".join(map(str, lost[0]))
        yield (
            f"{many(len(lost), 'image')} of {image.name} have no labels, the first at {where}: constant, or with NaN "
            "or infinite pixels"
        )
