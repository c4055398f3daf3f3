"""What a sweep trains: every combination that its axes make, and the dense network of each, with every seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from cellprune.config import load as config
from cellprune.config import own
from cellprune.config.resolve import ConfigError
from cellprune.config.schema import Settings
from cellprune.config.sweep import TAUGHT, Sweep
from cellprune.controls import families
from cellprune.models.architecture import Architecture
from cellprune.models.own import OwnNetwork
from cellprune.pruning.own import method_of
from cellprune.report.formatting import ratio as as_ratio
from cellprune.tables.paper import Slot, Table
from cellprune.wording import many

_SHOWN = 6  # impossible combinations that a message names
_SWEPT = {
    "pruning.method": "--methods lists the methods",
    "pruning.ratio": "--ratios lists the shares to remove",
    "pruning.budget": "--budgets lists the shares to keep",
    "pruning.control": "--controls lists the controls",
    "pruning.masks": "other methods and ratios have other masks",
    "seed": "--seeds lists the seeds",
}
_BY_AXIS = {"model.name": "models", "data.target": "targets"}  # which may also stay as the settings have them


@dataclass(frozen=True)
class Source:
    """Where the settings of all runs of a sweep come from, as `config.load` takes them.

    Attributes:
        file: the plan, but for its section `sweep`.
    """

    flags: Settings = field(default_factory=Settings)
    file: config.File | None = None
    assignments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Arm:
    """All trainings of a sweep that differ in nothing but the seed.

    Attributes:
        amount: how much goes or stays, as the settings say it: "0.9", "macs=0.1"; "" of the dense network.
        control: "" for the method itself.
        settings: of its trainings, resolved; the seed is a trial's.
        slot: the place in a published table that it is trained for; None of any other sweep.
    """

    model: str
    target: str
    method: str
    amount: str
    control: str
    settings: Settings
    slot: Slot | None = None

    @property
    def group(self) -> tuple[str, ...]:
        """Data set, model and target: what it shares with the dense network that it is held against."""
        return self.settings.data.dataset, self.model, self.target

    @property
    def criterion(self) -> str:
        """By what its masks are chosen: "snip", "prospr M=1"."""
        return " ".join(filter(None, (self.method, self.slot.variant if self.slot else "")))

    @property
    def is_dense(self) -> bool:
        """Whether nothing is pruned: the network that the others of its model and target are held against."""
        return not self.amount

    @property
    def label(self) -> str:
        """Name its method, with variant, control and teacher: "snip shuffle", "prospr M=1", "snip with teacher"."""
        control = "" if self.control == TAUGHT else self.control
        taught = "with teacher" if self.settings.training.is_taught else ""
        return " ".join(filter(None, (self.criterion, control, taught)))

    @property
    def name(self) -> str:
        """Name it among those of its group, for people: "snip shuffle, 90 % removed"."""
        return ", ".join(filter(None, (self.label, much(self.amount))))


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    arm: Arm
    seed: int

    @property
    def settings(self) -> Settings:
        """What is trained."""
        return self.arm.settings.model_copy(update={"seed": self.seed})


@dataclass(frozen=True)
class Reproduced:
    """The published table that a plan is of.

    Attributes:
        protocol: file of `configs/protocols/`.
        rows, columns: those that are trained.
        changed: group -> in what its settings differ from the protocol, "20 of 160 epochs".
    """

    table: Table
    protocol: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    changed: Mapping[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Plan:
    """All that a sweep trains.

    Attributes:
        axes: as they were asked for.
        arms: those of a group beside each other, their dense network first.
        left_out: controls that a method does not have, each with the reason.
        of_paper: the published table that it is of; None of any other sweep.
    """

    axes: Sweep
    arms: tuple[Arm, ...]
    left_out: tuple[str, ...]
    of_paper: Reproduced | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every training, seed by seed, so that a sweep that is cut has whole seeds."""
        return tuple(Trial(arm, seed) for seed in self.axes.seeds for arm in self.arms)

    def name(self, trial: Trial) -> str:
        """Name a trial for people."""
        return ", ".join([*self.apart(trial.arm.group), trial.arm.name, f"seed {trial.seed}"])

    def apart(self, group: tuple[str, ...]) -> list[str]:
        """Give of a group what tells it from the others; nothing where there is one."""
        groups = {arm.group for arm in self.arms}
        return [part for k, part in enumerate(group) if len({other[k] for other in groups}) > 1]


def much(amount: str) -> str:
    """Say how much goes or stays: "90 % removed", "macs=0.1 kept"."""
    return amount and (f"{amount} kept" if "=" in amount else f"{as_ratio(float(amount))} removed")


def plan(axes: Sweep, source: Source) -> Plan:
    """Make every combination, and refuse before the first run what cannot be trained.

    Raises:
        ConfigError: a setting that a sweep decides, a wrong setting, or combinations that cannot be; all are named.
    """
    _refuse_swept(axes, source)
    base = config.merged(
        source.flags, file=source.file, assignments=source.assignments,
        methods=axes.methods, models=axes.models,
    )  # fmt: skip
    if base.pruning.masks is not None:
        raise ConfigError(
            f"{source.file and source.file.path} trains given masks: remove pruning.masks; {_SWEPT['pruning.masks']}"
        )
    axes = axes.model_copy(update={"methods": axes.methods or (base.pruning.method,)})
    if not axes.ratios and not axes.budgets and set(axes.methods) - {"dense"}:
        raise ConfigError("nothing says how much is removed: give --ratios, such as 0.9 0.95, or --budgets macs=0.1")
    _require_own(axes, base)
    arms, faults, left_out = list[Arm](), dict[str, list[str]](), list[str]()
    for model, target in product(axes.models or (base.model.name,), axes.targets or (base.data.target,)):
        group = Group(axes, source, model, target)
        for method, amount in group.combinations():
            try:
                arms.append(group.arm(method, amount))
            except ConfigError as error:
                faults.setdefault(str(error), []).append(" ".join(filter(None, (model, target, method, amount))))
                continue
            for control in axes.controls if amount else ():
                try:
                    arms.append(group.arm(method, amount, control))
                except ConfigError as error:
                    left_out.append(f"{method} has no control {control}: {error}")
    refuse_faults(faults, len(arms))
    _refuse_unused(axes, arms, left_out)
    once = {arm.settings.model_dump_json(): arm for arm in reversed(arms)}  # of those that are the same, the first
    return Plan(axes, tuple(reversed(once.values())), tuple(dict.fromkeys(left_out)))


def _require_own(axes: Sweep, base: Settings) -> None:
    """Refuse code of the user's own that is no network or no method; the files that hold it are run.

    Raises:
        CellpruneError: names what it is not.
    """
    for model in filter(own.is_own, axes.models or (base.model.name,)):
        OwnNetwork.of(model)
    for method in filter(own.is_own, axes.methods):
        method_of(method)


@dataclass(frozen=True)
class Group:
    """The combinations of one model and target."""

    axes: Sweep
    source: Source
    model: str
    target: str

    def combinations(self) -> Iterator[tuple[str, str]]:
        """Give method and amount of each, the dense network first."""
        yield "dense", ""
        amounts = [*(repr(ratio) for ratio in self.axes.ratios), *self.axes.budgets]
        yield from product((method for method in self.axes.methods if method != "dense"), amounts)

    def arm(self, method: str, amount: str, control: str = "", slot: Slot | None = None) -> Arm:
        """Give a combination with its settings.

        Args:
            slot: the place in a published table that it is trained for.

        Raises:
            ConfigError: it cannot be trained.
        """
        key = "budget" if "=" in amount else "ratio"
        own = {
            "pruning.method": method,
            f"pruning.{key}": amount or 0,
            "pruning.control": "none" if control in ("", TAUGHT) else control,
            **({"model.name": self.model} if self.axes.models else {}),
            **({"data.target": self.target} if self.axes.targets else {}),
        }
        merged = config.merged(
            self.source.flags, file=self.source.file,
            assignments=(*self.source.assignments, *(f"{key}={value}" for key, value in own.items())),
            methods=self.axes.methods, models=self.axes.models,
        )  # fmt: skip
        settings = config.resolve(merged)
        if settings.pruning.stands_in and (why := families.why_no_levels(_architecture(settings))):
            what = f"control {control}" if control else f"dense family {method}"
            raise ConfigError(f"{why}, so there is no {what} of it")
        if control == TAUGHT and not settings.training.is_taught:
            raise ConfigError("nobody teaches it: give the trained network with --teacher")
        if TAUGHT in self.axes.controls and control != TAUGHT:
            settings = settings.model_copy(update={"training": settings.training.untaught})
        return Arm(self.model, self.target, method, amount, control, settings.model_copy(update={"seed": 0}), slot)


def _architecture(settings: Settings) -> Architecture:
    return Architecture.of(settings.model, in_channels=1, classes=2)


def _refuse_swept(axes: Sweep, source: Source) -> None:
    """Refuse by name what the axes decide; a file may hold it, as a run's config.yaml does."""
    given = {assignment.partition("=")[0] for assignment in source.assignments}
    swept = _SWEPT | {key: f"--{axis} lists them" for key, axis in _BY_AXIS.items() if getattr(axes, axis)}
    for key, why in swept.items():
        section, _, name = key.rpartition(".")
        flags = getattr(source.flags, section) if section else source.flags
        if key in given or name in flags.model_fields_set:
            raise ConfigError(f"{key} cannot be given to a sweep: {why}")


def refuse_faults(faults: Mapping[str, Sequence[str]], n_possible: int) -> None:
    """Refuse combinations that cannot be trained.

    Args:
        faults: what is wrong -> the combinations.
        n_possible: how many others there are.
    Raises:
        ConfigError: names them.
    """
    if not faults:
        return
    told = "; ".join(f"{_listed(names)}: {error}" for error, names in faults.items())
    n_faults = sum(map(len, faults.values()))
    raise ConfigError(
        f"{n_faults} of {many(n_possible + n_faults, 'combination')} cannot be trained, so nothing was begun: {told}; "
        "remove them from the plan"
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _refuse_unused(axes: Sweep, arms: Sequence[Arm], left_out: Sequence[str]) -> None:
    """Refuse a control that none of the methods has."""
    for control in axes.controls:
        if all(arm.control != control for arm in arms):
            why = next((line for line in left_out if f"control {control}:" in line), "no method is pruned")
            raise ConfigError(f"no method of the sweep has the control {control} ({why}): remove it from --controls")
