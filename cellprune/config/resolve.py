"""Which settings go together: every choice gets its one name, and what cannot be is refused before any work."""

from fractions import Fraction

from cellprune.config import names
from cellprune.config.model import Model
from cellprune.config.names import NETWORKS, row
from cellprune.config.pruning import Pruning
from cellprune.config.schema import TASK_CHOICES, Settings
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
            another task.
    """
    _refuse_other_tasks_choices(settings)
    _refuse_widths(settings.model)
    pruning = settings.pruning
    if pruning.masks is not None:
        if pruning.control == "invert":
            raise ConfigError("pruning.control=invert needs scores, which masks from a file have not: give --method")
        return settings.model_copy(update={"pruning": pruning.model_copy(update={"method": "given", "budget": None})})
    if pruning.control != "none" and names.method(pruning.method).when in ("around", "during"):
        raise ConfigError(
            f"pruning.control={pruning.control} needs masks chosen before training, and {pruning.method!r} has none: "
            f"train it, then give its run with --masks RUN"
        )
    if pruning.method == "given":
        raise ConfigError("pruning.method is given, yet no masks are: add --masks FILE")
    if names.method(pruning.method).channels == "always":
        pruning = pruning.model_copy(update={"granularity": "channel"})
    pruning = _counted(pruning)
    if pruning.ratio == 0 and pruning.budget is None:
        if pruning.control != "none":
            raise ConfigError(f"pruning.control={pruning.control} needs masks, but nothing is pruned: give --prune")
        return settings.model_copy(update={"pruning": Pruning(method="dense")})
    if pruning.method == "dense":
        if pruning.budget is not None:
            raise ConfigError(f"pruning.method is dense, yet pruning.budget is {pruning.budget}: drop one of the two")
        raise ConfigError(f"pruning.method is dense, yet pruning.ratio is {pruning.ratio}: drop one of the two")
    _refuse_channels(pruning)
    _refuse_amounts(pruning)
    return settings.model_copy(update={"pruning": pruning})


def _counted(pruning: Pruning) -> Pruning:
    """Give a budget of weights, or of channels by channel, as the ratio it is; nothing removed has no unit either."""
    if pruning.budget is None:
        return pruning
    unit, kept = pruning.budget.split("=")
    if unit == "channels" and pruning.granularity == "weight":
        raise ConfigError(f"--budget {pruning.budget} counts channels: add --granularity channel")
    if unit != ("channels" if pruning.granularity == "channel" else "params") and float(kept) < 1:
        return pruning
    return pruning.model_copy(update={"budget": None, "ratio": float(1 - Fraction(kept))})


def _refuse_amounts(pruning: Pruning) -> None:
    """Refuse a budget, a floor or an effective ratio of a method that cannot count so."""
    wishes = {f"--budget {pruning.budget}": pruning.budget, "pruning.floor": pruning.floor}
    asked = [wish for wish, is_asked in (wishes | {"pruning.effective": pruning.effective}).items() if is_asked]
    if asked and names.method(pruning.method).when != "before":
        raise ConfigError(
            f"{asked[0]} is for masks chosen before training: with pruning method {pruning.method!r} give --prune alone"
        )
    if pruning.cost == "marginal" and pruning.budget is None:
        raise ConfigError(
            "pruning.cost=marginal prices channels under a budget in params or macs, and nothing is priced here: "
            "drop it, or give --budget macs=KEPT"
        )
    shares = [f"pruning method {pruning.method!r}"] * names.method(pruning.method).own_shares
    shares += ["pruning.scope=layer"] * (pruning.scope == "layer")
    if shares and (clash := [*shares[1:], *(wish for wish, is_asked in wishes.items() if is_asked)]):
        raise ConfigError(f"{shares[0]} gives each layer a share of its own: drop {clash[0]}")
    single = {"--granularity channel": pruning.granularity == "channel", f"--budget {pruning.budget}": pruning.budget}
    single[f"--method {pruning.method}, which scores in rounds"] = "rounds" in pruning.options()
    if pruning.effective and (clash := [wish for wish, is_asked in single.items() if is_asked]):
        raise ConfigError(f"pruning.effective counts single weights that are scored once: drop it, or {clash[0]}")


def _refuse_channels(pruning: Pruning) -> None:
    """Refuse what does not go with the granularity."""
    if pruning.granularity == "weight" and pruning.gate != "activation":
        raise ConfigError(f"pruning.gate={pruning.gate} is for channels: add --granularity channel")
    if pruning.granularity == "channel" and names.method(pruning.method).channels == "never":
        able = [name for name in names.methods() if names.method(name).channels != "never"]
        raise ConfigError(
            f"pruning method {pruning.method!r} chooses weights, not channels: with --granularity channel take "
            f"{', '.join(able)}"
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
    if row(own, settings.model.name) is None:
        theirs = next(task for task, networks in NETWORKS.items() if row(networks, settings.model.name) is not None)
        raise ConfigError(
            f"model {settings.model.name!r} is a network for {theirs}; --task {settings.task} takes {', '.join(own)}"
        )
    for key, choices in TASK_CHOICES[settings.task].items():
        if (value := getattr(settings.training, key)) not in choices:
            raise ConfigError(
                f"training.{key}={value} is not for task {settings.task!r}, which takes {' or '.join(choices)}"
            )
