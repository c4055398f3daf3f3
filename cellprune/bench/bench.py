"""Trained networks side by side on this machine: every engine, every precision, one answer."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cellprune.bench import helped
from cellprune.bench.measure import measure
from cellprune.bench.networks import Network, entries, read
from cellprune.bench.row import Row
from cellprune.errors import CellpruneError
from cellprune.machine import processor, threads
from cellprune.runs import scratch
from cellprune.training.progress import Tell, unheard

_LEAST_PX = 2  # of a side: a single pixel has nothing to mirror


@dataclass(frozen=True)
class Bench:
    """What was measured, and what it says.

    Attributes:
        size_px: height and width of the image, as the networks see it.
        passes: of each row that count.
        rows: network by network, as they were given.
        helped: whether pruning helped, for and against, a sentence for each pruned network.
        notes: what is missing, or not to be compared.
    """

    size_px: tuple[int, int]
    threads: int
    passes: int
    processor: str
    rows: tuple[Row, ...]
    helped: tuple[str, ...]
    notes: tuple[str, ...]


def bench(
    paths: Sequence[Path],
    *,
    own: str | None = None,
    size_px: tuple[int, int] | None = None,
    n_threads: int | None = None,
    tell: Tell = unheard,
) -> Bench:
    """Measure networks in every engine that is installed.

    Args:
        paths: folders of finished runs, model files, ONNX files.
        own: FILE.py:NAME of those that are networks of the user's own; see `models.loaded.load`.
        size_px: height and width of the image, as the networks see it; None for what the first one learned from.
        n_threads: of each engine; None for as many as predicting takes.
        tell: told of each engine and network that is ready.
    Raises:
        CellpruneError: no such network, or one that cannot be measured.
        WorkError: the process of one was lost.
    """
    networks = read(paths, own)
    size = size_px or networks[0].card.network_size_px
    if min(size) < _LEAST_PX:
        raise CellpruneError(
            f"--size {size[0]} {size[1]} is smaller than any network takes: give {_LEAST_PX} px at least"
        )
    with scratch.made(Path(tempfile.gettempdir()), "cellprune-bench") as folder:
        made, notes = entries(networks, folder)
        n_threads = n_threads or threads.count()
        measured, passes = measure(made, size, n_threads, tell)
    by_name = {network.name: network for network in networks}
    first = next((network.score.on for network in networks if network.score), None)
    rows = []
    for one in measured:
        network, macs_per_pixel = by_name[one.entry.network], by_name[one.entry.network].card.macs_per_pixel
        rows.append(
            Row(
                network=network.name,
                path=str(network.path),
                kind=network.kind,
                trained_as=network.trained_as,
                engine=one.entry.engine,
                precision=one.entry.precision,
                milliseconds=one.milliseconds,
                peak_bytes=one.peak_bytes,
                bytes=network.bytes,
                macs=None if macs_per_pixel is None else round(macs_per_pixel * size[0] * size[1]),
                parameters=network.card.parameters,
                score=network.score.value if network.score else None,
                seg=network.score.seg if network.score else None,
                comparable=network.score is not None and network.score.on == first,
            )
        )
    return Bench(
        size_px=size,
        threads=n_threads,
        passes=passes,
        processor=processor.name(),
        rows=tuple(rows),
        helped=tuple(helped.sentences(rows)),
        notes=(*notes, *_notes(networks, first)),
    )


def _notes(networks: Sequence[Network], first: frozenset[object] | None) -> list[str]:
    """Say which scores are missing, which are worth nothing, and which may not be compared."""
    notes = [
        f"{network.name} has no score here: name the run that it was made from, too."
        for network in networks
        if network.score is None
    ]
    notes += [
        f"{network.name} learned nothing: {network.score.nothing}. A difference from it means nothing."
        for network in networks
        if network.score and network.score.nothing
    ]
    reference = next((network.name for network in networks if network.score), "")
    notes += [
        f"{network.name} was scored on other images than {reference}, or by another truth: its score is not "
        "comparable, so it is not drawn."
        for network in networks
        if network.score and network.score.on != first
    ]
    if len({network.card.zoom for network in networks}) > 1:
        notes.append(
            "These networks zoom images differently, so they see one microscope image at different sizes. The times "
            "are for the same size as the networks see it."
        )
    if any(network.score for network in networks):
        notes.append("Each score is of one run. Another seed gives another score, so a small difference says nothing.")
    return notes
