"""Several processes that train one network must hold the same masks, else each ends with weights of its own."""

from collections.abc import Mapping
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor, distributed

from cellprune.errors import CellpruneError


def refuse_different(masks: Mapping[str, Tensor], device: torch.device) -> None:
    """Compare the masks of all processes of the default group, where there are several; each has to call this.

    Args:
        masks: parameter name -> bool.
        device: where the group's backend can compare: that of the network.
    Raises:
        CellpruneError: they differ; every process raises it.
    """
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return
    number = torch.tensor(np.frombuffer(digest(masks), dtype=np.int64).copy(), device=device)
    extremes = torch.cat([number, ~number])  # ~ turns the order round: one minimum finds the largest, too
    distributed.all_reduce(extremes, distributed.ReduceOp.MIN)
    lowest, highest = extremes.chunk(2)
    if not torch.equal(lowest, ~highest):
        raise CellpruneError(
            f"the masks differ between the {distributed.get_world_size()} processes, each of which pruned for itself: "
            f"prune in one, and give its masks to the others with torch.distributed.broadcast_object_list"
        )


def digest(masks: Mapping[str, Tensor]) -> bytes:
    """Give 32 bytes that are the same for the same masks, whatever their order and device."""
    hashed = sha256()
    for name, mask in sorted(masks.items()):
        hashed.update(f"{name}{tuple(mask.shape)}{mask.dtype}".encode())
        hashed.update(np.packbits(mask.bool().cpu().numpy()).tobytes())
    return hashed.digest()
