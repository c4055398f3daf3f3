"""The core installation, fresh and without an extra: it is small, starts fast, and gives torch's label images."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import tifffile
from command_line import typed
from onnx_files import model_file, network_of, onnx_file

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
MOST_BYTES = 500_000_000  # of what is installed
MOST_MEMORY_KB = 500_000
MOST_START_S = 1.0  # of CPU time, one thread
_INSTALLERS = ("pip", "setuptools", "pkg_resources", "_distutils_hack")  # which every environment has
_OFFLINE = ("No matching distribution", "Could not find a version", "Connection", "Temporary failure", "Max retries")


def pip(python: object, *words: object) -> None:
    """Run pip, and skip where it reaches no index."""
    done = subprocess.run(
        [str(word) for word in (python, "-m", "pip", *words)], capture_output=True, text=True, timeout=1200
    )
    if done.returncode and any(said in done.stderr for said in _OFFLINE):
        pytest.skip(f"pip reaches no package index: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds of the source archive, as an index would have both."""
    place = tmp_path_factory.mktemp("built")
    pip(sys.executable, "install", "--quiet", "--target", place / "tools", "hatchling")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(place)]
    path = os.environ | {"PYTHONPATH": str(place / "tools")}
    subprocess.run(words, check=True, capture_output=True, cwd=REPOSITORY, env=path)
    (source,) = place.glob("*.tar.gz")
    pip(sys.executable, "wheel", "--quiet", "--no-deps", "-w", place, source)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment that has the core alone."""
    place = tmp_path_factory.mktemp("core")
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip(place / "bin" / "python", "install", "--quiet", "-c", REPOSITORY / "constraints.txt", wheel)
    return place


def test_the_wheel_of_the_source_archive_has_the_package_and_no_more(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl"), "one for all systems"
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "cellprune").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"cellprune/report/published.csv", "cellprune/report/page.css"} <= ours, "not code alone"
    shipped = {
        f"cellprune/_shipped/{path.relative_to(REPOSITORY)}"
        for folder in ("datasets", "configs")
        for path in (REPOSITORY / folder).rglob("*.yaml")
    }
    assert names >= ours | shipped
    assert {name.split("/")[0] for name in names} == {"cellprune"}


def packages(core: Path) -> Path:
    (folder,) = core.glob("lib/python*/site-packages")
    return folder


def test_it_is_small_and_has_no_torch(core: Path) -> None:
    folder = packages(core)
    names = {path.name for path in folder.iterdir()}
    assert not names & {"torch", "monai", "onnx", "openvino", "sklearn", "matplotlib"}
    assert {"cellprune", "onnxruntime"} <= names
    ours = [path for path in folder.iterdir() if not path.name.startswith(_INSTALLERS)]
    files = [path for one in ours for path in (one, *one.rglob("*")) if path.is_file()]
    n_bytes = sum(path.lstat().st_size for path in files)
    assert n_bytes < MOST_BYTES, f"{n_bytes / 1e6:.0f} MB"


def cellprune(core: Path, *words: object) -> tuple[str, float]:
    """Run the installed program; give what it says and its seconds of CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [str(core / "bin" / "cellprune"), *map(str, words)],
        capture_output=True, text=True, cwd=core, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return done.stdout, sum(getattr(after, key) - getattr(before, key) for key in ("ru_utime", "ru_stime"))


def test_it_predicts_what_torch_predicts(core: Path, data_root: Path, tmp_path: Path) -> None:
    network = network_of()
    images = data_root / "simulated-v1" / "01"
    cellprune(core, "predict", onnx_file(tmp_path / "a.onnx", network), images, "-o", tmp_path / "core")
    assert typed("predict", model_file(tmp_path / "model.safetensors", network), images, "-o", tmp_path / "torch") == 0
    written = sorted((tmp_path / "core" / "labels").iterdir())
    assert len(written) == 12
    for path in written:
        labels = tifffile.imread(path)
        assert labels.any()
        assert np.array_equal(labels, tifffile.imread(tmp_path / "torch" / "labels" / path.name))


def test_it_starts_fast_and_takes_little_memory(core: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
    path = onnx_file(tmp_path / "a.onnx")
    took = [
        cellprune(core, "predict", path, tmp_path / "a.tif", "-o", tmp_path / f"out{at}", "--no-overlays")[1]
        for at in range(3)
    ]
    assert min(took) < MOST_START_S, took
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    words = [core / "bin" / "cellprune", "predict", path, tmp_path / "a.tif", "-o", tmp_path / "out"]
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True)
    assert int(done.stdout) < MOST_MEMORY_KB
