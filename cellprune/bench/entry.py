"""One network in one engine, and what its process does; nothing is loaded here but what the engine needs.

So the peak memory of an engine without torch is that of a process without torch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cellprune.config.names import resolve
from cellprune.engines import timing
from cellprune.lab.engine import Engine, Precision
from cellprune.machine.peak import peak_bytes
from cellprune.machine.processes import end_with_parent

_passes: list[Callable[[], float]] = []  # of this process: one, once it is prepared


@dataclass(frozen=True)
class Entry:
    """A network in an engine.

    Attributes:
        file: that the engine takes.
        own: FILE.py:NAME of a model file's network, where it is the user's own.
    """

    network: str
    engine: str
    precision: Precision
    file: Path
    own: str | None = None

    @property
    def name(self) -> str:
        """Say it in a few words."""
        return f"{self.network}, {self.engine} {self.precision}"


def prepare(entry: Entry, size_px: tuple[int, int]) -> None:
    """Load the network of this process, and run it once.

    Raises:
        CellpruneError: the engine cannot run it, or not on such an image.
    """
    end_with_parent()
    code = {"network": entry.own} if entry.own else {}  # which only torch takes
    engine: Engine = resolve("engine", entry.engine)(entry.file, device="cpu", precision=entry.precision, **code)
    _passes.append(timing.pass_of_engine(engine, size_px))
    once()


def once() -> float:
    """Run the network once, and give the milliseconds."""
    return _passes[0]()


def peak() -> int | None:
    """Give the most memory that this process held."""
    return peak_bytes()
