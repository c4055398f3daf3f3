"""`cellprune tune`: the numbers by which a run's maps become cells."""

import json as text
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import say


def tune(
    run: Path,
    /,
    *,
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Choose how a finished run's output becomes cells, on the frames that it learned from.

    Some numbers of the decoder are tried, and those with the best SEG are written into the run's model file. Scores and
    page are made anew. The held-out frames have no say.

    Examples:

        cellprune tune runs/NAME

    Parameters
    ----------
    run
        A run folder; its network finds cells.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    device
        Where the network runs.
    json
        Print the numbers before and after as one JSON object.
    """
    from cellprune.cli.progress import loading, phase

    with loading():
        from cellprune.experiment.tune import tune as tuned

    with phase(f"tuning the decoder of {run}", after_s=1) as tell:
        made = tuned(run, data_root=data_root, device=device, tell=tell)
    if json:
        print(text.dumps({"run": str(run), **asdict(made)}))
        return
    if made.after == made.before:
        say(f"{run}: none of {made.n_tried} decoders is better than its own on the {made.n_frames} frames learned from")
        return
    say(f"{run}: SEG on the {made.n_frames} frames learned from {made.seg_before:.4f} -> {made.seg_after:.4f}")
    before, after = asdict(made.before), asdict(made.after)
    for name, number in after.items():
        was, now = (f"{each:.4g}" if isinstance(each, float) else each for each in (before.get(name), number))
        say(f"  {name:14} {now}" if was == now else f"  {name:14} {was} -> {now}")
