"""Gradual magnitude pruning of whole channels: the smallest go a few at a time while the network trains.

Source: the ramp of Zhu, Gupta 2017 (arXiv:1710.01878), equation 1, over channels by the size of their kernels, as Li et
    al., ICLR 2017 (arXiv:1608.08710), rank them.
Note: they take the sum of absolute values within each layer; here it is the root mean square of the weights that are
    left, so that layers of any size compete and a layer whose inputs went does not seem small for it. The published
    pruned U-Net for cells (Jeong et al., SPIE 2021) is called gradual pruning and reports a speed-up, which single
    weights do not give; its stages and learning rates are not known, so this is a baseline of its kind and not it.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, nn

from cellprune.config.request import Request, Scope
from cellprune.pruning.masks import Masks
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.ranking.units import root_mean_square
from cellprune.structure.channels import Channels
from cellprune.training.sparse.gradual import Ramp, ramped
from cellprune.training.sparse.moving import Moving
from cellprune.training.stages import Stage, TrainingRequest

Rule = Callable[[Tensor, Fraction, Tensor], Tensor]
"""(sizes of channels, share to keep, those that are left) -> those that stay; (channels.count,) each."""


def stages(
    model: nn.Module,
    request: TrainingRequest,
    *,
    update_from: float = 0.25,
    update_until: float = 0.75,
    update_every: int | None = None,
) -> list[Stage]:
    """Train once, with fewer and fewer channels on a ramp; at least one of every layer stays.

    Args:
        model, request, update_from, update_until, update_every: as `gradual.stages` takes them; the sparsity is the
            share of removable channels that goes. A budget is spent in every update: what is left of it falls on the
            ramp, and channels go in blocks, the lowest size per cost first.
    Raises:
        CellpruneError: no such ramp fits into the training, no channel can go, or too few would be left.
    """
    ramp, does = ramped(request, update_from, update_until, update_every)
    inputs = torch.randn(1, *request.input_size, generator=torch.Generator().manual_seed(0))
    inputs = inputs.to(next(model.parameters()).device)
    channels = whole_channels.removable(model, inputs, prunable(model, request.exclude))
    everything = torch.ones(channels.count, dtype=torch.bool)
    whole = whole_channels.spread(model, channels, everything)
    rule = (
        of_count(channels, request.scope) if request.asked is None else _of_cost(model, inputs, channels, request.asked)
    )
    left = rule(_sizes(model, channels, whole), ramp.final, everything)
    whole_channels.masks_of(model, inputs, channels, left)  # refuses before any step what the last one would

    def policy(masks: Mapping[str, Tensor]) -> Moving:
        return Moving(masks, partial(thinned, ramp, rule, channels))

    return [Stage("init", whole, policy, request.epochs, f"whole channels: {does}")]


def thinned(
    ramp: Ramp, rule: Rule, channels: Channels, done: int, model: nn.Module, masks: Mapping[str, Tensor]
) -> Masks | None:
    """Keep the largest of the channels that are left, as many as the ramp says, or within what it leaves of a cost."""
    if (share := ramp.density(done)) is None:
        return None
    return whole_channels.spread(model, channels, rule(_sizes(model, channels, masks), share, channels.kept(masks)))


def of_count(channels: Channels, scope: Scope) -> Rule:
    """Keep a share of the channels."""
    return lambda sizes, share, left: whole_channels.choose(channels, sizes, share, scope, among=left)


def _of_cost(model: nn.Module, inputs: Tensor, channels: Channels, asked: Request) -> Rule:
    """Keep what a share of the cost pays for, in blocks. No level goes as a whole."""
    unit = asked.unit
    assert unit is not None, "a budget is spent"
    prices, cost = (priced(model, inputs, channels, counted) for counted in (unit, asked.divided_by))

    def rule(sizes: Tensor, share: Fraction, left: Tensor) -> Tensor:
        spending = whole_channels.Spending(unit, share, prices, cost, asked.pricing, asked.round_to)
        return whole_channels.choose_within(channels, sizes, spending, among=left)

    return rule


def _sizes(model: nn.Module, channels: Channels, masks: Mapping[str, Tensor]) -> Tensor:
    weights = {name: p.detach() for name, p in model.named_parameters() if name in channels.outputs}
    counted = {name: masks[name].to(weight) for name, weight in weights.items()}
    return root_mean_square(channels, weights, counted)
