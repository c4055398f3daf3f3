"""Which settings go together: every choice gets its one name, and what cannot be is refused before any work."""

from fractions import Fraction
from pathlib import Path

from cellprune.config import names
from cellprune.config.model import Model
from cellprune.config.names import NETWORKS, row
from cellprune.config.pruning import Pruning
from cellprune.config.schema import CROP_DEFAULTS, TASK_CHOICES, Settings
from cellprune.errors import CellpruneError
from cellprune.wording import many


class ConfigError(CellpruneError):
    """A setting that does not exist or cannot be."""


def resolve(settings: Settings) -> Settings:
    """Give every choice its one name: a ratio of 0 is the method `dense`, masks from a file the method `given`, and a
    budget that counts what the ratio counts is a ratio.

    Raises:
        ConfigError: `dense` with a ratio above 0, a budget or a control of what does not have what it counts or takes
            away, widths of other levels than the network has, or a network, loss or augmentation that is made for
            another task or target.
    """
    _refuse_other_tasks_choices(settings)
    if settings.task == "segmentation":
        _refuse_other_targets_choices(settings)
    if settings.data.crop and settings.training.steps_per_epoch is None:
        raise ConfigError(
            "data.crop needs training.steps_per_epoch, because crops have no end: give it a number, or leave it out "
            f"for {CROP_DEFAULTS['training']['steps_per_epoch']}"
        )
    _refuse_widths(settings.model)
    told = {"model": settings.model.with_code_told(), "data": settings.data.with_code_told()}
    settings = settings.model_copy(update=told)
    _refuse_idle_teaching(settings)
    _refuse_idle_start(settings.training.init, settings.pruning)
    pruning = settings.pruning.with_code_told()
    if pruning.masks is not None:
        if pruning.control == "invert":
            raise ConfigError("pruning.control=invert needs scores, which masks from a file have not: give --method")
        return settings.model_copy(update={"pruning": pruning.model_copy(update={"method": "given", "budget": None})})
    if pruning.control != "none" and names.method(pruning.method).when in ("around", "during"):
        raise ConfigError(
            f"pruning.control={pruning.control} needs masks chosen before training, and {pruning.method!r} has none: "
            f"train it, then give its run with --masks RUN"
        )
    if pruning.control != "none" and names.is_dense_family(pruning.method):
        raise ConfigError(
            f"pruning.control={pruning.control} needs masks, and {pruning.method!r} is a dense network without any: "
            "remove one of the two"
        )
    if pruning.method == "given":
        raise ConfigError("pruning.method is given, yet no masks are: add --masks FILE")
    if names.method(pruning.method).channels == "always":
        pruning = pruning.model_copy(update={"granularity": "channel"})
    pruning = _counted(pruning)
    if pruning.control.endswith("-latency") and pruning.granularity == "weight":
        raise ConfigError(
            f"pruning.control={pruning.control} takes the time of the channels that stay, and single weights are "
            "removed: add --granularity channel, or take another --control"
        )
    if pruning.ratio == 0 and pruning.budget is None:
        if pruning.control != "none":
            raise ConfigError(f"pruning.control={pruning.control} needs masks, but nothing is pruned: give --prune")
        return settings.model_copy(update={"pruning": Pruning(method="dense")})
    if pruning.method == "dense":
        key = "ratio" if pruning.budget is None else "budget"
        raise ConfigError(
            f"pruning.method is dense, yet pruning.{key} is {getattr(pruning, key)}: remove one of the two"
        )
    try:
        request = pruning.request()
    except CellpruneError as error:
        raise ConfigError(str(error)) from None
    if pruning.engine != Pruning.model_fields["engine"].default and not pruning.times_layers:
        raise ConfigError(
            f"pruning.engine={pruning.engine} has an effect only with a budget or a cost in latency: add --budget "
            "latency=0.25, or remove --engine"
        )
    if request.divided_by == request.usual_cost:
        pruning = pruning.model_copy(update={"cost": "auto"})
    return settings.model_copy(update={"pruning": pruning})


def _counted(pruning: Pruning) -> Pruning:
    """Give a budget of weights, or of channels by channel, as the ratio it is; nothing removed has no unit either."""
    if pruning.budget is None:
        return pruning
    unit, kept = pruning.budget.split("=")
    counted = "channels" if pruning.granularity == "channel" else "params"
    if unit != counted and (float(kept) < 1 or unit == "channels"):  # of which weights have none: refused later
        return pruning
    if names.is_dense_family(pruning.method) and float(kept) < 1:  # refused later, as it was asked
        return pruning
    return pruning.model_copy(update={"budget": None, "ratio": float(1 - Fraction(kept))})


def _refuse_idle_teaching(settings: Settings) -> None:
    """Refuse numbers of a teacher that have no effect."""
    training, usual = settings.training, type(settings.training).model_fields
    for key in ("teacher_weight", "teacher_temperature"):
        if getattr(training, key) == usual[key].default:
            continue
        if not training.is_taught:
            raise ConfigError(f"training.{key} has an effect only with a teacher: add --teacher RUN, or remove it")
        if key == "teacher_temperature" and not names.TARGETS[settings.data.target].probabilities:
            raise ConfigError(
                f"training.{key} softens probabilities, and data.target={settings.data.target} has none: remove it"
            )


def _refuse_idle_start(init: Path | None, pruning: Pruning) -> None:
    """Refuse initial weights where others are drawn, or a smaller network stands in the whole one's place."""
    if init is None:
        return
    if pruning.control == "reinit":
        raise ConfigError("pruning.control=reinit draws the weights anew, and --init gives them: remove one of the two")
    if pruning.stands_in:
        what = pruning.method if names.is_dense_family(pruning.method) else f"pruning.control={pruning.control}"
        raise ConfigError(
            f"--init gives the weights of the whole network, and {what} trains a small one: remove --init"
        )


def _refuse_widths(model: Model) -> None:
    """Refuse widths that are more or fewer than the levels."""
    if model.widths is not None and (n_levels := model.depth + 1) != (n_widths := len(model.widths)):
        depth = f", or --model.depth {n_widths - 1}" if 2 <= n_widths <= 7 else ""
        raise ConfigError(
            f"model.widths has {many(n_widths, 'number')}, but a network of depth {model.depth} has {n_levels} levels: "
            f"give {n_levels} numbers{depth}"
        )


def _refuse_other_tasks_choices(settings: Settings) -> None:
    own = NETWORKS[settings.task]
    if not settings.model.is_own and row(own, settings.model.name) is None:
        theirs = next(task for task, networks in NETWORKS.items() if row(networks, settings.model.name) is not None)
        raise ConfigError(
            f"model {settings.model.name!r} is a network for {theirs}; --task {settings.task} takes {', '.join(own)}"
        )
    for key, choices in TASK_CHOICES[settings.task].items():
        if (value := getattr(settings.training, key)) not in choices:
            raise ConfigError(
                f"training.{key}={value} is not for task {settings.task!r}, which takes {' or '.join(choices)}"
            )
    if settings.task == "classification" and settings.training.steps_per_epoch is not None:
        raise ConfigError(
            "training.steps_per_epoch is for few annotated frames, and --task classification passes over all its "
            "images: remove it"
        )


def _refuse_other_targets_choices(settings: Settings) -> None:
    target, loss, classes = settings.data.target, settings.training.loss, settings.data.classes
    if loss not in (own := names.TARGETS[target].losses):
        raise ConfigError(f"training.loss={loss} is not for data.target={target}, which takes {' or '.join(own)}")
    if target != "classes" and len(classes) > 2:
        raise ConfigError(
            f"data.target={target} needs label images that number the cells, but data.classes names "
            f"{len(classes)} classes, so that labels are classes: take data.target=classes"
        )
    able = names.decoders(target, len(classes))
    decoder = settings.decoder.name or able[0]
    if decoder not in able:
        raise ConfigError(f"decoder.name={decoder} is not for data.target={target}, which takes {' or '.join(able)}")
    if foreign := settings.decoder.foreign(decoder):
        raise ConfigError(foreign)
