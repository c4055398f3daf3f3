"""The one table from a name to the code behind it: methods, networks, tasks, results, targets, engines.

The code is imported when a name is resolved, so that `--help` and a typo's answer need no torch. This file knows
nothing but strings; every room may read it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Literal

from cellprune.config import own
from cellprune.errors import CellpruneError, unknown

When = Literal["before", "around", "during", "instead", "never"]


@dataclass(frozen=True)
class MethodRow:
    """The facts of a pruning method: settings, their checks, a run's hash, help and documentation follow from them.

    Attributes:
        home: the code behind the name, "module:attribute".
        when: it works: "before" training (`prune` chooses the masks, once), "around" trainings (one stage after the
            other, masks are chosen of a trained network) or "during" one (a policy moves the masks). "instead" of
            pruning there is a family of dense networks, of which a budget names one. "never" is what `dense` and
            `given` do, which choose nothing.
        options: the settings of the section `pruning` that belong to it; another method is refused them.
        channel_options: those of them that only channels have a use for.
        reads_batches: whether it sees more of a batch than its shape, so that the size of batches decides its masks.
        channels: whether it removes whole channels: "never", where "asked", or "always".
        own_shares: whether it gives each layer a share of its own, so that layers do not compete.
        rounds: how many scorings it takes unless told; None for a method without rounds.
        cost: what the score of a channel is divided by unless told; None for what the budget counts.
    """

    home: str
    when: When = "before"
    options: tuple[str, ...] = ()
    channel_options: tuple[str, ...] = ()
    reads_batches: bool = False
    channels: Literal["never", "asked", "always"] = "never"
    own_shares: bool = False
    rounds: int | None = None
    cost: Literal["macs", "memory"] | None = None


@dataclass(frozen=True)
class EngineRow:
    """The facts of an engine.

    Attributes:
        home: the code behind the name, "module:attribute".
        package: what must be installed for it.
        extra: of cellprune, with which that comes; empty where the core has it.
        runs: the file that it takes: "model", cellprune's own, or "onnx".
        precisions: what it computes in.
    """

    home: str
    package: str
    extra: str
    runs: Literal["model", "onnx"]
    precisions: tuple[str, ...]


@dataclass(frozen=True)
class TargetRow:
    """The facts of a target: what is learned of cells in images.

    Attributes:
        home: the code behind the name, "module:attribute".
        losses: that it can be learned by; the first is taken where nothing is said.
        decoders: by which its maps can become cells; the first is taken where nothing is said.
        maps: what the network's maps are; none: one for each class of the data.
        probabilities: whether the maps are probabilities that add up to one, or numbers as they come.
    """

    home: str
    losses: tuple[str, ...]
    decoders: tuple[str, ...]
    maps: tuple[str, ...] = ()
    probabilities: bool = True


_HERE = "cellprune.pruning.methods"
_RAMP = ("update_from", "update_until", "update_every")
_EXCHANGE = ("initial", "update_until", "update_every", "drop_fraction")
METHODS: dict[str, MethodRow] = {
    "random": MethodRow(f"{_HERE}.random:METHOD", channels="asked"),
    "erk": MethodRow(f"{_HERE}.erk:METHOD", own_shares=True),
    "magnitude": MethodRow(f"{_HERE}.magnitude:METHOD", channels="asked"),
    "snip": MethodRow(
        f"{_HERE}.snip:METHOD", options=("gate",), channel_options=("gate",), reads_batches=True, channels="asked"
    ),
    "3sp": MethodRow(
        f"{_HERE}.snip:METHOD",
        options=("gate",),
        channel_options=("gate",),
        reads_batches=True,
        channels="always",
        cost="macs",
    ),
    "ranp": MethodRow(f"{_HERE}.ranp:METHOD", reads_batches=True, channels="always", cost="macs"),
    "iterative-snip": MethodRow(
        f"{_HERE}.snip:ITERATIVE", options=("rounds", "schedule"), reads_batches=True, rounds=60
    ),
    "force": MethodRow(
        f"{_HERE}.snip:FORCE", options=("rounds", "schedule", "revive_dead"), reads_batches=True, rounds=60
    ),
    "grasp": MethodRow(
        f"{_HERE}.grasp:METHOD",
        options=("temperature", "samples_per_class", "gate"),
        channel_options=("gate",),
        reads_batches=True,
        channels="asked",
    ),
    "synflow": MethodRow(f"{_HERE}.synflow:METHOD", options=("rounds", "schedule"), rounds=100, channels="asked"),
    "prospr": MethodRow(
        f"{_HERE}.prospr:METHOD",
        options=("inner_steps", "inner_lr", "inner_momentum", "order", "detach_first_gradient", "gate"),
        channel_options=("gate",),
        reads_batches=True,
        channels="asked",
    ),
    "ntk-sap": MethodRow(f"{_HERE}.ntk_sap:METHOD", options=("draws", "perturbation", "rounds", "schedule"), rounds=20),
    "hts": MethodRow(
        f"{_HERE}.hts:METHOD", options=("probes", "warm_up", "temperature", "samples_per_class"), reads_batches=True
    ),
    "magnitude-after": MethodRow(
        "cellprune.training.magnitude_after:stages", when="around", options=("retrain", "rewind_step")
    ),
    "lottery": MethodRow("cellprune.training.lottery:stages", when="around", options=("rewind_step",)),
    "gradual": MethodRow("cellprune.training.sparse.gradual:stages", when="during", options=_RAMP),
    "gradual-channel": MethodRow(
        "cellprune.training.sparse.gradual_channel:stages", when="during", options=_RAMP, channels="always"
    ),
    "rigl": MethodRow(
        "cellprune.training.sparse.rigl:stages", when="during", options=(*_EXCHANGE, "revive_dead"), own_shares=True
    ),
    "set": MethodRow("cellprune.training.sparse.set:stages", when="during", options=_EXCHANGE, own_shares=True),
    "narrow": MethodRow("cellprune.controls.families:narrow", when="instead", channels="always"),
    "flat": MethodRow("cellprune.controls.families:flat", when="instead", channels="always"),
}
# one logit per class and pixel
SEGMENTING = {
    "unet": "cellprune.models.unet:build",
    "smp:ARCHITECTURE/ENCODER": "cellprune.models.smp:build",
}
# one logit per class and image
CLASSIFYING = {
    "resnet20": "cellprune.models.resnet:build",
    "resnet20-projection": "cellprune.models.resnet:projection",
    "resnet18": "cellprune.models.resnet:resnet18",
    "resnet50": "cellprune.models.resnet:resnet50",
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
_OF_CLASSES = ("cross-entropy+dice", "cross-entropy", "dice", "iou")
TARGETS = {
    "classes": TargetRow("cellprune.targets.classes:TARGET", _OF_CLASSES, ("watershed", "components")),
    "border": TargetRow(
        "cellprune.targets.border:TARGET",
        ("cross-entropy", "cross-entropy+dice", "dice", "iou"),
        ("border",),
        ("background", "inside", "border"),
    ),
    "distance": TargetRow(
        "cellprune.targets.distance:TARGET", ("smooth-l1",), ("distance",), ("distance", "neighbour"), False
    ),
}
DECODERS = {  # the numbers of each, which `targets.decoders` explains
    "watershed": ("radius_px", "depth", "min_area_px"),
    "components": ("min_area_px",),
    "border": ("seed", "foreground", "min_area_px", "radius_px", "depth"),
    "distance": ("smoothing_px", "foreground", "seed", "min_area_px"),
}
ENGINES = {
    "torch": EngineRow("cellprune.engines.torch:engine", "torch", "train", "model", ("fp32",)),
    "onnx": EngineRow("cellprune.engines.onnx:engine", "onnxruntime", "", "onnx", ("fp32", "int8")),
    "openvino": EngineRow(
        "cellprune.engines.openvino:engine", "openvino", "openvino", "onnx", ("fp32", "bf16", "int8")
    ),
}

OWN = ("pruning method", "model")  # kinds of which users may have their own

_TABLES: dict[str, Mapping[str, Any]] = {
    "pruning method": METHODS,
    "model": MODELS,
    "task": TASKS,
    "results": RESULTS,
    "target": TARGETS,
    "engine": {"auto": "cellprune.engines.choose:engine", **ENGINES},
}


def resolve(kind: str, name: str) -> Any:
    """Give the object a name stands for.

    Args:
        kind: "pruning method", "model", "task", "results", "target" or "engine".
        name: a key of that kind's table; a pruning method may also be FILE.py:NAME, see `own.read`. A network may
            not: its name may come from a model file, which never makes code run; see `models.own`.
    Raises:
        CellpruneError: the name is in no row; the message lists the nearest.
    """
    table = _TABLES[kind]
    if kind == "pruning method" and own.is_own(name):
        return own.read(kind, name)
    key = row(table, name)
    if key is None:
        raise CellpruneError(unknown(kind, name, table))
    home = table[key].home if isinstance(table[key], MethodRow | TargetRow | EngineRow) else table[key]
    module, attribute = home.split(":")
    part = getattr(import_module(module), attribute)
    return part if key == name else partial(part, name.split(":", 1)[1])


def row(table: Iterable[str], name: str) -> str | None:
    """Give the key under which a name stands, or None: itself, or for `smp:unet/resnet18` the key that begins `smp:`.

    Of a name with a colon, what comes after it is the first argument of the row's function.
    """
    if name in table:
        return name
    family, colon, _ = str(name).partition(":")
    return next((key for key in table if colon and key.split(":")[0] == family != key), None)


def method(name: object) -> MethodRow:
    """Give the facts of a pruning method; of `dense` and `given`, which choose nothing, there are none.

    Of a user's own method nothing is known before it works: it may read batches, and may choose channels.
    """
    if isinstance(name, str) and not own.is_own(name):
        return METHODS.get(name, MethodRow("", when="never"))
    return MethodRow("", reads_batches=True, channels="asked")


def is_own(method: object) -> bool:
    """Tell whether a pruning method is a user's own: FILE.py:NAME, a function, or a `Method`."""
    return own.is_own(method) or callable(method) or hasattr(method, "sensitivity")


def called(method: object) -> str:
    """Give what a method is called: its name, of FILE.py:NAME without folders, or that of a function."""
    code = getattr(method, "sensitivity", method)
    return own.short(method) if isinstance(method, str) else str(getattr(code, "__name__", type(code).__name__))


def methods(when: When | None = None, *, option: str | None = None) -> list[str]:
    """Name the pruning methods, those that work at a time, or those that have an option."""
    return [
        name
        for name, row in METHODS.items()
        if (when is None or row.when == when) and (option is None or option in row.options)
    ]


def decoders(target: str, n_classes: int) -> tuple[str, ...]:
    """Name the decoders that a target's maps can feed, its usual one first; of several classes of cells, one."""
    able = TARGETS[target].decoders
    return able if n_classes == 2 else able[-1:]


def is_dense_family(method_name: object) -> bool:
    """Tell whether a method prunes nothing: a budget names one of its dense networks."""
    return method(method_name).when == "instead"


def when(method_name: object) -> str:
    """Say when a pruning method works, as the end of a sentence."""
    return {
        "before": "at initialization",
        "around": "around training",
        "during": "during training",
        "instead": "in the place of pruning, as a small dense network",
        "never": "by masks that were there before",
    }[method(method_name).when]
