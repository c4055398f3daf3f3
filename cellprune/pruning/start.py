"""Masks that pruning begins with: refused where it could not hold to them and to the count that is asked."""

from collections.abc import Mapping

from torch import Tensor

from cellprune.config.request import Request
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.method import Method


def refuse_unmet(request: Request, method: Method, start: Mapping[str, Tensor]) -> None:
    """Refuse what divides all weights, or channels, where some are gone before.

    Raises:
        CellpruneError: names what does.
    """
    if not isinstance(start, Mapping):
        raise CellpruneError(f"start is {type(start).__name__}: give masks, parameter name -> bool tensor")
    for name, mask in start.items():
        if not isinstance(name, str) or not isinstance(mask, Tensor):
            raise CellpruneError(f"start holds {type(mask).__name__} for {name!r}: give parameter name -> bool tensor")
    if not start:
        return
    if request.pattern:
        raise CellpruneError("a pattern is laid over all weights, and start removes some before: remove one of the two")
    wishes = {
        f"pruning method {request.name!r}": method.quotas is not None,
        f"scope={request.scope!r}": request.scope == "layer",
        f"floor={request.floor!r}": bool(request.least),
        "effective=True": request.effective,
    }
    for what, is_asked in wishes.items():
        if is_asked:
            raise CellpruneError(f"{what} counts on all of a layer, and start removes some: remove one of the two")


def refuse_nothing_more(request: Request, start: Mapping[str, Tensor]) -> None:
    """Refuse to keep all where some are gone before.

    Raises:
        TooMuchError: nothing is asked to be removed, and the masks remove something.
    """
    if request.share == 1 and not request.unit and not all(mask.all() for mask in start.values()):
        raise TooMuchError("everything should stay, and start has removed some of it: remove more, or drop start")


def refuse_few(left: int, keep: int, what: str) -> None:
    """Refuse masks that leave fewer than should stay.

    Args:
        left, keep: how many there are, and how many should stay.
        what: what is counted, as "weights".
    Raises:
        TooMuchError: says both.
    """
    if left < keep:
        raise TooMuchError(
            f"start leaves {left} {what}, fewer than the {keep} that should stay: remove more, or start from "
            f"other masks"
        )


def refuse_revived(masks: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> None:
    """Refuse masks that hold what those of the start had removed.

    Raises:
        CellpruneError: names the parameter.
    """
    for name, mask in masks.items():
        if name in start and (back := int((mask & ~start[name].to(mask.device)).sum())):
            raise CellpruneError(f"{back} weights of {name!r} that start had removed would come back: prune without it")
