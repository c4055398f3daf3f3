"""The section `pruning`: what goes. Which options a method has stands in its row of `config.names`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from cyclopts import Parameter
from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from cellprune.config import names, own
from cellprune.config.base import Frozen, Values, named, ratio_of
from cellprune.config.request import Cost, Granularity, Pricing, Request, RoundTo, Scope
from cellprune.config.shares import UNITS, fault_of_kept
from cellprune.errors import unknown
from cellprune.wording import quoted


def _own(option: str, meaning: str) -> str:
    """Begin the help of a method's option with the methods that have it."""
    having = names.methods(option=option)
    rounds = {name: f" ({names.method(name).rounds})" if option == "rounds" else "" for name in having}
    return f"{', '.join(name + rounds[name] for name in having)}: {meaning}"


def _own_costs() -> str:
    """Name the methods that divide scores by a cost of their own, with that cost."""
    costs = dict.fromkeys(row.cost for row in names.METHODS.values() if row.cost is not None)
    having = {cost: [name for name, row in names.METHODS.items() if row.cost == cost] for cost in costs}
    return "; ".join(f"{', '.join(methods)}: {cost}" for cost, methods in having.items())


def budget_of(value: object) -> str | None:
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
    if fault := fault_of_kept(unit, share, kept):
        raise ValueError(fault)
    return f"{unit}={kept!r}"


def _blocks(value: object, info: ValidationInfo) -> object:
    """Refuse what is no number of channels; the command line writes numbers as text."""
    number = int(value) if isinstance(value, str) and value.isdecimal() and info.mode == "python" else value
    if number == "auto" or (type(number) is int and number >= 1):
        return number
    raise ValueError(f"{quoted(value)} is no number of channels: give a whole number of at least 1, or auto")


def completed(values: Mapping[str, Any]) -> Values:
    """Add to the section of a run's config.yaml what was the only way when an older version wrote it."""
    of_channels = values.get("granularity") == "channel" and values.get("budget") is not None
    return {**({"round_to": 1} if of_channels else {}), **renamed(values)}


def renamed(values: Mapping[str, Any]) -> Values:
    """Give a section of any version by the names of this one: the pricing was once called the cost."""
    old = values.get("cost")
    if old not in get_args(Pricing):
        return dict(values)
    return {"pricing": old} | {key: value for key, value in values.items() if key != "cost"}


class Pruning(Frozen):
    """What goes at initialization."""

    method: Annotated[str, Parameter(alias="--method"), named("pruning method", names.METHODS, "dense", "given")] = (
        Field("prospr", description=f"one of: {', '.join(names.METHODS)}; or FILE.py:NAME, a method of your own")
    )
    ratio: Annotated[float, Parameter(alias="--prune"), BeforeValidator(ratio_of)] = Field(
        0.0, description="share of prunable weights removed, 0 <= ratio < 1, or ladder:N for 1 - 0.8^N; 0 is dense"
    )
    budget: Annotated[str | None, Parameter(alias="--budget"), BeforeValidator(budget_of)] = Field(
        None,
        description="UNIT=KEPT, instead of the ratio: the share to keep of params (prunable weights; with channels all "
        "parameters), macs (multiply-adds) or, with channels, channels or latency (milliseconds in pruning.engine)",
    )
    cost: Annotated[Cost, Parameter(alias="--cost")] = Field(
        "auto",
        description="what the score of a channel is divided by (ranp: weighed by): params, macs, memory (numbers that "
        "one image takes: parameters and maps), latency (milliseconds in pruning.engine) or channels (their number "
        "alone); auto = the method's own cost "
        f"({_own_costs()}), or what the budget counts",
    )
    engine: Annotated[Literal["onnx", "openvino", "torch"], Parameter(alias="--engine")] = Field(
        "onnx",
        description="under a budget or a cost in latency: what the trained network will be run by, in float32; the "
        "layers are timed in it on this machine. torch times them on the device of the training",
    )
    layer_times_sha256: Annotated[str | None, Parameter(show=False)] = Field(
        None, description="content of the times of layers that a search gives to all of its trainings, filled in"
    )
    pricing: Pricing = Field(
        "static",
        description="cost of a channel under a budget in params, macs or latency: static = in the dense network, "
        "marginal = computed again after each removal; for single weights both are the same",
    )
    round_to: Annotated[RoundTo, Parameter(alias="--round-to"), BeforeValidator(_blocks)] = Field(
        "auto",
        description="under a budget in params, macs or latency, each layer keeps a multiple of so many channels, "
        "chosen in blocks of them; auto = 16, or 8 in layers of fewer than 16 channels, and 1 in layers of fewer than "
        "8; 1 = single channels. Controls narrow-... and flat-... round their widths alike; where no channels are "
        "priced, auto = 1",
    )
    floor: float = Field(
        0.0, ge=0, lt=1, description="share of each layer's weights, or channels, that always stays, the best ones"
    )
    effective: bool = Field(
        False, description="count kept weights that lie on no path from input to output as removed, too"
    )
    scope: Scope = Field("global", description="where scores compete: in the whole network, or within each layer")
    granularity: Annotated[Granularity, Parameter(alias="--granularity")] = Field(
        "weight", description="what is removed, and what the ratio counts: single weights, or whole channels"
    )
    shrink: bool = Field(
        True,
        description="with channels: take them out of the network, which is smaller from then on; false sets them to "
        "zero instead, for comparison",
    )
    exclude: tuple[str, ...] = Field((), description="parameter names or patterns that are never pruned")
    batch_size: int = Field(8, ge=1, le=2**16, description="images in each scoring batch")

    gate: Literal["activation", "weight"] = Field(
        "activation",
        description=_own(
            "gate",
            "with channels: what is scored, the output of the channel's norm or, as in ProsPr's code, its kernel",
        ),
    )
    inner_steps: int = Field(
        3, ge=0, le=1000, description=_own("inner_steps", "training steps before the loss that is differentiated")
    )
    inner_lr: float = Field(0.1, ge=0, description=_own("inner_lr", "learning rate of these steps"))
    inner_momentum: float = Field(0.0, ge=0, lt=1, description=_own("inner_momentum", "momentum of these steps"))
    order: Literal["full", "first"] = Field("full", description=_own("order", "first omits the second derivatives"))
    detach_first_gradient: bool = Field(
        False,
        description=_own(
            "detach_first_gradient", "momentum buffer as in the public code, for replication; no effect at momentum 0"
        ),
    )
    retrain: Literal["fine-tune", "rewind"] = Field(
        "fine-tune",
        description=_own("retrain", "start the second training from the trained weights, or from earlier ones"),
    )
    rewind_step: int = Field(
        0, ge=0, le=2**40, description=_own("rewind_step", "step to go back to; 0 is the initialization")
    )
    update_from: float = Field(
        0.25, ge=0, lt=1, description=_own("update_from", "share of the training before masks shrink")
    )
    update_until: float = Field(
        0.75, gt=0, le=1, description=_own("update_until", "share of the training after which masks no longer change")
    )
    update_every: int | None = Field(
        None,
        ge=1,
        le=2**40,
        description=_own(
            "update_every", "steps between two updates of masks; by default 100, or fewer so that 30 updates fit"
        ),
    )
    initial: Literal["erk", "uniform"] = Field(
        "erk", description=_own("initial", "how the first mask divides the weights among layers")
    )
    drop_fraction: float = Field(
        0.3,
        ge=0,
        le=1,
        description=_own("drop_fraction", "share of a layer's weights exchanged at first; falls as a cosine"),
    )
    rounds: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description=_own("rounds", "number of scorings, each of the weights that are left; default in brackets"),
    )
    schedule: Literal["exponential", "linear"] = Field(
        "exponential", description=_own("schedule", "remove the same share in each round, or the same number")
    )
    revive_dead: bool = Field(
        True, description=_own("revive_dead", "let weights return to a channel that has none left")
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
    pattern: Annotated[str | None, Parameter(alias="--pattern")] = Field(
        None,
        description="single weights in a pattern: 2:4 = at most two of each four inputs next to each other stay; 4x1 = "
        "blocks of 4 outputs by 1 input stay or go as a whole",
    )
    draws: int = Field(5, ge=1, le=10_000, description=_own("draws", "networks of fresh random weights in each round"))
    perturbation: float = Field(
        0.01, gt=0, description=_own("perturbation", "standard deviation of what is added to the fresh weights")
    )
    probes: int = Field(
        10, ge=1, le=10_000, description=_own("probes", "random vectors for the diagonal of the second derivatives")
    )
    warm_up: bool = Field(
        True,
        description=_own("warm_up", "let batch norms take the statistics of the scoring images, and hold them fixed"),
    )

    masks: Annotated[Path | None, Parameter(alias="--masks")] = Field(
        None, description="train the masks of this file, or of this run, instead of choosing any"
    )
    masks_sha256: Annotated[str | None, Parameter(show=False)] = Field(None, description="their content, filled in")
    method_sha256: Annotated[str | None, Parameter(show=False)] = Field(
        None, description="content of FILE.py of a method of your own, filled in"
    )
    control: Annotated[
        Literal[
            "none",
            "shuffle",
            "reinit",
            "invert",
            "narrow-params",
            "narrow-macs",
            "narrow-latency",
            "flat-params",
            "flat-macs",
            "flat-latency",
            "narrow-to-density",
        ],
        Parameter(alias="--control"),
    ] = Field(
        "none",
        description="to compare with: masks shuffled within layers, weights drawn anew, the lowest scores kept; or no "
        "mask but a small dense network that costs no more, narrower all over or equally wide (flat) at every level, "
        "or one whose levels are as wide as the masks leave them",
    )

    @model_validator(mode="after")
    def _one_amount(self) -> "Pruning":
        if self.budget is not None and "ratio" in self.model_fields_set:
            raise ValueError("ratio (--prune) and budget (--budget) both say how much goes: give one of them")
        return self

    def with_code_told(self) -> "Pruning":
        """Fill in the content of a method of the user's own, where it is not said yet.

        Raises:
            CellpruneError: its file cannot be read.
        """
        if self.method_sha256 is not None or not own.is_own(self.method) or self.masks is not None:
            return self
        return self.model_copy(update={"method_sha256": own.sha256(self.method)})

    @property
    def label(self) -> str:
        """What a run's name says of its pruning."""
        is_understood = self.granularity == "weight" or names.method(self.method).channels == "always"
        words = [names.called(self.method), "" if is_understood else "channel", self.control.replace("none", "")]
        return "-".join(word for word in words if word)

    @property
    def amount(self) -> str:
        """What a run's name says of how much: "0.97" is removed, or "0.97-effective", "0.1-macs-kept" stays."""
        if self.budget is None:
            return f"{round(self.ratio, 6):g}{'-effective' if self.effective else ''}"
        unit, kept = self.budget.split("=")
        return f"{kept}-{unit}-kept"

    def request(self, seed: int = 0) -> Request:
        """Give what is asked of `prune`.

        Raises:
            CellpruneError: it cannot be; the message speaks of settings.
        """
        unit, _, kept = (self.budget or "").partition("=")
        row, fields = names.method(self.method), type(self).model_fields
        chosen = {key: getattr(self, key) for key in row.channel_options if getattr(self, key) != fields[key].default}
        return Request(
            method=self.method,
            sparsity=self.ratio if self.budget is None else None,
            budget=None if self.budget is None else {unit: float(kept)},
            granularity=self.granularity,
            scope=self.scope,
            cost=self.cost,
            pricing=self.pricing,
            round_to=self.round_to if self.prices_channels or not self.stands_in else 1,
            floor=self.floor,
            effective=self.effective,
            exclude=self.exclude,
            seed=seed,
            invert=self.control == "invert",
            pattern=self.pattern,
            options=self.options() | chosen,
            spelling="settings",
        )

    @property
    def prices_channels(self) -> bool:
        """Whether channels are chosen by what they cost, once resolved."""
        return self.granularity == "channel" and self.budget is not None

    @property
    def times_layers(self) -> bool:
        """Whether the time that layers take in the engine decides, once resolved."""
        is_chosen_by = self.granularity == "channel" and self.method != "given"
        counted = ((self.budget or "").partition("=")[0], self.cost) if is_chosen_by else ()
        return self.method != "dense" and "latency" in (*counted, self.control.rpartition("-")[2])

    @property
    def rounding(self) -> RoundTo:
        """What the widths of a small dense network are multiples of: as the masks' channels, where they are priced."""
        return 1 if self.round_to == "auto" and not self.prices_channels else self.round_to

    @property
    def stands_in(self) -> bool:
        """Whether a small dense network is trained in a pruned one's place: a control, or one of a family."""
        return self.control.startswith(("narrow", "flat")) or names.is_dense_family(self.method)

    @property
    def fills_budget(self) -> bool:
        """Whether the budget alone says how large the small dense network is: no masks are made for it."""
        of_control = self.control.startswith(("narrow", "flat")) and self.control.rpartition("-")[2]
        counted = self.budget is not None and self.request().unit
        return names.is_dense_family(self.method) or bool(counted and counted == of_control)

    @property
    def shrinks(self) -> bool:
        """Whether the removed channels are taken out of the network."""
        return self.shrink and self._may_shrink

    @property
    def _may_shrink(self) -> bool:
        """Whether there may be channels to take out; of given masks their content tells, once it is read."""
        return (self.granularity == "channel" or self.method == "given") and not self.stands_in

    def options(self) -> dict[str, object]:
        """Give the settings that belong to this method alone."""
        row = names.method(self.method)
        foreign = () if self.granularity == "channel" else row.channel_options
        options: dict[str, object] = {key: getattr(self, key) for key in row.options if key not in foreign}
        return options | ({"rounds": self.rounds or row.rounds} if "rounds" in options else {})

    @staticmethod
    def identity(values: Values) -> Values:
        """Give what tells runs apart, of what the section serializes to: as an older version wrote the same."""
        older = {("pricing" if "cost" in values else "cost") if key == "pricing" else key: value
                 for key, value in values.items()}  # fmt: skip
        return {key: value for key, value in older.items() if (key, value) != ("round_to", 1)}

    @model_serializer(mode="wrap")
    def _only_what_counts(self, handler: SerializerFunctionWrapHandler) -> Values:
        """Leave out what this method never reads, so that it neither clutters a file nor moves the hash."""
        if self.method == "dense":
            return {"method": "dense", "ratio": 0.0}
        row = names.method(self.method)
        foreign = {key for other in names.METHODS.values() for key in other.options} - set(self.options())
        foreign |= set() if row.reads_batches else {"batch_size"}
        foreign |= set() if own.is_own(self.method) else {"method_sha256"}
        foreign |= {"scope"} if row.own_shares else set()
        foreign |= set(CHOICE if self.method == "given" else ("masks", "masks_sha256"))
        foreign |= {*CHOICE, "pricing"} - {"granularity"} if names.is_dense_family(self.method) else set()
        foreign |= {"budget", "pricing"} if self.budget is None else {"ratio", "scope"}
        foreign |= set() if self.times_layers else {"engine", "layer_times_sha256"}
        foreign |= {"granularity", "cost", "pricing"} if self.granularity == "weight" else set()
        if not self.prices_channels:
            foreign |= set() if self.stands_in and self.round_to not in ("auto", 1) else {"round_to"}
        foreign |= set() if self._may_shrink else {"shrink"}
        foreign |= {key for key, unused in _UNUSED.items() if getattr(self, key) == unused}
        return {key: value for key, value in handler(self).items() if key not in foreign} | self.options()


_UNUSED: Values = {  # values that say nothing
    "cost": "auto", "floor": 0, "pattern": None, "effective": False, "control": "none", "layer_times_sha256": None,
}  # fmt: skip


CHOICE = (
    "scope",
    "granularity",
    "floor",
    "effective",
    "exclude",
    "batch_size",
    "pattern",
)  # what decides how masks are chosen, and nothing where they are given


AMOUNTS = {"ratio", "budget"}  # of which one says how much goes
