"""The types that pruning hands around."""

from collections.abc import Callable, Iterable, Mapping
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
