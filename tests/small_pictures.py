"""Data sets of small images as they lie on a disk, drawn from a seed: the official layout, and an npz."""

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from cellprune.data.labelled import cifar, sets
from cellprune.data.labelled.loaders import Loaders

NAMES = ("dark", "red", "green", "blue")


def arrays(n_train: int = 80, n_test: int = 24, seed: int = 0) -> dict[str, np.ndarray]:
    """Images of four classes that differ in colour, beneath noise."""
    draw = np.random.default_rng(seed)
    colours = np.array([(60, 60, 60), (150, 60, 60), (60, 150, 60), (60, 60, 150)])
    made = {}
    for part, n in (("train", n_train), ("test", n_test)):
        targets = np.arange(n) % len(NAMES)
        noise = draw.integers(0, 100, (n, 32, 32, 3))
        made |= {f"x_{part}": (colours[targets][:, None, None] + noise).astype(np.uint8), f"y_{part}": targets}
    return made | {"label_names": np.array(NAMES)}


def npz(path: Path, **changed: np.ndarray | None) -> Path:
    """Save the images as an npz; an array that is None is left out."""
    np.savez(path, **{name: value for name, value in (arrays() | changed).items() if value is not None})
    return path


def official(folder: Path, name: str = "cifar10") -> dict[str, str]:
    """Write the images as the official files have them; give the md5 of each."""
    kind, made = cifar.OFFICIAL[name], arrays()
    at = folder / kind.folder
    at.mkdir(parents=True)
    flat = {part: made[f"x_{part}"].transpose(0, 3, 1, 2).reshape(-1, 3072) for part in ("train", "test")}
    contents = {next(iter(kind.meta)): {kind.names: list(NAMES)}}
    for part, files in (("train", kind.train), ("test", kind.test)):
        for number, file in enumerate(files):
            own = slice(number, None, len(files))
            labels = made[f"y_{part}"][own].tolist()
            contents[file] = {"data": flat[part][own], kind.labels: labels, "filenames": ["a.png"] * len(labels)}
    for file, content in contents.items():
        (at / file).write_bytes(pickle.dumps(content, protocol=2))
    return digests(at, kind)


def digests(folder: Path, kind: cifar.Official) -> dict[str, str]:
    return {file: hashlib.md5((folder / file).read_bytes()).hexdigest() for file in kind.files}


@contextmanager
def known_by(md5: dict[str, str], name: str = "cifar10") -> Iterator[None]:
    """Let these be the official checksums."""
    kind = cifar.OFFICIAL[name]
    ours = {part: {file: md5[file] for file in getattr(kind, part)} for part in ("train", "test", "meta")}
    with patch.dict(cifar.OFFICIAL, {name: replace(kind, **ours)}):
        yield


def loaders(dataset: sets.Labelled, **options: Any) -> Loaders:
    """Give the batches of a set, a quarter of which is held out."""
    parts = sets.split(dataset, holdout=0.25, seed=0)
    asked: dict[str, Any] = {"batch_size": 16, "seed": 0, "device": torch.device("cpu"), "augment": "crop"} | options
    return Loaders(parts, **asked)
