"""Which masks a run trains: scored by its method or read from a file, as they are or through a control."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from cellprune.config import names
from cellprune.config.pruning import Pruning
from cellprune.controls import shuffled as controls
from cellprune.controls import small
from cellprune.data.batches import Batch
from cellprune.experiment import latency, smaller
from cellprune.experiment.opening import Setup
from cellprune.models.masks import load_masks
from cellprune.pruning import prune
from cellprune.pruning.derivatives.batches import take
from cellprune.pruning.derivatives.conditions import device_of
from cellprune.pruning.kinds import Once, Segments
from cellprune.pruning.masks import Masks, check
from cellprune.pruning.own import method_of
from cellprune.pruning.ranking.budget import keep_count
from cellprune.pruning.scoring import at_once
from cellprune.runs.cost import Budget
from cellprune.structure.counts import Counts
from cellprune.training.progress import Tell, unheard


def segments(setup: Setup) -> Segments:
    """Settle what memory decides, and refuse what cannot work, before anything is written.

    Raises:
        CellpruneError: the scoring does not fit into memory or to the data, or given masks not to the network, or
            this has no smaller one to stand in its place, or cannot lose channels.
    """
    pruning = setup.settings.pruning
    if pruning.stands_in:
        small.levels_of(setup.architecture)
    if pruning.times_layers:
        latency.require(latency.Clock.of(setup.settings, setup.device), setup.network, setup.opened.input_size)
    if pruning.masks is not None:
        check(setup.network, of_file := load_masks(pruning.masks))
        smaller.shrink(setup, of_file)
    elif pruning.shrinks:
        smaller.require_shrinkable(setup)
    if pruning.fills_budget or names.method(pruning.method).when != "before":
        return {}
    request = pruning.request(setup.settings.seed)
    return prune.choose_segments(setup.network, request, batches=_batches(setup), loss=setup.loss)


def masks(setup: Setup, within: Segments, tell: Tell = unheard, once: Once = at_once) -> Masks:
    """Choose the masks; the network stays as it is.

    Args:
        within: what `segments` gave, now or when the run was started.
        tell: told of each round of scoring that is done.
        once: see `pruning.scoring.Scoring`.
    """
    settings, model = setup.settings, setup.network
    pruning = settings.pruning
    if pruning.masks is not None:
        chosen = load_masks(pruning.masks)
    else:
        request = pruning.request(settings.seed)
        request = replace(request, options={**request.options, **within})
        chosen = prune.fulfil(
            model, request, batches=_batches(setup), loss=setup.loss, tell=tell, table=setup.table, once=once
        )
    if pruning.control != "shuffle":
        return chosen
    whole = None
    if pruning.granularity == "channel" or pruning.masks is not None:  # given ones tell by themselves what they keep
        [(inputs, _)] = take(setup.loaders.scoring(pruning.batch_size), 1, device_of(model))
        whole = controls.shuffled_channels(model, inputs, chosen, settings.seed)
    return controls.shuffled(chosen, settings.seed) if whole is None else whole


def reached(pruning: Pruning, counts: Counts, times: tuple[int, int] | None = None) -> Budget | None:
    """Set what was to stay beside what stays, in the unit that was asked for.

    Args:
        pruning: resolved.
        counts: of the masked network.
        times: nanoseconds of its layers, and of the dense network's, where they were asked for.
    Returns:
        None where nothing was asked: unpruned, or masks that were given.
    """
    if pruning.method in ("dense", "given"):
        return None
    request = pruning.request()
    counted = "channels" if counts.channels else "active weights" if pruning.effective else "weights"
    [unit] = request.budget or [counted]
    target = request.share
    parameters, macs = counts.parameters, counts.macs
    kept, dense = {
        "weights": (parameters.kept, parameters.prunable),
        "active weights": (parameters.active, parameters.prunable),
        "params": (parameters.left, parameters.total),
        "macs": (macs.masked, macs.dense),
        **({"channels": (counts.channels.kept, counts.channels.total)} if counts.channels else {}),
        **({"latency": times} if times else {}),
    }[unit]
    allowed = int(target * dense) if request.budget else keep_count(dense, target)
    return Budget(unit, float(target), kept / dense, dense, allowed, kept)


def _batches(setup: Setup) -> Iterable[Batch]:
    """Give what a method scores by; the batches begin anew with every call."""
    pruning, loaders = setup.settings.pruning, setup.loaders
    batches = loaders.scoring(pruning.batch_size)
    if names.method(pruning.method).when != "before":
        return batches
    method = method_of(pruning.method)
    if method.gather is None:
        return batches
    # it chooses among images, and so many of a class are so many different ones: the training part is gone through once
    return islice(batches, max(1, loaders.n_train // pruning.batch_size))
