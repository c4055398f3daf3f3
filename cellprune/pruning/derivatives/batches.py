"""Reads the batches that a method scores by: in order, no further than needed, as copies on the device."""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch

from cellprune.errors import CellpruneError
from cellprune.pruning.kinds import Batch, Nested
from cellprune.structure.nested import map_tensors
from cellprune.structure.standing_in import full


class Reader:
    """Reads batches in order, as they are needed, and moves them to a device.

    A source of exactly one batch gives it again and again.
    """

    def __init__(self, batches: Iterable[Batch] | None, device: torch.device, needed: int) -> None:
        """Open the source.

        Args:
            batches: (inputs, target) pairs.
            device: where they go.
            needed: batches that will be taken in all, for the message when the source ends early.
        """
        if batches is None:
            raise CellpruneError(f"this pruning method needs {_many(needed)}, but batches is None: give (inputs, "
                                 f"target) pairs")  # fmt: skip
        if not isinstance(batches, Iterable):
            raise CellpruneError(f"batches must give (inputs, target) pairs, not {type(batches).__name__}")
        self._source, self._device, self._needed = iter(batches), device, needed
        self._n_read = 0
        self._only: Batch | None = None

    def take(self, n: int) -> list[Batch]:
        """Give the next `n` batches.

        Raises:
            CellpruneError: the source is empty or ends early; the message says how many are needed.
        """
        taken = list(islice(self.rest(), n))
        if self._only is not None:
            taken += [self._only] * (n - len(taken))
        if len(taken) < n:
            raise CellpruneError(
                f"this pruning method needs {_many(self._needed)} in order (or exactly one, used for all), but the "
                f"source {f'ended after {self._n_read}' if self._n_read else 'is empty'}"
            )
        return taken

    def rest(self) -> Iterator[Batch]:
        """Give what the source still has, each batch once."""
        for batch in self._source:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise CellpruneError(f"a batch must be a pair (inputs, target), not {type(batch).__name__}")
            self._n_read += 1
            moved = _moved(batch[0], self._device), _moved(batch[1], self._device)
            self._only = moved if self._n_read == 1 else None
            yield moved


def take(batches: Iterable[Batch] | None, n: int, device: torch.device) -> list[Batch]:
    """Take the first `n` batches, moved to the device; a source of exactly one batch is used for all of them."""
    return Reader(batches, device, n).take(n)


def _many(n: int) -> str:
    return f"{n} batch{'' if n == 1 else 'es'}"


def _moved(value: Nested, device: torch.device) -> Nested:
    """Give copies: a source may fill the same memory with its next batch."""
    return map_tensors(lambda tensor: full(tensor.to(device, copy=True)), value)
