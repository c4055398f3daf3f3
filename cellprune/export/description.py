"""rdf.yaml: what a bioimage.io package says of itself to other programs.

Source: the specification of bioimage.io models, whose version is `FORMAT_VERSION`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellprune.config import names
from cellprune.export.parity import LIMITS_PPM
from cellprune.export.processing import Step
from cellprune.export.readme import TAGS, SegmentingRun, card_of_data
from cellprune.export.tracing import OPSET
from cellprune.runs.modelcard import ModelCard

FORMAT_VERSION = "0.5.12"
WEIGHTS, INPUT, OUTPUT, DOCUMENTATION = "weights.onnx", "test_image.npy", "test_maps.npy", "README.md"
_USUAL_PX = 64  # a side below which no tile is worth its overlap
_RELATIVE, _ABSOLUTE, _SHARE = 1e-3, 1e-3, 5e-3  # of a map's value; at most this share of the largest


@dataclass(frozen=True)
class Sides:
    """The sides of images along one axis: `least` and a multiple of `step`.

    Attributes:
        halo: pixels at each edge of a tile whose maps depend on what lies outside; 0 where nobody knows.
        lost: the maps are so much smaller.
    """

    least: int
    step: int
    halo: int
    lost: int

    def within(self, side: int) -> int:
        """Give the largest that is not above `side`; the least where all are."""
        return self.least + self.step * max(0, (side - self.least) // self.step)


def sides_of(card: ModelCard) -> Sides:
    """Give the sides of the images that a bare network takes."""
    sizes, field = card.input_sizes, card.receptive_field
    assert sizes is not None  # the engine of its file has asked before
    # what the network itself cuts off needs no halo; tiles must keep to its grid, and so must what they lose
    halo = 0 if field is None or sizes.lost_px else -(-field.radius_px // field.stride_px) * field.stride_px
    return Sides(sizes(max(_USUAL_PX, 2 * halo + 1)), sizes.stride_px, halo, sizes.lost_px)


def description(
    name: str, folder: Path, card: ModelCard, steps: Sequence[Step], run: SegmentingRun | None
) -> dict[str, object]:
    """Describe a package whose other files are in their folder.

    Args:
        name: of the network, in the letters that the specification allows.
        folder: with weights, test tensors and documentation.
        card: of the weights.
        steps: that make an image ready for them.
        run: that trained it; None where only a model file is there.
    """
    data = None if run is None else card_of_data(run)
    known = {
        "modality": None if data is None else data.modality,
        "task": "segmentation",
        "model_parameter_count": card.parameters,
        "reproducibility_tolerance": [_tolerance(np.load(folder / OUTPUT))],
    }
    return {
        "format_version": FORMAT_VERSION,
        "type": "model",
        "name": name,
        "description": f"Tells {' and '.join(card.classes)} apart in microscopy images. Made with cellprune.",
        "documentation": _file(folder, DOCUMENTATION),
        "tags": list(TAGS),
        **({} if run is None or run.made.finished is None else {"timestamp": run.made.finished}),
        "inputs": [_input(folder, card, steps)],
        "outputs": [_output(folder, card)],
        "weights": {"onnx": {**_file(folder, WEIGHTS), "opset_version": OPSET}},
        "config": {"bioimageio": {key: value for key, value in known.items() if value is not None}},
    }


def _input(folder: Path, card: ModelCard, steps: Sequence[Step]) -> dict[str, object]:
    sides = sides_of(card)
    axes = [
        {"type": "space", "id": axis, "size": {"min": sides.least, "step": sides.step}, **_pixel(card, at)}
        for at, axis in enumerate("yx")
    ]
    said = [{"id": step.id, "kwargs": dict(step.kwargs)} for step in steps]
    return {
        "id": "image",
        "description": "grey levels, of the pixel size of training" if said else "normalized as README.md says",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": [f"channel{at}" for at in range(card.in_channels)]},
            *axes,
        ],
        "data": {"type": "float32"},
        "test_tensor": _file(folder, INPUT),
        **({"preprocessing": said} if said else {}),
    }


def _output(folder: Path, card: ModelCard) -> dict[str, object]:
    sides = sides_of(card)
    axes = [
        {
            "type": "space",
            "id": axis,
            "size": {"tensor_id": "image", "axis_id": axis, "offset": -sides.lost},
            **({"halo": sides.halo} if sides.halo else {}),
            **_pixel(card, at),
        }
        for at, axis in enumerate("yx")
    ]
    named = names.TARGETS[card.target].maps or card.classes
    return {
        "id": "maps",
        "description": "a probability per class" if card.gives_probabilities else "what the network learned of a pixel",
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": list(named)}, *axes],
        "data": {"type": "float32", **({"range": [0.0, 1.0]} if card.gives_probabilities else {})},
        "test_tensor": _file(folder, OUTPUT),
        **({"postprocessing": [{"id": "softmax", "kwargs": {"axis": "channel"}}]} if card.gives_probabilities else {}),
    }


def _pixel(card: ModelCard, at: int) -> dict[str, object]:
    """Give the side of a pixel that the network sees; nothing where nobody knows it."""
    if card.pixel_size_um is None:
        return {}
    return {"unit": "micrometer", "scale": card.pixel_size_um[at] / card.zoom[at]}


def _tolerance(maps: np.ndarray) -> dict[str, object]:
    """Allow what other machines' rounding does, and as many pixels beyond it as `export` allows."""
    absolute = min(_ABSOLUTE, _SHARE * float(np.abs(maps).max()))
    return {
        "relative_tolerance": _RELATIVE,
        "absolute_tolerance": absolute,
        "mismatched_elements_per_million": int(LIMITS_PPM["fp32"]),
        "weights_formats": ["onnx"],
    }


def _file(folder: Path, name: str) -> dict[str, object]:
    return {"source": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
