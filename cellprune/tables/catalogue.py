"""The published tables that can be asked for: what each compares, what this version lacks for it, what it takes."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from cellprune.config.reproduce import USUAL_SEEDS
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier
from cellprune.report.formatting import duration
from cellprune.runs.folder import Folder
from cellprune.tables import paper
from cellprune.tables.paper import Slot
from cellprune.tables.reproduce import able, lacking, published_epochs

_Pace = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Entry:
    """One table.

    Attributes:
        rows, columns: their names, all of them.
        n_runs: of the whole table, with the usual number of seeds.
        seconds: that these take here; None where no finished run tells.
        lacks: what this version lacks to train all of it; "" where nothing.
        able: the rows or columns that it can train all the same; "" where it can train all, or none.
    """

    number: str
    about: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    n_runs: int
    seconds: float | None
    lacks: str
    able: str

    def lines(self) -> list[str]:
        """Say it."""
        time = "" if self.seconds is None else f", about {duration(self.seconds)} here"
        said = [
            f"{self.number:>2}  {self.about}",
            f"    rows {' '.join(self.rows)}; columns {' '.join(self.columns)}",
            f"    {self.n_runs} runs with {USUAL_SEEDS} seeds{time}",
        ]
        if self.lacks:
            rest = f"can be trained: {self.able}" if self.able else "nothing of it can be trained"
            said.append(f"    this version lacks {self.lacks}; {rest}")
        return said


def entries(runs: Path) -> list[Entry]:
    """Give every table.

    Args:
        runs: folder of runs; the finished ones tell how long a training takes here.
    """
    pace = _pace(runs)
    return [_entry(number, pace) for number in paper.TABLES]


def _entry(number: str, pace: _Pace) -> Entry:
    table = paper.table(number)
    dense = {(slot.dataset, slot.model): slot for slot in table.slots}
    trained = [*(slot for slot in table.slots if slot.amount), *dense.values()]
    seconds = [_seconds(slot, table.protocols[0], pace) for slot in trained]
    known = [each for each in seconds if each is not None]
    needs = list(lacking(table.slots))
    return Entry(
        number=number,
        about=table.about,
        rows=table.rows,
        columns=table.columns,
        n_runs=len(trained) * USUAL_SEEDS,
        seconds=USUAL_SEEDS * sum(known) if len(known) == len(trained) else None,
        lacks=", ".join(what for what, _ in needs),
        able=able(table.slots) if needs else "",
    )


def _seconds(slot: Slot, protocol: str, pace: _Pace) -> float | None:
    epoch = pace.get((slot.dataset, slot.model))
    return None if epoch is None else epoch * published_epochs(slot, protocol)


def _pace(runs: Path) -> _Pace:
    """Give the median seconds of an epoch of each data set and network, of the finished runs."""
    of: dict[tuple[str, str], list[float]] = {}
    for folder in map(Folder, sorted(runs.iterdir()) if runs.is_dir() else ()):
        with suppress(CellpruneError):
            if folder.finished:
                settings, times = earlier.settings_of(folder), folder.read_provenance().times
                own = of.setdefault((settings.data.dataset, settings.model.name), [])
                own.append(times.get("training_s", 0.0) / settings.training.epochs)
    return {group: median(epochs) for group, epochs in of.items()}
