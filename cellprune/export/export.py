"""One ONNX file of a trained network, there only if every engine that will run it gives torch's classes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from cellprune import models
from cellprune.config.names import ENGINES, resolve
from cellprune.engines.onnxcard import card_of
from cellprune.engines.torch import engine as torch_engine
from cellprune.errors import CellpruneError, WorkError
from cellprune.export.onnx import to_onnx, with_header
from cellprune.export.parity import Example, Parity, parity, reference
from cellprune.lab.engine import Engine, Floats, Precision
from cellprune.models.loaded import header_of
from cellprune.runs import atomic, onnxfile


@dataclass(frozen=True)
class Exported:
    """What was made.

    Attributes:
        n_bytes: of the file.
        parity: of each engine and precision; those that the file is not made for may be beyond their limit.
    """

    output: Path
    precision: Precision
    n_bytes: int
    parity: tuple[Parity, ...]

    @property
    def doubts(self) -> list[str]:
        """Say which engines are beyond the limit of a precision that nobody takes without asking for it."""
        return [
            f"--precision {row.precision} with this network: {row.fault}"
            for row in self.parity
            if row.precision != self.precision and row.fault
        ]


def export(
    model: Path,
    output: Path,
    examples: Sequence[Example],
    *,
    calibration: Sequence[Floats] = (),
    network: str | None = None,
) -> Exported:
    """Write a network as one ONNX file and compare it with torch.

    Args:
        model: a run folder or a model file.
        output: the file to make.
        examples: to compare on, at least one.
        calibration: (C, H, W) float32 native images; with them the file is in int8, of the ranges that they have.
        network: FILE.py:NAME of a network of the user's own; see `models.loaded.load`.
    Raises:
        CellpruneError: no such model, or it cannot be written as ONNX; nothing is written.
        WorkError: an engine gives other classes than torch, beyond the limit; nothing is written.
    """
    trained = models.load(model, network)
    header = header_of(trained)
    assert header is not None
    file = to_onnx(trained, header, model)
    precision: Precision = "int8" if calibration else "fp32"
    expected = reference(torch_engine(trained, device="cpu"), examples)
    with atomic.replacing(output) as beside:
        beside.write_bytes(file)
        card = onnxfile.read_header(beside) | {"precision": precision}
        if calibration:
            from cellprune.export.int8 import quantized

            file = with_header(quantized(file, *card_of(beside), calibration), card)
            beside.write_bytes(file)
        rows = [parity(engine, examples, expected) for engine in _engines(beside, precision)]
        for row in rows:
            if row.precision == precision and row.fault:
                raise WorkError(f"{model} as ONNX, in {row.engine} and {precision}: {row.fault}; no file was made")
        parities = [asdict(row) | {"ppm": row.ppm} for row in rows]
        beside.write_bytes(with_header(file, card | {"parity": parities}))
    return Exported(output, precision, output.stat().st_size, tuple(rows))


def _engines(file: Path, precision: Precision) -> Iterator[Engine]:
    """Give each engine that is installed, in the file's precision and in what it makes of float32 by itself."""
    for name, row in ENGINES.items():
        if row.runs != "onnx" or not find_spec(row.package):
            continue
        make = resolve("engine", name)
        yield make(file, precision=precision)
        if precision == "fp32" and "bf16" in row.precisions:
            with suppress(CellpruneError):  # a processor without it
                yield make(file, precision="bf16")
