"""The one table from a name to the code behind it: methods, networks, tasks, results, engines.

The code is imported when a name is resolved, so that `--help` and a typo's answer need no torch. This file knows
nothing but strings; every room may read it.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from cellprune.errors import CellpruneError, unknown

# prune() chooses the masks, once, at initialization
BEFORE_TRAINING = {
    "random": "cellprune.pruning.methods.random:METHOD",
    "erk": "cellprune.pruning.methods.erk:METHOD",
    "magnitude": "cellprune.pruning.methods.magnitude:METHOD",
    "snip": "cellprune.pruning.methods.snip:METHOD",
    "iterative-snip": "cellprune.pruning.methods.snip:ITERATIVE",
    "force": "cellprune.pruning.methods.snip:FORCE",
    "grasp": "cellprune.pruning.methods.grasp:METHOD",
    "synflow": "cellprune.pruning.methods.synflow:METHOD",
    "prospr": "cellprune.pruning.methods.prospr:METHOD",
}
# several trainings, one stage after the other; masks are chosen of a trained network
AROUND_TRAINING = {
    "magnitude-after": "cellprune.training.magnitude_after:stages",
    "lottery": "cellprune.training.lottery:stages",
}
# one training, in which a policy moves the masks
DURING_TRAINING = {
    "gradual": "cellprune.training.sparse.gradual:stages",
    "gradual-channel": "cellprune.training.sparse.gradual_channel:stages",
    "rigl": "cellprune.training.sparse.rigl:stages",
    "set": "cellprune.training.sparse.set:stages",
}
METHODS = BEFORE_TRAINING | AROUND_TRAINING | DURING_TRAINING
# one logit a class and pixel
SEGMENTING = {
    "unet": "cellprune.models.unet:build",
    "smp:ARCHITECTURE/ENCODER": "cellprune.models.smp:build",
}
# one logit a class and image
CLASSIFYING = {
    "resnet20": "cellprune.models.resnet:build",
    "resnet20-projection": "cellprune.models.resnet:projection",
    "resnet18": "cellprune.models.resnet:resnet18",
    "vgg16": "cellprune.models.vgg:vgg16",
    "vgg19": "cellprune.models.vgg:vgg19",
}
MODELS = SEGMENTING | CLASSIFYING
NETWORKS = {"segmentation": SEGMENTING, "classification": CLASSIFYING}  # of each task
TASKS = {
    "segmentation": "cellprune.tasks.segmentation:TASK",
    "classification": "cellprune.tasks.classification:TASK",
}
# how each task's results are told; apart from the tasks, because telling needs no torch
RESULTS = {
    "segmentation": "cellprune.report.segmentation:RESULTS",
    "classification": "cellprune.report.classification:RESULTS",
}
ENGINES = {
    "torch": "cellprune.models.engine:engine",
}

_TABLES = {"pruning method": METHODS, "model": MODELS, "task": TASKS, "results": RESULTS, "engine": ENGINES}


def resolve(kind: str, name: str) -> Any:
    """Give the object a name stands for.

    Args:
        kind: "pruning method", "model", "task", "results" or "engine".
        name: a key of that kind's table.
    Raises:
        CellpruneError: the name is in no row; the message lists the nearest.
    """
    table = _TABLES[kind]
    key = row(table, name)
    if key is None:
        raise CellpruneError(unknown(kind, name, table))
    module, attribute = table[key].split(":")
    found = getattr(import_module(module), attribute)
    return found if key == name else partial(found, name.split(":", 1)[1])


def row(table: Mapping[str, str], name: str) -> str | None:
    """Give the key under which a name stands, or None: itself, or for `smp:unet/resnet18` the key that begins `smp:`.

    Of a name with a colon, what comes after it is the first argument of the row's function.
    """
    if name in table:
        return name
    family, colon, _ = str(name).partition(":")
    return next((key for key in table if colon and key.split(":")[0] == family != key), None)


def when(method: str) -> str:
    """Say when a pruning method works, as the end of a sentence."""
    if method == "given":
        return "by masks that were there before"
    if method in BEFORE_TRAINING:
        return "at initialization"
    return "around training" if method in AROUND_TRAINING else "during training"
