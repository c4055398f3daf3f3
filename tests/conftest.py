"""What the tests share: one thread each, simulated cells made once, the real ones where they are present."""

import gc
import os
import pickle
import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background of a script, as are the commands we cut
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

from collections.abc import Callable, Generator, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from cellprune.runs.folder import Folder

REAL = ("PhC-C2DH-U373", "DIC-C2DH-HeLa")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while the tests are collected: all that is made stays, and to look at it takes a quarter."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_power_is_lost() -> Iterator[None]:
    """Wait for no disk: only a test that cuts the power could tell, and the waiting is most of a simulated search."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of this session share."""
    own = tmp_path_factory.getbasetemp()
    root = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def data_root(shared_root: Path) -> Path:
    """A data root that holds the simulated cells."""
    from cellprune.data.open import open_dataset

    root = shared_root / "data"
    with FileLock(shared_root / "data.lock"):
        open_dataset("simulated", data_root=root)
    return root


@pytest.fixture(scope="session")
def real_root(shared_root: Path) -> Path:
    """A data root that holds the two real sets; the test is skipped where they are not."""
    source = os.environ.get("CELLPRUNE_REAL_DATA")
    if not source:
        pytest.skip("the real data are not here: set CELLPRUNE_REAL_DATA to the folder with the two zips")
    from cellprune.data.fetch import fetch

    root = shared_root / "real"
    with FileLock(shared_root / "real.lock"):
        for name in REAL:
            if not (root / name).is_dir():
                fetch(name, source=Path(source) / f"{name}.zip", data_root=root)
    return root


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., "Folder"]:
    """Make a finished run, which lacks nothing but its report, in the folder of this name."""
    import finished_run

    return lambda name="run", **options: finished_run.make(tmp_path / name, **options)


_figures: dict[bytes, str | None] = {}  # what was drawn of which numbers


@pytest.fixture
def each_figure_once(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, str | None]:
    """Draw the figures of a report once for the same numbers: they take most of a page's time, and tests ask its words.

    Gives the figures that there are; after a `clear()`, the next ones are drawn anew.
    """
    from cellprune.report import figures
    from cellprune.report.together import figures as together

    def once(draw: Callable[..., str | None]) -> Callable[..., str | None]:
        @wraps(draw)
        def figure(*numbers: object, **words: object) -> str | None:
            key = pickle.dumps((draw.__module__, draw.__name__, numbers, words))
            if key not in _figures:
                _figures[key] = draw(*numbers, **words)
            return _figures[key]

        return figure

    for room, names in ((figures, ("curves", "spread", "layers")), (together, ("curves", "differences"))):
        for name in names:
            monkeypatch.setattr(room, name, once(getattr(room, name)))
    return _figures


@pytest.fixture(scope="module")
def figures_left_empty() -> Iterator[None]:
    """Put the figures of reports together and do not draw them, where runs are many and no test looks at a figure.

    Drawn they are where reports are tested, and in the runs of tests/experiment/test_story.py and tests/tasks.
    """
    from matplotlib.figure import Figure

    def leave_empty(figure: Figure, file: TextIO, **_: object) -> None:
        file.write('<svg xmlns="http://www.w3.org/2000/svg"/>')

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Figure, "savefig", leave_empty)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or writes, what the developer's machine has measured."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CELLPRUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's data."""
    monkeypatch.delenv("CELLPRUNE_DATA", raising=False)
