"""A published table as a plan: its rows and columns by name, trained by its protocol; refused before the first run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import floor

from cellprune.config import load as config
from cellprune.config import names, shipped
from cellprune.config.reproduce import Reproduce
from cellprune.config.resolve import ConfigError
from cellprune.config.schema import Settings
from cellprune.config.sweep import Sweep
from cellprune.data.sets import cards
from cellprune.errors import unknown
from cellprune.tables import paper
from cellprune.tables.paper import Slot, Table
from cellprune.tables.plan import Arm, Group, Plan, Reproduced, Source

_TARGET = "classes"  # of all published tables
_DECIDED = {"task", "seed", "data.dataset", "model.name", "training.epochs"} | {
    f"pruning.{key}" for key in ("method", "ratio", "budget", "control", "masks")
}


def reproduced(number: str, asked: Reproduce, assignments: Sequence[str] = ()) -> Plan:
    """Plan what a table of the paper needs: its dense networks, and the rows and columns that are asked for.

    Args:
        number: of the table, "1" to "10".
        assignments: `section.key=value`, settings that are to be other than the protocol's.
    Raises:
        CellpruneError: no such table, row, column or protocol; what this version cannot train; no epoch left; a
            setting that the table decides.
    """
    table = paper.table(number)
    slots = _chosen(table, asked)
    _refuse_missing(table, slots)
    _refuse_decided(table, assignments)
    starts, assignments = _starts(slots, assignments)
    protocol = _protocol(table, asked.protocol)
    file = _read(protocol)
    seeds = tuple(range(asked.seeds))
    arms, changed = list[Arm](), dict[tuple[str, ...], tuple[str, ...]]()
    for own in _grouped(slots):
        published = _Trained(_axes(own, seeds), file, starts)
        whole = published.dense(own[0]).settings
        trained = replace(published, others=assignments, epochs=_epochs(whole.training.epochs, asked))
        dense = trained.dense(own[0], _unpruned(table, own[0]))
        pruned = [trained.arm(slot) for slot in own if slot.amount]
        pairs = [(dense.settings, whole)]
        if assignments:  # which the unpruned network may not have
            pairs += [(arm.settings, published.arm(arm.slot).settings) for arm in pruned if arm.slot]
        changed[dense.group] = tuple(dict.fromkeys(line for pair in pairs for line in _changes(*pair)))
        arms += [dense, *pruned]
    rows, columns = (tuple(dict.fromkeys(getattr(slot, of) for slot in slots)) for of in ("row", "column"))
    return Plan(_axes(slots, seeds), tuple(arms), (), Reproduced(table, protocol, rows, columns, changed))


@dataclass(frozen=True)
class _Trained:
    """The arms of a group, by a protocol, the weights that some begin with, and what is to be otherwise."""

    axes: Sweep
    protocol: config.File
    starts: tuple[str, ...]
    others: tuple[str, ...] = ()
    epochs: int | None = None

    def dense(self, slot: Slot, own: Slot | None = None) -> Arm:
        """Give the dense network of a slot's group, from random weights; `own` is its own place in the table."""
        return self._group(slot).arm("dense", "", slot=own)

    def arm(self, slot: Slot) -> Arm:
        """Give what is trained for a slot."""
        return self._group(slot, self.starts if slot.start else ()).arm(slot.method, slot.amount, slot=slot)

    def _group(self, slot: Slot, starts: tuple[str, ...] = ()) -> Group:
        epochs = () if self.epochs is None else (f"training.epochs={self.epochs}",)
        # what the table decides comes last, so that it wins
        assignments = (*self.others, f"data.dataset={slot.dataset}", *slot.settings, *starts, *epochs)
        return Group(self.axes, Source(file=self.protocol, assignments=assignments), slot.model, _TARGET)


def published_epochs(slot: Slot, protocol: str) -> int:
    """Give the epochs that a slot is published with, by a protocol: by its own settings, which may be unknown yet."""
    own = dict(assignment.split("=") for assignment in slot.settings).get("training.epochs")
    return int(own) if own else config.load(file=_read(protocol).path).training.epochs


def _read(protocol: str) -> config.File:
    return config.read(shipped.folder("configs") / "protocols" / f"{protocol}.yaml")


def missing(slot: Slot) -> str:
    """Say what this version lacks to train a slot; "" where it lacks nothing."""
    if slot.start and paper.START not in config.keys(Settings):
        return f"weights that {slot.start} trained"
    if slot.dataset not in cards.names():
        return f"the data set {slot.dataset}"
    if names.row(names.MODELS, slot.model) is None:
        return f"the network {slot.model}"
    return "" if slot.method == "dense" or slot.method in names.METHODS else f"the method {slot.method}"


def able(slots: Sequence[Slot]) -> str:
    """Say by which columns, or else rows, that can be trained is asked for; "" where nothing can.

    Columns are those of which this version can train every row of these slots, and rows likewise.
    """
    for axis, of in _AXES:
        whole = dict.fromkeys(of(slot) for slot in slots)
        can = [name for name in whole if not any(missing(slot) for slot in slots if of(slot) == name)]
        if can:
            return f"--{axis} {' '.join(can)}"
    return ""


def lacking(slots: Sequence[Slot]) -> Iterator[tuple[str, str]]:
    """Give what is missing, each with the columns (or else rows) that need it: ("the network a", "column b")."""
    for what in dict.fromkeys(filter(None, map(missing, slots))):
        needing = [slot for slot in slots if missing(slot) == what]
        columns = {slot.column for slot in needing}
        by_column = all(slot in needing for slot in slots if slot.column in columns)
        axis, of = _AXES[0 if by_column else 1]
        named = list(dict.fromkeys(of(slot) for slot in needing))
        where = f"{axis if len(named) > 1 else axis[:-1]} {', '.join(named)}"
        yield what, where if len(needing) < len(slots) else "all of it"


_AXES: tuple[tuple[str, Callable[[Slot], str]], ...] = (
    ("columns", lambda slot: slot.column),
    ("rows", lambda slot: slot.row),
)


def _chosen(table: Table, asked: Reproduce) -> list[Slot]:
    """Give the slots of the rows and columns that are asked for; refuse names that the table does not have."""
    for kind, given, known in (("row", asked.rows, table.rows), ("column", asked.columns, table.columns)):
        for name in given:
            if name not in known:
                raise ConfigError(unknown(kind, name, known, f"table {table.number}"))
    rows, columns = asked.rows or table.rows, asked.columns or table.columns
    slots = [slot for slot in table.slots if slot.row in rows and slot.column in columns]
    if not slots:
        raise ConfigError(f"table {table.number} has nothing where these rows and columns meet: give others")
    return slots


def _refuse_missing(table: Table, slots: Sequence[Slot]) -> None:
    needs = "; ".join(f"{what} ({where})" for what, where in lacking(slots))
    if not needs:
        return
    can = able(slots)
    rest = f"what can be trained is {can}" if can else "none of it can be trained"
    raise ConfigError(f"table {table.number} needs what this version lacks: {needs}; nothing was begun, and {rest}")


def _refuse_decided(table: Table, assignments: Sequence[str]) -> None:
    """Refuse by name a setting that the table decides."""
    own = {assignment.partition("=")[0] for slot in table.slots for assignment in slot.settings}
    for key in (assignment.partition("=")[0] for assignment in assignments):
        if key in _DECIDED | own:
            how = "give --epochs" if key == "training.epochs" else "remove it from --set"
            raise ConfigError(f"table {table.number} decides {key}: {how}")


def _starts(slots: Sequence[Slot], assignments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part the file of weights that some rows begin with from the settings that hold for all of them."""
    beginning = [slot for slot in slots if slot.start]
    if not beginning:
        return (), tuple(assignments)
    rows, columns = (list(dict.fromkeys(getattr(slot, of) for slot in beginning)) for of in ("row", "column"))
    starts = tuple(one for one in assignments if one.partition("=")[0] == paper.START)
    who = f"row {', '.join(rows)} begins with weights that {beginning[0].start} trained"
    if not starts:
        raise ConfigError(f"{who}: give their file as --set {paper.START}=FILE, or take other --rows")
    if len(columns) > 1:
        raise ConfigError(
            f"{who}, other ones for each of the columns {', '.join(columns)}: give --columns {columns[0]}"
        )
    return starts, tuple(one for one in assignments if one not in starts)


def _protocol(table: Table, given: str | None) -> str:
    if given is not None and given not in table.protocols:
        raise ConfigError(unknown("protocol", given, table.protocols, f"table {table.number}"))
    return given or table.protocols[0]


def _grouped(slots: Sequence[Slot]) -> list[list[Slot]]:
    """Give the slots of each data set and network."""
    groups: dict[tuple[str, str], list[Slot]] = {}
    for slot in slots:
        groups.setdefault((slot.dataset, slot.model), []).append(slot)
    return list(groups.values())


def _unpruned(table: Table, like: Slot) -> Slot | None:
    """Give the place of a group's dense network, which is trained whether its row is asked for or not."""
    own = (slot for slot in table.slots if (slot.dataset, slot.model, slot.amount) == (like.dataset, like.model, ""))
    return next(own, None)


def _axes(slots: Sequence[Slot], seeds: tuple[int, ...]) -> Sweep:
    pruned = [slot for slot in slots if slot.amount]
    return Sweep(
        methods=tuple(slot.method for slot in pruned),
        ratios=tuple(float(slot.amount) for slot in pruned),
        seeds=seeds,
        models=tuple(slot.model for slot in slots),
    )


def _epochs(published: int, asked: Reproduce) -> int:
    if asked.epochs_scale is None:
        return asked.epochs or published
    if (epochs := floor(published * asked.epochs_scale + 0.5)) < 1:
        raise ConfigError(
            f"--epochs-scale {asked.epochs_scale:g} leaves no epoch of the protocol's {published}: give at least "
            f"{1 / published:.3g}"
        )
    return epochs


def _changes(ours: Settings, published: Settings) -> Iterator[str]:
    """Say in what settings differ from the published ones, but for the precision, which the device may choose."""
    mine, theirs = (dict(config.flat(settings.model_dump(mode="json"))) for settings in (ours, published))
    told = sorted((mine.keys() | theirs.keys()) - {"training.precision"})
    for key in (key for key in told if mine.get(key) != theirs.get(key)):
        if key == "training.epochs" and ours.training.epochs < published.training.epochs:
            yield f"{mine[key]} of {theirs[key]} epochs"
        else:
            yield f"{key} {mine.get(key)} in place of {theirs.get(key)}"
