"""Says in one line, with the shapes, that a network does not take what it was given, where torch has many."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from cellprune.errors import CellpruneError
from cellprune.structure.nested import tensors_of
from cellprune.structure.standing_in import looking
from cellprune.wording import reason


@contextmanager
def called_on(model: nn.Module, given: Sequence[object]) -> Iterator[None]:
    """Work with a network; where that fails, see whether it is because the network does not take what it is given.

    Args:
        model: any network; it is left as it was.
        given: what it is called on, one after the other.
    Raises:
        CellpruneError: it does not take one of these, such as images of another number of channels.
    """
    try:
        yield
    except RuntimeError:
        for inputs in given:
            _require_takes(model, inputs)
        raise  # it is for another reason


def _require_takes(model: nn.Module, inputs: object) -> None:
    try:
        with looking(model):
            model(inputs)
    except RuntimeError as error:
        if "memory" in str(error):  # which is no matter of what is given, and has its own answers
            raise
        given = " and ".join(f"{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for t in tensors_of(inputs)[:3])
        raise CellpruneError(
            f"{type(model).__name__} fails on a batch of {given or type(inputs).__name__} ({reason(error)}): "
            "give inputs that the network takes"
        ) from error
