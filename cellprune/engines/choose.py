"""Which engine runs a model: those that can, and of several the fastest here, measured once.

A model file runs in torch, which built it. An ONNX file runs in ONNX Runtime and in OpenVINO; no engine turns one
file into the other unseen, because `cellprune export` compares the two as it makes one.
"""

import hashlib
import json
import platform
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprune.config.names import ENGINES, EngineRow, resolve
from cellprune.engines import timing
from cellprune.errors import CellpruneError, WorkError
from cellprune.lab.engine import Engine, Precision
from cellprune.machine import threads
from cellprune.machine.cache import cache_root
from cellprune.runs import atomic, onnxfile

if TYPE_CHECKING:
    from torch import nn

_TILE_PX = 256
_EXPORT = "make an ONNX file of it with 'cellprune export'"
_TILES = 2  # timed, of each engine; one before them is not


def engine(
    model: "nn.Module | str | Path",
    *,
    engine: str = "auto",
    device: str = "auto",
    precision: Precision = "fp32",
    network: str | None = None,
) -> Engine:
    """Make the engine that runs a model.

    Args:
        model: a run folder, a model file, an ONNX file, or a torch network.
        engine: a row of the engines' table, or "auto": of those that are installed the one that is fastest here.
        device: where it runs.
        precision: what is computed in.
        network: FILE.py:NAME of a model file of a network of the user's own; see `models.loaded.load`.
    Raises:
        CellpruneError: no such engine, or none that is installed can run it; what to do is named.
    """
    kind = "onnx" if onnxfile.is_named_so(model) else "model"
    if network is not None and kind == "onnx":
        raise CellpruneError(f"{model} is an ONNX file, which needs no code: remove --model")
    code = {} if network is None else {"network": network}
    if engine != "auto":
        if engine in ENGINES:
            _require(model, kind, engine, ENGINES[engine])
        made: Engine = resolve("engine", engine)(model, device=device, precision=precision, **code)
        return made
    able = {name: row for name, row in ENGINES.items() if row.runs == kind and precision in row.precisions}
    if not able:
        raise CellpruneError(f"--precision {precision}: {model} runs in torch, in float32: {_EXPORT}")
    here = [name for name, row in able.items() if find_spec(row.package)]
    if not here:
        _require(model, kind, *next(iter(able.items())))
    if len(here) > 1:
        return _fastest(Path(str(model)), here, device, precision)
    made = resolve("engine", here[0])(model, device=device, precision=precision, **code)
    return made


def _require(model: object, kind: str, name: str, row: EngineRow) -> None:
    """Refuse an engine that does not run such a file or is not installed."""
    if row.runs != kind:
        if row.runs == "onnx":
            raise CellpruneError(f"--engine {name} runs ONNX files, which {model} is not: {_EXPORT}")
        raise CellpruneError(f"--engine {name} runs no ONNX files, as {model} is one: remove --engine")
    if not find_spec(row.package):
        other = f", or {_EXPORT} where it is" if kind == "model" else ""
        raise CellpruneError(
            f"{model} needs {row.package}, which is not installed: pip install 'cellprune[{row.extra}]'{other}"
        )


def _fastest(model: Path, names: list[str], device: str, precision: Precision) -> Engine:
    """Take what was fastest when this model was first run here, or measure it now."""
    makers = {name: resolve("engine", name) for name in names}
    kept = _kept_path(model, names, precision)
    with suppress(OSError, ValueError, LookupError, TypeError):  # none yet, or damaged: measured again
        made: Engine = makers[json.loads(kept.read_text(encoding="utf-8"))["engine"]](
            model, device=device, precision=precision
        )
        return made
    engines: dict[str, Engine] = {}
    refusals: list[CellpruneError] = []
    for name, make in makers.items():
        try:
            engines[name] = make(model, device=device, precision=precision)
        except CellpruneError as error:  # the other may be able to
            refusals.append(error)
    if not engines:
        raise refusals[0]
    took = timing.engines_in_turn(engines, (_TILE_PX, _TILE_PX), passes=_TILES).milliseconds
    best = min(took, key=lambda name: took[name])
    with suppress(WorkError, OSError):  # a home that cannot be written: measured again next time
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(kept, json.dumps({"engine": best, "milliseconds": took}))
    return engines[best]


def _kept_path(model: Path, names: list[str], precision: str) -> Path:
    """Give where the choice is kept for this file, machine, threads and versions."""
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    versions = {name: version(ENGINES[name].package) for name in names}
    key: dict[str, Any] = {"model": digest, "precision": precision, "versions": versions, "threads": threads.count()}
    key |= {"machine": [platform.node(), platform.machine()]}
    return cache_root() / "engines" / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}.json"
