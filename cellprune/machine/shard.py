"""The share of a long list of work that one of several processes does, as a batch system or a user hands it out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class Shard:
    """One of `count` shards of a list: the items 1, 1 + count, 1 + 2 count ... are the first's."""

    number: int = 1
    count: int = 1

    def of(self, items: Sequence[_T]) -> Sequence[_T]:
        """Give the items of this shard."""
        return items[self.number - 1 :: self.count]

    def has(self, at: int) -> bool:
        """Tell whether the item at this index, from 0, is of this shard."""
        return at % self.count == self.number - 1

    def __str__(self) -> str:
        """Write it as `--shard` takes it."""
        return f"{self.number}/{self.count}"


def of_slurm() -> Shard | None:
    """Give the shard of this task of an array of SLURM; None where there is none."""
    environment = os.environ
    if not {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT"} <= environment.keys():
        return None
    first, step = (int(environment.get(f"SLURM_ARRAY_TASK_{name}", usual)) for name, usual in (("MIN", 0), ("STEP", 1)))
    number = (int(environment["SLURM_ARRAY_TASK_ID"]) - first) // step + 1
    return Shard(number, int(environment["SLURM_ARRAY_TASK_COUNT"]))
