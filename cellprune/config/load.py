"""Files, `--set` and flags become one `Settings`: the later source wins, every fault is told at once."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cellprune.config import names, yaml12
from cellprune.config.base import Values
from cellprune.config.decoding import Decoding
from cellprune.config.model import MODEL_SETTINGS, WIDTHS, Model
from cellprune.config.pruning import AMOUNTS, CHOICE
from cellprune.config.pruning import completed as pruning_completed
from cellprune.config.pruning import renamed as pruning_renamed
from cellprune.config.resolve import ConfigError, resolve
from cellprune.config.schema import (
    CROP_DEFAULTS,
    LARGE_DEFAULTS,
    LARGE_FROM_PX,
    SET_DEFAULTS,
    TASK_DATA,
    TASK_DECODER,
    TASK_DEFAULTS,
    Settings,
    older_than_settings,
)
from cellprune.files import reading
from cellprune.wording import VALUE_LIMIT, quoted, reason, shortened

_MOST_BYTES = 2**20  # of a configuration file; one with every setting has some two thousand
_FAULTS_TOLD = 12  # of one source
_NEEDED = {  # pydantic's kinds of errors, for a reader of YAML
    "int_type": "a whole number is needed, in digits alone",
    "int_from_float": "a whole number is needed, in digits alone",
    "float_type": "a number is needed, without quotes",
    "bool_type": "true or false is needed",
    "string_type": "text is needed: put it in quotes",
}

_CODE = (  # of the user's own
    ("pruning", "method", "method_sha256"),
    ("model", "name", "source_sha256"),
    ("data", "dataset", "source_sha256"),
)

SWEEP = "sweep"  # the section of a plan that is no setting: the axes of a table
_NAME = ("kind", "method", "type")  # as other programs call what is `name` here
_SECTIONS_OF_EVERY_RECORD = {"task", "seed", "data", "model", "pruning", "training"}
_OF_EVERY_RECORD = {"dataset", "truth", "ignore_border", "split", "split_seed"}  # settings of cells in images


@dataclass(frozen=True)
class File:
    """A configuration file that was read: its keys and values."""

    path: Path
    values: Mapping[str, object]

    def without(self, section: str) -> "File":
        """Give the same but for a section that is none of the settings."""
        return File(self.path, {key: value for key, value in self.values.items() if key != section})


def load(flags: Settings | None = None, *, file: Path | None = None, assignments: Sequence[str] = ()) -> Settings:
    """Merge the sources of settings and check the whole.

    Args:
        flags: settings of which only those given explicitly count (pydantic's `model_fields_set`).
        file: YAML with the keys of `Settings`; a run's config.yaml is one.
        assignments: `section.key=value`, as `--set` takes them; values are read as YAML.
    Raises:
        ConfigError: naming the source and every key that is unknown or out of range.
    """
    return resolve(merged(flags, file=file, assignments=assignments))


def merged(
    flags: Settings | None = None,
    *,
    file: Path | File | None = None,
    assignments: Sequence[str] = (),
    methods: Sequence[str] = (),
    models: Sequence[str] = (),
) -> Settings:
    """Merge the sources of settings as `load` does, and leave the choices as they were asked for.

    Args:
        flags, assignments: as `load` takes them.
        file: the same, or what was read of it.
        methods, models: that the same sources serve, too: an option of one of them is no fault.
    """
    asked: Values = {}
    sources: list[tuple[str, Values]] = []
    if file is not None:
        opened = file if isinstance(file, File) else read(file)
        file = opened.path
        sources.append((str(file), dict(opened.values)))
    sources += [(f"--set {shortened(text, VALUE_LIMIT)}", _assignment(text)) for text in assignments]
    sources = [(source, _renamed(values)) for source, values in sources]
    for source, values in sources:
        checked(values, source)  # each source by itself first, so that a fault is told with its place
        _merge_settings(asked, values)
    flagged = {} if flags is None else _given(flags)
    _merge_settings(asked, flagged)
    data = asked.get("data", {})
    has_crops = data.get("crop") is not None
    base = deepcopy(CROP_DEFAULTS if has_crops else TASK_DEFAULTS.get(asked.get("task", ""), {}))
    if asked.get("task") == "classification":
        _merge(base, _defaults_of_images(data))
    if len(data.get("classes", ())) > 2:  # labels are classes, and nothing numbers the cells
        _merge(base, {"data": {"target": "classes"}})
    _merge(base, asked)
    if "loss" not in base.get("training", {}):
        target = checked(base, "the settings together").data.target
        _merge(base, {"training": {"loss": names.TARGETS[target].losses[0]}})
    settings = checked(base, "the settings together")
    masks, network = settings.pruning.masks, settings.model.name
    method = settings.pruning.method if masks is None else "given"
    row = names.method(method)
    of_methods = [*row.options, *(option for other in methods for option in names.method(other).options)]
    of_models = [*settings.model.own(), *(option for other in models for option in Model(name=other).own())]
    options = {name: names.method(name).options for name in names.methods()}
    options |= {} if masks is None else {"chosen": CHOICE}
    for source, values in (*sources, ("the command line", flagged)):
        for section, of_task in (("data", TASK_DATA), ("decoder", TASK_DECODER)):
            own = of_task[settings.task]
            _refuse_foreign(values.get(section, {}), own, of_task, f"{source}: task {settings.task!r}")
        # a file may hold what belongs to a method or a network that flags replace
        from_file = source == str(file)
        if not from_file:
            pruning, whose = values.get("pruning", {}), f"{source}: pruning method {method!r}"
            _refuse_foreign(pruning, of_methods, options, whose)
            if masks is not None and (chosen := {"method", *AMOUNTS} & pruning.keys()):
                raise ConfigError(f"{source}: pruning.masks gives the masks, so drop pruning.{min(chosen)}")
            if row.channels == "always" and pruning.get("granularity") == "weight":
                raise ConfigError(f"{whose} removes whole channels: drop granularity=weight, or take another method")
        if not from_file or checked(values, source).model.name == network:
            _refuse_foreign(values.get("model", {}), of_models, MODEL_SETTINGS, f"{source}: {network!r}")
    told = {"pruning": settings.pruning.with_code_told(), "model": settings.model.with_code_told()}
    told |= {"data": settings.data.with_code_told()}
    return settings.model_copy(update=told)


def _defaults_of_images(data: Values) -> Values:
    """Give what is otherwise for the images that are asked for, where nothing is said."""
    own = deepcopy(SET_DEFAULTS.get(data.get("dataset", ""), {}))
    if not own and min(data.get("size", (0,))) >= LARGE_FROM_PX:
        return deepcopy(LARGE_DEFAULTS)
    return own


def decoding(assignments: Sequence[str], name: str | None = None) -> Decoding:
    """Read how a trained network's maps are to become cells.

    Args:
        assignments: `decoder.KEY=VALUE`, as `--set` takes them.
        name: of the decoder, as `--decoder` takes it; wins over an assignment.
    Raises:
        ConfigError: another section, an unknown key, or a value out of range.
    """
    asked: Values = {"decoder": {}}
    for text in assignments:
        source, values = f"--set {shortened(text, VALUE_LIMIT)}", _assignment(text)
        checked(values, source)
        if values.keys() != {"decoder"} or "tune" in values["decoder"]:
            own = ", ".join(f"decoder.{key}" for key in Decoding.model_fields if key != "tune")
            raise ConfigError(f"{source}: the network is trained already, so give one of {own}")
        _merge(asked, values)
    if name is not None:
        _merge(asked, {"decoder": {"name": name}})
    return checked(asked, "--decoder").decoder


def _renamed(values: Values) -> Values:
    """Give a source by the names of this version."""
    section = values.get("pruning")
    return {**values, "pruning": pruning_renamed(section)} if isinstance(section, dict) else values


def _refuse_foreign(
    values: Mapping[str, object], own: Sequence[str], table: Mapping[str, Sequence[str]], whose: str
) -> None:
    """Refuse an option that only others in the table have."""
    for key in values:
        if key not in own and any(key in options for options in table.values()):
            shown = [name for name in dict.fromkeys(own) if not name.endswith("_sha256")]  # those are filled in
            known = f"its options: {', '.join(shown)}" if shown else "it has none"
            raise ConfigError(f"{whose} has no option {key!r}; {known}")


def completed(content: Mapping[str, Any]) -> Values:
    """Add to a run's config.yaml what was the only way when an older version wrote it."""
    older = older_than_settings(content.get("task", ""), content)
    values: Values = {section: dict(said) for section, said in older.items() if said}
    _merge(values, content)
    if isinstance(values.get("pruning"), dict):
        values["pruning"] = pruning_completed(values["pruning"])
    return values


def recorded(content: Mapping[str, object], source: str = "the run's config.yaml") -> Settings:
    """Give the settings that a run's config.yaml holds, of this version or an older one; raises as `checked`."""
    return checked(completed(content), source)


def digest(settings: Settings, data: Mapping[str, object]) -> str:
    """Hash what decides a run's result: the settings and the data's content hashes (hex, sha256)."""
    content = {"settings": settings.identity(), "data": data}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def differences(ours: Settings, theirs: Settings) -> list[str]:
    """List the keys in which two settings differ, as `key: theirs -> ours`."""
    left, right = (dict(flat(s.model_dump(mode="json"))) for s in (ours, theirs))
    keys = sorted(k for k in left.keys() | right.keys() if left.get(k) != right.get(k))
    return [f"{key}: {right.get(key)} -> {left.get(key)}" for key in keys]


def checked(values: Mapping[str, object], source: str) -> Settings:
    """Give the settings that plain values are; each must be of its setting's kind: neither 3.0 nor "3" is whole.

    Args:
        values: sections and keys, as YAML gives them; what the command line turned into paths and tuples counts too.
        source: whose they are, for the message.
    Raises:
        ConfigError: a key is unknown, or a value is of another kind or out of range; all are named.
    """
    try:  # as JSON, where strictness knows no tuples and paths
        return Settings.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error)}") from None


def read(file: Path) -> File:
    """Read a configuration file; a run's config.yaml of any version by the names of this one.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    try:
        content = yaml12.read(reading.text_of(file, most=_MOST_BYTES))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {str(file)!r}: check its path") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}): give a YAML file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 ({reason(error)}): give a YAML file") from None
    except yaml12.YamlError as error:
        raise ConfigError(f"{file} is no plain YAML ({error}): mend it") from None
    if not isinstance(content or {}, dict):
        raise ConfigError(
            f"{file} holds a {type(content).__name__}, not keys and values: write lines such as 'seed: 0'"
        )
    values: Values = content or {}
    return File(file, completed(values) if _is_record(values) else values)


def _is_record(content: Mapping[str, object]) -> bool:
    """Tell the config.yaml of a run, which says all, from a file that says what is to be otherwise than usual."""
    data = content.get("data")
    return content.keys() >= _SECTIONS_OF_EVERY_RECORD and isinstance(data, dict) and data.keys() >= _OF_EVERY_RECORD


def _assignment(text: str) -> Values:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {quoted(text)} is no assignment: write --set section.key=value")
    if key.count(".") > 1:
        raise ConfigError(f"--set {quoted(text)}: {_unknown_key(key)}")
    try:
        nested: Any = yaml12.read(value)
    except yaml12.YamlError as error:
        if not error.is_syntax:
            raise ConfigError(f"--set {quoted(text)}, {error}") from None
        nested = value  # a path with a bracket in it, for example
    for part in reversed(key.split(".")):
        nested = {part: nested}
    return nested


def _merge_settings(base: Values, later: Values) -> None:
    """Merge a source into those before it; of two settings that say the same, such as ratio and budget, one stays."""
    for section, rivals in (("pruning", AMOUNTS), ("model", WIDTHS)):
        if rivals & later.get(section, {}).keys():
            base[section] = {key: value for key, value in base.get(section, {}).items() if key not in rivals}
    for section, name, content in _CODE:  # of another name, another content
        if name in later.get(section, {}):
            base.get(section, {}).pop(content, None)
    _merge(base, later)


def _given(values: BaseModel) -> Values:
    """Give what was set explicitly, and nothing that a serializer adds or leaves out."""
    fields = {name: getattr(values, name) for name in values.model_fields_set}
    return {name: _given(value) if isinstance(value, BaseModel) else value for name, value in fields.items()}


def _merge(base: Values, later: Mapping[str, Any]) -> None:
    for key, value in later.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = dict(value) if isinstance(value, Mapping) else value


def faults(error: ValidationError) -> str:
    """Say the faults of a pydantic error on one line, the first of very many; unknown keys with the nearest known."""
    errors = error.errors(include_url=False)
    lines = [_fault(".".join(str(part) for part in e["loc"]), e) for e in errors[:_FAULTS_TOLD]]
    more = [f"and {len(errors) - _FAULTS_TOLD:,} more faults"] if len(errors) > _FAULTS_TOLD else []
    return "; ".join([*lines, *more])


def _fault(key: str, error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return _unknown_key(key)
    if error["type"] == "json_invalid":  # the one thing that `json.dumps` writes and no JSON may hold
        return "a name or text is not UTF-8: rename the file, or write the text anew"
    if (needed := _NEEDED.get(error["type"])) is None:
        said = " ".join(error["msg"].removeprefix("Value error, ").split())
        needed = said[:1].lower() + said[1:]
    about = ([key] if key else []) + ([] if error["type"] == "value_error" else [quoted(error["input"])])
    return ": ".join([*about, needed])


def _unknown_key(key: str) -> str:
    if key == SWEEP:
        return f"{quoted(key)} is the section of a plan: give the file to 'cellprune sweep', or remove the section"
    known = [*keys(Settings), *Settings.model_fields, SWEEP]
    section, dot, last = key.rpartition(".")
    if last in _NAME and f"{section}.name" in known:
        return f"unknown key {quoted(key)}, did you mean {f'{section}.name'!r}?"
    near = key[-200:]  # the search for near names takes the square of the length
    close = get_close_matches(near, [k for k in known if k != section], n=1) or [
        k for k in known if get_close_matches(last[-200:], [k.rsplit(".", 1)[-1]])
    ]
    if close:
        return f"unknown key {quoted(key)}, did you mean {close[0]!r}?"
    own = [k for k in known if k.startswith(f"{section}.")] if dot and section in known else []
    return f"unknown key {quoted(key)}, known: {', '.join(own or Settings.model_fields)}"


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Name every setting below a model, dotted: `data.dataset`, ..."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Give every value below a mapping of mappings with its dotted key: `("data.dataset", "simulated")`, ..."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
