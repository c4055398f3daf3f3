"""`cellprune tune`: the numbers by which a run's maps become cells."""

import json as text
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import say


def tune(
    run: Path,
    /,
    *,
    dataset: str | None = None,
    network: Annotated[str | None, Parameter(name="--model")] = None,
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Choose how a finished run's output becomes cells, on the frames that it learned from.

    Some numbers of the decoder are tried, and those with the best SEG are written into the run's model file. Scores and
    page are made anew. The held-out frames have no say. Recordings with true tracks of which nothing is held out also
    choose, by LNK, the numbers by which `predict --track` links cells. `train` does the same at its end, on some of
    these frames; this command takes all of them. Numbers that the run was given by --set decoder.KEY=VALUE stay.

    Examples:

        cellprune tune runs/NAME

    Parameters
    ----------
    run
        A run folder; its network finds cells.
    dataset
        If the run's own data are FILE.py:NAME, name them here: their code is not run unless you name it.
    network
        Of a run of a network of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not
        run unless you name it.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    device
        Where the network runs.
    json
        Print all that was tried and what was chosen as one JSON object, as in tuning.json.
    """
    from cellprune.cli.progress import loading, phase

    with loading():
        from cellprune.experiment.tune import tune as choose
        from cellprune.report.sentences import links, tuned
        from cellprune.runs.tuning import content

    with phase(f"tuning the decoder of {run}", after_s=1) as tell:
        made = choose(run, dataset=dataset, network=network, data_root=data_root, device=device, tell=tell)
    if json:
        print(text.dumps({"run": str(run), **content(made)}))
    else:
        say(f"{run}: {tuned(made)}", *links(made.links))
