"""`cellprune bench`: trained networks side by side on this machine."""

import json as text
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cellprune.cli.page_name import refuse_taken
from cellprune.cli.terminal import say, tell
from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.bench.bench import Bench


def bench(
    *networks: Path,
    network: Annotated[str | None, Parameter(name="--model")] = None,
    size: Annotated[tuple[int, int] | None, Parameter(negative="")] = None,
    threads: int | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure trained networks in every installed engine: milliseconds, memory and bytes beside the scores.

    Runs and model files are measured in PyTorch and, as ONNX files that are made for the moment, in ONNX Runtime and
    OpenVINO. All are measured in turn. The page says whether pruning helped: name the dense run among the others. A
    control is one more run.

    Examples:

        cellprune bench runs/DENSE runs/PRUNED -o bench.html

        cellprune bench runs/PRUNED small.safetensors cells-int8.onnx --threads 1

        cellprune bench runs/DENSE runs/PRUNED --size 520 696 -o bench.html

    Parameters
    ----------
    networks
        Folders of finished runs, or of searches for the network that each found, model files, ONNX files of
        `cellprune export`. A file has the score of its run if that is named, too.
    network
        Of networks of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not
        run unless you name it.
    size
        Height and width of the image, as the networks see it; without it, what the first one learned from.
    threads
        Of each engine; without it, as many as `predict` takes: $OMP_NUM_THREADS, else one for each core.
    output
        The page, an .html file. Only a page of the same kind may be there already; it is replaced.
    json
        Print the numbers as one JSON object on standard output.
    """
    if not networks:
        raise CellpruneError("no network is named: give finished runs, model files or ONNX files")
    if threads is not None and threads < 1:
        raise CellpruneError(f"--threads {threads}: give 1 or more")
    if output is not None:
        refuse_taken(output, "bench")

    from cellprune.cli.progress import loading, phase

    with loading():
        from cellprune.bench import page
        from cellprune.bench.bench import bench as measured
        from cellprune.runs.documents import plain
        from cellprune.runs.searched import found_by

    with phase("measuring in turn", after_s=1) as count:
        paths = [found_by(path) for path in networks]
        made = measured(paths, own=network, size_px=size, n_threads=threads, tell=count)
    if output is not None:
        page.write(output, made)
    for note in made.notes:
        tell(f"note: {note}")
    if json:
        print(text.dumps({"page": None if output is None else str(output), **plain(made)}))
        return
    say(*_lines(made), *([] if output is None else [f"Look at: {output}"]))


def _lines(made: "Bench") -> Iterator[str]:
    from cellprune.report.formatting import count, file_size, milliseconds, score

    height, width = made.size_px
    yield f"{height} x {width} px, threads: {made.threads}, {made.processor}"
    widest = max(len("network"), *(len(row.network) for row in made.rows))
    heads = ("time", "memory", "file", "macs", "params", "score")
    yield f"{'network':{widest}}  {'engine':14}" + "".join(f"{head:>10}" for head in heads)
    for row in made.rows:
        cells = (
            milliseconds(row.milliseconds),
            file_size(row.peak_bytes),
            file_size(row.bytes),
            count(row.macs),
            count(row.parameters),
            score(row.score),
        )
        yield f"{row.network:{widest}}  {f'{row.engine} {row.precision}':14}" + "".join(f"{cell:>10}" for cell in cells)
    yield from made.helped
