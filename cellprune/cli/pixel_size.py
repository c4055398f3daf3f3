"""The flag `--pixel-size`: height and width of a pixel, in um."""

from cellprune.errors import CellpruneError

_LEAST_UM, _MOST_UM = 0.0001, 1000


def require_pixel_size(size_um: tuple[float, float] | None) -> None:
    """Refuse sides that no microscope has.

    Raises:
        CellpruneError: says which are possible.
    """
    if size_um is not None and not all(_LEAST_UM < side < _MOST_UM for side in size_um):
        height, width = size_um
        raise CellpruneError(
            f"--pixel-size {height:g} {width:g}: give height and width in um, each above {_LEAST_UM} and below "
            f"{_MOST_UM}"
        )
