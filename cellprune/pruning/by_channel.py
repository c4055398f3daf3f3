"""Scores whole channels once, and keeps the best."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from cellprune.pruning.derivatives.conditions import device_of
from cellprune.pruning.kinds import Batch, Chosen
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.scoring import Scoring
from cellprune.structure.levels import weights_of_levels
from cellprune.structure.timing import milliseconds_of_layer

log = logging.getLogger("cellprune")


def channels_kept(
    scoring: Scoring,
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    taken: Sequence[Batch],
    table: LatencyTable | None = None,
) -> Chosen:
    """Choose the channels that stay, and give the masks of all that they touch.

    Args:
        scoring: the request at work.
        model: the network.
        weights: the prunable ones; the channels of all others stay.
        taken: the batches that the method reads, one at least.
        table: what layers take, for a budget or a cost in latency; None measures them.
    """
    asked, score, inputs = scoring.request, scoring.method.channel, taken[0][0]
    assert score is not None, "its row says that it can choose channels"
    channels = whole_channels.removable(model, inputs, weights)
    table = table or LatencyTable(partial(milliseconds_of_layer, device=device_of(model)))
    cost = priced(model, inputs, channels, asked.divided_by, table)
    spending = None
    if asked.unit:
        spent = priced(model, inputs, channels, asked.unit, table)
        spending = whole_channels.Spending(asked.unit, asked.share, spent, cost, asked.pricing, asked.round_to)
        whole_channels.require_enough(channels, spending, asked.least)
    sensitivity = scoring.sensitivity(model, {}, taken)
    ranks = score(channels, sensitivity, **scoring.of(score))
    scoring.refuse_silence(model, whole_channels.by_layer(channels, ranks))
    if weighed := scoring.method.weighed:
        ranks = weighed(channels, ranks, cost.each(torch.ones(channels.count, dtype=torch.bool)))
        cost = priced(model, inputs, channels, "channels")
    ranks = -ranks if asked.invert else ranks
    if spending:
        levels = weights_of_levels(model, channels.makes)
        kept = whole_channels.choose_within(channels, ranks, replace(spending, cost=cost), asked.least, levels)
    else:
        ranks = ranks / cost.each(torch.ones(channels.count, dtype=torch.bool)).clamp(min=1)
        kept = whole_channels.choose(channels, ranks, asked.share, asked.scope, asked.least)
    log.info("%d of %d channels stay", int(kept.sum()), channels.count)
    masks = whole_channels.masks_of(model, inputs, channels, kept)
    return Chosen(masks, whole_channels.by_layer(channels, ranks), sensitivity)
