"""Scores whole channels, once or in rounds, and keeps the best of what each round leaves."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from cellprune.config.request import Request
from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.conditions import device_of
from cellprune.pruning.kinds import Batch, Chosen, Nested
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.budget import keep_count
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.pruning.ranking.prices import Price, priced
from cellprune.pruning.scoring import Scoring
from cellprune.pruning.start import refuse_few
from cellprune.structure.channels import Channels
from cellprune.structure.levels import weights_of_levels
from cellprune.structure.timing import milliseconds_of_layer

log = logging.getLogger("cellprune")


def channels_kept(
    scoring: Scoring,
    model: nn.Module,
    weights: Mapping[str, nn.Parameter],
    taken: Sequence[Batch],
    later: Iterator[list[Batch]],
    start: Mapping[str, Tensor] | None = None,
    table: LatencyTable | None = None,
) -> Chosen:
    """Choose the channels that stay, and give the masks of all that they touch.

    Args:
        scoring: the request at work.
        model: the network.
        weights: the prunable ones; the channels of all others stay.
        taken: the batches that the method reads, one at least.
        later: those of each round after the first.
        start: masks of whole channels; what they removed stays so.
        table: what layers take, for a budget or a cost in latency; None measures them.
    """
    asked, score, inputs = scoring.request, scoring.method.channel, taken[0][0]
    assert score is not None, "its row says that it can choose channels"
    channels = whole_channels.removable(model, inputs, weights)
    table = table or LatencyTable(partial(milliseconds_of_layer, device=device_of(model)))
    cost, alone = (priced(model, inputs, channels, unit, table) for unit in (asked.divided_by, "channels"))
    spending = None
    if asked.unit:
        spent = priced(model, inputs, channels, asked.unit, table)
        spending = whole_channels.Spending(asked.unit, asked.share, spent, cost, asked.pricing, asked.round_to)
        whole_channels.require_enough(channels, spending, asked.least)
    levels = weights_of_levels(model, channels.makes) if spending else []
    shares = _shares(scoring, channels, spending)
    kept = _left(model, channels, start)
    if start and spending and asked.round_to != 1:
        raise CellpruneError("start may leave parts of blocks of channels: choose single channels by round_to=1")
    if start and not spending and asked.share < 1:  # where nothing is to go, all that is left stays
        refuse_few(int(kept.sum()), keep_count(channels.count, asked.share), "channels")
    for number, (share, batches) in enumerate(zip(shares, chain([taken], later), strict=False), start=1):
        with scoring.in_round(number, len(shares)):
            alive = {} if kept.all() else whole_channels.spread(model, channels, kept)
            sensitivity = scoring.sensitivity(model, alive, batches)
            ranks = score(channels, sensitivity, **scoring.of(score))
        if number == 1:
            scoring.refuse_silence(model, whole_channels.by_layer(channels, ranks))
        ranks, paid = _weighed(scoring, channels, ranks, cost, alone)
        if spending:
            within = replace(spending, cost=paid, share=share)
            kept = whole_channels.choose_within(channels, ranks, within, asked.least, levels, among=kept)
        else:
            kept = whole_channels.choose(channels, ranks, share, asked.scope, asked.least, among=kept)
        scoring.tell(number, len(shares))
    log.info("%d of %d channels stay", int(kept.sum()), channels.count)
    masks = whole_channels.masks_of(model, inputs, channels, kept)
    return Chosen(masks, whole_channels.by_layer(channels, ranks), sensitivity)


def require_enough(model: nn.Module, request: Request, inputs: Nested, table: LatencyTable | None = None) -> None:
    """Refuse a budget that not even the smallest network fits, where that is known before any score.

    Args:
        table: as `channels_kept` takes it.
    Raises:
        TooMuchError: says what the smallest network needs.
    """
    assert request.unit, "a budget that counts what channels cost"
    channels = whole_channels.removable(model, inputs, prunable(model, request.exclude))
    table = table or LatencyTable(partial(milliseconds_of_layer, device=device_of(model)))
    prices = priced(model, inputs, channels, request.unit, table)
    spending = whole_channels.Spending(request.unit, request.share, prices, prices, request.pricing, request.round_to)
    whole_channels.require_enough(channels, spending, request.least)


def _left(model: nn.Module, channels: Channels, start: Mapping[str, Tensor] | None) -> Tensor:
    """Give the channels that the first round may keep."""
    everything = torch.ones(channels.count, dtype=torch.bool)
    left = whole_channels.kept_by(model, channels, start) if start else everything
    if left is None:
        raise CellpruneError("start holds masks of single weights: give masks of whole channels, or prune weights")
    return left


def _shares(scoring: Scoring, channels: Channels, spending: whole_channels.Spending | None) -> list[Fraction]:
    """Give what stays after each round: of the channels, or of what they cost; the last is what was asked for."""
    everything = torch.ones(channels.count, dtype=torch.bool)
    total = spending.prices.total(everything) if spending else channels.count
    *before, _ = scoring.counts(total, scoring.request.share)
    return [*(Fraction(count, total) for count in before), scoring.request.share]


def _weighed(scoring: Scoring, channels: Channels, ranks: Tensor, cost: Price, alone: Price) -> tuple[Tensor, Price]:
    """Bring scores and costs together: by the method's own rule, or by dividing.

    Args:
        cost, alone: what channels cost, and where each costs one.
    Returns:
        (channels.count,) scores, larger is kept, and the costs that a budget still divides them by.
    """
    asked, everything = scoring.request, torch.ones(channels.count, dtype=torch.bool)
    if weighed := scoring.method.weighed:
        ranks, cost = weighed(channels, ranks, cost.each(everything)), alone
    ranks = -ranks if asked.invert else ranks
    return ranks if asked.unit else ranks / cost.each(everything).clamp(min=1), cost
