"""What is counted of a network, as values: parameters, multiply-adds, sparsity and channels, in all and layer by layer.

Without torch, so that the lab and whoever reads a run's cost.json can hold them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters.

    Attributes:
        total: of any kind.
        left: of any kind, without those that a mask removes; masks of channels remove biases and norms, too.
        prunable: weights that masks cover; without masks those of every weighted layer.
        kept: of the prunable ones, those that stay.
        active: of these, those on a path from the input to the output.
    """

    total: int
    left: int
    prunable: int
    kept: int
    active: int


@dataclass(frozen=True)
class Macs:
    """Multiply-adds of one image: of the dense network, of the weights that stay, and at which (C, H, W) input."""

    dense: int
    masked: int
    input: tuple[int, ...]


@dataclass(frozen=True)
class Sparsity:
    """Shares of the prunable weights, 0..1: removed, removed or on no path, and at which (C, H, W) input."""

    direct: float
    effective: float
    input: tuple[int, ...]


@dataclass(frozen=True)
class ChannelCount:
    """Channels that may be removed, tied ones as one, and those of them that stay."""

    total: int
    kept: int


@dataclass(frozen=True)
class Layer:
    """One weighted layer.

    Attributes:
        name: of its weight.
        kind: of the module, "Conv2d".
        active: kept weights on a path from the input to the output.
        channels: of its output; None where an older version counted none.
        channels_kept: those of which a weight stays.
        macs: multiply-adds of all its weights, for one image.
        macs_kept: multiply-adds of the kept ones.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    kept: int
    active: int
    channels: int | None
    channels_kept: int | None
    macs: int
    macs_kept: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a network costs, counted; `channels` only where masks remove whole ones."""

    parameters: Parameters
    macs: Macs
    sparsity: Sparsity
    channels: ChannelCount | None = None
    layers: tuple[Layer, ...]
