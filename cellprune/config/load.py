"""Files, `--set` and flags become one `Settings`: the later source wins, every fault is told at once."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cellprune.config.names import AROUND_TRAINING, BEFORE_TRAINING, DURING_TRAINING, NETWORKS, row
from cellprune.config.schema import (
    ALWAYS_BY_CHANNEL,
    AMOUNTS,
    BY_CHANNEL,
    CHOICE,
    METHOD_OPTIONS,
    MODEL_SETTINGS,
    TASK_CHOICES,
    TASK_DATA,
    TASK_DEFAULTS,
    Pruning,
    Settings,
)  # fmt: skip
from cellprune.errors import CellpruneError


class ConfigError(CellpruneError):
    """A setting that does not exist or cannot be."""


def load(flags: Settings | None = None, *, file: Path | None = None, assignments: Sequence[str] = ()) -> Settings:
    """Merge the sources of settings and check the whole.

    Args:
        flags: settings of which only those given explicitly count (pydantic's `model_fields_set`).
        file: YAML with the keys of `Settings`; a run's config.yaml is one.
        assignments: `section.key=value`, as `--set` takes them; values are read as YAML.
    Raises:
        ConfigError: naming the source and every key that is unknown or out of range.
    """
    merged: dict[str, Any] = {}
    sources: list[tuple[str, dict[str, Any]]] = []
    if file is not None:
        sources.append((str(file), _read(file)))
    sources += [(f"--set {text}", _assignment(text)) for text in assignments]
    for source, values in sources:
        _validated(values, source)  # each source by itself first, so that a fault is told with its place
        _merge_settings(merged, values)
    given = {} if flags is None else _given(flags)
    _merge_settings(merged, given)
    base = deepcopy(TASK_DEFAULTS.get(merged.get("task", ""), {}))
    _merge(base, merged)
    settings = _validated(base, "the settings together")
    masks, network = settings.pruning.masks, settings.model.name
    method = settings.pruning.method if masks is None else "given"
    options = METHOD_OPTIONS | ({} if masks is None else {"chosen": CHOICE})
    for source, values in (*sources, ("the command line", given)):
        _refuse_foreign(
            values.get("data", {}), TASK_DATA[settings.task], TASK_DATA, f"{source}: task {settings.task!r}"
        )
        # a file may hold what belongs to a method or a network that flags replace
        from_file = source == str(file)
        if not from_file:
            own, whose = METHOD_OPTIONS.get(method, ()), f"{source}: pruning method {method!r}"
            _refuse_foreign(values.get("pruning", {}), own, options, whose)
            if masks is not None and (chosen := {"method", *AMOUNTS} & values.get("pruning", {}).keys()):
                raise ConfigError(f"{source}: pruning.masks gives the masks, so drop pruning.{min(chosen)}")
        if not from_file or _validated(values, source).model.name == network:
            _refuse_foreign(values.get("model", {}), settings.model.own(), MODEL_SETTINGS, f"{source}: {network!r}")
    return resolve(settings)


def _refuse_foreign(
    given: Mapping[str, Any], own: Sequence[str], table: Mapping[str, Sequence[str]], whose: str
) -> None:
    """Refuse an option that only others in the table have."""
    for key in given:
        if key not in own and any(key in options for options in table.values()):
            known = f"its options: {', '.join(own)}" if own else "it has none"
            raise ConfigError(f"{whose} has no option {key!r}; {known}")


def resolve(settings: Settings) -> Settings:
    """Give every choice its one name: a ratio of 0 is the method `dense`, masks from a file the method `given`, and a
    budget that counts what the ratio counts is a ratio.

    Raises:
        ConfigError: `dense` with a ratio above 0, a budget or a control of what does not have what it counts or takes
            away, or a network, loss or augmentation that is made for another task.
    """
    _refuse_other_tasks_choices(settings)
    pruning = settings.pruning
    if pruning.masks is not None:
        if pruning.control == "invert":
            raise ConfigError("pruning.control=invert needs scores, which masks from a file have not: give --method")
        return settings.model_copy(update={"pruning": pruning.model_copy(update={"method": "given", "budget": None})})
    if pruning.control != "none" and pruning.method in AROUND_TRAINING | DURING_TRAINING:
        raise ConfigError(
            f"pruning.control={pruning.control} needs masks chosen before training, and {pruning.method!r} has none: "
            f"train it, then give its run with --masks RUN"
        )
    if pruning.method == "given":
        raise ConfigError("pruning.method is given, yet no masks are: add --masks FILE")
    if pruning.method in ALWAYS_BY_CHANNEL:
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
    if asked and pruning.method not in BEFORE_TRAINING:
        raise ConfigError(
            f"{asked[0]} is for masks chosen before training: with pruning method {pruning.method!r} give --prune alone"
        )
    shares = ["pruning method 'erk'"] * (pruning.method == "erk") + ["pruning.scope=layer"] * (pruning.scope == "layer")
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
    if pruning.granularity == "channel" and pruning.method not in BY_CHANNEL:
        raise ConfigError(
            f"pruning method {pruning.method!r} chooses weights, not channels: with --granularity channel take "
            f"{', '.join(BY_CHANNEL)}"
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


def digest(settings: Settings, data: Mapping[str, Any]) -> str:
    """Hash what decides a run's result: the settings and the data's content hashes (hex, sha256)."""
    content = {"settings": settings.model_dump(mode="json"), "data": data}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def differences(ours: Settings, theirs: Settings) -> list[str]:
    """List the keys in which two settings differ, as `key: theirs -> ours`."""
    left, right = (dict(flat(s.model_dump(mode="json"))) for s in (ours, theirs))
    keys = sorted(k for k in left.keys() | right.keys() if left.get(k) != right.get(k))
    return [f"{key}: {right.get(key)} -> {left.get(key)}" for key in keys]


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {str(file)!r}: check the path given to --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read ({error}): give a YAML file to --config") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is no plain YAML ({' '.join(str(error).split())}): mend it") from None
    if not isinstance(content or {}, dict):
        raise ConfigError(
            f"{file} holds a {type(content).__name__}, not keys and values: write lines such as 'seed: 0'"
        )
    return content or {}


def _assignment(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text!r} is no assignment: write --set section.key=value")
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        nested = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


def _merge_settings(base: dict[str, Any], later: Mapping[str, Any]) -> None:
    """Merge a source into those before it; a ratio takes the place of a budget, and a budget of a ratio."""
    if AMOUNTS & later.get("pruning", {}).keys():
        base["pruning"] = {key: value for key, value in base.get("pruning", {}).items() if key not in AMOUNTS}
    _merge(base, later)


def _given(values: BaseModel) -> dict[str, Any]:
    """Give what was set explicitly, and nothing that a serializer adds or leaves out."""
    found = {name: getattr(values, name) for name in values.model_fields_set}
    return {name: _given(value) if isinstance(value, BaseModel) else value for name, value in found.items()}


def _merge(base: dict[str, Any], later: Mapping[str, Any]) -> None:
    for key, value in later.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value


def _validated(values: Mapping[str, Any], source: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error)}") from None


def faults(error: ValidationError) -> str:
    """Say all faults of a pydantic error on one line, unknown keys with the nearest known ones."""
    return "; ".join(_fault(".".join(str(part) for part in e["loc"]), e) for e in error.errors())


def _fault(key: str, error: Any) -> str:
    if error["type"] != "extra_forbidden":
        reason = error["msg"].removeprefix("Value error, ")
        told = ([key] if key else []) + ([] if error["type"] == "value_error" else [repr(error["input"])])
        return ": ".join([*told, reason[:1].lower() + reason[1:]])
    known = [*keys(Settings), *Settings.model_fields]
    last = key.rsplit(".", 1)[-1]
    close = get_close_matches(key, known, n=1) or [k for k in known if get_close_matches(last, [k.rsplit(".", 1)[-1]])]
    return f"unknown key {key!r}, " + (f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Name every setting below a model, dotted: `data.dataset`, ..."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every value below a mapping of mappings with its dotted key: `("data.dataset", "simulated")`, ..."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
