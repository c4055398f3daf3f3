"""Prune a network: score its weights, rank them under a budget, and give the masks; the network stays as it is."""

import logging
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from cellprune.config import names
from cellprune.config.request import Code, Cost, Granularity, Pricing, Request, RoundTo, Scope
from cellprune.errors import CellpruneError
from cellprune.machine import memory as free_memory
from cellprune.pruning.by_channel import channels_kept
from cellprune.pruning.by_weight import weights_kept
from cellprune.pruning.connectivity import check_connected
from cellprune.pruning.derivatives.batches import take
from cellprune.pruning.derivatives.conditions import device_of
from cellprune.pruning.kinds import Batches, Chosen, Loss, Masks, Once, Segments, Tell
from cellprune.pruning.masks import bare, check, dead_layers
from cellprune.pruning.method import Method
from cellprune.pruning.own import method_of
from cellprune.pruning.prunable import multiplying, prunable, say_what_lies_outside
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.pruning.ranking.schedule import one_shot
from cellprune.pruning.scoring import Scoring, at_once
from cellprune.pruning.start import refuse_nothing_more, refuse_revived, refuse_unmet
from cellprune.structure.calling import called_on
from cellprune.structure.layers import weighted_layers
from cellprune.structure.standing_in import as_it_was, require_values
from cellprune.wording import many

log = logging.getLogger("cellprune")


def unheard(done: int, n_rounds: int) -> None:
    """Hear of each round of scoring, and say nothing."""


def prune(
    model: nn.Module,
    *,
    method: str | Code = "prospr",
    sparsity: float | None = None,
    budget: Mapping[str, float] | None = None,
    batches: Batches | None = None,
    loss: Loss | None = None,
    granularity: Granularity = "weight",
    scope: Scope = "global",
    cost: Cost = "auto",
    pricing: Pricing = "static",
    round_to: RoundTo = "auto",
    floor: float = 0.0,
    effective: bool = False,
    exclude: Iterable[str] = (),
    seed: int = 0,
    invert: bool = False,
    pattern: str | None = None,
    densities: Mapping[str, float] | None = None,
    start: Mapping[str, Tensor] | None = None,
    tell: Tell = unheard,
    **options: object,
) -> Masks:
    """Choose which weights to remove, once, before training.

    Args:
        model: any network, each of its modules in the mode (train or eval) in which it will be trained. The network,
            its hooks and the random states stay as they were.
        method: a row of the methods' table: prospr, snip, 3sp, ranp, iterative-snip, force, grasp, synflow, ntk-sap,
            hts, magnitude, erk or random. Or your own: a function (model, masks, batches, loss, *, seed) -> {parameter
            name: scores}, larger is kept, where `batches` holds the first batch and keywords with defaults become
            options; a `cellprune.pruning.method.Method`; or "FILE.py:NAME" of either.
        sparsity: share of prunable weights, or of removable channels, to remove, 0 <= sparsity < 1. Give either this or
            `budget`.
        budget: {unit: share kept}, the unit "params" (prunable weights; for channels all parameters), "macs"
            (multiply-adds of the whole network, at the size of the first batch) or, for channels, "channels" or
            "latency" (milliseconds of its layers at that size, each measured by itself on the model's device: measure
            the shrunk network again). A number
            of weights or channels is met exactly. Otherwise scores are ranked per cost, and the sum lies within the
            budget: no removed weight, channel or block of channels would still fit.
        batches: iterable of (inputs, target), read in order; prospr takes inner_steps + 1, snip one, iterative-snip and
            force one per round, synflow and ntk-sap the shape of one, grasp and hts as many as hold ten samples of each
            class. If the source has exactly one batch, it is used for all. Batches are moved to the model's device.
        loss: (output, target) -> scalar, the mean over the batch.
        granularity: what is removed: "weight", or "channel" for whole channels (random, magnitude, snip, grasp,
            synflow, prospr; 3sp and ranp remove channels in any case).
            Channels that are tied together go together. At least one channel of each layer stays, and all channels of
            the network's input and output. Under a budget in params, macs or latency, the deepest levels of a padded
            U-Net may go as a whole: where one block of each layer is left, and the others keep more without it.
        scope: "global" ranks all weights together; "layer" gives every layer the same share. erk has its own shares.
        cost: what the score of a channel is divided by: "channels" (by nothing else than their number), "params",
            "macs", "memory" (numbers that one image takes: parameters, and the maps that convolutions and linear
            layers make) or "latency". "auto" is the method's own cost, macs for 3sp and ranp, or else what the budget
            counts.
        pricing: under a budget in params or macs: a channel costs what it does in the dense network, "static", or what
            it does after each removal, "marginal". A single weight costs the same in both.
        round_to: under such a budget, channels stay or go in blocks of so many, and the number that each layer keeps is
            a multiple of it: the best of a layer together, then the next. "auto" is 16, or 8 in layers of fewer than 16
            channels, and 1 in layers of fewer than 8; 1 chooses single channels.
        floor: share of each layer's weights, or channels, that always stays, those with the best scores, rounded up; at
            least one channel stays at any floor.
        effective: for `sparsity`, kept weights on no path from input to output also count as removed. Only for weights,
            and for methods that score once; see `correction`.
        exclude: parameter or layer names, or patterns, that stay whole.
        seed: decides every random draw of the scoring.
        invert: rank the other way round, as a control: the lowest scores stay, even if they cut the network.
        pattern: single weights in a pattern: "2:4" lets at most two of each four inputs next to each other stay; with
            "4x1", blocks of 4 outputs by 1 input stay or go as a whole, as many as hold no more than the count. A
            method in rounds keeps to it in the end, with blocks in every round. Not for erk.
        densities: parameter name -> share of it that stays, instead of `sparsity`; others stay whole. To keep those of
            other masks, give {name: mask.float().mean().item()}.
        start: masks to begin with, such as those of an earlier call: what they removed stays so, and the rest is scored
            in the masked network. `sparsity` is still the share of all weights, or channels. What divides all of a
            layer goes without it: erk, scope="layer", floor, effective and pattern.
        tell: called after each round of scoring with how many are done and how many there are.
        options: the method's own, such as inner_steps or rounds; see its file in `pruning/methods/`.
    Returns:
        Parameter name -> bool tensor of its shape, True = kept, for exactly the prunable parameters; exactly the
        requested number is True. With channels also for the biases and norm parameters that go with them. Give it to
        `hold`. If more than a few per cent of the parameters cannot be pruned, a warning says so.
    Raises:
        CellpruneError: an unknown or missing argument, a share out of range, too few batches, batches that the network
            does not take, a module without second derivatives, or an output that the masks cut off from the input.
        WorkError: a loss or a score is NaN or infinite.
    Note:
        With several processes (`torch.distributed`), each would choose by its own batches. Call this in one process,
        and give its masks to the others; `hold` refuses masks that differ.
        Activation checkpointing computes a part of the model a second time, with other weights than the scored ones.
        If that would change a score, it is refused: switch it off for this call.
    Example:
        >>> import torch
        >>> from torch.nn.functional import cross_entropy
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
        >>> batches = [(torch.randn(32, 8), torch.randint(2, (32,))) for _ in range(4)]
        >>> masks = prune(model, sparsity=0.8, batches=batches, loss=cross_entropy)
        >>> sum(int(mask.sum()) for mask in masks.values())  # of 8 * 16 + 16 * 2
        32
    """
    request = Request(
        method=method,
        sparsity=sparsity,
        budget=budget,
        granularity=granularity,
        scope=scope,
        cost=cost,
        pricing=pricing,
        round_to=round_to,
        floor=floor,
        effective=effective,
        exclude=exclude,
        seed=seed,
        invert=invert,
        pattern=pattern,
        densities=densities,
        options=options,
    )
    return fulfil(model, request, batches=batches, loss=loss, start=start, tell=tell)


def fulfil(
    model: nn.Module,
    request: Request,
    *,
    batches: Batches | None = None,
    loss: Loss | None = None,
    start: Mapping[str, Tensor] | None = None,
    tell: Tell = unheard,
    table: LatencyTable | None = None,
    once: Once = at_once,
) -> Masks:
    """Choose which weights go, as a request asks.

    Args:
        model, batches, loss, start, tell: as `prune` takes them.
        request: what is asked of the masks.
        table: what layers take, for a budget or a cost in latency; it keeps what is measured. None begins an empty one.
        once: see `Scoring`.
    Returns:
        What `prune` gives.
    Raises:
        CellpruneError, WorkError: as `prune` does.
    """
    refuse_nothing_more(request, start or {})
    masks = choose(model, request, batches=batches, loss=loss, start=start, tell=tell, table=table, once=once).masks
    free_memory.give_back()
    return masks


def choose(
    model: nn.Module,
    request: Request,
    *,
    batches: Batches | None = None,
    loss: Loss | None = None,
    start: Mapping[str, Tensor] | None = None,
    tell: Tell = unheard,
    table: LatencyTable | None = None,
    once: Once = at_once,
) -> Chosen:
    """Do what `fulfil` does, and give the scores, too."""
    method = _method_of(request)
    options = method.resolve(request.name, request.options, request.granularity)
    scoring = Scoring(request, method, options, loss, tell, once)
    _refuse_no_loss(scoring)
    model = bare(model)
    require_values(model)
    refuse_unmet(request, method, start or {})
    check(model, start or {})
    with as_it_was(model):  # whatever reading the batches draws and computing the loss leaves behind, too
        weights = prunable(model, request.exclude)
        if request.effective:
            _refuse_uncounted(model, "effective=True")
        if unit := {"macs", "latency"} & set(request.budget or ()):
            _refuse_uncounted(model, f"a budget in {unit.pop()}")
        if request.granularity == "channel" and request.divided_by in ("macs", "memory", "latency"):
            _refuse_uncounted(model, f"cost={request.divided_by!r}")
        n_rounds = len(scoring.counts(sum(weight.numel() for weight in weights.values()), request.share))
        rounds = scoring.batches_of_rounds(model, batches, n_rounds)
        taken = next(rounds)
        if (request.unit or request.effective or request.granularity == "channel") and not taken:
            raise CellpruneError(
                "channels, macs and paths are found by an input that goes through the network: give batches, "
                "one will do"
            )
        with called_on(model, [inputs for inputs, _ in taken]):
            if start and method.data_free and taken:
                scoring.sensitivity(model, {}, taken)  # synflow looks for what it cannot take where nothing is gone yet
            if request.granularity == "channel":
                chosen = channels_kept(scoring, model, weights, taken, rounds, start, table)
                weights = {name: weight for name, weight in weights.items() if name in chosen.masks}
            else:
                chosen = weights_kept(scoring, model, weights, taken, rounds, start)
        refuse_revived(chosen.masks, start or {})
        say_what_lies_outside(model, weights, request.exclude)
        if taken and not request.invert:  # which may well cut the network: that, too, is an answer
            # a score by the loss is 0 for all of a head that starts at zero, however well the head would learn
            check_connected(model, chosen.masks, taken[0], request.seed, zeros_may_learn=scoring.is_by_loss)
        if dead := dead_layers(chosen.masks):
            log.warning("%s lost all weights: %s", many(len(dead), "layer"), ", ".join(dead))
    return chosen


def choose_segments(model: nn.Module, request: Request, *, batches: Batches, loss: Loss) -> Segments:
    """Settle the options of a method that the free memory decides, so that a scoring can be repeated to the bit.

    Args:
        model, request, batches, loss: as `fulfil` takes them; the first batch is looked at.
    Returns:
        Options to ask for beside the others; empty for a method with nothing to choose.
    Raises:
        CellpruneError: the scoring does not fit into memory; the message says what would.
    """
    row = _method_of(request)
    if not row.needs_batches(resolved := row.resolve(request.name, request.options, request.granularity)):
        return {}
    model = bare(model)
    require_values(model)
    with as_it_was(model):
        return row.choose_segments(model, take(batches, 1, device_of(model))[0], loss, resolved)


def _method_of(request: Request) -> Method:
    when = names.method(request.method).when
    if when != "before":
        raise CellpruneError(
            f"pruning method {request.method!r} works {names.when(request.method)}, so prune() has no masks to give: "
            f"run 'cellprune train --method {request.method}', or take one of {', '.join(names.methods('before'))}"
        )
    method = method_of(request.method)
    if names.is_own(request.method):
        _refuse_unable(method, request)
    return method


def _refuse_unable(method: Method, request: Request) -> None:
    """Refuse what a user's own method cannot do; of the others, their rows tell it before."""
    wishes = {
        "channels: let its Method have a `channel`": request.granularity == "channel" and method.channel is None,
        "an effective sparsity: it scores in rounds": request.effective and method.schedule is not one_shot,
        "layers that compete: it gives each layer a share of its own": bool(
            method.quotas and (request.unit or request.effective or request.least or request.scope == "layer")
        ),
    }
    for what, is_asked in wishes.items():
        if is_asked:
            raise CellpruneError(f"pruning method {request.name!r} is not made for {what}")


def _refuse_no_loss(scoring: Scoring) -> None:
    if scoring.is_by_loss and scoring.loss is None:
        raise CellpruneError(
            f"pruning method {scoring.request.name!r} needs a loss: give loss=(output, target) -> scalar mean"
        )
    if scoring.loss is not None and not callable(scoring.loss):
        raise CellpruneError(f"loss must be a function, (output, target) -> scalar mean, not {scoring.loss!r:.60}")


def _refuse_uncounted(model: nn.Module, what: str) -> None:
    """Refuse what follows multiply-adds or paths where some weights are of a kind whose are not known."""
    stored = weighted_layers(model)
    others = [name for name in multiplying(model) if name not in stored]
    if others:
        raise CellpruneError(
            f"{what} knows convolutions and linear layers that store their weight, but {others[0]!r} is of another "
            f"kind (computed, attention, recurrent), as are {len(others) - 1} more: take sparsity or a budget in params"
        )
