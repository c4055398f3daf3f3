"""The networks that are compared: what each is, what it scored on which images, and the files that engines take."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cellprune.bench.entry import Entry
from cellprune.config.names import ENGINES, is_dense_family
from cellprune.engines.torch import size
from cellprune.errors import CellpruneError
from cellprune.export.onnx import to_onnx
from cellprune.lab.engine import Precision
from cellprune.models import loaded
from cellprune.report import finished
from cellprune.report.finished import FinishedRun
from cellprune.report.together.comparison import compare
from cellprune.report.together.folded import cells
from cellprune.runs import onnxfile, provenance
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import ModelCard, read_card

Kind = Literal["dense", "control", "pruned"]


@dataclass(frozen=True)
class Score:
    """What a run scored.

    Attributes:
        value: the headline of its scores.json, native size.
        seg: SEG of its cells; None where they were not scored.
        on: the images, and how they were judged; scores of other images or another truth are not compared.
        nothing: why the run's network has learned nothing; "" if it has.
    """

    value: float
    seg: float | None
    on: frozenset[object]
    nothing: str


@dataclass(frozen=True)
class Network:
    """A trained network that is measured.

    Attributes:
        name: as the page calls it.
        path: as it was given.
        kind: what its run is; None of a file whose run is not among the networks.
        trained_as: the settings of its run, but for those of pruning and the seed; None likewise.
        score: of its run, in float32; None likewise.
        card: what it takes and gives.
        bytes: of its file.
        own: FILE.py:NAME of a network of the user's own.
    """

    name: str
    path: Path
    kind: Kind | None
    trained_as: str | None
    score: Score | None
    card: ModelCard
    bytes: int
    own: str | None = None

    @property
    def is_onnx(self) -> bool:
        """Whether it is an ONNX file already."""
        return onnxfile.is_named_so(self.path)


def read(paths: Sequence[Path], own: str | None = None) -> list[Network]:
    """Read what is known of networks.

    Args:
        paths: folders of finished runs, model files, ONNX files.
        own: FILE.py:NAME of those that are networks of the user's own.
    Raises:
        CellpruneError: none of these, one named twice, code that none of them needs, a run that is not finished, a
            file without our card, or a network that gives no maps.
    """
    if twice := [path for path, n in Counter(path.resolve() for path in paths).items() if n > 1]:
        raise CellpruneError(f"{twice[0]} is named twice: name each network once")
    runs = {run.path: run for run in finished.read([path for path in paths if path.is_dir()])}
    by_made = {provenance.digest(Folder(path).read_provenance()): run for path, run in runs.items()}
    labels = _labels(paths, list(runs.values()))
    networks = []
    for path in paths:
        header, code = _header(path, own)
        card = read_card(header, path)
        run = runs.get(path) or by_made.get(str(header.get("provenance_sha256")))
        n_bytes = _file(path).stat().st_size
        networks.append(Network(labels[path], path, _kind(run), _trained_as(run), _score(run), card, n_bytes, code))
    if own is not None and not any(network.own for network in networks):
        raise CellpruneError(f"--model {own}: none of these is a network of your own: remove --model")
    return networks


def _header(path: Path, own: str | None) -> tuple[Mapping[str, object], str | None]:
    """Give the header of a network, with its size, and the code that it needs."""
    if onnxfile.is_named_so(path):
        return onnxfile.read_header(path), None
    given = loaded.read(path, own, needs_it=False)
    header = {**given.header, **size(given.network, read_card(given.header, path).in_channels)}
    return header, own if given.architecture.own else None


def _file(path: Path) -> Path:
    return Folder(path).file("model") if path.is_dir() else path


def _labels(paths: Sequence[Path], runs: Sequence[FinishedRun]) -> dict[Path, str]:
    """Name runs by the settings in which they differ and files by their names; what is not unique, by its path, too."""
    said = {run.path: run.label for group in compare(runs) for run in group.runs}
    names = {path: said.get(str(path), path.name) for path in paths}
    often = Counter(names.values())
    return {path: name if often[name] == 1 else f"{name} ({path})" for path, name in names.items()}


def _kind(run: FinishedRun | None) -> Kind | None:
    if run is None:
        return None
    if run.settings.get("pruning.control") or is_dense_family(run.settings["pruning.method"]):
        return "control"
    return "dense" if run.is_dense else "pruned"


def _trained_as(run: FinishedRun | None) -> str | None:
    if run is None:
        return None
    own = {key: value for key, value in run.settings.items() if key != "seed" and not key.startswith("pruning.")}
    return json.dumps(own, sort_keys=True, default=str)


def _score(run: FinishedRun | None) -> Score | None:
    value = run.judged.scores[0].at.get("native") if run else None
    if run is None or value is None:
        return None
    files = ((key, tuple(sorted(hashes.items()))) for key, hashes in run.judged.files.items())
    return Score(value, (cells(run) or {}).get("seg"), frozenset([*files, run.judged.truth]), run.nothing)


def entries(networks: Sequence[Network], folder: Path) -> tuple[list[Entry], list[str]]:
    """Give every network in every installed engine and precision that it can run in, and say what cannot be.

    Args:
        folder: for the ONNX files that are made.
    Raises:
        CellpruneError: no engine that is installed runs any of them.
    """
    made: list[Entry] = []
    notes: list[str] = []
    for number, network in enumerate(networks):
        file = network.path
        if not network.is_onnx:
            made += _entries_of(network, "model", network.path)
            given = loaded.load(network.path, network.own)
            file = folder / f"{number}{onnxfile.SUFFIX}"
            try:
                file.write_bytes(to_onnx(given, loaded.header_of(given) or {}, network.name))
            except CellpruneError as error:  # then it runs in torch alone
                notes.append(str(error))
                continue
        made += _entries_of(network, "onnx", file)
    if not made:
        raise CellpruneError("no engine that runs these networks is installed: pip install 'cellprune[openvino]'")
    return made, notes


def _entries_of(network: Network, runs: str, file: Path) -> list[Entry]:
    precisions: tuple[Precision, ...] = (network.card.precision,)
    return [
        Entry(network.name, name, precision, file, network.own if runs == "model" else None)
        for name, row in ENGINES.items()
        if row.runs == runs and find_spec(row.package)
        for precision in (*precisions, *(_lower(name) if network.card.precision == "fp32" else ()))
    ]


def _lower(engine: str) -> tuple[Precision, ...]:
    """Give the precisions below that of the file which an engine has on this processor."""
    if engine != "openvino":
        return ()
    from cellprune.engines.openvino import has_bf16

    return ("bf16",) if has_bf16() else ()
