"""Which channels a smaller network has, as the header of its model file says it: a few hundred bytes of text.

The same channels stand in many tensors, so each set of them is written once.
"""

import base64

import numpy as np
import torch
from torch import Tensor, nn

from cellprune.runs import packing
from cellprune.structure.channels import Counting
from cellprune.structure.positions import Positions
from cellprune.structure.shrink import cut
from cellprune.wording import quoted


def as_text(positions: Positions) -> str:
    """Write positions."""
    sets: dict[tuple[int, str], int] = {}

    def number(stays: Tensor) -> int:
        packed = base64.b64encode(np.packbits(stays.numpy()).tobytes()).decode()
        return sets.setdefault((len(stays), packed), len(sets))

    numbered = {
        "of": {name: {axis: number(stays) for axis, stays in axes.items()} for name, axes in positions.of.items()},
        "passes": {name: number(stays) for name, stays in positions.passes.items()},
        "counted": {name: [number(stays) for stays in both] for name, both in positions.counted.items()},
    }
    return packing.pack_text({**numbered, "sets": list(sets)})


def read(text: object) -> Positions:
    """Give what `as_text` wrote; values from anywhere are judged by `apply`.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it wrote something else.
    """
    written = packing.unpack_text(text)
    sets = [_stays(size, packed) for size, packed in written["sets"]]
    return Positions(
        {name: {int(axis): sets[n] for axis, n in axes.items()} for name, axes in written["of"].items()},
        {name: sets[n] for name, n in written["passes"].items()},
        {name: (sets[read], sets[made]) for name, (read, made) in written["counted"].items()},
    )


def apply(positions: Positions, whole: nn.Module) -> nn.Module:
    """Copy a network without what it has not kept.

    Raises:
        ValueError, LookupError: the positions are none of this network.
    """
    parameters, modules = dict(whole.named_parameters()), dict(whole.named_modules())
    for name, axes in positions.of.items():
        for axis, stays in axes.items():
            if len(stays) != parameters[name].shape[axis]:
                raise ValueError(f"it keeps {len(stays)} channels of {quoted(name)}, which has others")
    for name, passed in positions.passes.items():
        counts = (getattr(modules[name], key, None) for key in ("num_features", "num_channels", "num_parameters"))
        if len(passed) not in counts:
            raise ValueError(f"it keeps {len(passed)} channels of {quoted(name)}, which has others")
    for name in positions.counted:
        if not isinstance(modules[name], Counting):
            raise ValueError(f"it keeps channels of {quoted(name)}, which counts none")
    network = cut(whole, positions, {**parameters, **dict(whole.named_buffers())})
    for name, parameter in network.named_parameters():
        if not parameter.numel() and parameters[name].numel():
            raise ValueError(f"it keeps no channels of {quoted(name)}")
    return network


def _stays(size: int, packed: str) -> Tensor:
    bits = np.unpackbits(np.frombuffer(base64.b64decode(packed), np.uint8))
    if not 0 < size <= len(bits) < size + 8:
        raise ValueError("it does not keep as many channels as it says")
    return torch.from_numpy(bits[:size].astype(bool))
