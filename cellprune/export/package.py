"""A trained network as a bioimage.io package: ONNX weights, a test image and its maps, a description, a README.

Other programs and the zoo's own validator read rdf.yaml; people, and the Hugging Face hub, read README.md.

Source: the specification of bioimage.io models 0.5.12.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from onnxruntime import InferenceSession

from cellprune.config import yaml12
from cellprune.config.names import resolve
from cellprune.engines.bare import softmax
from cellprune.errors import CellpruneError
from cellprune.export.description import DOCUMENTATION, INPUT, OUTPUT, WEIGHTS, description, sides_of
from cellprune.export.export import Exported, export
from cellprune.export.parity import Example
from cellprune.export.processing import Step, at_network_size, processed, steps
from cellprune.export.readme import Agreement, SegmentingRun, readme, title
from cellprune.files.naming import require_new
from cellprune.images.network_input import seen
from cellprune.lab.engine import Engine, Floats
from cellprune.lab.segment import class_map, pixel_classes
from cellprune.report import files
from cellprune.runs import atomic, onnxfile, placing
from cellprune.runs.finished import finished
from cellprune.runs.modelcard import ModelCard

SUFFIX = ".zip"
_MOST_TESTED_PX = 256  # a side of the test image, so that the package stays small
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of a zip's calendar, so that the same package has the same bytes


@dataclass(frozen=True)
class Packaged:
    """What was made.

    Attributes:
        exported: the weights in it, as `export` made them.
        agreement: of the package's own normalization with ours; None where it has none.
    """

    output: Path
    exported: Exported
    agreement: Agreement | None


def require_new_package(output: Path) -> None:
    """Refuse a name that is taken, or that no package has, before any work.

    Raises:
        CellpruneError: says what to give.
    """
    if output.suffix.lower() == onnxfile.SUFFIX:
        raise CellpruneError(
            f"--output {str(output)!r}: a bioimage.io package is a folder, or NAME.zip: give another name"
        )
    require_new(output, kind="bioimage.io", suffix=output.suffix.lower())


def package(
    model: Path,
    output: Path,
    examples: Sequence[Example],
    *,
    learned: Sequence[Floats] = (),
    network: str | None = None,
) -> Packaged:
    """Write a network as a bioimage.io package.

    Args:
        model: a run folder or a model file; of a file the package says what it does not know.
        output: the folder, or the zip archive, to make.
        examples: to compare on; the first becomes the test image.
        learned: (C, H, W) float32 native images that the network learned from; without them the package may not be able
            to normalize, see `processing.steps`.
        network: FILE.py:NAME of a network of the user's own; see `models.loaded.load`.
    Raises:
        CellpruneError: no such model, or it cannot be written as ONNX; nothing is written.
        WorkError: an engine gives other classes than torch, beyond the limit, or the disk is full; nothing is written.
    """
    with _becoming(output) as folder:
        made = export(model, folder / WEIGHTS, examples, network=network)
        engine: Engine = resolve("engine", "onnx")(folder / WEIGHTS)
        known = steps(engine.card, learned)
        image, maps = _tested(folder / WEIGHTS, engine.card, known, examples[0].image)
        np.save(folder / INPUT, image)
        np.save(folder / OUTPUT, maps)
        agreement = _agreement(engine, known, examples) if known else None
        with files.needed(str(model)):
            run = _run(model)
            name = title(model, run)
            text = readme(name, engine.card, run, made.parity, agreement)
            (folder / DOCUMENTATION).write_text(text, encoding="utf-8")
            said = description(name, folder, engine.card, known, run)
        (folder / "rdf.yaml").write_text(yaml12.write(said), encoding="utf-8")
    return Packaged(output, made, agreement)


def _run(model: Path) -> SegmentingRun | None:
    """Read the files of a run that segments, as any does whose weights are ONNX; None for a model file."""
    if not model.is_dir():
        return None
    return cast(SegmentingRun, files.read(finished(model)))


@contextmanager
def _becoming(output: Path) -> Iterator[Path]:
    """Give a folder to fill, which becomes the folder or the archive of this name, whole or not at all."""
    if output.suffix.lower() != SUFFIX:
        with placing.appearing(output) as folder:
            yield folder
        return
    with atomic.replacing(output) as beside:
        folder = beside.parent / "package"
        folder.mkdir()
        yield folder
        with ZipFile(beside, "w") as archive:
            for path in sorted(folder.iterdir()):
                archive.writestr(ZipInfo(path.name, _FIRST_DAY), path.read_bytes(), ZIP_DEFLATED)


def _tested(weights: Path, card: ModelCard, known: Sequence[Step], image: Floats) -> tuple[Floats, Floats]:
    """Give a test image, (1, C, h, w), and its maps, (1, maps, h', w'), as a stranger to cellprune gets them."""
    brought = at_network_size(image, card) if known else seen(image, card)
    sides = [sides_of(card).within(min(side, _MOST_TESTED_PX)) for side in brought.shape[1:]]
    missing = [(0, 0), *((0, max(0, side - have)) for side, have in zip(sides, brought.shape[1:], strict=True))]
    fitting = np.pad(brought, missing, mode="symmetric")[:, : sides[0], : sides[1]]
    session = InferenceSession(weights.read_bytes(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": processed(fitting, known)[None]})
    return fitting[None], softmax(logits) if card.gives_probabilities else logits


def _agreement(network: Engine, known: Sequence[Step], examples: Sequence[Example]) -> Agreement:
    """Compare classes after the package's normalization of an image with those after ours, pixel by pixel."""
    n_pixels = n_differing = 0
    for image in (example.image for example in examples):
        maps = network(processed(at_network_size(image, network.card), known)[None])[0]
        theirs = pixel_classes(network.card, maps, (image.shape[1], image.shape[2]), pixel_area=1)
        n_pixels += theirs.size
        n_differing += int((theirs != class_map(network, image)).sum())
    return Agreement(n_pixels, n_differing)
