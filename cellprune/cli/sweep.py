"""`cellprune sweep`: methods, ratios, seeds and controls as one command, and one table."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cellprune.cli.many_runs import Handling, carry_out
from cellprune.config import load as config
from cellprune.config.schema import Settings
from cellprune.config.sweep import Sweep, asked


def sweep(
    plan: Path | None = None,
    *,
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (a frozen value)
    axes: Annotated[Sweep, Parameter(name="*")] = Sweep(),  # noqa: B008
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    handling: Annotated[Handling, Parameter(name="*")] = Handling(),  # noqa: B008
) -> None:
    """Train methods x ratios x seeds, with controls, and set them side by side in one table.

    The dense network is trained once for each seed, and every other network is held against it. Every training is a run
    folder in --runs; a run that is finished there is taken as it is, whatever its folder is called. The table is
    table.csv (one row per run and score), table.tex, and table.html, on which everything leads to its run.

    Examples:

        cellprune sweep --methods prospr snip random --ratios 0.9 0.97 --seeds 0:5 -o table --dry-run

        cellprune sweep --dataset PhC-C2DH-U373 --granularity channel --methods prospr flat --budgets macs=0.1 macs=0.25
        --controls flat-macs -o table --workers 2

        cellprune sweep plan.yaml -o table --resume

        cellprune sweep plan.yaml -o table --list > commands.txt

    Parameters
    ----------
    plan
        YAML with any setting of a training, and a section `sweep` with methods, ratios, seeds and the other axes.
    output
        Folder of the table; it must be absent or empty, or hold this sweep (--resume).
    set_
        Any setting as section.key=value; may be given several times.
    """
    from cellprune.cli.progress import loading

    with loading():  # what follows needs torch
        from cellprune.tables.plan import Source
        from cellprune.tables.plan import plan as planned

    file = None if plan is None else config.read(plan)
    whole = planned(asked(axes, file), Source(settings, file and file.without(config.SWEEP), set_))
    carry_out(whole, handling, output)
