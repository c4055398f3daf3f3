"""`cellprune predict`: cells in anyone's images, by a trained network."""

import hashlib
import json as text
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from cellprune.cli import terminal
from cellprune.cli.pixel_size import require_pixel_size
from cellprune.cli.shard import shard_of
from cellprune.cli.terminal import say
from cellprune.cli.track import doubts, told
from cellprune.cli.watching import Notices, watched
from cellprune.machine import threads
from cellprune.wording import many, printable

if TYPE_CHECKING:
    from cellprune.config.decoding import Decoding
    from cellprune.lab.arrivals import Arrivals
    from cellprune.lab.axes import Axes
    from cellprune.lab.engine import Engine, Precision
    from cellprune.lab.followed import Followed
    from cellprune.lab.gathering import Failure
    from cellprune.lab.inputs import Image
    from cellprune.lab.job import Done, Job, Tell
    from cellprune.lab.outline_files import OutlineFile
    from cellprune.lab.output import Output
    from cellprune.lab.watching import Scaling
    from cellprune.machine.shard import Shard
    from cellprune.runs.linking import Linking


_LONG_S = 60.0
_LISTED = 20  # inputs that were not done, line by line; prediction.json has them all


def predict(
    model: Path,
    /,
    *inputs: str,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    network: Annotated[str | None, Parameter(name="--model")] = None,
    pixel_size: Annotated[tuple[float, float] | None, Parameter(negative="")] = None,
    rescale: Annotated[bool, Parameter(negative="")] = False,
    z: str | None = None,
    channel: str | None = None,
    axes: str | None = None,
    numbers: Annotated[bool, Parameter(negative="")] = False,
    overlays: bool = True,
    outlines: Annotated[tuple[Literal["rois", "geojson"], ...], Parameter(negative="", consume_multiple=True)] = (),
    zarr_labels: str | None = None,
    separate: Annotated[bool, Parameter(negative="")] = False,
    decoder: Literal["components", "watershed", "border", "distance"] | None = None,
    min_area: Annotated[float | None, Parameter(negative="")] = None,
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", consume_multiple=False)] = (),
    engine: Literal["auto", "onnx", "openvino", "torch"] = "auto",
    precision: Literal["fp32", "bf16", "int8"] = "fp32",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    track: Annotated[bool, Parameter(negative="")] = False,
    ctc: Annotated[bool, Parameter(negative="")] = False,
    watch: Annotated[Path | None, Parameter(negative="")] = None,
    shard: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Find the cells in images: label images, overlays and a table of cells.

    Each image is zoomed as in training. A large image is computed in overlapping tiles. After an interruption, the same
    command goes on. Images that cannot be read are listed at the end, and the exit code is 1.

    Examples:

        cellprune predict runs/NAME images/ -o cells

        cellprune predict model.safetensors a.tif 'b/*.png' -o cells --pixel-size 0.65 0.65

        cellprune predict runs/NAME PhC-C2DH-U373/01 -o cells --rescale

        cellprune predict cells.onnx images/ -o cells --engine openvino --precision bf16

        cellprune predict runs/NAME PhC-C2DH-U373/01 -o cells --track

        cellprune predict cells.onnx confocal.tif -o cells --z max --channel DAPI

        cellprune predict cells.onnx plate/ -o cells --shard 1/4

        cellprune predict cells.onnx plate/ -o cells --outlines rois geojson

        cellprune predict cells.onnx plate.ome.zarr -o cells --zarr-labels cells

        cellprune predict cells.onnx --watch today/ -o cells

    Parameters
    ----------
    model
        A run folder, a model file, the folder of a search (for the network that it found), or an ONNX file of
        `cellprune export`, which needs no PyTorch.
    inputs
        Files (TIFF, PNG; JPEG with a warning; CZI, ND2 and LIF with an extra), OME-Zarrs and their plates, folders,
        patterns, sets or sequences of the Cell Tracking Challenge. A TIFF of several pages that says nothing of them is
        read as a time-lapse, and a line says so; it is refused if it says that its pages are something else. A label
        image beside its image (NAME_masks, mask_NAME and so on) is left out. Everything else that looks like an image
        in a folder (other formats, broken links, folders inside) is listed as not done.
    output
        Folder for labels, overlays, cells.csv and prediction.json: absent, empty, or with results of this command.
    network
        Of a network of your own: its code, FILE.py:NAME, with the content that it was trained with. It is not run
        unless you name it.
    pixel_size
        Height and width of the images' pixels in um; without it, what each TIFF states.
    rescale
        Zoom the images so that their pixels are as large, in um, as those of the training images.
    z
        What of a stack of slices is predicted: max for the brightest pixel of all slices, the number of a slice from 0,
        or each, which gives a label image per slice. Without it, files with slices are refused.
    channel
        The channel that is predicted: its number from 0, or its name as an OME-TIFF has it, such as DAPI or 488.
        Without it, all channels.
    axes
        The axes of files that do not say them, in their order, such as ZYX or TCYX: T time, Z slices, C channels, Y
        rows, X columns.
    numbers
        Write the number of each cell, as in cells.csv, into the overlays.
    overlays
        Draw each image with the outlines of its cells; without, it takes less time.
    outlines
        Write the outlines as files for other programs, too: rois (a zip for ImageJ and Fiji) or geojson (for QuPath).
        They give the label image back exactly.
    zarr_labels
        Write the labels into the OME-Zarr of their image, too, as labels/NAME, for napari and other viewers.
    separate
        Write one label image per image of a stack; without it, the labels of a stack are a stack.
    decoder
        How the network's maps become cells; without it, as the model file says. A model of the target classes takes
        watershed, which cuts cells that touch where they are narrow, or components, where all that is connected is one
        cell. The targets border and distance have a decoder each.
    min_area
        Drop cells of fewer pixels; without it, those below a tenth of the median area of the training cells. 0 drops
        none. With --rescale these are pixels of your images; all numbers of --set are for those of the training images.
    set_
        A number of the decoder as decoder.KEY=VALUE, such as --set decoder.depth=0.2; may be given several times.
        `cellprune train --help` explains them. --decoder and --min-area win over them.
    engine
        What runs the network: a run or model file runs in torch, an ONNX file in onnx (ONNX Runtime) or openvino; auto
        takes the one that is faster here, which it measures once.
    precision
        What is computed in. bf16 (of an ONNX file, in openvino) and int8 (of a file made with `export --int8`) are
        faster, and give slightly other labels.
    device
        Where torch runs the network; the other engines run on the CPU.
    track
        Follow the cells of a time-lapse, as `cellprune track` does: tracks.csv, tracked/, and two columns in cells.csv.
        The number at the end of an image's name is its time.
    ctc
        With track: write the result in the format of the Cell Tracking Challenge, too.
    watch
        Predict the images of a folder, and those that come into it while a microscope runs, until Ctrl-C. A file that
        is being written is waited for.
    shard
        Predict shard I of N of the files alone, as I/N; without it, $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT
        where they are set. Shards share the output folder, and `cellprune merge` makes one table of theirs. A stack is
        one file.
    json
        Print the result as one JSON object on standard output; progress goes to standard error.
    """
    from cellprune.lab import scale
    from cellprune.lab.job import Job
    from cellprune.lab.watching import Scaling
    from cellprune.runs.searched import found_by

    threads.settle()
    _refuse(inputs, pixel_size, min_area, ctc=ctc, track=track, watch=watch, shard=shard)
    asked, model = _asked(set_, decoder), found_by(model)
    own = _own(shard, track=track)
    found = _find(inputs, _axes(z, channel, axes), own, watch, separate=separate, of_time_lapse=track)
    runner = _runner(model, _engine(engine, output, model, found.own), device, precision, network)
    sizes = scale.pixel_sizes(found.everyones, pixel_size)
    zooms = scale.zooms(runner.card, sizes, rescale=rescale) if watch is None else {}
    how = runner.card.decoder_by(asked)
    settings = {"model": _digest(model), "pixel_size": pixel_size, "rescale": rescale} | _unusual(
        asked, numbers=numbers or None, separate=separate or None, min_area=min_area, z=z, channel=channel,
        axes=axes and axes.upper(), engine=runner.running.engine, precision=precision,
    )  # fmt: skip
    by = scale.linking(runner.card, sizes)
    running = {"engine": asdict(runner.running), "decoder": asdict(how)} | ({"linking": asdict(by)} if track else {})
    folder = found.output(output, settings, running, overlays=overlays, outlines=outlines, zarr_labels=zarr_labels)
    warnings = _warn_of_inputs(found, None if rescale else scale.warning(runner.card, sizes), pixel_size)
    job = Job(runner, folder, numbers, how, min_area)
    done = _done(job, found, sizes, zooms, Scaling(pixel_size, rescale), warnings, separate=separate)
    warnings += _warn_of_results(done, folder, sees_whole_image=runner.receptive_field is None)
    tracks = _follow(done, found.images, folder, by, ctc=ctc) if track else None
    said = {"output": str(output), "warnings": warnings, "kept": done.kept, **running}
    return _report(done, tracks, folder, said, json=json)


@dataclass(frozen=True)
class _Inputs:
    """What the inputs are.

    Attributes:
        own: the shard of this process; None where it does all.
        everyones: the images of all shards.
        images: those of this process.
        failures: what this process tells of that cannot be read.
        labels: what is left out.
        stacks: names of those whose labels are to be a stack.
        digest: of the list of all files, see `lab.inputs.digest`.
        coming: the files that come later, of a folder that is watched; None for one that is not.
    """

    own: "Shard | None"
    everyones: list["Image"]
    images: list["Image"]
    failures: list["Failure"]
    labels: list[str]
    stacks: set[str]
    digest: str
    coming: "Arrivals | None" = None

    def output(
        self,
        path: Path,
        settings: Mapping[str, object],
        running: Mapping[str, object],
        *,
        overlays: bool,
        outlines: "Sequence[OutlineFile]",
        zarr_labels: str | None,
    ) -> "Output":
        """Open the folder of their results, and refuse what may not be written beside the images."""
        from cellprune.lab.output import Output

        before: set[str] = set()
        if self.coming is not None:
            from cellprune.lab.earlier import names_in

            before = names_in(path)
        made = Output(
            path, settings, [*(image.name for image in self.everyones), *before], stacks=self.stacks, running=running,
            overlays=overlays, outlines=outlines, shard=self.own, inputs=self.digest, zarr_labels=zarr_labels,
        )  # fmt: skip
        made.require_own_zarr_labels(self.everyones)
        return made


def _axes(z: str | None, channel: str | None, order: str | None) -> "Axes":
    """Give what is meant of slices and channels."""
    from cellprune.errors import CellpruneError
    from cellprune.images.order import checked
    from cellprune.lab.axes import Axes

    number = int(channel) if channel is not None and channel.isdecimal() else channel
    letters = None if order is None else checked(order)
    match z:
        case None | "max" | "each":
            return Axes(z, number, letters)
        case _ if z.isdecimal():
            return Axes(int(z), number, letters)
    raise CellpruneError(f"--z {z}: give max, each, or the number of a slice from 0")


def _find(
    inputs: tuple[str, ...],
    axes: "Axes",
    own: "Shard | None",
    watch: Path | None,
    *,
    separate: bool,
    of_time_lapse: bool,
) -> _Inputs:
    """Look at the inputs; a time-lapse needs two frames or more."""
    if watch is not None:
        return _there_already(watch, axes, separate=separate)
    from cellprune.cli.progress import phase
    from cellprune.errors import CellpruneError
    from cellprune.lab.inputs import digest, find
    from cellprune.lab.recordings import require_time_lapse
    from cellprune.training.progress import PATIENCE_S

    with phase("looking at the images", after_s=PATIENCE_S):
        images, failures, labels = find(inputs, axes)
    if of_time_lapse:
        if axes.z == "each" and (slices := [one for one in images if one.position and one.position.z is not None]):
            raise CellpruneError(
                f"--z each makes images of the slices of {slices[0].shown}, and --track follows cells through time: "
                "give --z max, or leave --track out"
            )
        require_time_lapse([f"{image.name}.tif" for image in images])
    stacks = set() if separate else {image.stack for image in images if image.stack is not None}
    if own is None:
        return _Inputs(None, images, images, failures, labels, stacks, digest(images, failures))
    mine = [one for one in images if own.has(one.turn)], [one for one in failures if own.has(one.turn)]
    return _Inputs(own, images, *mine, labels, stacks, digest(images, failures))


def _there_already(folder: Path, axes: "Axes", *, separate: bool) -> _Inputs:
    """Look at a folder that is watched: whatever cannot be read is told of later, since it may still be written."""
    from cellprune.errors import CellpruneError
    from cellprune.lab.arrivals import Arrivals
    from cellprune.lab.inputs import find

    if not folder.is_dir():
        raise CellpruneError(f"--watch {printable(str(folder))}: there is no such folder")
    try:
        images, _, labels = find([str(folder)], axes)
    except CellpruneError:  # nothing yet
        images, labels = [], []
    stacks = set() if separate else {image.stack for image in images if image.stack is not None}
    return _Inputs(None, images, images, [], labels, stacks, "", Arrivals(folder, axes))


def _own(given: str | None, *, track: bool) -> "Shard | None":
    """Give the shard of this process; None where it does all."""
    from cellprune.errors import CellpruneError

    shard = shard_of(given, work="predicts all images")
    if shard is None or shard.count == 1:
        return None
    if track:
        raise CellpruneError(
            "--track needs all frames, and a shard has some of them: predict in shards without it, then run "
            "'cellprune track' on the labels"
        )
    return shard


def _engine(asked: str, output: Path, model: Path, own: "Shard | None") -> str:
    """Name the engine: the one that is asked for, else that of the results that are there, so that they go on alike.

    Shards begin on many machines at once, and each might measure another engine as the fastest: they take the first.
    """
    from cellprune.lab.output import engine_before
    from cellprune.runs import onnxfile

    if asked != "auto":
        return asked
    return engine_before(output) or ("onnx" if own and onnxfile.is_named_so(model) else "auto")


def _runner(model: Path, engine: str, device: str, precision: "Precision", network: str | None) -> "Engine":
    """Load what computes the network."""
    from cellprune.cli.progress import loading
    from cellprune.lab.engine import engine_of

    with loading():
        return engine_of(model, engine=engine, device=device, precision=precision, network=network)


def _asked(assignments: tuple[str, ...], decoder: str | None) -> "Decoding":
    """Give what is asked for of the decoder; where that is its name alone, nothing else of the settings is loaded."""
    from cellprune.config.decoding import Decoding

    if not assignments:
        return Decoding(name=decoder)
    from cellprune.config.load import decoding

    return decoding(assignments, decoder)


def _unusual(asked: "Decoding", **settings: object) -> dict[str, object]:
    """Give the settings that older versions did not have, where they decide something: so the others read as ever."""
    settings |= {"decoder": asked.name, "set": asked.numbers or None}
    usual = {"engine": "torch", "precision": "fp32"}
    return {name: value for name, value in settings.items() if value is not None and value != usual.get(name)}


def _refuse(
    inputs: tuple[str, ...],
    pixel_size: tuple[float, float] | None,
    min_area: float | None,
    *,
    ctc: bool,
    track: bool,
    watch: Path | None,
    shard: str | None,
) -> None:
    """Refuse words that cannot be meant, before any file is looked at."""
    from cellprune.errors import CellpruneError

    if watch is not None:
        if inputs:
            raise CellpruneError(f"--watch takes the images of one folder: leave out {printable(inputs[0])!r}")
        if shard is not None:
            raise CellpruneError("--watch shares out nothing, as nobody knows what comes: leave out --shard")
        if track:
            raise CellpruneError("--track needs all frames: watch without it, then run 'cellprune track' on the labels")
    elif not inputs:
        raise CellpruneError("nothing to predict: give image files or folders after the model")
    require_pixel_size(pixel_size)
    if min_area is not None and not 0 <= min_area < 1e9:
        raise CellpruneError(f"--min-area {min_area:g}: give a number of pixels, from 0 to less than 1e9")
    if ctc and not track:
        raise CellpruneError("--ctc writes tracks: add --track")


def _follow(done: "Done", images: "Sequence[Image]", folder: "Output", by: "Linking", *, ctc: bool) -> list["Followed"]:
    """Link the cells of what is predicted, and write what is made of it."""
    from cellprune.cli.progress import phase
    from cellprune.lab import tracks
    from cellprune.lab.recordings import recordings

    counts = {image["name"]: image["cells"] for image in done.images}
    labelled = [image for image in images if printable(image.name) in counts]
    with phase("following the cells", after_s=1):
        found = recordings(list(map(str, folder.label_files(labelled))))
        followed = [tracks.follow(recording, by) for recording in found]
    for recording in found:
        for line in doubts(recording, by.max_gap):
            terminal.tell(f"note: {line}")
    n_cells = {image.name: counts[printable(image.name)] for image in labelled}
    of_cells = tracks.of_cells(n_cells, followed)
    with folder.locked():
        tracks.write(folder.path, followed, ctc=ctc, geff=False)
        folder.write_table(row | asdict(track) for row, track in zip(done.rows, of_cells, strict=True))
    return followed


def _warn_of_inputs(found: _Inputs, doubt: str | None, pixel_size: tuple[float, float] | None) -> list[str]:
    """Say, before the work, what is left out and what the network may not be made for.

    Args:
        doubt: whether the pixels are of the model's size.
        pixel_size: that is given.
    """
    from cellprune.lab import scale
    from cellprune.lab.inputs import note_of_labels, notes

    lines = note_of_labels(found.labels), *notes(found.everyones), scale.overridden(found.everyones, pixel_size), doubt
    warnings = list(filter(None, lines))
    for line in warnings:
        terminal.tell(f"warning: {line}")
    return warnings


def _warn_of_results(done: "Done", folder: "Output", *, sees_whole_image: bool) -> list[str]:
    """Say, after the work, where the results are not quite what they may be taken for, and what has none."""
    warnings = []
    if done.tiled and sees_whole_image:
        warnings.append(
            f"{done.tiled[0]}{_and_more(done.tiled)} went through in tiles, but a pixel of this network depends on the "
            "whole image (an instance or group norm, a global pooling): near the borders of the tiles the result "
            "differs a little from that of the whole image"
        )
        terminal.tell(f"warning: {warnings[-1]}")
    for line in done.wide:
        warnings.append(line)
        terminal.tell(f"note: {line}")
    if done.grey:
        warnings.append(
            f"{done.grey[0]}{_and_more(done.grey)} is saved in colour, but all channels are equal: read as grey"
        )
        terminal.tell(f"note: {warnings[-1]}")
    if done.blank:
        warnings.append(
            f"{done.blank[0]}{_and_more(done.blank)}: blank, every pixel is the same, so no cells are found there; if "
            "that cannot be, look at how it was exposed or exported"
        )
        terminal.tell(f"warning: {warnings[-1]}")
    list_failures(done.failures, folder.records)
    return warnings


def list_failures(failures: list["Failure"], records: Path) -> None:
    """Name the inputs that were not done, the first of very many; a stack once for all frames that fail alike.

    Args:
        records: the folder with the record of all of them.
    """
    listed = [*Counter(failures).items()][:_LISTED]
    for failure, n_frames in listed:
        named = failure.why if failure.shown in failure.why else f"{failure.shown}: {failure.why}"
        terminal.tell(f"not done: {named}{f' ({n_frames} frames)' if n_frames > 1 else ''}")
    if (n_more := len(failures) - sum(n for _, n in listed)) > 0:
        terminal.tell(f"not done: {n_more} more; all are listed in {records / 'prediction.json'}")


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _digest(model: Path) -> str:
    """Give the sha256 of the model's file: the same network by another path is the same."""
    if model.is_dir():
        from cellprune.runs.folder import FILES  # which knows all files of a run, and takes long to load

        model /= FILES["model"]
    with model.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _progress(images: "Sequence[Image]", engine: "Engine", zooms: "dict[str, tuple[float, float]]") -> "Iterator[Tell]":
    """Say what is to be done and the memory for it, and show how far the images are."""
    from cellprune.cli.progress import shown
    from cellprune.lab.forecast import memory_bytes
    from cellprune.report.formatting import file_size
    from cellprune.training.progress import Event

    n_images = len(images)
    height, width = max((image.header.size for image in images), key=prod, default=(0, 0))
    size = f" of up to {height} x {width} px" if n_images > 1 else f" of {height} x {width} px"
    memory = f"{size}, about {file_size(int(memory_bytes(engine, images, zooms)))} of memory" if images else ""

    def event(done: int, message: str) -> Event:
        return Event("predicting", done=done, total=n_images, message=message)

    with shown() as watcher:

        def tell(done: int, message: str) -> None:
            watcher.advanced(event(done, message))

        watcher.started(event(0, f"{many(n_images, 'image')}{memory}"))
        yield tell
        watcher.finished(event(n_images, ""))


def _tell_time(first_s: float, n_left: int) -> None:
    """Say how long the rest takes by the first image, where that is long and no bar says it."""
    from cellprune.report.formatting import duration

    if n_left * first_s > _LONG_S and not sys.stderr.isatty():
        terminal.tell(f"the first image took {duration(first_s)}: about {duration(n_left * first_s)} for the others")


def _done(
    job: "Job",
    found: _Inputs,
    sizes: "dict[str, tuple[float, float] | None]",
    zooms: "dict[str, tuple[float, float]]",
    scaling: "Scaling",
    warnings: list[str],
    *,
    separate: bool,
) -> "Done":
    """Predict what is there and what comes, and show how far it is; what is said of what comes is added to warnings."""
    from cellprune.lab.job import run

    if found.coming is not None:
        notices = Notices(job.engine.card, scaling, found.everyones, found.labels, warnings)
        return watched(job, found.coming, scaling, notices, separate=separate)
    with _progress(found.images, job.engine, zooms) as tell:
        return run(
            job.engine, found.images, job.output, pixel_sizes=sizes, zooms=zooms, failures=found.failures,
            numbers=job.numbers, decoder=job.decoder, min_area_px=job.min_area_px, tell=tell, pace=_tell_time,
        )  # fmt: skip


def _report(
    done: "Done", tracks: Sequence["Followed"] | None, folder: "Output", said: Mapping[str, object], *, json: bool
) -> int:
    """Say what came of it, to people or to programs, and give the exit code; `said` is for programs alone."""
    if json:
        recordings = {} if tracks is None else {"recordings": [asdict(one.summary) for one in tracks]}
        print(text.dumps({**said, **done.record(), **recordings}))
    else:
        _show(done, tracks or [], folder)
    return 1 if done.failures else 0


def _show(done: "Done", tracks: Sequence["Followed"], folder: "Output") -> None:
    kept = f" ({done.kept} of them were there already)" if done.kept else ""
    failed = f", {len(done.failures)} not done" if done.failures else ""
    cells, images = (many(n, what) for n, what in ((len(done.rows), "cell"), (len(done.images), "image")))
    say(f"{cells} in {images}{kept}{failed}")
    say("Look at:")
    for path, what in (
        (folder.path / "overlays", "each image with the outlines of its cells"),
        (folder.path / "labels", "label images of native size: 0 is background, one number per cell"),
        (folder.path / "outlines", "outlines of the cells, for ImageJ or QuPath"),
        (folder.records / "cells.csv", "one line per cell: position, area, shape, grey levels"),
    ):
        if {"overlays": folder.overlays, "outlines": bool(folder.outlines)}.get(path.name, True):
            say(f"  {path}   {what}")
    if folder.zarr_labels is not None:
        say(f"  labels/{folder.zarr_labels} in each OME-Zarr   the same labels, beside their image")
    if folder.shard is not None:
        say(
            f"One table, once all {folder.shard.count} shards are done: cellprune merge {shlex.quote(str(folder.path))}"
        )
    say(*told(tracks))
