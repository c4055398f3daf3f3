"""Chooses which channels stay, one of every layer or none of a level, and makes the masks of all that they touch."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import torch
from torch import Tensor, nn

from cellprune.config.request import Pricing, RoundTo, Scope
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.pruning.kinds import Masks, Nested
from cellprune.pruning.ranking.blocks import Blocks, groups, in_blocks
from cellprune.pruning.ranking.budget import NO_FLOOR, at_least, check_finite, keep_count, select
from cellprune.pruning.ranking.latency import NS
from cellprune.pruning.ranking.prices import Price
from cellprune.pruning.ranking.spending import within
from cellprune.structure.channels import Channels, verify
from cellprune.structure.layers import weighted_layers
from cellprune.structure.trace import find

log = logging.getLogger("cellprune")


def removable(model: nn.Module, inputs: Nested, weights: Mapping[str, Tensor]) -> Channels:
    """Find the channels whose every row and column may go.

    Args:
        model: the network.
        inputs: one batch of what it takes.
        weights: the prunable ones; the channels of all others stay.
    Raises:
        CellpruneError: there are none.
    """
    channels = find(model, inputs, whole=[name for name in weighted_layers(model) if name not in weights])
    if not channels.count:
        stopped = "".join(f"; not followed: {operation}" for operation in channels.stopped_by[:3])
        raise CellpruneError(
            f"{type(model).__name__} has no channel that can go: each is tied to the network's input or output, or to "
            f"an operation whose effect on channels is not known; prune its weights{stopped}"
        )
    return channels


def choose(
    channels: Channels,
    scores: Tensor,
    density: Fraction,
    scope: Scope,
    least: Fraction = NO_FLOOR,
    among: Tensor | None = None,
) -> Tensor:
    """Keep exactly the asked share: the largest scores, and the best of each layer in any case.

    Args:
        channels: what there is.
        scores: (channels.count,), larger is kept; ties in the order of layers and then of the index.
        density: share that stays.
        scope: "global" ranks all together; "layer" gives each layer's channels (a channel that several layers make
            counts with the first) the same share.
        least: share of each layer's channels that stays in any case, see `best_of_layers`.
        among: (channels.count,) bool, those that may stay, all of them where the share is more; none for all.
    Returns:
        (channels.count,) bool.
    Raises:
        TooMuchError: the share is too small for what each layer keeps in any case.
        WorkError: a score is NaN or infinite.
    """
    there = torch.ones(channels.count, dtype=torch.bool) if among is None else among
    keep = min(keep_count(channels.count, density), int(there.sum()))
    first = by_layer(channels, scores)
    check_finite(first)
    best = [c for c in best_of_layers(channels, scores.masked_fill(~there, -torch.inf), least) if there[c]]
    if keep < len(best):
        raise TooMuchError(
            f"{keep} of {channels.count} channels would stay, but each layer keeps {_floor(least)} at least, "
            f"{len(best)} together: remove a share of at most {floor(1000 * (1 - len(best) / channels.count)) / 1000:g}"
        )
    scores = scores.clone()
    scores[best] = scores.max() + 1
    parts = scores.split([len(part) for part in first.values()])
    may = by_layer(channels, there)
    kept = torch.cat([*select(dict(zip(first, parts, strict=True)), keep, scope, among=may).values()])
    for name, made in channels.layers().items():
        if there[made].any() and not kept[made].any():
            raise TooMuchError(f"scope='layer' leaves no channel of {name!r}: remove less, or take scope='global'")
    return kept


@dataclass(frozen=True)
class Spending:
    """How a budget is spent.

    Attributes:
        unit: that the budget counts.
        share: of the dense network's that may stay.
        prices: of single channels in that unit.
        cost: what scores are divided by, of single channels.
        pricing: "static" or "marginal", see `spending`.
        round_to: channels of a block, see `blocks`; a block of which one channel stays in any case stays whole.
    """

    unit: str
    share: Fraction
    prices: Price
    cost: Price
    pricing: Pricing = "static"
    round_to: RoundTo = 1


def choose_within(
    channels: Channels,
    scores: Tensor,
    spending: Spending,
    least: Fraction = NO_FLOOR,
    levels: Sequence[Collection[str]] = (),
    among: Tensor | None = None,
) -> Tensor:
    """Keep the largest scores per cost within a budget, block by block, and the best of each layer in any case.

    A level goes as a whole, the deepest first, where all of its channels that may go have gone, and the same budget
    keeps a larger sum of scores without the rest of it.

    Args:
        channels: what there is.
        scores: (channels.count,), larger is kept.
        spending: the budget.
        least: share of each layer's channels that stays in any case, see `best_of_layers`; then no level goes.
        levels: names of the weights in each level that may go, the deepest first; see `structure.levels`.
        among: (channels.count,) bool, those that may stay, as an earlier choice of such blocks left them; None for all.
    Returns:
        (channels.count,) bool.
    Raises:
        CellpruneError: the budget is too small for what each layer keeps in any case, or a layer has fewer channels
            than a block.
        WorkError: a score is NaN or infinite.
    """
    check_finite(by_layer(channels, scores))
    gone, layers = torch.zeros(channels.count, dtype=torch.bool) if among is None else ~among, channels.layers()
    scores = scores.masked_fill(gone, -torch.inf)  # the last of their layers, so that blocks are those of before
    _require_enough(channels, scores, spending, least)
    blocks = in_blocks(channels, scores, spending.round_to)
    kept = _spent(channels, scores, spending, blocks, least, gone)
    may_go = ~blocks.mark(best_of_layers(channels, scores))[blocks.of]
    for level in () if least else levels:
        if not set(level) <= layers.keys():
            break  # something of it stays in any case
        made = torch.cat([layers[name] for name in level])
        if gone[made].all():
            continue  # in an earlier round
        if not may_go[made].any() or (kept & may_go)[made].any():
            break
        without = gone.index_fill(0, made, True)
        fuller = _spent(channels, scores, spending, blocks, least, without)
        if scores[fuller].sum() <= scores[kept].sum():
            break
        kept, gone = fuller, without
        log.info("a level that kept the least of each layer goes: without it the budget keeps more")
    dense, spent = (spending.prices.total(some) for some in (torch.ones_like(kept), kept))
    log.info("budget %s: %d of %d allowed (%g), %d spent (%.4g)", spending.unit, int(spending.share * dense), dense,
             spending.share, spent, spent / dense)  # fmt: skip
    return kept


def _spent(
    channels: Channels, scores: Tensor, spending: Spending, blocks: Blocks, least: Fraction, gone: Tensor
) -> Tensor:
    """Spend a budget on channels, of which those that are gone may not stay: (channels.count,) bool, both."""
    kept, _, _ = within(
        spending.prices.together(blocks.of),
        blocks.scores(scores),
        spending.share,
        blocks.with_any([channel for channel in best_of_layers(channels, scores, least) if not gone[channel]]),
        spending.pricing,
        cost=spending.cost.together(blocks.of),
        follows=blocks.follows,
        gone=blocks.mark(gone.nonzero().squeeze(1).tolist()),
    )
    return kept[blocks.of]


def smallest(channels: Channels, prices: Price, round_to: RoundTo, least: Fraction = NO_FLOOR) -> Fraction:
    """Give the share of the dense network's cost that stays in any case: of each layer one block, or `least`."""
    kept = _always(channels, torch.zeros(channels.count), round_to, least)
    return Fraction(prices.total(kept), prices.total(torch.ones_like(kept)))


def require_enough(channels: Channels, spending: Spending, least: Fraction = NO_FLOOR) -> None:
    """Refuse a budget below the smallest network, where its size is known before any score.

    It is known where every choice of the best channels of each layer costs the same: layers share all channels or none,
    and the channels of each touch the same.

    Args:
        channels, spending, least: as `choose_within` takes them.
    Raises:
        CellpruneError: as `choose_within` does.
    """
    group_of = groups(channels)
    made_of = [set(group_of[made].tolist()) for made in channels.layers().values()]
    alone = set[int]().union(*(made for made in made_of if len(made) == 1))
    if any(len(made) > 1 and (least or not alone >= made) for made in made_of):
        return
    _require_enough(channels, torch.zeros(channels.count), spending, least)


def _always(channels: Channels, scores: Tensor, round_to: RoundTo, least: Fraction) -> Tensor:
    """Mark what stays in any case, (channels.count,) bool: the best channels of each layer, in whole blocks."""
    of = in_blocks(channels, scores, round_to).of
    return torch.isin(of, of[best_of_layers(channels, scores, least)])


def _require_enough(channels: Channels, scores: Tensor, spending: Spending, least: Fraction) -> None:
    """Refuse a budget that not even the smallest network fits; what stays in any case.

    Raises:
        TooMuchError: says what the smallest network needs, and which smaller blocks would do.
    """
    smallest = _always(channels, scores, spending.round_to, least)
    total, dense = spending.prices.total, spending.prices.total(torch.ones_like(smallest))
    allowed = spending.share * dense
    if (needed := total(smallest)) <= allowed:
        return
    keeps = f"keeps {_floor(least)} of each layer"
    if not smallest.equal(_always(channels, scores, 1, least)):
        keeps += f", in whole blocks of channels (round_to={spending.round_to}),"
    times = f" ({needed / NS:.3g} of {dense / NS:.3g} ms)" if spending.unit == "latency" else ""
    mends = [f"give a budget above that, not {float(spending.share):g}"] if needed < dense else []
    for size in _smaller(channels, spending.round_to):
        if (less := total(_always(channels, scores, size, least))) < needed and less <= allowed:
            what = "single channels" if size == 1 else f"blocks of {size} channels"
            mends.append(
                f"choose {what} by --round-to {size} (in Python round_to={size}), which need {less / dense:.2g}"
            )
            break
    part = f"{needed / dense:.4g}" if needed < dense else "all"
    mend = ", or ".join(mends) or "prune less, or other layers"
    raise TooMuchError(f"the smallest network {keeps} and needs {part} of the dense network{times}: {mend}")


def _smaller(channels: Channels, round_to: RoundTo) -> list[int]:
    """Give the sizes of blocks below this one that processors like, and single channels, if each layer has so many."""
    least = min(len(made) for made in channels.layers().values())
    return [size for size in (8, 1) if size <= least and (round_to == "auto" or size < round_to)]


def by_layer(channels: Channels, values: Tensor) -> dict[str, Tensor]:
    """Part values, one a channel, by the first layer that makes each, after which they are numbered."""
    parts, seen = {}, 0
    for name, axis in channels.outputs.items():
        if (last := int(channels.of[name][axis].max()) + 1) > seen:
            parts[name], seen = values[seen:last], last
    return parts


def best_of_layers(channels: Channels, scores: Tensor, least: Fraction = NO_FLOOR) -> list[int]:
    """Give the channels that stay in any case: of each layer those of the largest scores, ties to the earlier.

    Args:
        channels, scores: as `choose` takes them.
        least: share of the channels that a layer makes which stays, rounded up, and one of them at the least; what
            layers share counts for each of them.
    """
    best: list[int] = []
    for made in channels.layers().values():
        there = set(best) & set(made.tolist())
        others = [channel for channel in _descending(scores, made) if channel not in there]
        best += others[: max(0, max(1, at_least(len(made), least)) - len(there))]
    return best


def _descending(scores: Tensor, channels: Tensor) -> list[int]:
    order: list[int] = channels[scores[channels].argsort(descending=True, stable=True)].tolist()
    return order


def _floor(least: Fraction) -> str:
    return f"a share of {float(least):g}" if least else "one channel"


def masks_of(model: nn.Module, inputs: Nested, channels: Channels, kept: Tensor) -> Masks:
    """Give the masks of the parameters that the channels touch, on their devices, once they are seen to be right."""
    verify(model, inputs, channels, kept)
    return spread(model, channels, kept)


def spread(model: nn.Module, channels: Channels, kept: Tensor) -> Masks:
    """Give the masks of the parameters that the channels touch, on their devices."""
    parameters = dict(model.named_parameters())
    masks = channels.masks(kept, {name: p.shape for name, p in parameters.items()})
    return {name: mask.to(parameters[name].device) for name, mask in masks.items()}


def kept_by(model: nn.Module, channels: Channels, masks: Mapping[str, Tensor]) -> Tensor | None:
    """Give which channels masks keep, (channels.count,) bool; None where they do not keep whole channels."""
    kept, unfit = channels.kept_by(masks, {name: p.shape for name, p in model.named_parameters()})
    return kept if unfit is None else None
