"""`cellprune track`: cells followed through the label images of a time-lapse."""

import json as text
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from cellprune.cli import terminal
from cellprune.cli.pixel_size import require_pixel_size
from cellprune.cli.terminal import say
from cellprune.wording import many

if TYPE_CHECKING:
    from cellprune.lab.followed import Followed
    from cellprune.lab.recordings import Recording
    from cellprune.lab.scale import Scale
    from cellprune.runs.linking import Linking
    from cellprune.runs.modelcard import ModelCard

_SHOWN = 8  # missing frames before the rest is left out


def track(
    *labels: str,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    max_distance: Annotated[float | None, Parameter(negative="")] = None,
    max_gap: NonNegativeInt | None = None,
    model: Annotated[Path | None, Parameter(negative="")] = None,
    pixel_size: Annotated[tuple[float, float] | None, Parameter(negative="")] = None,
    ctc: bool = True,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Follow cells through the label images of a time-lapse: tracks, divisions, relabelled images.

    The labels may be of any program. The number at the end of a file's name is its time; a missing number is a gap.

    Examples:

        cellprune track cells/labels -o tracks

        cellprune track 01_RES -o tracks --max-distance 40 --pixel-size 0.65 0.65

        cellprune track cells/labels -o tracks --model runs/NAME

    Parameters
    ----------
    labels
        Label images of one recording or of several: files, stacks, folders, or the output of predict.
    output
        Folder for tracks.csv, cells.csv, the relabelled images, and the same in the formats of the Cell Tracking
        Challenge and GEFF: absent or empty.
    max_distance
        Pixels that a cell moves at most from one frame to the next; without it and a model that says it, two radii of
        the median cell, or half of the usual distance between neighbours if that is more.
    max_gap
        Frames in a row in which a cell may be missed and is still the same; without it and a model that says it, 2.
    model
        Model file, ONNX file or run folder, whose numbers link the cells, as `predict --track` does; without it the
        usual ones.
    pixel_size
        Height and width of the images' pixels in um; without it, what the label images state.
    ctc
        Write the challenge's folder of results.
    json
        Print the result as one JSON object on standard output.
    """
    from cellprune.cli.progress import phase
    from cellprune.lab import tracks
    from cellprune.lab.recordings import recordings
    from cellprune.lab.track_table import cells_as_csv
    from cellprune.runs import atomic, lock

    _refuse(labels, output, max_distance, max_gap, pixel_size)
    geff = find_spec("geff") is not None
    warnings = []
    followed = []
    card = None if model is None else _card(model)
    for recording in recordings(labels):
        by = _linking(card, recording, pixel_size)
        by = by if max_distance is None else replace(by, max_distance_px=max_distance)
        by = by if max_gap is None else replace(by, max_gap=max_gap)
        warnings += doubts(recording, by.max_gap)
        with phase(f"following the cells of {recording.name}", after_s=1):
            followed.append(tracks.follow(recording, by, pixel_size_um=pixel_size))
    if not geff:
        warnings.append("no GEFF is written, since the package geff is missing: pip install 'cellprune[lab]'")
    for line in warnings:
        terminal.tell(f"note: {line}")
    with lock.locked(output):
        tracks.write(output, followed, ctc=ctc, geff=geff)
        atomic.write_text(output / "cells.csv", cells_as_csv(followed))
    if json:
        print(
            text.dumps(
                {"output": str(output), "warnings": warnings, "recordings": [asdict(one.summary) for one in followed]}
            )
        )
    else:
        say(*told(followed), f"Look at {output / tracks.TABLE}: one line per track. More is in {output}")


def _card(model: Path) -> "ModelCard":
    """Read the card of a model file, an ONNX file, a run or what a search found."""
    from cellprune.runs import modelfile, onnxfile
    from cellprune.runs.finished import finished
    from cellprune.runs.folder import FILES
    from cellprune.runs.modelcard import read_card
    from cellprune.runs.searched import found_by

    model = found_by(model)
    if onnxfile.is_named_so(model):
        return read_card(onnxfile.read_header(model), model)
    if model.is_dir():
        finished(model)
    return read_card(modelfile.read(model / FILES["model"] if model.is_dir() else model).header, model)


def _linking(card: "ModelCard | None", recording: "Recording", pixel_size: "Scale | None") -> "Linking":
    """Give by which numbers the cells of a recording are linked: a model's, else the usual."""
    from cellprune.lab import scale
    from cellprune.runs.linking import Linking

    sizes = {image.name: pixel_size or image.header.pixel_size_um for image in recording.images}
    return Linking() if card is None else scale.linking(card, sizes)


def doubts(recording: "Recording", max_gap: int) -> list[str]:
    """Say why tracks of a recording may be shorter than its cells were seen; at most one sentence."""
    name, images = recording.name, recording.images
    if len(images) == 1:
        return [
            f"{name} has {images[0].path.name} alone, so no track goes on: if it is of another recording, give its "
            "frames the same name before the number"
        ]
    if 2 * len(gaps := [gap for gap in recording.gaps if gap > max_gap]) > len(images) - 1:
        return [
            f"most frames of {name} have {many(min(gaps), 'number')} or more without an image before the next, and no "
            f"track crosses more than {max_gap} (--max-gap): number the frames one after the other, such as t000.tif "
            "and t001.tif"
        ]
    if not (absent := recording.missing):
        return []
    shown = ", ".join(map(str, absent[:_SHOWN])) + (" and more" if len(absent) > _SHOWN else "")
    return [f"{name} has no label image of frame {shown}: cells are followed over the gap, if it is short"]


def told(recordings: "Sequence[Followed]") -> list[str]:
    """Say what came of each recording."""
    return [
        f"{one.sequence}: {many(one.tracks, 'track')} and {many(one.divisions, 'division')} in "
        f"{many(one.frames, 'frame')}; a cell may move {one.max_distance_px:.0f} px per frame"
        for one in (followed.summary for followed in recordings)
    ]


def _refuse(
    labels: Sequence[str],
    output: Path,
    max_distance: float | None,
    max_gap: int | None,
    pixel_size: tuple[float, float] | None,
) -> None:
    """Refuse words that cannot be meant, before any file is looked at."""
    from cellprune.errors import CellpruneError
    from cellprune.files.listing import names
    from cellprune.runs.linking import MOST_FRAMES

    if not labels:
        raise CellpruneError("nothing to follow: give label images or folders of them")
    if max_distance is not None and not 0 < max_distance < 1e6:
        raise CellpruneError(f"--max-distance {max_distance:g}: give a number of pixels above 0")
    if max_gap is not None and max_gap > MOST_FRAMES:
        raise CellpruneError(f"--max-gap {max_gap}: give a number of frames up to {MOST_FRAMES}")
    require_pixel_size(pixel_size)
    try:
        inside = names(output)
    except OSError as error:
        raise CellpruneError(f"{output} cannot be used ({error.strerror}): give another -o") from error
    if inside:
        raise CellpruneError(f"{output} is not empty: give an absent or empty folder as -o")
