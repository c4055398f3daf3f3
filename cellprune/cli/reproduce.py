"""`cellprune reproduce`: a table of the paper on ProsPr, trained here and set beside its numbers."""

import json as text
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellprune.cli.many_runs import Handling, carry_out
from cellprune.cli.terminal import say
from cellprune.config.reproduce import Reproduce
from cellprune.errors import CellpruneError


def reproduce(
    table: str | None = None,
    *,
    asked: Annotated[Reproduce, Parameter(name="*")] = Reproduce(),  # noqa: B008 (a frozen value)
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    handling: Annotated[Handling, Parameter(name="*")] = Handling(),  # noqa: B008
) -> None:
    """Train a table of the paper on ProsPr, or some of its rows and columns, and set its numbers beside ours.

    It is a sweep: its runs are shared, it can be stopped and resumed, and its table is table.csv, table.tex and
    table.html. The unpruned network is trained beside the rows. A table of fewer epochs, images or seeds than the
    protocol has is called reduced in its title. Without the number of a table: lists the tables that there are.

    Examples:

        cellprune reproduce

        cellprune reproduce 4 -o table-4 --dry-run

        cellprune reproduce 4 --rows snip grasp synflow prospr --columns 89.3 98.2 --epochs-scale 0.125 -o table-4

    Parameters
    ----------
    table
        Number of the table, 1 to 10.
    output
        Folder of the table; it must be absent or empty, or hold this table (--resume).
    set_
        Any setting as section.key=value, in place of the protocol's; may be given several times. The title names it.
    """
    if table is None:
        _tell_tables(handling)
        return

    from cellprune.cli.progress import loading

    with loading():  # what follows needs torch
        from cellprune.tables.reproduce import reproduced

    plan = reproduced(table, asked, set_)
    if output is None:
        raise CellpruneError(f"no folder for the table: give one, such as -o table-{table}")
    carry_out(plan, handling, output)


def _tell_tables(handling: Handling) -> None:
    from cellprune.cli.progress import loading

    with loading():
        from cellprune.runs.documents import plain
        from cellprune.tables.catalogue import entries

    told = entries(handling.runs)
    if handling.json_:
        print(text.dumps({"tables": [plain(entry) for entry in told]}))
        return
    for entry in told:
        say(*entry.lines())
    say("To see how long a table takes here: cellprune reproduce 4 -o table-4 --dry-run")
