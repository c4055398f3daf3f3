"""Images of classes that a user's own code gives, as two torch data sets."""

from dataclasses import replace

from cellprune.config.own import short
from cellprune.data.labelled.datasets import labelled
from cellprune.data.labelled.sets import Labelled
from cellprune.data.own import called, failing
from cellprune.errors import CellpruneError


def labelled_of(name: str, source_sha256: str | None, size: tuple[int, int] | None) -> Labelled:
    """Make a set of the pair (train, test) of torch data sets that FILE.py:NAME gives.

    Args:
        name: of a function without arguments; what its data sets hold, see `data.labelled.datasets.labelled`.
        source_sha256: what the file's content must be; None for any.
        size: (height, width), px, that all images are brought to; None for their own, which must be equal.
    Raises:
        CellpruneError: no such code, or it gives something else.
        WorkError: it fails.
    """
    given = called(name, source_sha256)
    if not isinstance(given, tuple | list) or len(given) != 2 or not all(map(_is_sized, given)):
        raise CellpruneError(
            f"data set {short(name)!r} gives {type(given).__name__}: let it return two torch data sets, (train, test)"
        )
    train, test = given
    with failing(name):
        made = labelled(train, test, name=short(name).rpartition(":")[2].strip("_") or "own", size=size)
    return replace(made, name=short(name))


def _is_sized(value: object) -> bool:
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")
