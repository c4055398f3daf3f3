"""Prune a network: score its weights, rank them under a budget, and give the masks; the network stays as it is."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain, repeat
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cellprune.config import names
from cellprune.errors import CellpruneError, TooMuchError, WorkError, unknown
from cellprune.machine import memory as free_memory
from cellprune.pruning.connectivity import check_connected
from cellprune.pruning.derivatives.batches import Reader, take
from cellprune.pruning.derivatives.conditions import device_of, untouched
from cellprune.pruning.derivatives.linear import is_additive
from cellprune.pruning.kinds import Batch, Loss, Masks
from cellprune.pruning.masks import bare, dead_layers
from cellprune.pruning.method import Method
from cellprune.pruning.prunable import multiplying, prunable, say_what_lies_outside
from cellprune.pruning.ranking import revival, whole_channels
from cellprune.pruning.ranking.budget import Scope, at_least, density, exact, select
from cellprune.pruning.ranking.correction import effectively
from cellprune.pruning.ranking.costs import Pricing, affordable, select_within
from cellprune.pruning.ranking.divided import best_of_slices, divided, refuse_empty
from cellprune.pruning.ranking.revival import survivors
from cellprune.pruning.ranking.schedule import one_shot
from cellprune.structure.layers import weighted_layers
from cellprune.structure.standing_in import as_it_was, require_values

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
    floor: float = 0.0,
    effective: bool = False,
    exclude: Iterable[str] = (),
    seed: int = 0,
    invert: bool = False,
    tell: Callable[[int, int], None] = lambda done, n_rounds: None,
    **options: Any,
) -> Masks:
    """Choose which weights go, once, before training.

    Args:
        model: any network, each of its modules in the mode (train or eval) in which it will be trained. It is left as
            it was, to its hooks, and so are the random states.
        method: a row of the methods' table: prospr, snip, iterative-snip, force, grasp, synflow, magnitude, erk or
            random.
        sparsity: share of prunable weights, or of removable channels, that goes, 0 <= sparsity < 1. Exactly one of this
            and `budget`.
        budget: {unit: share kept}, the unit "params" (prunable weights; for channels all parameters), "macs"
            (multiply-adds of the whole network, at the size of the first batch) or, for channels, "channels". Weights
            are met exactly, and so are channels. Otherwise scores are ranked per cost, and what is spent lies within
            the budget, less than any removed weight or channel costs below it.
        batches: iterable of (inputs, target), read in order; prospr takes inner_steps + 1, snip one, iterative-snip and
            force one a round, synflow the shape of one, grasp as many as hold ten samples of each class. A source of
            exactly one batch is used for all. They are moved to the model's device.
        loss: (output, target) -> scalar, the mean over the batch.
        granularity: what is removed: "weight", or "channel" for whole channels (random, magnitude, snip, prospr), those
            that are tied together as one; at least one of each layer stays, and all that the network takes and gives.
        scope: "global" ranks all weights together; "layer" gives every layer the same share. erk has its own shares.
        cost: of a channel under a budget in params or macs: "static", in the dense network, or "marginal", recomputed
            after each removal. A single weight costs the same in both.
        floor: share of each layer's weights, or channels, that stays in any case, its best, rounded up; of channels one
            stays at any floor.
        effective: count as removed, for `sparsity`, also what is kept but lies on no path from input to output. For
            weights, and methods that score once; see `correction`.
        exclude: parameter or layer names, or patterns, that stay whole.
        seed: where every random draw of the scoring comes from.
        invert: rank the other way round, as a control: the lowest scores stay, even where they cut the network.
        tell: called after each round of scoring with how many are done and how many there are.
        options: the method's own, such as inner_steps or rounds; see its file in `pruning/methods/`.
    Returns:
        Parameter name -> bool tensor of its shape, True = kept, for exactly the prunable parameters; exactly the asked
        number is True. For channels also for the biases and norm parameters that go with them. Hand it to `hold`.
        A warning says which share of the parameters lies outside, where that is more than a few per cent.
    Raises:
        CellpruneError: an unknown or missing argument, a share out of range, too few batches, a module without second
            derivatives, or an output that the masks cut off from the input.
        WorkError: a loss or a score is NaN or infinite.
    Note:
        Of several processes (`torch.distributed`) each chooses by its own batches. Call this in one of them, and give
        the others its masks; `hold` refuses masks that differ.
        Activation checkpointing inside the model plays a part of it again, with other weights than those that are
        scored. Where that would change a score it is refused: switch it off for this call.
    """
    row = _row(method)
    if granularity not in get_args(Granularity):
        raise CellpruneError(unknown("granularity", granularity, get_args(Granularity)))
    if granularity == "channel" and row.channel is None:
        able = [name for name in names.methods("before") if names.method(name).channels != "never"]
        raise CellpruneError(f"pruning method {method!r} scores weights, not channels: take {', '.join(able)}")
    options = row.resolve(method, options, granularity)
    if scope not in get_args(Scope):  # here, too: not only after a scoring of minutes
        raise CellpruneError(unknown("scope", scope, get_args(Scope)))
    if cost not in get_args(Pricing):
        raise CellpruneError(unknown("cost", cost, get_args(Pricing)))
    units = ("params", "macs", "channels") if granularity == "channel" else ("params", "macs")
    share, least = density(sparsity, budget, units), exact("floor", floor)
    unit = None if budget is None else next(iter(budget))
    if unit not in (("params", "macs") if granularity == "channel" else ("macs",)):
        unit = None  # counted, not weighed
    if cost == "marginal" and unit is None:
        raise CellpruneError(
            "cost='marginal' prices channels under a budget in params or macs, and nothing is priced here: leave it out"
        )
    _refuse_shares(method, row, scope, unit, least)
    if effective and (unit or granularity == "channel" or row.schedule is not one_shot):
        raise CellpruneError("effective=True counts single weights, scored once: take no channels, macs or rounds")
    if row.needs_batches(options) and not row.data_free and loss is None:
        raise CellpruneError(f"pruning method {method!r} needs a loss: give loss=(output, target) -> scalar mean")
    if loss is not None and not callable(loss):
        raise CellpruneError(f"loss must be a function, (output, target) -> scalar mean, not {loss!r:.60}")
    wish = _Wish(row, options, loss, seed, share, unit, cost, scope, least, effective, invert, tell)

    model = bare(model)
    require_values(model)
    with as_it_was(model):  # whatever reading the batches draws and computing the loss leaves behind, too
        weights = prunable(model, exclude)
        if effective or "macs" in (budget or ()):
            _refuse_uncounted(model, "effective=True" if effective else "a budget in macs")
        counts = wish.counts(sum(weight.numel() for weight in weights.values()), share)
        rounds = _batches_of_rounds(wish, model, batches, len(counts))
        taken = next(rounds)
        if (unit or effective or granularity == "channel") and not taken:
            raise CellpruneError(
                "channels, macs and paths are found by an input that goes through the network: give batches, "
                "one will do"
            )
        if granularity == "channel":
            masks = _channels_kept(wish, model, weights, taken)
            weights = {name: weight for name, weight in weights.items() if name in masks}
        else:
            masks = _weights_kept(wish, model, weights, counts, taken, rounds)
        free_memory.give_back()
        say_what_lies_outside(model, weights, exclude)
        if taken and not invert:  # which may well cut the network: that, too, is an answer
            # a score by the loss is 0 for all of a head that starts at zero, however well the head would learn
            by_loss = bool(row.needs_batches(options)) and not row.data_free
            check_connected(model, masks, taken[0], seed, zeros_may_learn=by_loss)
        if dead := dead_layers(masks):
            log.warning("%d layer(s) lost all their weights: %s", len(dead), ", ".join(dead))
    return masks


@dataclass(frozen=True)
class _Wish:
    """What is asked of the masks, for weights and channels alike.

    Attributes:
        share: that stays, of the weights or channels, or of their cost.
        unit: of that cost, by which scores are ranked then; None where weights or channels are counted.
        least: share of each layer that stays in any case.
    """

    method: Method
    options: Mapping[str, Any]
    loss: Loss | None
    seed: int
    share: Fraction
    unit: str | None
    pricing: Pricing
    scope: Scope
    least: Fraction
    effective: bool
    invert: bool
    tell: Callable[[int, int], None]

    def of(self, part: Callable[..., Any]) -> dict[str, Any]:
        return self.method.of(part, self.options)

    def counts(self, total: int, share: Fraction) -> list[int]:
        """Give how much of a total each round keeps."""
        return self.method.schedule(total, share, **self.of(self.method.schedule))

    def sensitivity(self, model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch]) -> dict[str, Tensor]:
        score = self.method.sensitivity
        with untouched(model):
            return score(model, masks, batches, self.loss, seed=self.seed, **self.of(score))


def _batches_of_rounds(
    wish: _Wish, model: nn.Module, batches: Iterable[Batch] | None, n_rounds: int
) -> Iterator[list[Batch]]:
    """Give what each round reads, without end; nothing where nothing is read and nothing was given."""
    row, n_batches = wish.method, wish.method.needs_batches(wish.options)
    if not n_batches and batches is None:
        yield from repeat([])
    reader = Reader(batches, device_of(model), max(1, n_batches * (1 if row.data_free else n_rounds)))
    taken = row.gather(model, reader, wish.options) if row.gather else reader.take(n_batches or 1)
    yield taken
    while True:
        yield taken if row.data_free else reader.take(n_batches)


def _channels_kept(wish: _Wish, model: nn.Module, weights: Mapping[str, nn.Parameter], taken: list[Batch]) -> Masks:
    """Score channels once, and keep the best."""
    row, inputs = wish.method, taken[0][0]
    assert row.channel is not None
    channels = whole_channels.removable(model, inputs, weights)
    ranks = row.channel(channels, wish.sensitivity(model, {}, taken), **wish.of(row.channel))
    _check_silence(wish, model, whole_channels.by_layer(channels, ranks))
    ranks = -ranks if wish.invert else ranks
    if wish.unit:
        kept = whole_channels.choose_within(
            model, inputs, channels, ranks, wish.unit, wish.share, wish.pricing, wish.least
        )
    else:
        kept = whole_channels.choose(channels, ranks, wish.share, wish.scope, wish.least)
    log.info("%d of %d channels stay", int(kept.sum()), channels.count)
    return whole_channels.masks_of(model, inputs, channels, kept)


def _weights_kept(
    wish: _Wish, model: nn.Module, weights: Mapping[str, nn.Parameter], counts: Sequence[int], taken: list[Batch],
    later: Iterator[list[Batch]],
) -> Masks:  # fmt: skip
    """Score weights in rounds, and keep the best of what each round leaves."""
    row, prices = wish.method, None
    if wish.unit:
        prices, total, allowed = affordable(model, taken[0][0], weights, wish.share)
        counts = wish.counts(total, Fraction(allowed, total))
    _refuse_floor(weights, prices, counts[-1], wish.least)
    axes = divided(model, weights)
    masks = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    for number, (keep, batches) in enumerate(zip(counts, chain([taken], later), strict=False), start=1):
        with _in_round(number, len(counts), row.data_free):
            sensitivity = wish.sensitivity(model, masks, batches)
        scores: dict[str, Tensor] = {name: row.unit(weight, sensitivity[name]) for name, weight in weights.items()}
        del sensitivity
        if wrong := [name for name, score in scores.items() if score.is_complex()]:
            raise CellpruneError(f"the scores of {wrong[0]!r} are complex numbers, which have no order: exclude it, or "
                                 f"take another method")  # fmt: skip
        if wish.invert:
            scores = {name: -score for name, score in scores.items()}
        if number == 1:
            _check_silence(wish, model, scores, head=[*scores][-1:])
        before, among = masks, row.candidates(model, masks, **wish.of(row.candidates))
        always = best_of_slices(scores, axes, among)
        pick = partial(_pick, row, scores, prices, scope=wish.scope, among=among, least=wish.least, always=always)
        masks = effectively(model, taken[0][0].shape[1:], pick, keep) if wish.effective else pick(keep)
        refuse_empty(masks, axes)
        if row.candidates is not survivors:
            log.info("round %d of %d: %d weights came back, %d of them into channels that had none left", number,
                     len(counts), *revival.count(model, before, masks))  # fmt: skip
        wish.tell(number, len(counts))
    return masks


def _check_silence(wish: _Wish, model: nn.Module, scores: Mapping[str, Tensor], head: Collection[str] = ()) -> None:
    """Warn of layers whose scores are all 0, and refuse where no layer but perhaps the head has others: ties decide."""
    silent = [name for name, score in scores.items() if not score.any()]
    if not silent:
        return
    loud = scores.keys() - silent
    if wish.share < 1 and loud <= set(head):
        raise CellpruneError(f"every score is 0{f' but those of {min(loud)!r}' if loud else ''}, so that the order of "
                             f"layers would decide what stays: {_blocking(model)}")  # fmt: skip
    log.warning("every score is 0 in %s: the loss does not see them, or a norm beside them starts at 0",
                ", ".join(silent))  # fmt: skip


def _blocking(model: nn.Module) -> str:
    """Name the layer or norm of zeros that nothing passes, the last of them, and say what to do."""
    zeros = [name for name, p in model.named_parameters() if not is_additive(name) and not p.any()]
    if not zeros:
        return (
            "the loss sees none of these weights; check the loss, that no activation lets nothing through, and for "
            "channels that the norms behind them are not frozen"
        )
    return f"{zeros[-1]!r} starts at zero and lets nothing through; give it small random values, then prune"


def _pick(
    row: Method, scores: Mapping[str, Tensor], prices: Mapping[str, int] | None, keep: int, *, scope: Scope,
    among: Mapping[str, Tensor], least: Fraction, always: Mapping[str, Tensor],
) -> Masks:  # fmt: skip
    """Keep so many weights, or with prices those that so much pays for."""
    if prices is not None:
        return select_within(scores, prices, keep, among=among, least=least)
    quotas = row.quotas({name: score.shape for name, score in scores.items()}, keep) if row.quotas else None
    return select(scores, keep, scope, among=among, quotas=quotas, least=least, always=always)


def _refuse_shares(method: str, row: Method, scope: Scope, unit: str | None, least: Fraction) -> None:
    """Refuse shares of layers where they are given already, or a ranking by cost (in a unit) needs them free."""
    if row.quotas and scope != "global":
        raise CellpruneError(
            f"pruning method {method!r} gives each layer a share of its own: leave scope={scope!r} out"
        )
    if not 0 <= least < 1:
        raise CellpruneError(f"floor {float(least):g} is not a share of each layer, 0 <= floor < 1")
    who = f"pruning method {method!r}" if row.quotas else f"scope={scope!r}"
    if unit and (row.quotas or scope == "layer"):
        raise CellpruneError(f"{who} gives each layer a share, and a budget in {unit} ranks all together: drop one")
    if least and (row.quotas or scope == "layer"):
        raise CellpruneError(f"{who} gives each layer a share already: leave floor out")


def _refuse_uncounted(model: nn.Module, what: str) -> None:
    """Refuse what follows multiply-adds or paths where some weights are of a kind whose are not known."""
    stored = weighted_layers(model)
    others = [name for name in multiplying(model) if name not in stored]
    if others:
        raise CellpruneError(
            f"{what} knows convolutions and linear layers that store their weight, but {others[0]!r} is of another "
            f"kind (computed, attention, recurrent), as are {len(others) - 1} more: take sparsity or a budget in params"
        )


def _refuse_floor(
    weights: Mapping[str, Tensor], prices: Mapping[str, int] | None, allowed: int, least: Fraction
) -> None:
    """Refuse a floor that takes more than may stay."""
    held = sum(at_least(w.numel(), least) * (prices[name] if prices else 1) for name, w in weights.items())
    if held > allowed:
        raise TooMuchError(
            f"floor={float(least):g} alone keeps {held} {'multiply-adds' if prices else 'weights'} of the {allowed} "
            f"that may stay: lower the floor, or remove less"
        )


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
    model = bare(model)
    require_values(model)
    with as_it_was(model):
        return row.plan(model, take(batches, 1, device_of(model))[0], loss, resolved)


@contextmanager
def _in_round(number: int, n_rounds: int, data_free: bool) -> Iterator[None]:
    """Say in which round the work failed, where there are several; each reads the next batch of the source."""
    try:
        yield
    except WorkError as error:
        if n_rounds == 1:
            raise
        read = "" if data_free else f", which reads the source's batch {number}"
        raise WorkError(f"{error} (round {number} of {n_rounds}{read})") from error


def _row(method: str) -> Method:
    if names.method(method).when in ("around", "during"):
        raise CellpruneError(
            f"pruning method {method!r} works {names.when(method)}, so prune() has no masks to give: run 'cellprune "
            f"train --method {method}', or take one of {', '.join(names.methods('before'))}"
        )
    row: Method = names.resolve("pruning method", method)
    return row
