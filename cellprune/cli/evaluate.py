"""`cellprune evaluate`: what a finished run scores, on its own frames or on another data set's."""

import json as text
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import say

_PICTURES = ("pictures", "cell_pictures")
_PARTS = {"report": "held out", "select": "set apart to choose settings by"}


def evaluate(
    run: Path,
    /,
    *,
    dataset: str | None = None,
    network: Annotated[str | None, Parameter(name="--model")] = None,
    part: Literal["report", "train", "all"] | None = None,
    decoder: Literal["components", "watershed", "border", "distance"] | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print the scores of a finished run, on its own frames or on those of another data set.

    Examples:

        cellprune evaluate runs/simulated_unet_prospr-0.9_s0_1a2b3c4d

        cellprune evaluate runs/NAME --dataset DIC-C2DH-HeLa

        cellprune evaluate runs/NAME --set decoder.depth=0.2

    Parameters
    ----------
    run
        A run folder.
    dataset
        Card or folder of another data set: score all its gold frames instead of the run's own. If the run's own are
        FILE.py:NAME, name them here: their code is not run unless you name it.
    network
        Of a run of a network of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not
        run unless you name it.
    part
        Which of the run's own frames to score: report (held out), train (learned from), or all; without it those that
        the run was scored on, which are the held-out ones, or with --data.select those that were set apart.
    decoder
        How the network's maps become cells; without it, as the run's model file says.
    set_
        A number of the decoder as decoder.KEY=VALUE; may be given several times. `cellprune train --help` explains
        them.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    device
        Where the network runs.
    json
        Print the scores of these frames as one JSON object, as in scores.json without its pictures.
    """
    from cellprune.cli.progress import loading, phase
    from cellprune.config.load import decoding

    how = decoding(set_, decoder)
    with loading():
        from cellprune.config.names import resolve
        from cellprune.experiment.evaluate import evaluate as scores_of
        from cellprune.runs.scores import content

    with phase(f"scoring {run}", after_s=1) as tell:
        scores = scores_of(
            run, dataset=dataset, network=network, part=part, data_root=data_root, device=device, decoder=how, tell=tell
        )
    if json:
        print(text.dumps({key: value for key, value in content(scores).items() if key not in _PICTURES}))
        return
    whose = f"all of {dataset}" if dataset else f"its own, {_PARTS.get(scores.part, scores.part)}"
    first, *table = resolve("results", scores.task).table(scores)
    say(f"{run}: {first}, {whose}", *table)
