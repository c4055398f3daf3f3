"""The types that pruning hands around."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Masks = dict[str, Tensor]  # parameter name -> bool of its shape, True = kept
Nested = Any  # what a network takes or gives: a tensor, or tensors in tuples, lists, mappings and other values
Batch = tuple[Nested, Nested]  # inputs as the network takes them, target as the loss expects it
Batches = Iterable[Batch]
Loss = Callable[[Nested, Nested], Tensor]  # (output, target) -> scalar, the mean over the batch
Tell = Callable[[int, int], None]  # (rounds done, rounds in all)
Segments = dict[str, int | None]  # how a scoring is cut to fit into memory: no result depends on it
Once = Callable[[Callable[[], dict[str, Tensor]]], dict[str, Tensor]]  # gives what is computed, perhaps of earlier
Options = Mapping[str, Any]  # of a method, by name; each is checked by the part that takes it


@dataclass(frozen=True)
class Chosen:
    """What stays, and by which numbers.

    Attributes:
        masks: of all that is pruned.
        scores: by which the last round ranked, larger is kept: name -> of a weight's shape, minus infinity where an
            earlier round removed it; with channels, name of the first layer that makes them -> one number per channel.
        sensitivity: of the last round, for every parameter.
    """

    masks: Masks
    scores: Mapping[str, Tensor]
    sensitivity: Mapping[str, Tensor]
