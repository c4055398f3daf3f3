"""The guard of scale: a network knows cells of one size, so pixels of another size must not pass in silence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cellprune.errors import CellpruneError
from cellprune.lab.inputs import Image
from cellprune.runs.linking import Linking
from cellprune.runs.modelcard import ModelCard

Scale = tuple[float, float]  # (y, x)
LIMIT = 1.5  # beyond it, along either axis, pixel sizes differ too much for the results to be trusted
_SAME = 1.01  # up to it they are the same: files round them


def pixel_sizes(images: Sequence[Image], given: Scale | None) -> dict[str, Scale | None]:
    """Give each image's pixel size in um by its name: the given one, else the file's own, else None."""
    return {image.name: given or image.header.pixel_size_um for image in images}


def overridden(images: Sequence[Image], given: Scale | None) -> str | None:
    """Say which images, and how many, state another pixel size than the given one; None for none."""
    if given is None:
        return None
    stated = {image.name: image.header.pixel_size_um for image in images}
    off = {name: size for name, size in stated.items() if size is not None and _factor(size, given) > _SAME}
    if not off:
        return None
    name, size = next(iter(off.items()))
    more = f" (and {len(off) - 1} more)" if len(off) > 1 else ""
    return f"{name}{more} states pixels of {_um(size)}; --pixel-size, {_um(given)}, is used instead"


def linking(card: ModelCard, sizes: Mapping[str, Scale | None]) -> Linking:
    """Give how the cells of a model are linked in images of such pixels.

    Args:
        card: of the model; the usual numbers where it has none.
        sizes: pixel size in um by the image's name; where they or the model's are unknown, its pixels are taken for
            as large.
    """
    by, size = card.linking or Linking(), next((size for size in sizes.values() if size is not None), None)
    if by.max_distance_px is None or card.pixel_size_um is None or size is None:
        return by
    return replace(by, max_distance_px=by.max_distance_px * sum(card.pixel_size_um) / sum(size))


def zooms(card: ModelCard, sizes: Mapping[str, Scale | None], *, rescale: bool) -> dict[str, Scale]:
    """Give the factors (y, x) from native to network pixels by the image's name.

    Args:
        card: its factors are those of training.
        sizes: pixel size in um by the image's name.
        rescale: correct them by the pixel sizes, so that the network sees as many um a pixel as in training.
    Returns:
        The factors; an image that is to be corrected and of which the pixel size is unknown has none.
    Raises:
        CellpruneError: to be corrected, and the model's pixel size or that of all images is unknown.
    """
    if not rescale:
        return dict.fromkeys(sizes, card.zoom)
    if card.pixel_size_um is None:
        raise CellpruneError("--rescale: the pixel size of the model's training images is unknown: remove --rescale")
    zooms_of: dict[str, Scale] = {}
    for name, size in sizes.items():
        if size is None:
            continue
        zooms_of[name] = (
            card.zoom[0] * size[0] / card.pixel_size_um[0],
            card.zoom[1] * size[1] / card.pixel_size_um[1],
        )
    if not zooms_of:
        raise CellpruneError(f"--rescale: {unknown_scale(next(iter(sizes)))}")
    return zooms_of


def unknown_scale(name: str) -> str:
    """Say that an image's pixel size is unknown."""
    return f"the pixel size of {name} is unknown: give it as --pixel-size Y X, in um"


def warning(card: ModelCard, sizes: Mapping[str, Scale | None]) -> str | None:
    """Give the line that tells a user of `predict` of pixels of quite another size than the model's; None for none."""
    differing = difference(card, sizes)
    return f"{differing}; use --rescale, or correct --pixel-size" if differing else None


def difference(card: ModelCard, sizes: Mapping[str, Scale | None]) -> str | None:
    """Say which images, and how many, have pixels of quite another size than the model's; None for none."""
    if card.pixel_size_um is None:
        return None
    off = {name: size for name, size in sizes.items() if size is not None and _factor(size, card.pixel_size_um) > LIMIT}
    if not off:
        return None
    name, size = next(iter(off.items()))
    more = f" (and {len(off) - 1} more)" if len(off) > 1 else ""
    return (
        f"{name}{more} has pixels of {_um(size)}, but the model learned from {_um(card.pixel_size_um)}: "
        "to the model its cells have another size"
    )


def _factor(size: Scale, other: Scale) -> float:
    return max(max(a / b, b / a) for a, b in zip(size, other, strict=True))


def _um(size: Scale) -> str:
    return f"{size[0]:.3g} x {size[1]:.3g} um"
