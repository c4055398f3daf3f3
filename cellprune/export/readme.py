"""The README of a package: the model card that people read, on bioimage.io and on the Hugging Face hub.

Every number is one of the run's files, or was measured while the package was made. What nobody knows, it says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from cellprune.config import yaml12
from cellprune.config.names import is_dense_family
from cellprune.data.sets import cards
from cellprune.data.sets.cards import Card
from cellprune.evaluation.cells import CELL_SCORES, total
from cellprune.export.parity import LIMITS_PPM, Parity
from cellprune.report import cells, finished, formatting, scores, sentences
from cellprune.report.files import RunFiles
from cellprune.runs.modelcard import ModelCard
from cellprune.runs.scores import SegmentationScores
from cellprune.runs.split import FrameSplit
from cellprune.wording import many

SegmentingRun = RunFiles[SegmentationScores, FrameSplit]

TAGS = ("biology", "microscopy", "segmentation", "cells", "2d", "pruning", "onnx", "bioimage.io", "cellprune")
_MOST_LETTERS = 64  # of a name, as bioimage.io advises
_WITHOUT_RUN = {
    "Training and validation": [
        "The package was made from a model file, without the run that trained it. So these are not known: the data and "
        "their terms, the split, the scores of pixels and cells, the pruning, and the time."
    ]
}
_DONE = {
    "zero-mean-unit-variance": "each channel to mean 0 and deviation 1",
    "zero-mean-unit-variance-within-percentiles": "each channel to mean 0 and deviation 1 of what lies between its "
    "percentiles {low:g} and {high:g}; what is further than {limit:g} deviations from 0 becomes {limit:g}",
    "zero-median-four-between-percentiles": "each channel to median 0, with 4 between its percentiles {low:g} and "
    "{high:g}; what is further than {limit:g} from 0 becomes {limit:g}",
}


@dataclass(frozen=True)
class Agreement:
    """How many pixels get another class after the package's own normalization of an image than after ours."""

    n_pixels: int
    n_differing: int

    @property
    def ppm(self) -> float:
        """Pixels of another class in a million."""
        return 1e6 * self.n_differing / self.n_pixels


def title(model: Path, run: SegmentingRun | None) -> str:
    """Name a network by its data and method, in the letters that bioimage.io allows."""
    if run is None:
        said = model.stem
    else:
        said = f"{formatting.dataset(run.config['data']['dataset'])} {run.config['pruning']['method']}"
    return re.sub(r"[^A-Za-z0-9_+\- ()]+", "-", f"cellprune {said}")[:_MOST_LETTERS].strip()


def card_of_data(run: SegmentingRun) -> Card | None:
    """Give the card of the data that a run learned from; None for a folder of the user's."""
    name = run.config["data"]["dataset"]
    return cards.card(name) if name in cards.names() else None


def readme(
    name: str, card: ModelCard, run: SegmentingRun | None, parities: Sequence[Parity], agreement: Agreement | None
) -> str:
    """Write the README.

    Args:
        name: of the network.
        card: of its weights.
        run: that trained it; None where only a model file is there.
        parities: of each engine with torch.
        agreement: None where the package does not normalize images.
    """
    sections = {
        "Use": _use(),
        "Images that it takes": _taken(card, agreement),
        "What it gives": list(_given(card)),
        **(_of_run(run) if run else _WITHOUT_RUN),
        "Cost": list(_cost(card, run)),
        "How exact the package is": list(_exact(parities, agreement)),
        "Before you share it": [
            "cellprune does not know the authors of this network, its licence and what to cite. Add `authors`, "
            "`license` and `cite` to rdf.yaml, and `license` to the head of this file. The terms of the data apply too."
        ],
    }
    body = "\n\n".join([f"# {name}", *("\n".join([f"## {head}", "", *lines]) for head, lines in sections.items())])
    return f"---\n{yaml12.write(_front(name, run))}---\n\n{escape(body, quote=False)}\n".replace("\u00a0", " ")


def _front(name: str, run: SegmentingRun | None) -> dict[str, object]:
    """Give what the Hugging Face hub reads."""
    front: dict[str, object] = {
        "library_name": "cellprune",
        "pipeline_tag": "image-segmentation",
        "tags": list(TAGS),
    }
    if run is None:
        return front
    data = formatting.dataset(run.config["data"]["dataset"])
    metrics = [
        {"type": "mean_iou", "name": f"IoU, {score.label}, {size} size", "value": value}
        for score in scores.named(run.scores)
        for size, value in score.at.items()
        if value is not None
    ]
    if run.scores.cells is not None:
        counted = total([image.count for image in run.scores.cells.images])
        metrics += [
            {"type": key, "name": score.label, "value": value}
            for key, score in CELL_SCORES.items()
            if (value := score.of(counted)) is not None
        ]
    result = {
        "task": {"type": "image-segmentation", "name": "cells in microscopy images"},
        "dataset": {"name": data, "type": data},
        "metrics": metrics,
    }
    return front | ({"model-index": [{"name": name, "results": [result]}]} if metrics else {})


def _use() -> list[str]:
    return [
        "```bash",
        "pip install cellprune",
        "cellprune predict weights.onnx IMAGES -o labels",
        "```",
        "",
        "This gives label images and a table of the cells. Programs that read bioimage.io packages run the network by "
        "rdf.yaml.",
    ]


def _taken(card: ModelCard, agreement: Agreement | None) -> list[str]:
    low, high = card.normalization.percentiles
    done = _DONE[card.normalization.name].format(low=low, high=high, limit=card.normalization.limit)
    zoom = " x ".join(f"{factor:.4g}" for factor in card.zoom)
    if card.pixel_size_um is None:
        pixels = f"The pixel size of the training images is not known. They were zoomed by {zoom} (y x x)."
    else:
        trained = " x ".join(f"{side:.4g}" for side in card.pixel_size_um)
        seen = " x ".join(f"{side / factor:.4g}" for side, factor in zip(card.pixel_size_um, card.zoom, strict=True))
        pixels = f"Training images: {trained} um a pixel (y x x). The network sees {seen} um a pixel, a zoom of {zoom}."
    where = "it has none for this network: bring normalized images" if agreement is None else "as near as it can say it"
    return [
        f"- {many(card.in_channels, 'channel')}",
        f"- {pixels}",
        "- `cellprune predict` zooms and normalizes by itself. For other programs, bring images to the network's pixel "
        "size first.",
        f"- Normalization: {done}. Other programs do what rdf.yaml says ({where}).",
    ]


def _given(card: ModelCard) -> list[str]:
    return [
        f"- Classes: {', '.join(card.classes)}. Target: {card.target}.",
        f"- `cellprune predict` makes cells of the maps by the decoder {sentences.decoder(card.usual_decoder)}. "
        "Other programs get the maps alone.",
    ]


def _of_run(run: SegmentingRun) -> dict[str, list[str]]:
    return {
        "Data": list(_data(run)),
        "Split": [sentences.scope(run.split, run.scores.part)],
        "Validation": _validation(run.scores),
        "Pruning": [_pruning(run)],
    }


def _data(run: SegmentingRun) -> list[str]:
    name, card = formatting.dataset(run.config["data"]["dataset"]), card_of_data(run)
    if card is None:
        return [f"{name}, a folder of images. Its terms are not known: ask who made the images."]
    return [
        f"- Data set: {name}" + (f", {card.address}" if card.address else ""),
        f"- Modality: {card.modality or 'not known'}",
        f"- Terms: {card.terms or 'not known'}",
        f"- To cite: {'; '.join(card.citations) or 'nothing that is known'}",
        f"- SHA-256 of settings and content: {run.made.data.sha256}",
    ]


def _validation(own: SegmentationScores) -> list[str]:
    rows = [
        f"| {score.label} | {formatting.score(score.at['network'])} | {formatting.score(score.at['native'])} |"
        for score in scores.named(own)
    ]
    lines = ["Pixels (IoU; 1 is best):", "", "| score | network size | native size |", "|---|---|---|", *rows]
    if own.cells is None:
        return [*lines, "", "Cells were not counted."]
    counted = total([image.count for image in own.cells.images])
    found = [f"| {row.label} | {row.value} | {row.meaning} |" for row in cells.rows(counted)]
    head = [
        f"Cells, at native size ({cells.found_of_true(counted)}):",
        "",
        "| score | value | meaning |",
        "|---|---|---|",
    ]
    return [*lines, "", *head, *found]


def _pruning(run: SegmentingRun) -> str:
    cost, pruning = run.cost, run.config["pruning"]
    method = pruning["method"]
    if cost.control is not None:
        family = method if is_dense_family(method) else None
        return sentences.stands_in(cost.control, cost.latency, family, round_to=pruning.get("round_to", 1))
    if method == "dense":
        return "Nothing was removed: this is a dense network."
    reached = sentences.reached(cost.parameters, cost.budget, cost.latency)
    return f"Method {method}: {sentences.amount(pruning)}. {reached} {sentences.paths(cost.sparsity)}"


def _cost(card: ModelCard, run: SegmentingRun | None) -> list[str]:
    if run is None:
        per_pixel = "not known" if card.macs_per_pixel is None else f"{card.macs_per_pixel:,.0f}"
        parameters = "not known" if card.parameters is None else f"{card.parameters:,}"
        return [f"- Parameters, zeros included: {parameters}", f"- Multiply-adds per pixel: {per_pixel}"]
    cost, made, spent = run.cost, run.made, finished.spent(run.cost, run.made)
    time = cost.milliseconds
    image = " x ".join(map(str, cost.macs.input))
    timed = time.dense if time.pruned is None else time.pruned
    return [
        f"- Parameters: {spent.parameters:,}; of the dense network {spent.parameters_dense:,}",
        f"- Multiply-adds of an image of {image}, zeros left out: {formatting.count(spent.macs)}; of the dense network "
        f"{formatting.count(spent.macs_dense)}",
        f"- Milliseconds of such an image in PyTorch: {formatting.milliseconds(timed)} on {time.device} with "
        f"{many(time.threads, 'thread')} ({made.machine.processor})",
        f"- Training: {many(run.n_epochs, 'epoch')}, "
        f"{formatting.duration(made.times.get('training_s'))} on {made.device}",
    ]


def _exact(parities: Sequence[Parity], agreement: Agreement | None) -> list[str]:
    limit = f"{LIMITS_PPM['fp32']:g}"
    lines = [
        f"- {row.engine} {row.precision} against PyTorch: {row.n_differing:,} of {row.n_pixels:,} pixels have another "
        f"class ({row.ppm:,.1f} ppm)"
        for row in parities
    ]
    lines.append(f"- The test of bioimage.io allows {limit} ppm of the values of the test maps to differ.")
    if agreement is not None:
        lines.append(
            f"- The steps in rdf.yaml against `cellprune predict`: {agreement.n_differing:,} of "
            f"{agreement.n_pixels:,} pixels have another class ({agreement.ppm:,.1f} ppm)."
        )
    return lines
