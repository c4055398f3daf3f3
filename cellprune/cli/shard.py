"""`--shard I/N`, one grammar for every command that has it."""

import re

from cellprune.cli.terminal import tell
from cellprune.errors import CellpruneError
from cellprune.machine.shard import Shard, of_slurm


def shard_of(given: str | None, *, work: str) -> Shard | None:
    """Give the shard of this process, from the flag or from SLURM; None where it does all.

    Args:
        given: what the flag says; None without it.
        work: what a whole does, such as "trains all of the sweep".
    Raises:
        CellpruneError: it is no shard.
    """
    if given is None:
        if (shard := of_slurm()) is None:
            return None
        if not 1 <= shard.number <= shard.count:
            raise CellpruneError(
                f"this task of SLURM's array would be shard {shard}: give its own as --shard, such as --shard 1/4"
            )
        tell(f"shard {shard}, as SLURM's array says; --shard 1/1 {work}")
        return shard
    if not (match := re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", given)) or not 1 <= int(match[1]) <= int(match[2]):
        raise CellpruneError(f"--shard {given}: write the number of the shard and of all shards, such as 1/4 to 4/4")
    return Shard(int(match[1]), int(match[2]))
