"""Several runs side by side, in numbers: which may be compared, how they differ image by image, and how sure that is.

A difference is always of pairs: the same image, by its place and the content of its files, judged by the same truth.
Its spread over images says how alike the images are in it; the frames of one recording are near copies, so nothing is
claimed from their number. What is claimed, where there are several seeds, is over seeds: Student's t interval of the
mean differences, one a seed, each of two runs of that seed.

Source: Student 1908 (10.1093/biomet/6.1.1) for the interval.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from statistics import mean, stdev
from typing import Any

from scipy.special import stdtrit

from cellprune.report.finished import Record
from cellprune.report.formatting import share
from cellprune.report.overlap import overlaps
from cellprune.report.results import Place

CONFIDENCE = 0.95
_KIND = ("pruning.method", "pruning.granularity", "pruning.control")
_IN_EVERY_LABEL = ("seed", *_KIND, "pruning.ratio", "pruning.budget", "pruning.effective")
_LONGEST_LABEL = 3  # settings; what differs in more is told by the table of settings


def compare(records: Sequence[Record], reference: Record | None = None) -> list[dict[str, Any]]:
    """Compare runs, in groups of those that may be compared.

    Args:
        records: finished runs, each once.
        reference: the one of them that its group is compared with; else the first dense run of a group, else its
            first run. Every run is paired with the run of the reference's settings and its own seed where there is
            one, else with the reference.
    Returns:
        One mapping of JSON values a group: "runs" (numbered through all groups, the reference first, runs of the same
        settings beside each other), "seeds", "settings", "layers", "overlaps".
    """
    numbers = count(1)
    return [_compared(group, reference, numbers) for group in _together(records)]


def _together(records: Sequence[Record]) -> list[list[Record]]:
    """Put runs together that are judged by the same truth and hold out an image in common."""
    groups: list[list[Record]] = []
    for record in records:
        for group in groups:
            if group[0].judged.truth == record.judged.truth and _shared(group[0], record):
                group.append(record)
                break
        else:
            groups.append([record])
    return groups


def _shared(one: Record, other: Record) -> list[Place]:
    """The frames that both hold out, file by file the same."""
    theirs = other.judged.files
    return [place for place, files in one.judged.files.items() if theirs.get(place) == files]


def _compared(group: Sequence[Record], wanted: Record | None, numbers: Iterator[int]) -> dict[str, Any]:
    dense = next((record for record in group if record.is_dense), group[0])
    reference = wanted if wanted is not None and wanted in group else dense
    variants = _variants([reference, *group])
    records = [record for variant in variants for record in variant]
    settings = _differing(records)
    labels = {record: _label(record, settings) for record in records}
    number = dict(zip(records, numbers, strict=False))
    partner = {record: _partner(record, reference, variants[0]) for record in records}
    runs = [
        {
            "number": number[record],
            "run": record.path.resolve().name,
            "path": str(record.path),
            "label": labels[record],
            "short": labels[record].split(", ")[0],
            "variant": place,
            "seed": record.seed,
            "n_epochs": record.n_epochs,
            "sizes": record.judged.sizes,
            "n_images": {size: len(images) for size, images in record.judged.images.items()},
            "scores": {score.label: dict(score.at) for score in record.judged.scores},
            "deviation": {size: _deviation(list(images.values())) for size, images in record.judged.images.items()},
            "against": None if (other := partner[record]) is None else number[other],
            "differences": None if other is None else _differences(record, other),
            "cost": record.cost,
            "nothing": record.nothing,
        }
        for place, variant in enumerate(variants)
        for record in variant
    ]
    return {
        "dataset": str(reference.settings["data.dataset"]),
        "score": reference.results.measure.name,
        "runs": runs,
        "seeds": [_over_seeds(variant, partner, number, labels) for variant in variants[1:]],
        "settings": [{"key": key, "values": [record.settings.get(key) for record in records]} for key in settings],
        "layers": _densities([record for record in records if record.masks]),
        "overlaps": overlaps({number[r]: r.masks for r in records if r.masks}),
    }


def _variants(records: Sequence[Record]) -> list[list[Record]]:
    """Runs that differ in nothing but the seed, together; each run once."""
    found: dict[str, list[Record]] = {}
    for record in records:
        same = {key: value for key, value in record.settings.items() if key != "seed"}
        variant = found.setdefault(json.dumps(same, sort_keys=True, default=str), [])
        if record not in variant:
            variant.append(record)
    return [sorted(variant, key=lambda record: record.seed) for variant in found.values()]


def _partner(record: Record, reference: Record, variant: Sequence[Record]) -> Record | None:
    """The run that a run is paired with: of the reference's settings and, where there is one, of its own seed."""
    partner = next((other for other in variant if other.seed == record.seed), reference)
    return None if partner is record else partner


def _differences(record: Record, other: Record) -> dict[str, Any]:
    return {size: _difference(record, other, size) for size in record.judged.sizes}


def _difference(record: Record, other: Record, size: str) -> dict[str, Any] | None:
    """The differences of the images that both have, and their mean and spread; None where there are none."""
    if record.judged.sizes[size] != other.judged.sizes[size]:
        return None
    ours, theirs = record.judged.images[size], other.judged.images[size]
    found = {p: ours[p] - theirs[p] for p in _shared(record, other) if p in ours and p in theirs}
    if not found:
        return None
    values = list(found.values())
    return {
        "mean": mean(values),
        "deviation": _deviation(values),
        "n_better": sum(value > 0 for value in values),
        "n_worse": sum(value < 0 for value in values),
        "n_images": len(values),
        "by_name": _by_name(found, record.judged.names),
    }


def _by_name(found: Mapping[Place, float], names: Mapping[Place, str]) -> dict[str, float]:
    together: dict[str, list[float]] = {}
    for place, value in found.items():
        together.setdefault(names[place], []).append(value)
    return {name: mean(values) for name, values in together.items()}


def _over_seeds(
    variant: Sequence[Record],
    partner: Mapping[Record, Record | None],
    number: Mapping[Record, int],
    labels: Mapping[Record, str],
) -> dict[str, Any]:
    """The mean differences of a variant's seeds, and the interval over them that they allow."""
    sizes = variant[0].judged.sizes
    pairs = [(record, other) for record in variant if (other := partner[record]) and other.seed == record.seed]
    seeds: list[dict[str, Any]] = []
    for seed in sorted({record.seed for record, _ in pairs}):
        same = [(record, other) for record, other in pairs if record.seed == seed]
        found = {size: [d["mean"] for r, o in same if (d := _difference(r, o, size))] for size in sizes}
        means = {size: mean(values) if values else None for size, values in found.items()}
        seeds.append({"seed": seed, "runs": [number[record] for record, _ in same], "mean": means})
    over = {size: [value for row in seeds if (value := row["mean"][size]) is not None] for size in sizes}
    return {
        "label": labels[variant[0]].removesuffix(f", seed {variant[0].seed}"),
        "runs": [number[record] for record in variant],
        "seeds": seeds,
        "mean": {size: mean(values) if values else None for size, values in over.items()},
        "interval": {size: interval(values) for size, values in over.items()},
    }


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Give Student's t interval of a mean, at `CONFIDENCE`; None for fewer than two values, which tell no spread."""
    if len(values) < 2:
        return None
    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half


def _deviation(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _differing(records: Sequence[Record]) -> list[str]:
    """The keys in which the runs differ, of those that have them: a dense run has no method's options."""
    keys = dict.fromkeys(key for record in records for key in record.settings)
    return [
        key for key in keys if len({json.dumps(r.settings[key], default=str) for r in records if key in r.settings}) > 1
    ]


def _label(record: Record, differing: Sequence[str]) -> str:
    """A name of few words; runs of the same settings and seed have the same."""
    settings = record.settings
    budget = settings.get("pruning.budget")  # in place of the ratio; always with its unit
    much = share(settings["pruning.ratio"]) if budget is None else f"{budget} kept"
    much += " effective" if settings.get("pruning.effective") else ""
    kind = [settings[key] for key in _KIND if key in settings]
    kind = [word for word in kind if not kind[0].endswith(f"-{word}")]  # gradual-channel is by channel anyway
    words = ["dense" if record.is_dense else f"{' '.join(kind)} {much}"]
    others = [key for key in differing if key not in _IN_EVERY_LABEL]
    if len(others) <= _LONGEST_LABEL:
        words += [f"{key.split('.')[-1].replace('_', ' ')} {settings[key]}" for key in others if key in settings]
    if "seed" in differing:
        words.append(f"seed {record.seed}")
    return ", ".join(words)


def _densities(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row a layer, in the order of the networks: the share of weights that each run keeps of it."""
    names = dict.fromkeys(name for record in records for name in record.densities)
    return [{"name": name, "kept": [record.densities.get(name) for record in records]} for name in names]
