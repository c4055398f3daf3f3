"""From a frame on disk to arrays of the network's size, as MONAI transforms around `images.read` and `truth`.

MONAI's own readers refuse TIFF without ITK, and know nothing of partial truth.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader
from monai.transforms import Compose, CopyItemsd, DeleteItemsd, EnsureTyped, Lambdad, LoadImage
from monai.utils import ensure_tuple

from cellprune.config.names import resolve
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.truth import Policy, labelled, unknown
from cellprune.images.network_input import network_input, network_size, seen
from cellprune.images.read import SUFFIXES, Floats, ImageError, read_image, resize_labels
from cellprune.runs.modelcard import ModelCard
from cellprune.targets.kinds import Encoded, Labels
from cellprune.targets.neighbours import sizes
from cellprune.targets.target import Target
from cellprune.wording import many


class FrameReader(ImageReader):
    """Reads one TIFF or PNG as float32 in 0..1, channels first, with every check of `images.read.read_image`.

    Args:
        channels: that every image must have; see `images.read.read_image`.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether the name is a TIFF's or a PNG's."""
        return all(Path(name).suffix.lower() in SUFFIXES for name in ensure_tuple(filename))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: object) -> Floats:
        """Read the file; MONAI passes one name, alone or in a sequence."""
        (name,) = ensure_tuple(data)
        image = read_image(Path(name), channels=self._channels)
        if len(image) != self._channels:
            raise ImageError(
                f"{name} has {many(len(image), 'channel')}, but its data set {self._channels}: convert it, "
                "or leave it out"
            )
        return image

    def get_data(self, img: Floats) -> tuple[Floats, dict[str, object]]:
        """Give the pixels and what MONAI wants to know of them: where the channels are, no known orientation."""
        return img, {"affine": np.eye(3), "spatial_shape": np.array(img.shape[1:]), "original_channel_dim": 0}


def item(frame: Frame) -> dict[str, Path | Frame]:
    """Give what `prepare` starts from."""
    return {"raw": frame.image, "labels_native": frame}


def image_alone(frame: Frame, size: tuple[int, int] | None, card: ModelCard) -> Floats:
    """Read the image of a frame as `prepare` does, and nothing of its truth: (C, h, w) float32."""
    return _shown(FrameReader(card.in_channels).read(frame.image), size=size, card=card)


def native(policy: Policy | None, card: ModelCard, *, ignore_border_px: int) -> Compose:
    """Make the transform that reads a frame and draws its truth.

    Args:
        policy: what a cell without a gold mask is; None for frames that nobody annotated, of which all is unknown.
        card: tells the channels that every image must have, and the classes of the truth.
        ignore_border_px: see `data.cells.truth.target`; in native pixels.
    Returns:
        A transform of `item(frame)` to `raw` (C, H, W) float32 in 0..1 and `labels_native` (H, W) int32, see
        `data.cells.truth.labelled`; numpy arrays.
    """
    drawn: Callable[[Frame], Labels] = unknown
    if policy is not None:
        drawn = partial(labelled, policy=policy, ignore_border_px=ignore_border_px, classes=len(card.classes))
    channels = card.in_channels
    return Compose(
        [
            # the reader is given at the call: one given to LoadImage falls back to MONAI's own when it refuses a file
            _Apply(
                "raw",
                partial(
                    LoadImage(reader=FrameReader, image_only=True, channels=channels), reader=FrameReader(channels)
                ),
            ),
            EnsureTyped("raw", data_type="numpy", dtype=np.float32, track_meta=False),
            _Apply("labels_native", drawn),
        ]
    )


def prepare(size: tuple[int, int] | None, policy: Policy | None, card: ModelCard, *, ignore_border_px: int) -> Compose:
    """Make the transform that reads a frame to be learned from, and brings it to its size.

    Args:
        size: (height, width) of all frames; None for as the card zooms each of them.
        policy, card, ignore_border_px: see `native`; the card also tells how images are normalized and what is learned.
    Returns:
        A transform of `item(frame)` to `image` (C, h, w) float32, see `images.network_input`, `target`, which is (h, w)
        uint8 or (maps, h, w) float32, see `targets`, and `sizes` (cells, 2), see `targets.neighbours.sizes`.
    """
    return Compose(
        [
            # one by one: the cache takes a transform made of several for a random one
            *native(policy, card, ignore_border_px=ignore_border_px).transforms,
            CopyItemsd(("raw", "labels_native", "labels_native"), names=("image", "target", "sizes")),
            _Apply("image", partial(_shown, size=size, card=card)),
            _Apply("target", partial(_learned, size=size, card=card)),
            _Apply("sizes", sizes),
            DeleteItemsd(("raw", "labels_native")),
        ]
    )


def _shown(image: Floats, *, size: tuple[int, int] | None, card: ModelCard) -> Floats:
    return seen(image, card) if size is None else network_input(image, size, card.normalization)


def _learned(labels: Labels, *, size: tuple[int, int] | None, card: ModelCard) -> Encoded:
    """Make what is learned of labels: at native size, then brought to the network's."""
    target: Target = resolve("target", card.target)
    size = size or network_size((labels.shape[0], labels.shape[1]), card.zoom)
    pitch = max(old / new for old, new in zip(labels.shape, size, strict=True))
    encoded: Encoded = resize_labels(target.encode(labels, len(card.classes), pitch), size)
    return encoded


_Apply = partial(Lambdad, track_meta=False)  # else every array becomes a MetaTensor again
