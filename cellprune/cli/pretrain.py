"""`cellprune pretrain`: initial weights from images without their truth."""

import json as text
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import say
from cellprune.config.data import Data
from cellprune.config.load import load
from cellprune.config.model import Model
from cellprune.config.pretraining import Pretraining
from cellprune.config.schema import Runtime, Settings


def pretrain(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    images: Path | None = None,
    task: Literal["segmentation", "classification"] = "segmentation",
    seed: int = 0,
    data: Data = Data(),  # noqa: B008 (a frozen value)
    model: Annotated[Model, Parameter(name="*")] = Model(),  # noqa: B008
    pretraining: Annotated[Pretraining, Parameter(name="*")] = Pretraining(),  # noqa: B008
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    resume: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Let a network learn from images without their truth; trainings start from it with --init.

    Of a data set all frames are learned from, annotated or not, but those that a run with the same split holds out.

    Examples:

        cellprune pretrain --dataset PhC-C2DH-U373 --split sequence -o start.safetensors

        cellprune train --dataset PhC-C2DH-U373 --split sequence --prune 0.9 --init start.safetensors

        cellprune pretrain --images my-images --model.width 8 -o start.safetensors

    Parameters
    ----------
    output
        The file to write, NAME.safetensors.
    images
        Folder of images, in the place of a data set; all of them are learned from.
    task
        What the network is for.
    seed
        Seed of the weights, the order and the views.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    device
        Where the network runs.
    resume
        Go on where it stopped; start it if there is nothing.
    json
        Print what was made as one JSON object.
    """
    settings = load(Settings(task=task, seed=seed, data=data, model=model))

    from cellprune.cli.progress import loading, shown

    with loading():
        from cellprune.experiment.pretrain import pretrain as run
        from cellprune.runs.documents import plain

    with shown() as watcher:
        made = run(
            settings,
            pretraining,
            [watcher],
            output=output,
            images=images,
            runtime=Runtime(data_root=data_root, device=device, resume=resume),
            command=["cellprune", *sys.argv[1:]],
        )
    if json:
        print(text.dumps({"weights": str(output), **plain(made)}))
        return
    say(f"the loss of the last epoch is {made.loss:.4g}, of 8 at most", "Look at:")
    say(f"  {output}   the weights, for 'cellprune train --init {output}'")
