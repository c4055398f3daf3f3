"""All that differs between kinds of learning, as one frozen value of functions. Nowhere else does code ask for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from cellprune.config.data import Data
from cellprune.config.decoding import Decoding
from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.data.batches import Loaders
from cellprune.data.parts import Frames, Part, Parts
from cellprune.images.read import Floats
from cellprune.models.loaded import Header
from cellprune.models.own import Output
from cellprune.runs.scores import Scores
from cellprune.runs.split import Split
from cellprune.runs.tuning import Tuning
from cellprune.targets.decoders import Decoder
from cellprune.training.fit import Loss, NamedScores
from cellprune.training.progress import Tell

FramesT = TypeVar("FramesT", bound=Frames)
PartsT = TypeVar("PartsT", bound=Parts)
LoadersT = TypeVar("LoadersT", bound=Loaders)
WrittenT = TypeVar("WrittenT", bound=Split)
ScoresT = TypeVar("ScoresT", bound=Scores)


@dataclass(frozen=True)
class Task(Generic[FramesT, PartsT, LoadersT, WrittenT, ScoresT]):
    """What a task brings to the story of a run; its own kinds of frames, loaders and scores go through its functions.

    Attributes:
        open: (data settings, data root) -> what is on disk, nothing loaded yet.
        split: (what `open` gave, data settings) -> parts with `written()`, ready for split.yaml.
        with_unannotated: (what `open` gave, parts) -> the same, and what may be learned from without truth.
        whole: (what `open` gave, data settings) -> everything with gold truth as the part "report".
        again: (what `open` gave, the run's split.yaml, "report" | "train" | "all") -> that part as "report".
        preview: (what `open` gave, split) -> what is learned from and held out, in lines for people.
        recordings: split -> the recordings that its frames are from; none where every image stands alone.
        loaders: (what `open` gave, split, settings, workers, device) -> the parts as batches.
        unlabelled: (what `open` gave, split, settings) -> the images that may be learned from, annotated or not, as the
            network takes them, (C, h, w) float32 each.
        input: (what `open` gave, data settings) -> (channels, height, width) of what the network takes.
        outputs: (what `open` gave, data settings) -> how many numbers the network gives of each pixel or image.
        gives: whether these are maps, or numbers of the whole image.
        loss: name -> (output, target) -> scalar mean.
        loss_of_annotated: a loss -> the same of those images of a batch that have any truth.
        agreement: (data settings, temperature) -> the loss by which an output comes to agree with a teacher's.
        scores: (network, loaders, part, the header of its file if it was loaded, who is told of each image or batch) ->
            what scores.json holds. A loaded network sees images as it learned to.
        watch: (network, loaders, part) -> the few named scores of that part that are shown while training.
        tune: (network, loaders, what of the decoder was given, the most pixels to do it on, the header of its file, who
            is told of each image) -> the decoders that were tried on the part "train"; None where there is no decoder.
        decoded_by: (loaders, decoder) -> the same with this decoder.
        header: (what `open` gave, settings) -> what the model file says of inputs and outputs.
        decoding: loaders -> what it says besides of what was learned from: how outputs become answers.
    """

    open: Callable[[Data, Path | None], FramesT]
    split: Callable[[FramesT, Data], PartsT]
    with_unannotated: Callable[[FramesT, PartsT], PartsT]
    whole: Callable[[FramesT, Data], PartsT]
    again: Callable[[FramesT, WrittenT, str], PartsT]
    preview: Callable[[FramesT, PartsT], list[str]]
    recordings: Callable[[PartsT], tuple[str, ...]]
    loaders: Callable[[FramesT, PartsT, Settings, int, torch.device], LoadersT]
    unlabelled: Callable[[FramesT, PartsT, Settings], Sequence[Floats]]
    input: Callable[[FramesT, Data], tuple[int, int, int]]
    outputs: Callable[[FramesT, Data], int]
    gives: Output
    loss: Callable[[str], Loss]
    loss_of_annotated: Callable[[Loss], Loss]
    agreement: Callable[[Data, float], Loss]
    scores: Callable[[nn.Module, LoadersT, Part, Header | None, Tell], ScoresT]
    watch: Callable[[nn.Module, LoadersT, Part], NamedScores]
    tune: Callable[[nn.Module, LoadersT, Decoding, float | None, Header | None, Tell], Tuning] | None
    decoded_by: Callable[[LoadersT, Decoder], LoadersT]
    header: Callable[[FramesT, Settings], Header]
    decoding: Callable[[LoadersT], Header]


AnyTask = Task[Frames, Parts, Loaders, Split, Scores]


def of(settings: Settings) -> AnyTask:
    """Give the task that the settings name."""
    task: AnyTask = resolve("task", settings.task)
    return task
