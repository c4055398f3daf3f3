"""Run folders as `train` leaves them, without the training: enough to make a report from."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cellprune.evaluation import iou
from cellprune.evaluation.cells import ScoredCells, judge, summary
from cellprune.report.marked.image import ImageCells, Located
from cellprune.report.marked.pictures import draw
from cellprune.runs import documents
from cellprune.runs.folder import Folder
from cellprune.runs.scores import CellPictures, CellScores, SegmentationScores
from cellprune.targets import classes
from cellprune.targets.decoders import Components

CLASSES = ("background", "cell")
FILES = {  # of a pruned run
    "config.yaml", "split.yaml", "provenance.json", "masks.safetensors", "cost.json", "metrics.csv", "tuning.json",
    "scores.json", "model.safetensors", "log.txt", "report.html",
}  # fmt: skip


def make(
    path: Path,
    *,
    ratio: float = 0.97,
    dataset: str = "PhC-C2DH-U373",
    n_images: int = 10,
    dead: bool = False,
    width: int = 4,
    seed: int = 0,
) -> Folder:
    """Make a run folder that lacks nothing but its report."""
    folder = Folder(path)
    folder.path.mkdir(parents=True)
    method = "prospr" if ratio else "dense"
    layers = unet_layers(ratio, dead=dead, width=width)
    write(folder, "config", config(dataset, method, ratio) | {"seed": seed})
    write(folder, "split", split(dataset, n_images))
    write(folder, "provenance", provenance(method))
    write(folder, "cost", cost(layers, dead))
    documents.write_table(folder.file("metrics"), metrics())
    folder.write_scores(scores(n_images))
    if ratio:
        folder.write_masks({row["name"]: mask(row) for row in layers})
    return folder


def write(folder: Folder, kind: str, content: dict[str, Any]) -> None:
    """Write a file of the run as plain values, whatever they are."""
    path = folder.file(kind)
    (documents.write_yaml if path.suffix == ".yaml" else documents.write_json)(path, content)


@contextmanager
def edited(folder: Folder, kind: str) -> Iterator[dict[str, Any]]:
    """Give a file of the run as plain values, which are written back as they stand at the end."""
    path = folder.file(kind)
    content = (documents.read_yaml if path.suffix == ".yaml" else documents.read_json)(path)
    yield content
    write(folder, kind, content)


def config(dataset: str, method: str, ratio: float) -> dict[str, Any]:
    pruning = {"method": method, "ratio": ratio}
    if ratio:
        pruning |= {"scope": "global", "exclude": [], "batch_size": 8, "inner_steps": 3, "order": "full"}
    return {
        "task": "segmentation",
        "seed": 0,
        "data": {"dataset": dataset, "truth": "ignore", "ignore_border": False, "split": "random", "holdout": 0.3,
                 "split_seed": 0, "size": [256, 256]},
        "model": {"name": "unet", "width": 64, "depth": 4, "norm": "batch", "padding": "same"},
        "pruning": pruning,
        "training": {"epochs": 50, "batch_size": 2, "optimizer": "adamw", "learning_rate": 0.002, "weight_decay": 1e-4,
                     "schedule": "one-cycle", "loss": "cross-entropy+dice", "augment": "full", "evaluate_every": 5,
                     "precision": "fp32"},
    }  # fmt: skip


def split(dataset: str, n_images: int) -> dict[str, Any]:
    def entries(numbers: range) -> list[dict[str, Any]]:
        return [{"sequence": f"{1 + k % 2:02d}", "frame": k, "sha256": {"image": "0" * 64}} for k in numbers]

    parts = {"train": entries(range(n_images, 24 + n_images)), "select": [], "report": entries(range(n_images))}
    dropped = [{**entries(range(99, 100))[0], "part": "train", "reason": "no pixel of it is known"}]
    return {"dataset": dataset, "how": "random", "holdout": 0.3, "seed": 0, "select_share": 0.0, "policy": "ignore",
            "fold": None, "parts": parts, "dropped": dropped}  # fmt: skip


def provenance(method: str) -> dict[str, Any]:
    return {
        "started": "2026-11-22T14:02:11+00:00",
        "command": ["cellprune", "train", "--dataset", "PhC-C2DH-U373", "--prune", "0.97"],
        "commit": "a8e4c67b1f0d5c7c6f9c3d0b8a1e2f3041526374+changes",
        "versions": {"python": "3.11.9", "cellprune": "0.1.0", "torch": "2.13.0", "monai": "1.6.1", "numpy": "2.4.6"},
        "machine": {"system": "Linux x86_64", "processor": "Intel(R) Xeon(R) Platinum 8481C", "cores": 2},
        "threads": 2,
        "device": "cpu",
        "precision": "fp32",
        "processes": 1,
        "data": {"dataset": "PhC-C2DH-U373", "sha256": "0fb1" * 16},
        "segments": {"segment": 1, "micro_batch": None} if method == "prospr" else None,
        "times": {"scoring_s": 74.2, "training_s": 1741.0, "evaluation_s": 9.3},
        "finished": "2026-11-22T14:32:51+00:00",
    }


def unet_layers(ratio: float, *, dead: bool, width: int, size: int = 256) -> list[dict[str, Any]]:
    """The rows of a U-Net of depth 4, with kept shares as a pruning at initialization leaves them."""
    rng = np.random.default_rng(0)
    shapes: list[tuple[str, list[int], int]] = []
    channels = 1
    for level in range(5):
        wide, n = width << level, (size >> level) ** 2
        name = f"down.{level}" if level < 4 else "bottom"
        shapes += [(f"{name}.0.weight", [wide, channels, 3, 3], n), (f"{name}.3.weight", [wide, wide, 3, 3], n)]
        channels = wide
    for level in reversed(range(4)):
        wide, n = width << level, (size >> level) ** 2
        shapes += [
            (f"up.{level}.widen.weight", [2 * wide, wide, 2, 2], n // 4),
            (f"up.{level}.0.weight", [wide, 2 * wide, 3, 3], n),
            (f"up.{level}.3.weight", [wide, wide, 3, 3], n),
        ]
    shapes.append(("head.weight", [2, width, 1, 1], size**2))
    rows = []
    for name, shape, positions in shapes:
        weights = int(np.prod(shape))
        share = 1.0 if not ratio else float(np.clip(12 * (1 - ratio) * weights**-0.18 * rng.lognormal(0, 0.5), 1e-4, 1))
        kept = 0 if dead and name == "bottom.3.weight" else round(weights * share)
        rows.append(
            {"name": name, "kind": "ConvTranspose2d" if "widen" in name else "Conv2d", "shape": shape,
             "weights": weights, "kept": kept, "active": int(0.99 * kept), "macs": weights * positions,
             "macs_kept": kept * positions}
        )  # fmt: skip
    return rows


def mask(row: dict[str, Any]) -> np.ndarray:
    """A mask with as many kept weights as its layer, spread over it."""
    spread = np.random.default_rng(0).permutation(row["weights"])
    return (spread < row["kept"]).reshape(row["shape"])


def cost(layers: list[dict[str, Any]], dead: bool) -> dict[str, Any]:
    weights, kept, active, macs, macs_kept = (
        sum(row[key] for row in layers) for key in ("weights", "kept", "active", "macs", "macs_kept")
    )
    milliseconds: dict[str, Any] = {"dense": 1203.4} | ({"pruned": 1198.7} if kept < weights else {})
    return {
        "parameters": {"total": weights + 11_778, "prunable": weights, "kept": kept},
        "macs": {"dense": macs, "masked": macs_kept, "input": [1, 256, 256]},
        "sparsity": {"direct": 1 - kept / weights, "effective": 1 - active / weights, "input": [1, 256, 256]},
        "layers": layers,
        "bytes": {"dense_fp32": 4 * weights + 60_000, "model_file": 4 * kept + weights // 32 + 60_000},
        "milliseconds": milliseconds | {"threads": 2, "device": "cpu", "repeats": 5},
        "dead_layers": ["bottom.3.weight"] if dead else [],
    }


def metrics() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows = []
    for epoch in range(1, 51):
        learned = 1 - np.exp(-epoch / 7)
        row: dict[str, Any] = {"stage": 0, "epoch": epoch, "loss": 1.4 - 1.25 * learned + rng.normal(0, 0.02)}
        seen = epoch % 5 == 0
        for name, height in (("iou_image_mean", 0.92), ("iou_pooled", 0.93)):
            row[name] = 0.47 + (height - 0.47) * learned + rng.normal(0, 0.004) if seen else None
        for name, height in (("iou_cell_image_mean", 0.87), ("iou_cell_pooled", 0.88)):
            row[name] = 0.2 + (height - 0.2) * learned + rng.normal(0, 0.004) if seen else None
        rows.append(row | {"learning_rate": 2e-3 * (1 - epoch / 50), "seconds": 35.0})
    return rows


@cache
def scores(n_images: int) -> SegmentationScores:
    images, drawn = [], {}
    for k in range(n_images):
        sequence = f"{1 + k % 2:02d}"
        name = f"{sequence}/{k:03d}"
        image, prediction, target = cells(k)
        for size, step in zip(iou.SIZES, (2, 1), strict=True):
            guess, truth = prediction[::step, ::step], target[::step, ::step]
            counted = iou.counts(guess, truth, CLASSES)
            images.append(iou.ScoredImage(name, sequence, k, size, counted, iou.ignored_px(truth)))
        drawn[name] = (image, prediction, target)
    counted, pictures = cells_of(drawn)
    return SegmentationScores(
        "segmentation", "ignore", "report", tuple(images), iou.summary(images), (), counted, pictures
    )


def cells_of(drawn: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[CellScores, CellPictures]:
    counted, images = [], []
    for name, (image, prediction, target) in drawn.items():
        pair = ((each == 1).astype(np.uint8) for each in (prediction, target))
        found, truth = (classes.cells_of(each, Components()).labels for each in pair)
        ignored = target == iou.IGNORED
        judged = judge(truth, found, ignored=ignored)
        counted.append(ScoredCells(name, name[:2], int(name[3:]), judged.count))
        images.append(ImageCells(name, image, Located(truth), Located(found), ignored, judged, 0))
    return CellScores(0, tuple(counted), summary([image.count for image in counted])), draw(images)


def cells(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image with bright-rimmed cells, a prediction that is a little off, and a truth with an unknown rim."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:130, :174]
    image = 0.4 + 0.02 * rng.standard_normal(y.shape)
    target, prediction = np.zeros(y.shape, np.uint8), np.zeros(y.shape, int)
    for _ in range(6):
        cy, cx, radius = rng.uniform(15, 115), rng.uniform(15, 160), rng.uniform(7, 15)
        wobble = 0.2 * radius * np.sin(3 * np.arctan2(y - cy, x - cx) + rng.uniform(0, 6))
        distance = np.hypot(y - cy, x - cx) + wobble
        target[distance < radius] = 1
        image += 0.25 * np.exp(-(((distance - radius) / 1.6) ** 2))
        shift = rng.normal(0, 0.5 + 0.12 * seed, 2)
        prediction[np.hypot(y - cy - shift[0], x - cx - shift[1]) + 0.8 * wobble < radius] = 1
    target[:8] = 255
    return image.clip(0, 1)[None], prediction, target
