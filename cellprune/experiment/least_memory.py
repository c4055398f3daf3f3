"""The least memory that a training takes: a lower bound, counted before anything is taken.

A width, an image size or a batch that was typed with a zero too many would else take the machine's memory until the
system ends the process. What passes here may still not fit.
"""

import torch

from cellprune.config.names import method
from cellprune.config.schema import Settings
from cellprune.errors import ScarceError
from cellprune.machine.memory import available_bytes
from cellprune.models.architecture import Architecture
from cellprune.models.levels import doubling
from cellprune.wording import many

_BYTES = 4  # of a float32


def require(
    architecture: Architecture,
    settings: Settings,
    size: tuple[int, int, int],
    device: torch.device,
    n_processes: int,
) -> None:
    """Refuse a training that cannot fit, naming what it needs at least, what is free, and what to lower.

    Args:
        architecture: what the network is built from; nothing is drawn for it.
        settings: resolved.
        size: (channels, height, width) of the network's input.
        device: where it is to be trained.
        n_processes: that share each batch.
    Raises:
        ScarceError: more is needed than is free.
    """
    n_images = max(1, settings.training.batch_size // n_processes)
    parameters, maps = _counts(architecture, size)
    width = "model.width" if architecture.widths is None else "model.widths"
    extent = "data.crop" if settings.data.crop else "data.size"
    needs = {
        "the network and its optimizer": (3 * parameters, width),
        f"a batch of {many(n_images, 'image')} of {size[1]} x {size[2]} px on their way through the network": (
            n_images * maps,
            f"training.batch_size, {extent} or {width}",
        ),
    }
    if method(settings.pruning.method).reads_batches:
        inner_steps = settings.pruning.inner_steps if "inner_steps" in settings.pruning.options() else 0
        n_scored = (1 + inner_steps) * settings.pruning.batch_size
        pixels = size[0] * size[1] * size[2]
        needs[f"{n_scored:,} images to score with"] = (n_scored * pixels, "pruning.batch_size")
    free = available_bytes(device)
    for what, (n_values, remedy) in needs.items():
        if n_values * _BYTES > free:
            raise ScarceError(
                f"{what} take at least {n_values * _BYTES / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free on "
                f"{device}: lower {remedy}"
            )


def _counts(architecture: Architecture, size: tuple[int, int, int]) -> tuple[int, int]:
    """Give lower bounds of a network's parameters, and of one image's maps that the way back needs.

    Of a U-Net: the convolutions of the deepest level, and the four at the image's own size. Of a network whose widths
    are no setting: none, and the image.
    """
    channels, height, width_px = size
    widths = _widths(architecture) or (0, 0)
    return 9 * widths[-1] * (widths[-1] + widths[-2]), (channels + 4 * widths[0]) * height * width_px


def _widths(architecture: Architecture) -> tuple[int, ...]:
    match architecture.settings:
        case {"width": int(width), "depth": int(depth)}:
            return doubling(width, depth)
    return architecture.widths or ()
