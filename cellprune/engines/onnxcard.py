"""What the engines of ONNX files ask of such a file before they load it: its card, its precision, the device."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cellprune.errors import CellpruneError, WorkError
from cellprune.lab.engine import Floats, Precision
from cellprune.runs import onnxfile
from cellprune.runs.modelcard import InputSizes, ModelCard, read_card

_ALLOCATION = ("alloc", "memory")


def card_of(path: Path) -> tuple[ModelCard, InputSizes]:
    """Give what an ONNX file says of its network, and the input sizes that this takes.

    Raises:
        CellpruneError: no such file, not ours, or its card lacks something or holds nonsense.
    """
    card = read_card(onnxfile.read_header(path), path)
    if card.input_sizes is None or card.bytes_per_pixel is None:
        raise CellpruneError(f"{path} does not say which sizes or how much memory its network takes: export it again")
    return card, card.input_sizes


def require_precision(
    card: ModelCard, precision: Precision, model: object, *, also: tuple[Precision, ...] = ()
) -> None:
    """Refuse to compute in other numbers than those asked for.

    Args:
        card: of the file.
        precision: asked for.
        model: the file, for the message.
        also: what the engine makes of a file in float32 by itself.
    Raises:
        CellpruneError: names what mends it.
    """
    if precision == card.precision or (precision in also and card.precision == "fp32"):
        return
    if card.precision == "int8":
        raise CellpruneError(
            f"{model} computes in int8, which gives slightly other labels: add --precision int8, or take the file in "
            "float32"
        )
    if precision == "int8":
        raise CellpruneError(
            f"--precision int8: {model} is in float32: make one with 'cellprune export RUN --int8 -o NAME.onnx'"
        )
    raise CellpruneError(f"--precision {precision}: ONNX Runtime computes in float32 or int8: add --engine openvino")


def require_cpu(device: str, engine: str) -> None:
    """Refuse another device than the CPU.

    Raises:
        CellpruneError: says which engine has others.
    """
    if device not in ("auto", "cpu"):
        raise CellpruneError(
            f"--device {device}: {engine} runs on the CPU: remove --device, or predict with the run or its model file"
        )


def as_the_card_says(path: Path, card: ModelCard, n_channels: object, n_maps: object) -> None:
    """Refuse a network that takes or gives other maps than its card says.

    Raises:
        CellpruneError: names both numbers.
    """
    for what, network, said in (
        ("channels", n_channels, card.in_channels),
        ("classes", n_maps, card.n_maps),
    ):
        if network != said:
            raise CellpruneError(f"the card of {path} says {said} {what}, its network has {network}: export it again")


@contextmanager
def scarce(images: Floats) -> Iterator[None]:
    """Say in one line where the memory does not suffice for these images.

    Raises:
        WorkError: it does not.
    """
    try:
        yield
    except Exception as error:  # engines' errors have nothing in common
        if not isinstance(error, MemoryError) and not any(word in str(error).lower() for word in _ALLOCATION):
            raise
        raise WorkError(
            f"the memory of cpu does not suffice for {images.shape[-2]} x {images.shape[-1]} px at once"
        ) from error
