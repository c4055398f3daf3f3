"""Which masks a run trains: scored by its method or read from a file, as they are or through a control."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cellprune.config import load as config
from cellprune.config import names
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.controls import shuffled as controls
from cellprune.controls import small
from cellprune.errors import CellpruneError
from cellprune.pruning import prune
from cellprune.pruning.derivatives.conditions import device_of, take
from cellprune.pruning.masks import Masks, check
from cellprune.pruning.ranking.budget import exact, keep_count
from cellprune.runs import maskfile
from cellprune.runs.cost import Budget
from cellprune.runs.folder import Folder
from cellprune.structure.counts import Counts
from cellprune.training.progress import Tell, unheard

Loss = Callable[[Tensor, Tensor], Tensor]


def resolved(settings: Settings) -> Settings:
    """Write the content of given masks into the settings: what they remove, and their hash.

    Raises:
        CellpruneError: no masks file, or another one than the settings were made with.
    """
    settings = config.resolve(settings)
    pruning = settings.pruning
    if pruning.masks is None:
        return settings
    masks = maskfile.read(pruning.masks)
    content = maskfile.digest(masks)
    if pruning.masks_sha256 not in (None, content):
        raise CellpruneError(f"{pruning.masks} does not hold the masks that these settings were made with: restore it")
    # biases and norms, which masks of whole channels have beside the weights, are no weights
    weights = [mask for mask in masks.values() if mask.ndim > 1]
    kept, total = (sum(int(count(mask)) for mask in weights) for count in (np.count_nonzero, np.size))
    ratio = round(1 - kept / total, 12) if total else 0.0
    return settings.model_copy(update={"pruning": pruning.model_copy(update={"ratio": ratio, "masks_sha256": content})})


def plan(settings: Settings, model: nn.Module, loaders: Any, loss: Loss) -> dict[str, Any]:
    """Settle what memory decides, and refuse what cannot work, before anything is written.

    Args:
        settings: resolved.
        model: the network at initialization, on its device.
        loaders: the parts as batches; each call of `scoring` begins anew.
        loss: (output, target) -> scalar mean.
    Raises:
        CellpruneError: the scoring does not fit into memory or to the data, or given masks not to the network, or
            this has no smaller one to stand in its place.
    """
    if settings.pruning.stands_in:
        small.levels_of(model, settings.model.name)
    if settings.pruning.masks is not None:
        check(model, _given(settings))
    if names.method(settings.pruning.method).when != "before":
        return {}
    return prune.plan(model, **_asked(settings, loaders, loss))


def masks(
    settings: Settings, model: nn.Module, loaders: Any, loss: Loss, planned: dict[str, Any], tell: Tell = unheard
) -> Masks:
    """Choose the masks; the network stays as it is.

    Args:
        settings, model, loaders, loss: as `plan` takes them.
        planned: what `plan` gave.
        tell: told of each round of scoring that is done.
    """
    pruning = settings.pruning
    if pruning.masks is not None:
        chosen = _given(settings)
    else:
        chosen = prune.prune(
            model,
            **pruning.share(),
            scope=pruning.scope,
            cost=pruning.cost,
            floor=pruning.floor,
            effective=pruning.effective,
            exclude=pruning.exclude,
            seed=settings.seed,
            invert=pruning.control == "invert",
            tell=tell,
            **_asked(settings, loaders, loss),
            **planned,
        )
    if pruning.control != "shuffle":
        return chosen
    whole = None
    if pruning.granularity == "channel" or pruning.masks is not None:  # given ones tell by themselves what they keep
        [(inputs, _)] = take(loaders.scoring(pruning.batch_size), 1, device_of(model))
        whole = controls.shuffled_channels(model, inputs, chosen, settings.seed)
    return controls.shuffled(chosen, settings.seed) if whole is None else whole


def epochs_spent(pruning: Pruning) -> int:
    """Count the epochs that given masks took to find: those of a run that learned them around or during training."""
    if pruning.masks is None or not (run := Folder(pruning.masks)).has("config"):
        return 0
    learned = names.method(run.read_config()["pruning"]["method"]).when in ("around", "during")
    return run.read_provenance().epochs or 0 if learned else 0


def reached(pruning: Pruning, cost: Counts) -> Budget | None:
    """Set what was to stay beside what stays, in the unit that was asked for.

    Args:
        pruning: resolved.
        cost: of the masked network, as `structure.cost.cost` gives it.
    Returns:
        None where nothing was asked: unpruned, or masks that were given.
    """
    if pruning.method in ("dense", "given"):
        return None
    [(asked, share)] = pruning.share().items()
    if asked == "budget":
        [(unit, share)] = share.items()
        target = exact(unit, share)
    else:
        unit = "channels" if cost.channels else "active weights" if pruning.effective else "weights"
        target = 1 - exact(asked, share)
    parameters, macs = cost.parameters, cost.macs
    kept, dense = {
        "weights": (parameters.kept, parameters.prunable),
        "active weights": (parameters.active, parameters.prunable),
        "params": (parameters.left, parameters.total),
        "macs": (macs.masked, macs.dense),
        **({"channels": (cost.channels.kept, cost.channels.total)} if cost.channels else {}),
    }[unit]
    allowed = int(target * dense) if asked == "budget" else keep_count(dense, target)
    return Budget(unit, float(target), kept / dense, dense, allowed, kept)


def _asked(settings: Settings, loaders: Any, loss: Loss) -> dict[str, Any]:
    """What a pruning method is asked with; the batches begin anew with every call."""
    pruning = settings.pruning
    return {
        "method": pruning.method,
        "granularity": pruning.granularity,
        "batches": _batches(settings, loaders),
        "loss": loss,
        **pruning.options(),
    }


def _batches(settings: Settings, loaders: Any) -> Iterable[tuple[Tensor, Tensor]]:
    batches: Iterator[tuple[Tensor, Tensor]] = loaders.scoring(settings.pruning.batch_size)
    if settings.pruning.method != "grasp":
        return batches
    # so many images of each class are so many different ones: the training part is gone through once
    return islice(batches, max(1, loaders.n_train // settings.pruning.batch_size))


def _given(settings: Settings) -> Masks:
    assert settings.pruning.masks is not None
    return {name: torch.from_numpy(mask) for name, mask in maskfile.read(settings.pruning.masks).items()}
