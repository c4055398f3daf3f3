"""Prune a network: score its weights, rank them under a budget, and give the masks; the network stays as it is."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cellprune.config.names import BEFORE_TRAINING, METHODS, resolve, when
from cellprune.errors import CellpruneError, WorkError, unknown
from cellprune.pruning import revival, whole_channels
from cellprune.pruning.budget import Scope, density, select
from cellprune.pruning.connectivity import check_connected
from cellprune.pruning.costs import Pricing
from cellprune.pruning.masks import bare, dead_layers
from cellprune.pruning.method import Batch, Loss, Masks, Method
from cellprune.pruning.prunable import prunable
from cellprune.pruning.revival import survivors
from cellprune.pruning.scoring import Reader, device_of, take, untouched

Granularity = Literal["weight", "channel"]

log = logging.getLogger("cellprune")


def prune(
    model: nn.Module,
    *,
    method: str = "prospr",
    sparsity: float | None = None,
    budget: Mapping[str, float] | None = None,
    batches: Iterable[Batch] | None = None,
    loss: Loss | None = None,
    granularity: Granularity = "weight",
    scope: Scope = "global",
    cost: Pricing = "static",
    exclude: Iterable[str] = (),
    seed: int = 0,
    invert: bool = False,
    **options: Any,
) -> Masks:
    """Choose which weights go, once, before training.

    Args:
        model: any network; parameters, buffers, gradients, modes and random states are left as they were.
        method: a row of the methods' table: prospr, snip, iterative-snip, force, grasp, synflow, magnitude, erk or
            random.
        sparsity: share of prunable weights, or of removable channels, that goes, 0 <= sparsity < 1. Exactly one of this
            and `budget`.
        budget: {"params": share of prunable weights kept}. For channels {unit: share kept}, the unit "params" (all
            parameters), "macs" (multiply-adds at the size of the first batch) or "channels"; scores are ranked per
            cost, and what is spent lies within the budget, less than any removed channel costs below it.
        batches: iterable of (inputs, target), read in order; prospr takes inner_steps + 1, snip one, iterative-snip and
            force one a round, synflow the shape of one, grasp as many as hold ten samples of each class. A source of
            exactly one batch is used for all. They are moved to the model's device.
        loss: (output, target) -> scalar, the mean over the batch.
        granularity: what is removed: "weight", or "channel" for whole channels (random, magnitude, snip, prospr), those
            that are tied together as one; at least one of each layer stays, and all that the network takes and gives.
        scope: "global" ranks all weights together; "layer" gives every layer the same share. erk has its own shares.
        cost: of a channel under a budget in params or macs: "static", in the dense network, or "marginal", recomputed
            after each removal.
        exclude: parameter or layer names, or patterns, that stay whole.
        seed: where every random draw of the scoring comes from.
        invert: rank the other way round, as a control: the lowest scores stay, even where they cut the network.
        options: the method's own, such as inner_steps or rounds; see its file in `pruning/methods/`.
    Returns:
        Parameter name -> bool tensor of its shape, True = kept, for exactly the prunable parameters; exactly the asked
        number is True. For channels also for the biases and norm parameters that go with them. Hand it to `hold`.
    Raises:
        CellpruneError: an unknown or missing argument, a share out of range, too few batches, a module without second
            derivatives, or an output that the masks cut off from the input.
        WorkError: a loss or a score is NaN or infinite.
    Note:
        Switch activation checkpointing inside the model off for this call: it would play a part of the network again
        with the model's own parameters, not with those of the inner training.
    """
    row = _row(method)
    if granularity not in get_args(Granularity):
        raise CellpruneError(unknown("granularity", granularity, get_args(Granularity)))
    if granularity == "channel" and row.channel is None:
        able = [name for name in BEFORE_TRAINING if _row(name).channel is not None]
        raise CellpruneError(f"pruning method {method!r} scores weights, not channels: take {', '.join(able)}")
    options = row.resolve(method, options, granularity)
    if row.quotas and scope != "global":
        raise CellpruneError(
            f"pruning method {method!r} gives each layer a share of its own: leave scope={scope!r} out"
        )
    if cost not in get_args(Pricing):
        raise CellpruneError(unknown("cost", cost, get_args(Pricing)))
    units = ("params", "macs", "channels") if granularity == "channel" else ("params",)
    share = density(sparsity, budget, units)
    unit = None if budget is None else next(iter(budget))
    if granularity == "channel" and unit in ("params", "macs") and (invert or scope != "global"):
        raise CellpruneError(f"a budget in {unit} ranks all channels by score per cost: leave invert and scope out")
    model = bare(model)
    weights = prunable(model, exclude)
    n_prunable = sum(weight.numel() for weight in weights.values())
    n_batches = row.needs_batches(options)
    if n_batches and not row.data_free and loss is None:
        raise CellpruneError(f"pruning method {method!r} needs a loss: give loss=(output, target) -> scalar mean")
    counts = row.schedule(n_prunable, share, **row.of(row.schedule, options))
    n_reads = 1 if row.data_free else len(counts)
    taken: list[Batch] = []
    if n_batches or batches is not None:
        reader = Reader(batches, device_of(model), max(1, n_batches * n_reads))
        taken = row.gather(model, reader, options) if row.gather else reader.take(n_batches or 1)
    first = taken[:1]
    if granularity == "channel":
        if not first:
            raise CellpruneError(
                "granularity='channel' follows an input through the network: give batches, one will do"
            )
        channels = whole_channels.removable(model, first[0][0], weights)
        with untouched(model):
            sensitivity = row.sensitivity(model, {}, taken, loss, seed=seed, **row.of(row.sensitivity, options))
        assert row.channel is not None
        ranks = row.channel(channels, sensitivity, **row.of(row.channel, options)) * (-1 if invert else 1)
        if unit in ("params", "macs"):
            kept = whole_channels.choose_within(model, first[0][0], channels, ranks, unit, share, cost)
        else:
            kept = whole_channels.choose(channels, ranks, share, scope)
        masks = whole_channels.masks_of(model, first[0][0], channels, kept)
        log.info("%d of %d channels stay", int(kept.sum()), channels.count)
        if not invert:
            check_connected(model, masks, first[0], seed)
        return masks

    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    for number, keep in enumerate(counts, start=1):
        if number > 1 and not row.data_free:
            taken = reader.take(n_batches)
        with untouched(model), _in_round(number, len(counts)):
            sensitivity = row.sensitivity(model, masks, taken, loss, seed=seed, **row.of(row.sensitivity, options))
        scores: dict[str, Tensor] = {name: row.unit(weight, sensitivity[name]) for name, weight in weights.items()}
        del sensitivity
        if invert:
            scores = {name: -score for name, score in scores.items()}
        if number == 1 and (silent := [name for name, score in scores.items() if not score.any()]):
            log.warning("every score is 0 in %s: the loss does not see them, or a norm beside them starts at 0",
                        ", ".join(silent))  # fmt: skip
        before, among = masks, row.candidates(model, masks, **row.of(row.candidates, options))
        quotas = row.quotas({name: weight.shape for name, weight in weights.items()}, keep) if row.quotas else None
        masks = select(scores, keep, scope, among=among, quotas=quotas)
        if row.candidates is not survivors:
            log.info("round %d of %d: %d weights came back, %d of them into channels that had none left", number,
                     len(counts), *revival.count(model, before, masks))  # fmt: skip

    if dead := dead_layers(masks):
        log.warning("%d layer(s) lost all their weights: %s", len(dead), ", ".join(dead))
    if first and not invert:  # which may well cut the network: that, too, is an answer
        check_connected(model, masks, first[0], seed)
    return masks


def plan(
    model: nn.Module, *, method: str, batches: Iterable[Batch], loss: Loss, granularity: Granularity = "weight",
    **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Choose the options of a method that the free memory decides, so that a scoring can be repeated to the bit.

    Args:
        model, method, batches, loss, granularity, options: as `prune` takes them; the first batch is looked at.
    Returns:
        Options to hand to `prune` beside the others; empty for a method with nothing to choose.
    Raises:
        CellpruneError: the scoring does not fit into memory; the message says what would.
    """
    row = _row(method)
    if not row.needs_batches(resolved := row.resolve(method, options, granularity)):
        return {}
    return row.plan(bare(model), take(batches, 1, device_of(model))[0], loss, resolved)


@contextmanager
def _in_round(number: int, n_rounds: int) -> Iterator[None]:
    """Say in which round the work failed, where there are several."""
    try:
        yield
    except WorkError as error:
        if n_rounds == 1:
            raise
        raise WorkError(f"{error} (round {number} of {n_rounds})") from error


def _row(method: str) -> Method:
    if method in METHODS and method not in BEFORE_TRAINING:
        raise CellpruneError(
            f"pruning method {method!r} works {when(method)}, so prune() has no masks to give: run 'cellprune train "
            f"--method {method}', or take one of {', '.join(BEFORE_TRAINING)}"
        )
    row: Method = resolve("pruning method", method)
    return row
