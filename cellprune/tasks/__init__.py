"""All that differs between kinds of learning, as one frozen value of functions. Nowhere else does code ask for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.config.data import Data
from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.runs.scores import Scores
from cellprune.training.progress import Tell


@dataclass(frozen=True)
class Task:
    """What a task brings to the story of a run.

    Attributes:
        open: (data settings, data root) -> what is on disk, nothing loaded yet.
        split: (what `open` gave, data settings) -> parts with `written()`, ready for split.yaml.
        whole: (what `open` gave, data settings) -> everything with gold truth as the part "report".
        again: (what `open` gave, the run's split.yaml, "report" | "train" | "all") -> that part as "report".
        preview: (what `open` gave, split) -> what is learned from and held out, in lines for people.
        recordings: split -> the recordings that its frames are from; none where every image stands alone.
        loaders: (what `open` gave, split, settings, workers, device) -> the parts as batches.
        input: (what `open` gave, data settings) -> (channels, height, width) of what the network takes.
        network: what `open` gave -> settings of the network that the data decide (channels, classes).
        loss: name -> (output, target) -> scalar mean.
        scores: (network, loaders, part, who is told of each image or batch) -> what scores.json holds.
        watch: (network, loaders, part) -> the few named scores of that part that are shown while training.
        header: (what `open` gave, settings) -> what the model file says of inputs and outputs.
    """

    open: Callable[[Data, Path | None], Any]
    split: Callable[[Any, Data], Any]
    whole: Callable[[Any, Data], Any]
    again: Callable[[Any, Any, str], Any]
    preview: Callable[[Any, Any], list[str]]
    recordings: Callable[[Any], tuple[str, ...]]
    loaders: Callable[[Any, Any, Settings, int, torch.device], Any]
    input: Callable[[Any, Data], tuple[int, int, int]]
    network: Callable[[Any], dict[str, int]]
    loss: Callable[[str], Callable[[Tensor, Tensor], Tensor]]
    scores: Callable[[nn.Module, Any, str, Tell], Scores]
    watch: Callable[[nn.Module, Any, str], Mapping[str, float | None]]
    header: Callable[[Any, Settings], dict[str, Any]]


def of(settings: Settings) -> Task:
    """Give the task that the settings name."""
    task: Task = resolve("task", settings.task)
    return task
