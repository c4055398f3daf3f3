"""`cellprune prune`: the masks that a run would train, chosen and pictured without training."""

import json as text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellprune.cli.terminal import say, tell
from cellprune.config.load import load
from cellprune.config.schema import Runtime, Settings
from cellprune.errors import CellpruneError

if TYPE_CHECKING:
    from cellprune.runs.cost import MaskCost
    from cellprune.runs.maskfile import Made

SUFFIX = ".safetensors"
_TAKEN = "{} is there already: give another --output"


def prune(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    settings: Annotated[Settings, Parameter(name="*")] = Settings(),  # noqa: B008 (a frozen value)
    config: Path | None = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    data_root: Path | None = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Choose the masks that `train` would train, write them to a file, and draw what each layer keeps.

    Examples:

        cellprune prune --prune 0.9 --method synflow --set model.width=8 -o synflow.safetensors

        cellprune prune --dataset PhC-C2DH-U373 --prune 0.97 -o prospr.safetensors

        cellprune compare-masks synflow.safetensors prospr.safetensors

        cellprune train --dataset PhC-C2DH-U373 --masks prospr.safetensors

    Parameters
    ----------
    output
        The masks file to write, NAME.safetensors; a picture is written beside it, NAME.svg.
    config
        YAML file with any of these settings. `--set` wins over the file, flags win over both.
    set_
        Any setting as section.key=value, such as --set pruning.rounds=10; may be given several times.
    data_root
        Folder of the data sets; without it $CELLPRUNE_DATA, else your user's.
    device
        Where the network runs.
    json
        Print the kept weights and the cost of the masks as one JSON object.
    """
    resolved = load(settings, file=config, assignments=set_)
    picture = _refuse_output(output)
    made = _made(output, picture, resolved, Runtime(data_root=data_root, device=device))
    if json:
        from cellprune.runs import documents

        print(text.dumps({"masks": str(output), "picture": str(picture), **documents.plain(made)}))
    else:
        _summarize(output, picture, Settings.model_validate(made.settings), made.cost)


def _made(output: Path, picture: Path, settings: Settings, runtime: Runtime) -> "Made":
    """Make the masks file and its picture; give how they were made and what they cost."""
    from cellprune.cli.progress import loading, shown

    with loading():
        from cellprune import experiment
        from cellprune.report import figures
        from cellprune.runs import atomic, maskfile, scratch

    with scratch.made(output.absolute().parent, output.name) as beside:  # what a kill leaves, the next one removes
        if output.exists():
            made = _without_picture(output, experiment.settled(settings, runtime=runtime))
        else:
            with shown() as watcher:
                settings, masks, cost = experiment.choose_masks(settings, [watcher], runtime=runtime)
            made = maskfile.Made(settings.model_dump(mode="json"), cost)
            packed = {name: mask.cpu().numpy() for name, mask in masks.items()}
            maskfile.write(beside / output.name, packed, made=made)
            (beside / output.name).replace(output)
        drawn = figures.layers(made.cost.layers, by_channel=made.cost.channels is not None)
        atomic.write_text(beside / picture.name, drawn)
        (beside / picture.name).replace(picture)
    return made


def _summarize(output: Path, picture: Path, settings: Settings, cost: "MaskCost") -> None:
    """Say what the masks keep, layer by layer, and where they are."""
    from cellprune.report import sentences

    sparsity, macs = cost.sparsity, cost.macs
    size = " x ".join(map(str, macs.input))
    say(f"{settings.pruning.label}: {sentences.reached(cost.parameters, cost.budget, cost.latency)}")
    say(f"{sparsity.direct:.4%} are removed, {sparsity.effective:.4%} including those that no path reaches")
    say(f"{macs.masked / macs.dense:.2%} of the multiply-adds stay, at an input of {size}")
    width = max(len(row.name) for row in cost.layers)
    for row in cost.layers:
        channels = f"  {row.channels_kept:>5} of {row.channels:>5} channels" if cost.channels else ""
        say(f"  {row.name:{width}}  {row.kept:>9,} of {row.weights:>9,}  {row.kept / row.weights:8.2%}{channels}")
    say(
        "Look at:",
        f"  {output}   the masks, for --masks and compare-masks",
        f"  {picture}   what each layer keeps",
    )


def _without_picture(output: Path, settings: Settings) -> "Made":
    """Give how masks were made that a kill left without their picture: those of these settings, and no others."""
    from cellprune.runs import maskfile

    try:
        made = maskfile.made(output)
    except CellpruneError:
        made = None
    if made is None or made.settings != settings.model_dump(mode="json"):
        raise CellpruneError(_TAKEN.format(output))
    tell(f"{output} holds these masks already, and lacks its picture alone")
    return made


def _refuse_output(output: Path) -> Path:
    """Give where the picture goes, if both files may be made, or the picture of masks that have none."""
    if output.suffix != SUFFIX:
        raise CellpruneError(f"--output {str(output)!r} is no masks file: give a name that ends in {SUFFIX}")
    picture = output.with_suffix(".svg")
    if picture.exists():
        raise CellpruneError(_TAKEN.format(output if output.exists() else picture))
    if not output.absolute().parent.is_dir():
        raise CellpruneError(f"there is no folder {str(output.parent)!r}: make it, or give another --output")
    return picture
