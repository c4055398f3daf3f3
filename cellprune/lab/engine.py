"""What the lab asks of whatever runs the network. The engines stand in `engines/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from cellprune.config import names
from cellprune.runs.modelcard import ModelCard, ReceptiveField

Floats = NDArray[np.float32]
Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class Running:
    """By what a network is run: what prediction.json says of it, because other numbers may give other labels.

    Attributes:
        engine: its name, as `--engine` takes it.
        precision: what is computed in.
        versions: of the engine's library.
    """

    engine: str
    precision: Precision
    device: str
    threads: int
    versions: Mapping[str, str]


class Engine(Protocol):
    """A network that is ready to compute.

    Attributes:
        card: what the network takes and gives.
        input_size: pixels that the network's maps must cover along one axis -> the size that it mirrors the image to,
            `(want - have) // 2` px of it before the image; the same number where it takes the image as it is.
        receptive_field: how far a pixel looks; None where that has no bound, so that tiles are near the whole only.
        bytes_per_pixel: memory at work for each pixel that the network takes in.
        running: by what the network is run.
    """

    card: ModelCard
    running: Running
    input_size: Callable[[int], int]

    @property
    def receptive_field(self) -> ReceptiveField | None: ...

    @property
    def bytes_per_pixel(self) -> float: ...

    def __call__(self, images: Floats, /) -> Floats:
        """Give the maps (N, maps, H, W) float32, as the card's target has them, of normalized (N, C, H, W) float32.

        Raises:
            WorkError: the memory is not enough for images of this size.
        """
        ...


def engine_of(
    model: object,
    *,
    engine: str = "auto",
    device: str = "auto",
    precision: Precision = "fp32",
    network: str | None = None,
) -> Engine:
    """Give an engine as it is, and wrap anything else: a torch network, a run folder, a model file, an ONNX file.

    Args:
        model: what is to be run.
        engine: a row of the engines' table; "auto" takes the fastest of those that are installed and can run it.
        device: "auto", "cpu", "cuda" or "mps"; only torch has others than the CPU.
        precision: what is computed in; nothing below float32 unless it is asked for.
        network: FILE.py:NAME of a run or model file of a network of the user's own, whose code is then run.
    Raises:
        CellpruneError: no such engine, or it cannot run the model.
    """
    if _is_engine(model):
        return model
    make = names.resolve("engine", "auto")
    made: Engine = make(model, engine=engine, device=device, precision=precision, network=network)
    return made


def _is_engine(model: object) -> TypeGuard[Engine]:
    return isinstance(getattr(model, "card", None), ModelCard)
