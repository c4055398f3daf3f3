"""`cellprune merge`: one table of what was predicted in shards."""

import json as text
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellprune.cli.predict import list_failures
from cellprune.cli.terminal import say
from cellprune.errors import CellpruneError
from cellprune.wording import many


def merge(
    first: Path,
    /,
    *more: Path,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    multiqc: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Make one table of cells of what `cellprune predict --shard` left, and one prediction.json.

    The table is that of a prediction in one process, byte by byte. Only tables and records are read, no images. If
    inputs could not be predicted, they are listed, and the exit code is 1.

    Examples:

        cellprune merge cells

        cellprune merge node1/cells node2/cells -o table --multiqc

    Parameters
    ----------
    first
        The output folder of a prediction.
    more
        More of them, by the same model and with the same options: shards that were written elsewhere, or predictions of
        other images.
    output
        Folder for cells.csv and prediction.json; without it, the one folder that is given.
    multiqc
        Write cellprune_mqc.json, too: the cells of each file as a table for MultiQC.
    json
        Print the result as one JSON object on standard output.
    """
    from cellprune.lab.gathering import Failure
    from cellprune.lab.merge import merge as merged

    if more and output is None:
        raise CellpruneError("several folders are given, and no place for the one table: add -o FOLDER")
    folder = output or first
    made = merged([first, *more], folder, multiqc=multiqc)
    list_failures([Failure(one["image"], one["why"]) for one in made.failed], folder)
    if json:
        print(text.dumps({"output": str(folder), **asdict(made)}))
    else:
        failed = f", {len(made.failed)} not done" if made.failed else ""
        say(f"{many(made.cells, 'cell')} in {many(made.images, 'image')}{failed}, from {many(made.pieces, 'table')}")
        say("Look at:", f"  {folder / 'cells.csv'}   one line per cell: position, area, shape, grey levels")
    return 1 if made.failed else 0
