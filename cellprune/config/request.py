"""What is asked of pruning, as one value: checked once, without torch, for `prune()` and for the settings alike."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass, field
from fractions import Fraction
from functools import partial
from typing import Literal, Protocol, cast, get_args

from cellprune.config import names
from cellprune.config.pattern import pattern_of
from cellprune.config.shares import COSTS, UNITS, exact, fault_of_kept, left_by
from cellprune.errors import CellpruneError, unknown

Granularity = Literal["weight", "channel"]
Scope = Literal["global", "layer"]
Cost = Literal["auto", "channels", "params", "macs", "memory", "latency"]
Pricing = Literal["static", "marginal"]
RoundTo = int | Literal["auto"]
Spelling = Literal["python", "settings"]


class HasSensitivity(Protocol):
    """What a `cellprune.pruning.method.Method` is known by, where nothing of torch is."""

    @property
    def sensitivity(self) -> Callable[..., object]: ...


Code = HasSensitivity | Callable[..., object]  # a pruning method that is no row of the table

_OF_MASKS = {"scope": "global", "cost": "auto", "pricing": "static", "floor": 0.0, "effective": False, "exclude": ()}
_CHOICES = {"granularity": Granularity, "scope": Scope, "cost": Cost, "pricing": Pricing}
_FLAGS = {
    "method": "--method",
    "sparsity": "--prune",
    "budget": "--budget",
    "granularity": "--granularity",
    "cost": "--cost",
    "round_to": "--round-to",
    "pattern": "--pattern",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of `prune`, without network, data and loss: refused here if it cannot be.

    `cellprune.pruning.prune.fulfil(model, request, batches=..., loss=...)` answers it, as `prune` does. What is not
    named below is as `prune` takes it.

    Args:
        options: the method's own, such as inner_steps or rounds.
        spelling: whether a refusal speaks of arguments ("python") or of flags and keys ("settings").
    Raises:
        CellpruneError: an unknown method or choice, a share out of range, or what does not go together.
    Example:
        >>> Request(method="snip", budget={"macs": 0.1}, granularity="channel").share
        Fraction(1, 10)
        >>> Request(method="erk", sparsity=0.9, scope="layer")
        Traceback (most recent call last):
        cellprune.errors.CellpruneError: pruning method 'erk' gives each layer a share of its own: remove scope='layer'
    """

    method: str | Code = "prospr"
    sparsity: float | None = None
    budget: Mapping[str, float] | None = None
    granularity: Granularity = "weight"
    scope: Scope = "global"
    cost: Cost = "auto"
    pricing: Pricing = "static"
    round_to: RoundTo = "auto"
    floor: float = 0.0
    effective: bool = False
    exclude: Iterable[str] = ()
    seed: int = 0
    invert: bool = False
    pattern: str | None = None
    densities: Mapping[str, float] | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    spelling: InitVar[Spelling] = "python"

    def __post_init__(self, spelling: Spelling) -> None:
        exclude = (self.exclude,) if isinstance(self.exclude, str) else tuple(self.exclude)
        object.__setattr__(self, "exclude", exclude)
        _refuse_unknown(self)
        if names.method(self.method).channels == "always":
            object.__setattr__(self, "granularity", "channel")
        _refuse_amount(self)
        for refuse in (
            _refuse_masks, _refuse_channels, _refuse_before_alone, _refuse_cost, _refuse_blocks, _refuse_shares,
            _refuse_effective, _refuse_pattern, _refuse_densities,
        ):  # fmt: skip
            refuse(self, partial(_spelled, spelling))

    @property
    def name(self) -> str:
        """What the method is called."""
        return names.called(self.method)

    @property
    def share(self) -> Fraction:
        """The share that stays: of the weights or channels, or of their cost; of layers' own shares the smallest."""
        if self.densities is not None:
            return min(exact("density", density) for density in self.densities.values())
        return left_by(self.sparsity) if self.budget is None else exact("budget", *self.budget.values())

    @property
    def unit(self) -> str | None:
        """The unit of a cost by which scores are ranked; None where weights or channels are counted."""
        counted = "channels" if self.granularity == "channel" else "params"
        return next((unit for unit in self.budget or () if unit != counted), None)

    @property
    def prices_channels(self) -> bool:
        """Whether channels are chosen by what they cost."""
        return self.granularity == "channel" and self.unit is not None

    @property
    def usual_cost(self) -> Cost:
        """What the score of a channel is divided by unless told: the method's own cost, else what the budget counts."""
        counted = next(iter(self.budget or ()), "channels")
        return names.method(self.method).cost or cast(Cost, counted)

    @property
    def divided_by(self) -> Cost:
        """What the score of a channel is divided by."""
        return self.usual_cost if self.cost == "auto" else self.cost

    @property
    def least(self) -> Fraction:
        """The share of each layer that stays in any case."""
        return exact("floor", self.floor)


class Spell(Protocol):
    """Write an argument as who asks would, with its value or without."""

    def __call__(self, name: str, value: object = None) -> str: ...


def _spelled(spelling: Spelling, name: str, value: object = None) -> str:
    if spelling == "python":
        return name if value is None else f"{name}={value!r}"
    if isinstance(value, Mapping):
        value = "=".join(f"{part}" for item in value.items() for part in item)
    text = str(value).lower() if isinstance(value, bool) else value
    if name in _FLAGS:
        return _FLAGS[name] if value is None else f"{_FLAGS[name]} {text}"
    return f"pruning.{name}" if value is None else f"pruning.{name}={text}"


def _refuse_unknown(asked: Request) -> None:
    if not (names.is_own(asked.method) or names.method(asked.method).home):
        raise CellpruneError(unknown("pruning method", asked.method, names.METHODS))
    if asked.cost in get_args(Pricing):
        raise CellpruneError(f"cost={asked.cost!r} is called pricing={asked.cost!r} now: give it by that name")
    for name, choices in _CHOICES.items():
        if (value := getattr(asked, name)) not in get_args(choices):
            raise CellpruneError(unknown(name, value, get_args(choices)))


def _refuse_amount(asked: Request) -> None:
    """Refuse an amount, or a floor, that is none."""
    if asked.densities is not None:
        if asked.sparsity is not None or asked.budget is not None:
            raise CellpruneError("densities say how much of each layer stays: remove sparsity and budget")
    elif (asked.sparsity is None) == (asked.budget is None):
        raise CellpruneError(
            f"{'neither' if asked.sparsity is None else 'both'} of sparsity and budget is given: give one of them, "
            "sparsity as the share to remove, or budget as the share to keep"
        )
    elif asked.budget is None:
        left_by(asked.sparsity)
    elif not isinstance(asked.budget, Mapping):
        raise CellpruneError(
            f"budget {asked.budget!r} names no unit: give it with the share kept, as {{'params': 0.1}}"
        )
    elif len(asked.budget) != 1 or not set(asked.budget) <= {*UNITS}:
        units = ", ".join(map(str, asked.budget)) or "(none)"
        raise CellpruneError(unknown("budget unit", units, UNITS, "budget"))
    else:
        [(unit, kept)] = asked.budget.items()
        if fault := fault_of_kept(unit, kept, exact(f"budget {unit}", kept)):
            raise CellpruneError(fault)
    if not 0 <= asked.least < 1:
        raise CellpruneError(f"floor {asked.floor!r} is not a share of each layer, 0 <= floor < 1")


def _refuse_masks(asked: Request, spell: Spell) -> None:
    """Refuse what a dense network has no use for: a share of channels, and whatever chooses among them."""
    if not names.is_dense_family(asked.method):
        return
    if asked.unit not in COSTS:
        given = spell("sparsity", asked.sparsity) if asked.budget is None else spell("budget", asked.budget)
        raise CellpruneError(
            f"method {asked.name!r} makes a dense network for a budget in macs, params or latency: give "
            f"{spell('budget', {'macs': 0.1})} instead of {given}"
        )
    for name, usual in _OF_MASKS.items():
        if (value := getattr(asked, name)) != usual:
            raise CellpruneError(
                f"{spell(name, value)} decides which weights stay, and method {asked.name!r} makes a dense network: "
                f"remove {spell(name)}"
            )


def _refuse_channels(asked: Request, spell: Spell) -> None:
    """Refuse what is for channels where weights go, and a method that cannot choose channels where they do."""
    row, by_channel = names.method(asked.method), spell("granularity", "channel")
    if asked.granularity == "channel":
        if row.channels == "never":
            others = names.methods("before" if row.when == "before" else None)
            able = [name for name in others if names.method(name).channels != "never"]
            raise CellpruneError(
                f"pruning method {asked.name!r} chooses weights, not channels: with {by_channel} take {', '.join(able)}"
            )
        return
    if {"channels", "latency"} & set(asked.budget or ()):
        raise CellpruneError(f"{spell('budget', asked.budget)} counts channels: add {by_channel}")
    if foreign := [name for name in row.channel_options if name in asked.options]:
        raise CellpruneError(f"{spell(foreign[0], asked.options[foreign[0]])} is for channels: add {by_channel}")


def _refuse_before_alone(asked: Request, spell: Spell) -> None:
    """Refuse what only masks that are chosen before training can be asked for."""
    row, wishes = names.method(asked.method), _wishes(asked, spell)
    if row.when not in ("around", "during"):
        return
    if row.channels == "always" and asked.unit:  # channels are priced in every update of the masks
        if "latency" in (asked.unit, asked.divided_by):
            by_time = wishes[0] if asked.unit == "latency" else spell("cost", asked.cost)
            raise CellpruneError(
                f"{by_time} is for masks chosen before training: pruning method {asked.name!r} chooses anew in every "
                f"update, without times of layers; give {spell('budget', {'macs': 0.1})} or params instead"
            )
        wishes = wishes[1:]
    if wishes:
        raise CellpruneError(
            f"{wishes[0]} is for masks chosen before training: with pruning method {asked.name!r} give "
            f"{spell('budget' if asked.unit and row.channels == 'always' else 'sparsity')} alone"
        )


def _refuse_cost(asked: Request, spell: Spell) -> None:
    """Refuse prices where nothing is paid for."""
    if asked.pricing == "marginal" and asked.unit is None:
        raise CellpruneError(
            f"{spell('pricing', asked.pricing)} has an effect only with a budget in macs, or of channels in params: "
            f"add {spell('budget', {'macs': 0.1})}, or remove {spell('pricing')}"
        )
    if asked.cost != "auto" and asked.granularity == "weight":
        raise CellpruneError(f"{spell('cost', asked.cost)} is for channels: add {spell('granularity', 'channel')}")


def _refuse_blocks(asked: Request, spell: Spell) -> None:
    """Refuse a size of blocks that is none, and blocks of what is not priced; 1 is no blocks, so it fits to all."""
    if asked.round_to == "auto":
        return
    if isinstance(asked.round_to, bool) or not isinstance(asked.round_to, int) or asked.round_to < 1:
        raise CellpruneError(f"round_to is {asked.round_to!r}, but must be a whole number of at least 1, or 'auto'")
    if asked.round_to > 1 and not asked.prices_channels:
        raise CellpruneError(
            f"{spell('round_to', asked.round_to)} is for channels under a budget in macs, params or latency: add "
            f"{spell('granularity', 'channel')} and {spell('budget', {'macs': 0.1})}, or remove {spell('round_to')}"
        )


def _refuse_shares(asked: Request, spell: Spell) -> None:
    """Refuse what lets layers compete where each has a share of its own."""
    shares = [f"pruning method {asked.name!r}"] if names.method(asked.method).own_shares else []
    shares += [spell("scope", asked.scope)] if asked.scope == "layer" else []
    if shares and (clash := [*shares[1:], *_wishes(asked, spell)]):
        raise CellpruneError(f"{shares[0]} gives each layer a share of its own: remove {clash[0]}")


def _refuse_effective(asked: Request, spell: Spell) -> None:
    """Refuse to count paths where not single weights of one ranking are counted."""
    if not asked.effective:
        return
    clash = [spell("granularity", "channel")] if asked.granularity == "channel" else []
    clash += [spell("budget", asked.budget)] if asked.unit else []
    if names.method(asked.method).rounds is not None:
        clash.append(f"{spell('method', asked.name)}, which scores in rounds")
    if clash:
        raise CellpruneError(
            f"{spell('effective', True)} counts single weights that are scored once: remove it, or {clash[0]}"
        )


def _refuse_pattern(asked: Request, spell: Spell) -> None:
    """Refuse a pattern that is none, that keeps less than should stay, or of what ranks no weights before training."""
    if asked.pattern is None:
        return
    try:
        pattern = pattern_of(asked.pattern)
    except ValueError as error:
        raise CellpruneError(str(error)) from None
    clash = [spell("granularity", "channel")] if asked.granularity == "channel" else []
    clash += _wishes(asked, spell)
    clash += ["densities"] if asked.densities is not None else []
    row = names.method(asked.method)
    if row.when != "before" or row.own_shares:
        why = "gives each layer a share of its own" if row.own_shares else f"works {names.when(asked.method)}"
        clash.append(f"{spell('method', asked.name)}, which {why}")
    if clash:
        raise CellpruneError(
            f"{spell('pattern', asked.pattern)} is for single weights that are ranked before training: remove it, or "
            f"{clash[0]}"
        )
    if asked.share > pattern.most:
        raise CellpruneError(
            f"{spell('pattern', asked.pattern)} keeps at most {float(pattern.most):g} of the weights, and "
            f"{float(asked.share):g} should stay: give {spell('sparsity')} of at least {float(1 - pattern.most):g}"
        )


def _refuse_densities(asked: Request, spell: Spell) -> None:
    """Refuse shares of layers that are none, and whatever else divides weights among layers."""
    if asked.densities is None:
        return
    if not isinstance(asked.densities, Mapping) or not asked.densities:
        raise CellpruneError("densities name no layer: give {parameter name: share kept}")
    for name, density in asked.densities.items():
        if isinstance(density, (str, bool)):
            raise CellpruneError(f"the density of {name!r} {density!r} is not a number")
        if not 0 < exact(f"the density of {name!r}", density) <= 1:
            raise CellpruneError(f"the density of {name!r} is {density}, outside 0 < share kept <= 1")
    clash = [spell("granularity", "channel")] if asked.granularity == "channel" else []
    clash += [spell("scope", asked.scope)] if asked.scope == "layer" else []
    clash += _wishes(asked, spell)
    clash += [spell("method", asked.name)] if names.method(asked.method).own_shares else []
    if clash:
        raise CellpruneError(f"densities give each layer of weights a share of its own: remove {clash[0]}")


def _wishes(asked: Request, spell: Spell) -> list[str]:
    """Name what is asked beyond a share of what the method counts."""
    wishes = [spell("budget", asked.budget)] if asked.unit else []
    wishes += [spell(name, value) for name in ("floor", "effective") if (value := getattr(asked, name))]
    return wishes
