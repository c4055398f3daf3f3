"""`cellprune evaluate`: what a finished run scores, on its own frames or on another data set's."""

import json as text
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def evaluate(
    run: Path,
    /,
    *,
    dataset: str | None = None,
    part: Literal["report", "train", "all"] = "report",
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print the scores of a finished run.

    Examples:

        cellprune evaluate runs/simulated_unet_prospr-0.9_s0_1a2b3c4d

        cellprune evaluate runs/NAME --dataset DIC-C2DH-HeLa

    Parameters
    ----------
    run
        A run folder.
    dataset
        Score on all gold frames of this card's data set or folder instead of the run's own.
    part
        Which of the run's own frames: held out, learned from, or both.
    data_root
        Folder of the data sets; else $CELLPRUNE_DATA, else the user's.
    device
        Where the network runs.
    json
        Print scores.json's content for these frames as one JSON object.
    """
    from cellprune import experiment

    scores = experiment.evaluate(run, dataset=dataset, part=part, data_root=data_root, device=device)
    if json:
        print(text.dumps(scores))
        return
    n_images = len({image["id"] for image in scores["images"]})
    whose = f"all gold frames of {dataset}" if dataset else f"its {'held-out' if part == 'report' else part} frames"
    print(f"{run}: {n_images} images, {whose}, truth policy {scores['policy']}")
    print(f"{'':24}{'256':>10}{'native':>10}")
    for name, values in scores["summary"].items():
        cells = ("undefined" if values[size] is None else f"{values[size]:.4f}" for size in ("256", "native"))
        print(f"{name:24}" + "".join(f"{cell:>10}" for cell in cells))
