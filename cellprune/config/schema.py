"""Every setting of a run, declared once: type, default, unit, range, help.

Flags, `--set`, file keys and the help page are all read from here. `Settings` decides what is computed: it is written
into the run, and its hash names the run. `Runtime` decides where and how comfortably: it changes no result.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from cellprune.config import names
from cellprune.errors import unknown
from cellprune.wording import quoted


class Frozen(BaseModel):
    """A value: complete, unchangeable, with no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


MOST_SEED = 2**63 - 1  # as torch takes them


def _named(kind: str, table: Mapping[str, Any], *extra: str) -> AfterValidator:
    """Accept the names of a table only; answer a typo with the nearest of them."""

    def check(name: str) -> str:
        if names.row(table, name) is None and name not in extra:
            raise ValueError(unknown(kind, name, table))
        return name

    return AfterValidator(check)


def _own(option: str, meaning: str) -> str:
    """Begin the help of a method's option with the methods that have it."""
    having = names.methods(option=option)
    rounds = {name: f" ({names.method(name).rounds})" if option == "rounds" else "" for name in having}
    return f"{', '.join(name + rounds[name] for name in having)}: {meaning}"


def _ratio(value: Any, info: ValidationInfo) -> Any:
    """Turn `ladder:N` into 1 - 0.8^N, the published ladder, and see a percentage for what it is."""
    if isinstance(value, str) and value.startswith("ladder:"):
        step = value.removeprefix("ladder:")
        if not step.isdecimal() or len(step) > 3 or (removed := 1 - 0.8 ** int(step)) >= 1:
            raise ValueError(f"{value!r} is no step of the ladder: write ladder:9 for 1 - 0.8^9")
        return removed
    number = _number(value, info)
    if number is None:
        raise ValueError(f"{quoted(value)} is no ratio: give the share of weights to remove, such as 0.97")
    if 1 < number < 100:
        raise ValueError(f"{value} is outside 0 <= ratio < 1: did you mean {round(number / 100, 6):g}?")
    if not 0 <= number < 1:
        raise ValueError(f"{value} is outside 0 <= ratio < 1: it is the share of weights to remove")
    return number


def _number(value: Any, info: ValidationInfo) -> float | None:
    """Give a number as it is written, else None; in YAML, which knows kinds, neither text nor a truth value is one."""
    if isinstance(value, bool) or (info.mode == "json" and isinstance(value, str)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _budget(value: Any) -> Any:
    """Write a budget in one way, `macs=0.1`, and see a percentage for what it is."""
    unit, equals, share = str(value).partition("=")
    if value is None:
        return None
    if not equals:
        raise ValueError(f"{quoted(value)} is no budget: write UNIT=KEPT, the share to keep, such as macs=0.1")
    if unit not in UNITS:
        raise ValueError(unknown("budget unit", unit, UNITS))
    try:
        kept = float(share)
    except ValueError:
        raise ValueError(f"{quoted(share)} is no share of {unit} to keep: write {unit}=0.1 to keep a tenth") from None
    if 1 < kept < 100:
        raise ValueError(
            f"{value} is outside 0 < share kept <= 1: did you mean {unit}={round(kept / 100, 6):g}, which keeps "
            f"{kept:g} %?"
        )
    if not 0 < kept <= 1:
        raise ValueError(f"{value} is outside 0 < share kept <= 1: {unit}=0.1 keeps a tenth")
    return f"{unit}={kept!r}"


def _classes(names: tuple[str, ...]) -> tuple[str, ...]:
    if not 2 <= len(names) <= 255 or len(set(names)) < len(names):
        raise ValueError(f"{len(names)} names, {len(set(names))} of them different: give 2 to 255, background first")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
            raise ValueError(f"{quoted(name)} is no class's name: take letters, digits, - and _")
    return names


def _size(size: tuple[int, int]) -> tuple[int, int]:
    if not all(1 <= side <= 2**15 for side in size):
        raise ValueError(f"{size[0]} x {size[1]} px is no size: give height and width, each from 1 to {2**15} px")
    return size


def _fold(fold: tuple[int, int] | None) -> tuple[int, int] | None:
    if fold is not None and not 0 <= fold[0] < fold[1] >= 2:
        raise ValueError(f"there is no fold {fold[0]} of {fold[1]}: take 2 folds or more, counted from 0")
    return fold


def _confidence(value: Any, info: ValidationInfo) -> float:
    number = _number(value, info)
    if number is None:
        raise ValueError(f"{quoted(value)} is no confidence: give a probability between 0.5 and 1, such as 0.95")
    if not 0.5 < number < 1:
        hint = f": did you mean {round(number / 100, 6):g}?" if 50 < number < 100 else ", such as 0.95"
        raise ValueError(f"{number:g} is no confidence: give a probability between 0.5 and 1{hint}")
    return number


def _margin(margin: float) -> float:
    if not 0 < margin < 0.5:
        raise ValueError(f"{margin:g} is no margin: give the largest loss of IoU that counts as none, such as 0.005")
    return margin


def _enough(seeds: int) -> int:
    if seeds < 3:
        raise ValueError(f"{seeds} seeds decide nothing, the spread between so few says too little: give 3 or more")
    return seeds


def _folds(folds: int) -> int:
    if folds == 1 or folds < 0:
        raise ValueError(f"{folds} fold{'s' * (folds != 1)} cannot be: take 2 or more, or 0 for one hold-out")
    return folds


class Data(Frozen):
    """Which frames, which truth, which part is held out."""

    dataset: Annotated[str, Parameter(alias="--dataset")] = Field(
        "simulated", description="a card's name (PhC-C2DH-U373, simulated, ...) or a folder, with a separator"
    )
    truth: Annotated[Literal["paper", "ignore", "complete", "silver"], Parameter(alias="--truth")] = Field(
        "ignore", description="what a tracked cell without gold mask is: background (paper), unknown (ignore), ..."
    )
    ignore_border: Annotated[bool, Parameter(alias="--ignore-border")] = Field(
        False, description="background in the outer field-of-interest band is unknown, too"
    )
    split: Annotated[Literal["random", "sequence", "block"], Parameter(alias="--split")] = Field(
        "random", description="how frames are held out; sequence (the whole last one) is the harder, honest question"
    )
    holdout: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="share of the annotated frames (classification: of the training images) held out, rounded down",
    )
    classes: Annotated[tuple[str, ...], Parameter(consume_multiple=True), AfterValidator(_classes)] = Field(
        ("background", "cell"),
        description="two: labels number cells; more: label values are classes, from 0 in this order, 255 is unknown",
    )
    split_seed: Annotated[int, Parameter(alias="--split-seed")] = Field(
        0, ge=0, le=MOST_SEED, description="moves the split alone"
    )
    size: Annotated[tuple[int, int], AfterValidator(_size)] = Field(
        (256, 256), description="height and width, px, that every frame to learn from is resized to"
    )
    normalization: Literal["robust", "standard"] = Field(
        "robust",
        description="what sets the scale of an image's grey levels: all but the rarest, so that a hot pixel changes "
        "nothing (robust), or all of them (standard, as published)",
    )
    select: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the training part set apart to choose on: such a run is scored there alone",
    )
    fold: Annotated[tuple[int, int] | None, AfterValidator(_fold)] = Field(
        None, description="(k, K): hold out the k-th, from 0, of K folds of all annotated frames, instead of a share"
    )

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: Any) -> dict[str, Any]:
        """Leave out what an ordinary run never reads, so that it neither clutters a file nor moves the hash."""
        foreign = {"holdout" if self.fold else "fold", *(() if self.select else ("select",))}
        foreign |= {"classes"} if self.classes == type(self).model_fields["classes"].default else set()
        return {key: value for key, value in handler(self).items() if key not in foreign}


class Model(Frozen):
    """The network, before pruning. Each network has some of these settings; see `MODEL_SETTINGS`."""

    name: Annotated[str, Parameter(name=["--model.name", "--model"]), _named("model", names.MODELS)] = Field(
        "unet", description=f"one of: {', '.join(names.MODELS)}"
    )
    width: Annotated[int, Parameter(name="--model.width")] = Field(
        16, ge=1, le=2**16, description="channels at the first level; they double at each level below"
    )
    depth: Annotated[int, Parameter(name="--model.depth")] = Field(4, ge=1, le=6, description="number of poolings")
    norm: Annotated[Literal["batch", "group", "instance", "none"], Parameter(name="--model.norm")] = Field(
        "batch", description="normalization of convolutions"
    )
    padding: Annotated[Literal["same", "valid"], Parameter(name="--model.padding")] = Field(
        "same", description="valid is the unpadded network of the 2015 paper"
    )
    weights: Annotated[str | None, Parameter(name="--model.weights")] = Field(
        None, description="smp: pretrained weights to fetch for the encoder, such as imagenet; else random"
    )

    def own(self) -> tuple[str, ...]:
        """Name the settings that this network has."""
        return MODEL_SETTINGS.get(names.row(names.MODELS, self.name) or "", ())

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: Any) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key == "name" or key in self.own()}


MODEL_SETTINGS: dict[str, tuple[str, ...]] = {  # a network that is not here has none
    "unet": ("width", "depth", "norm", "padding"),
    "smp:ARCHITECTURE/ENCODER": ("weights",),
}


class Pruning(Frozen):
    """What goes at initialization."""

    method: Annotated[str, Parameter(alias="--method"), _named("pruning method", names.METHODS, "dense", "given")] = (
        Field("prospr", description=f"one of: {', '.join(names.METHODS)}")
    )
    ratio: Annotated[float, Parameter(alias="--prune"), BeforeValidator(_ratio)] = Field(
        0.0, description="share of prunable weights removed, 0 <= ratio < 1, or ladder:N for 1 - 0.8^N; 0 is dense"
    )
    budget: Annotated[str | None, Parameter(alias="--budget"), BeforeValidator(_budget)] = Field(
        None,
        description="UNIT=KEPT in place of the ratio: share that stays of params (prunable weights; by channel all "
        "parameters), macs (multiply-adds) or, by channel, channels",
    )
    cost: Literal["static", "marginal"] = Field(
        "static",
        description="price of a channel under a budget in params or macs: in the dense network, or anew after each "
        "removal; single weights cost the same either way",
    )
    floor: float = Field(
        0.0, ge=0, lt=1, description="share of each layer's weights, or channels, that stays in any case, its best"
    )
    effective: bool = Field(
        False, description="the ratio counts what is removed and what no path from input to output reaches"
    )
    scope: Literal["global", "layer"] = Field("global", description="where scores compete")
    granularity: Annotated[Literal["weight", "channel"], Parameter(alias="--granularity")] = Field(
        "weight", description="what goes, and what the ratio counts: single weights, or whole channels"
    )
    exclude: tuple[str, ...] = Field((), description="parameter names or patterns that are never pruned")
    batch_size: int = Field(8, ge=1, le=2**16, description="images in each scoring batch")

    gate: Literal["activation", "weight"] = Field(
        "activation",
        description=_own(
            "gate", "by channel: what is scored of each, its norm's output or, as in ProsPr's code, its kernel"
        ),
    )
    inner_steps: int = Field(
        3, ge=0, le=1000, description=_own("inner_steps", "training steps before the loss that is differentiated")
    )
    inner_lr: float = Field(0.1, ge=0, description=_own("inner_lr", "learning rate of these steps"))
    inner_momentum: float = Field(0.0, ge=0, lt=1, description=_own("inner_momentum", "momentum of these steps"))
    order: Literal["full", "first"] = Field(
        "full", description=_own("order", "first leaves out the second derivatives")
    )
    detach_first_gradient: bool = Field(
        False,
        description=_own(
            "detach_first_gradient", "the public code's momentum buffer, for replication; without effect at momentum 0"
        ),
    )
    retrain: Literal["fine-tune", "rewind"] = Field(
        "fine-tune",
        description=_own("retrain", "the second training starts from the trained or from earlier weights"),
    )
    rewind_step: int = Field(
        0, ge=0, le=2**40, description=_own("rewind_step", "step gone back to; 0 is initialization")
    )
    update_from: float = Field(
        0.25, ge=0, lt=1, description=_own("update_from", "share of the training before masks shrink")
    )
    update_until: float = Field(
        0.75, gt=0, le=1, description=_own("update_until", "share of the training after which masks stay")
    )
    update_every: int | None = Field(
        None,
        ge=1,
        le=2**40,
        description=_own("update_every", "steps between two updates of masks; none for 100, or for 30 updates"),
    )
    initial: Literal["erk", "uniform"] = Field(
        "erk", description=_own("initial", "how the first mask shares among layers")
    )
    drop_fraction: float = Field(
        0.3,
        ge=0,
        le=1,
        description=_own("drop_fraction", "share of a layer's weights exchanged at first; it falls as a cosine"),
    )
    rounds: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description=_own("rounds", "scorings, each of what the last one left; none for the number in brackets"),
    )
    schedule: Literal["exponential", "linear"] = Field(
        "exponential", description=_own("schedule", "the same share removed in each round, or the same number")
    )
    revive_dead: bool = Field(
        True, description=_own("revive_dead", "weights may return to a channel that has none left")
    )
    temperature: float = Field(
        200.0, gt=0, description=_own("temperature", "what the output is divided by before the loss")
    )
    samples_per_class: int | None = Field(
        None,
        ge=1,
        le=2**16,
        description=_own(
            "samples_per_class", "10 where an image has one class; segmentation takes one batch as it stands"
        ),
    )

    masks: Annotated[Path | None, Parameter(alias="--masks")] = Field(
        None, description="train the masks of this file, or of this run, instead of choosing any"
    )
    masks_sha256: Annotated[str | None, Parameter(show=False)] = Field(None, description="their content, filled in")
    control: Annotated[
        Literal["none", "shuffle", "reinit", "invert", "narrow-params", "narrow-macs", "flat-params", "flat-macs"],
        Parameter(alias="--control"),
    ] = Field(
        "none",
        description="to compare with: masks shuffled within layers, weights drawn anew, the lowest scores kept; or no "
        "mask but a small dense network that costs no more, narrower all over or equally wide (flat) at every level",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> "Pruning":
        if self.budget is not None and "ratio" in self.model_fields_set:
            raise ValueError("ratio (--prune) and budget (--budget) both say how much goes: give one of them")
        return self

    @property
    def label(self) -> str:
        """What a run's name says of its pruning."""
        told = self.granularity == "weight" or names.method(self.method).channels == "always"
        words = [self.method, "" if told else "channel", self.control.replace("none", "")]
        return "-".join(word for word in words if word)

    @property
    def amount(self) -> str:
        """What a run's name says of how much: "0.97" is removed, or "0.97-effective", "0.1-macs-kept" stays."""
        if self.budget is None:
            return f"{round(self.ratio, 6):g}{'-effective' if self.effective else ''}"
        unit, kept = self.budget.split("=")
        return f"{kept}-{unit}-kept"

    def share(self) -> dict[str, Any]:
        """Give how much goes, or stays, as `prune` is asked: by `sparsity` or by `budget`."""
        if self.budget is None:
            return {"sparsity": self.ratio}
        unit, kept = self.budget.split("=")
        return {"budget": {unit: float(kept)}}

    @property
    def stands_in(self) -> bool:
        """Whether the masks only say how large a dense network is trained in the pruned one's place."""
        return self.control.startswith(("narrow", "flat"))

    def options(self) -> dict[str, Any]:
        """Give the settings that belong to this method alone."""
        row = names.method(self.method)
        options = {key: getattr(self, key) for key in row.options if key != "gate" or self.granularity == "channel"}
        return options | ({"rounds": self.rounds or row.rounds} if "rounds" in options else {})

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: Any) -> dict[str, Any]:
        """Leave out what this method never reads, so that it neither clutters a file nor moves the hash."""
        if self.method == "dense":
            return {"method": "dense", "ratio": 0.0}
        row = names.method(self.method)
        foreign = {key for other in names.METHODS.values() for key in other.options} - set(self.options())
        foreign |= set() if row.reads_batches else {"batch_size"}
        foreign |= {"scope"} if row.own_shares else set()
        foreign |= set(CHOICE if self.method == "given" else ("masks", "masks_sha256"))
        foreign |= {"budget", "cost"} if self.budget is None else {"ratio", "scope"}
        foreign |= {"granularity", "cost"} if self.granularity == "weight" else set()
        foreign |= {key for key, unused in _UNUSED.items() if getattr(self, key) == unused}
        return {key: value for key, value in handler(self).items() if key not in foreign} | self.options()


_UNUSED: dict[str, Any] = {"floor": 0, "effective": False, "control": "none"}  # values that say nothing
CHOICE = (
    "scope",
    "granularity",
    "floor",
    "effective",
    "exclude",
    "batch_size",
)  # what decides how masks are chosen, and nothing where they are given
AMOUNTS = {"ratio", "budget"}  # of which one says how much goes
UNITS = ("params", "macs", "channels")  # of budgets


class Training(Frozen):
    """How the network is trained, pruned or not."""

    epochs: Annotated[int, Parameter(alias="--epochs")] = Field(
        50, ge=1, le=10**6, description="passes over the training part"
    )
    batch_size: int = Field(1, ge=1, le=2**16, description="images in a step, over all processes")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd has momentum 0.9")
    learning_rate: float = Field(2e-3, gt=0, description="its highest value")
    weight_decay: float = Field(1e-4, ge=0, description="decoupled for adamw")
    schedule: Literal["one-cycle", "step", "constant"] = Field(
        "one-cycle", description="course of the learning rate; step: a tenth after half of the steps, and after 3/4"
    )
    loss: Literal["cross-entropy+dice", "cross-entropy", "dice", "iou"] = Field(
        "cross-entropy+dice", description="over pixels that are not ignored"
    )
    augment: Literal["none", "turns", "full", "crop"] = Field(
        "full",
        description="turns: flips and quarter turns; full: also mild scale, brightness, contrast, elastic; crop "
        "(classification): moved by up to 4 px and mirrored",
    )
    evaluate_every: int = Field(
        5, ge=1, le=10**6, description="epochs between evaluations; the last is always evaluated"
    )
    precision: Annotated[Literal["auto", "fp32", "bf16"], Parameter(alias="--precision")] = Field(
        "auto", description="of training steps; auto is fp32 on a CPU, bf16 on a GPU that has it"
    )


class Settings(Frozen):
    """One run, completely: what `config.yaml` holds."""

    task: Annotated[str, _named("task", names.TASKS)] = Field("segmentation", description="what is learned")
    seed: int = Field(0, ge=0, le=MOST_SEED, description="moves initialization, data order and augmentation")
    data: Data = Data()
    # flattened, because the section's own flag would be --model, which names the network
    model: Annotated[Model, Parameter(name="*")] = Model()
    pruning: Pruning = Pruning()
    training: Training = Training()

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: Any) -> dict[str, Any]:
        """Leave out the settings of the data that this task never reads."""
        values = dict(handler(self))
        values["data"] = {key: value for key, value in values["data"].items() if key in TASK_DATA[self.task]}
        return values

    def identity(self) -> dict[str, Any]:
        """Give what tells runs apart, as JSON values: one that does what older ones did has their name."""
        values: dict[str, Any] = self.model_dump(mode="json")
        for section, older in OLDER.get(self.task, {}).items():
            values[section] = {k: v for k, v in values[section].items() if k not in older or v != older[k]}
        return values


# what a run did that is older than the setting, so that its file does not say it
OLDER: dict[str, dict[str, dict[str, Any]]] = {"segmentation": {"data": {"normalization": "standard"}}}
TASK_DATA = {
    "segmentation": tuple(Data.model_fields),
    "classification": ("dataset", "holdout", "split_seed", "select"),
}
# what is otherwise where nothing is said: the usual training of small images, 160 epochs with weight decay 1e-4
TASK_DEFAULTS: dict[str, dict[str, Any]] = {
    "classification": {
        "data": {"dataset": "cifar10", "holdout": 0.1},
        "model": {"name": "resnet20"},
        "pruning": {"batch_size": 128},
        "training": {
            "epochs": 160,
            "batch_size": 128,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "schedule": "step",
            "loss": "cross-entropy",
            "augment": "crop",
        },
    },
}
TASK_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {  # of settings of the training, where a task has not all
    "segmentation": {"augment": ("none", "turns", "full")},
    "classification": {"augment": ("none", "crop"), "loss": ("cross-entropy",)},
}


class Search(Frozen):
    """The question of `search-max-ratio`: what its journal holds before the first training."""

    unit: Literal["weights", "params", "macs", "channels"] = Field(
        "weights",
        description="what a ratio is the removed share of; of params, macs or channels whole channels go, unless "
        "--granularity weight is given",
    )
    margin: Annotated[float, AfterValidator(_margin)] = Field(
        0.005, description="the largest loss of IoU that counts as none"
    )
    confidence: Annotated[float, BeforeValidator(_confidence)] = Field(
        0.95, description="1 minus the probability of a false claim"
    )
    seeds: int = Field(
        3, ge=1, lt=500, description="trainings at each ratio while searching; twice as many where they are not clear"
    )
    confirm_seeds: Annotated[int, AfterValidator(_enough)] = Field(
        5, lt=1000, description="trainings at each ratio that is tested; fewer than 3 decide nothing"
    )
    cv: Annotated[int, AfterValidator(_folds)] = Field(
        0, description="folds of cross-validation, so that every annotated frame counts once; 0: one hold-out"
    )
    low: Annotated[float, BeforeValidator(_ratio)] = Field(
        0.5, gt=0, description="the lowest ratio that is asked about"
    )
    high: Annotated[float, BeforeValidator(_ratio)] = Field(0.999, gt=0, description="the highest")
    controls: Annotated[bool, Parameter(negative="")] = Field(
        False, description="also train what a pruned network must beat, at the found ratio"
    )

    @model_validator(mode="after")
    def _rising(self) -> "Search":
        if self.low > self.high:
            raise ValueError(f"--low {self.low:g} is not below --high {self.high:g}: exchange them")
        return self


class Runtime(Frozen):
    """Where a run happens and what it shows; no result depends on it."""

    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = Field(
        None, description="exactly this folder becomes the run; default: NAME in the folder of runs"
    )
    runs: Path = Field(Path("runs"), description="folder of runs, for runs that get no --output")
    data_root: Path | None = Field(None, description="folder of the data sets; else $CELLPRUNE_DATA, else the user's")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the network runs")
    workers: int = Field(0, ge=0, le=1024, description="processes that prepare batches; results do not depend on it")
    resume: bool = Field(False, description="go on where the run in the output folder stopped, or start it")
    keep_state: bool = Field(False, description="keep the training state of a finished run")
