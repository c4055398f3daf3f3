"""Files, `--set` and flags become one `Settings`: the later source wins, every fault is told at once."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cellprune.config.resolve import ConfigError, resolve
from cellprune.config.schema import (
    ALWAYS_BY_CHANNEL,
    AMOUNTS,
    CHOICE,
    METHOD_OPTIONS,
    MODEL_SETTINGS,
    OLDER,
    TASK_DATA,
    TASK_DEFAULTS,
    Settings,
)  # fmt: skip

_OF_EVERY_RECORD = {"dataset", "truth", "ignore_border", "split", "split_seed", "size"}  # settings of cells in images


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
            pruning, whose = values.get("pruning", {}), f"{source}: pruning method {method!r}"
            _refuse_foreign(pruning, METHOD_OPTIONS.get(method, ()), options, whose)
            if masks is not None and (chosen := {"method", *AMOUNTS} & pruning.keys()):
                raise ConfigError(f"{source}: pruning.masks gives the masks, so drop pruning.{min(chosen)}")
            if method in ALWAYS_BY_CHANNEL and pruning.get("granularity") == "weight":
                raise ConfigError(f"{whose} removes whole channels: drop granularity=weight, or take another method")
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


def completed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a run's config.yaml what was the only way when an older version wrote it."""
    values: dict[str, Any] = deepcopy(OLDER.get(content.get("task", ""), {}))
    _merge(values, content)
    return values


def recorded(content: Mapping[str, Any]) -> Settings:
    """Read a run's config.yaml, of this version or an older one.

    Raises:
        ConfigError: a setting that this version does not know.
    """
    return _validated(completed(content), "the run's config.yaml")


def digest(settings: Settings, data: Mapping[str, Any]) -> str:
    """Hash what decides a run's result: the settings and the data's content hashes (hex, sha256)."""
    content = {"settings": settings.identity(), "data": data}
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
    found: dict[str, Any] = content or {}
    return completed(found) if _is_record(found) else found


def _is_record(content: Mapping[str, Any]) -> bool:
    """Tell the config.yaml of a run, which says all, from a file that says what is to be otherwise than usual."""
    data = content.get("data")
    return Settings.model_fields.keys() <= content.keys() and isinstance(data, dict) and data.keys() >= _OF_EVERY_RECORD


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
