"""Means over scoring batches that are parts of one sample, and the loss of outputs at a temperature."""

from collections.abc import Iterable, Sequence

from torch import Tensor

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.objective import Parameters
from cellprune.pruning.kinds import Batch, Loss, Nested
from cellprune.structure.nested import map_tensors, tensors_of


def tempered(method: str, loss: Loss, temperature: float) -> Loss:
    """Take the loss of the output divided by a temperature.

    Raises:
        CellpruneError: the temperature is not above 0; or, once it is called, the output shows no tensor.
    """
    if not 0 < temperature < float("inf"):
        raise CellpruneError(f"temperature is {temperature!r}, but must be a number above 0")

    def of_divided(output: Nested, target: Nested) -> Tensor:
        if not tensors_of(output):
            raise CellpruneError(f"{method} divides the output by its temperature, but {type(output).__name__} shows "
                                 f"no tensor: let the network give tensors, or take another method")  # fmt: skip
        return loss(map_tensors(lambda t: t / temperature if t.is_floating_point() else t, output), target)

    return of_divided


def shares(batches: Sequence[Batch]) -> list[float]:
    """Give each batch's share of the samples."""
    sizes = [len(target) if isinstance(target, Tensor) and target.dim() else 1 for _, target in batches]
    return [size / sum(sizes) for size in sizes]


def mean(values: Iterable[Parameters], shares: Sequence[float]) -> Parameters:
    """Average over batches, each by its share of the samples."""
    weighted = ([v * share for v in value] for value, share in zip(values, shares, strict=True))
    return tuple(map(sum, zip(*weighted, strict=True)))  # type: ignore[arg-type]
