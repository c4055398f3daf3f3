"""Several runs side by side, in numbers: which may be compared, how they differ image by image, and how sure that is.

A difference is always of pairs: the same image, by its place and the content of its files, judged by the same truth.
Its spread over images says how alike the images are in it; the frames of one recording are near copies, so nothing is
claimed from their number. What is claimed, where there are several seeds, is over seeds: Student's t interval of the
mean differences, one a seed, each of two runs of that seed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, count
from statistics import mean, stdev

from cellprune.config.names import METHODS, method
from cellprune.evaluation import overlap
from cellprune.evaluation.overlap import Masks
from cellprune.report.finished import FinishedRun
from cellprune.report.formatting import share
from cellprune.report.results import ImageKey
from cellprune.report.together import folded
from cellprune.report.together.group import (
    ComparedRun,
    Difference,
    Group,
    LayerShares,
    MaskPair,
    OfSeed,
    OverSeeds,
    Setting,
)
from cellprune.report.together.interval import interval

_KIND = ("pruning.method", "pruning.granularity", "pruning.control")
_TEACHER = "training.teacher"
_IN_EVERY_LABEL = (
    "seed", *_KIND, "pruning.ratio", "pruning.budget", "pruning.effective", f"{_TEACHER}_sha256",
    "training.init_sha256", "model.source_sha256", "data.source_sha256",
)  # fmt: skip
_LONGEST_LABEL = 3  # settings; what differs in more is told by the table of settings


def compare(runs: Sequence[FinishedRun], reference: FinishedRun | None = None) -> list[Group]:
    """Compare runs, in groups of those that may be compared.

    Args:
        runs: each once.
        reference: the one of them that its group is compared with; else the first dense run of a group, else its
            first run. Every run is paired with the run of the reference's settings and its own seed where there is
            one, else with the reference.
    """
    numbers = count(1)
    return [_compared(group, reference, numbers) for group in _together(runs)]


def _together(runs: Sequence[FinishedRun]) -> list[list[FinishedRun]]:
    """Put runs together that are judged by the same truth and hold out an image in common."""
    groups: list[list[FinishedRun]] = []
    for run in runs:
        for group in groups:
            if group[0].judged.truth == run.judged.truth and group[0].shared_with(run):
                group.append(run)
                break
        else:
            groups.append([run])
    return groups


def _compared(group: Sequence[FinishedRun], wanted: FinishedRun | None, numbers: Iterator[int]) -> Group:
    dense = next((run for run in group if run.is_dense), group[0])
    reference = wanted if wanted is not None and wanted in group else dense
    variants = _variants([reference, *group])
    runs = [run for variant in variants for run in variant]
    settings = _differing(runs)
    labels = {
        run: _label(run, settings, [key for key in settings if _n_values(key, runs) > 1 or not _is_of_some(key)])
        for run in runs
    }
    number = dict(zip(runs, numbers, strict=False))
    partner = {run: _partner(run, reference, variants[0]) for run in runs}
    pruned = [run for run in runs if run.masks]
    return Group(
        dataset=str(reference.settings["data.dataset"]),
        score=reference.results.metric.name,
        runs=tuple(
            ComparedRun(
                number=number[run],
                run=run.path.resolve().name,
                path=str(run.path),
                label=labels[run],
                short=labels[run].split(", ")[0],
                variant=which,
                seed=run.seed,
                n_epochs=run.n_epochs,
                sizes=run.judged.sizes,
                n_images={size: len(images) for size, images in run.judged.images.items()},
                scores={
                    score.label: {str(size): value for size, value in score.at.items()} for score in run.judged.scores
                },
                cells=folded.cells(run),
                deviation={size: _deviation(list(images.values())) for size, images in run.judged.images.items()},
                against=None if (other := partner[run]) is None else number[other],
                differences=None if other is None else _differences(run, other),
                cost=run.cost,
                nothing=run.nothing,
            )
            for which, variant in enumerate(variants)
            for run in variant
        ),
        methods=folded.fold(variants, partner, number, labels),
        seeds=tuple(_over_seeds(variant, partner, number, labels) for variant in variants[1:]),
        settings=tuple(Setting(key, tuple(run.settings.get(key) for run in runs)) for key in settings),
        layers=_densities(pruned),
        overlaps=_overlaps({number[run]: run.masks for run in pruned}),
    )


def _variants(runs: Sequence[FinishedRun]) -> list[list[FinishedRun]]:
    """Runs that differ in nothing but the seed, together; each run once."""
    variants: dict[str, list[FinishedRun]] = {}
    for run in runs:
        same = {key: value for key, value in run.settings.items() if key != "seed"}
        variant = variants.setdefault(json.dumps(same, sort_keys=True, default=str), [])
        if run not in variant:
            variant.append(run)
    return [sorted(variant, key=lambda run: run.seed) for variant in variants.values()]


def _partner(run: FinishedRun, reference: FinishedRun, variant: Sequence[FinishedRun]) -> FinishedRun | None:
    """The run that a run is paired with: of the reference's settings and, where there is one, of its own seed."""
    partner = next((other for other in variant if other.seed == run.seed), reference)
    return None if partner is run else partner


def _differences(run: FinishedRun, other: FinishedRun) -> dict[str, Difference | None]:
    return {size: _difference(run, other, size) for size in run.judged.sizes}


def _difference(run: FinishedRun, other: FinishedRun, size: str) -> Difference | None:
    """The differences of the images that both have, and their mean and spread; None where there are none."""
    if run.judged.sizes[size] != other.judged.sizes[size]:
        return None
    ours, theirs = run.judged.images[size], other.judged.images[size]
    by_image = {key: ours[key] - theirs[key] for key in run.shared_with(other) if key in ours and key in theirs}
    if not by_image:
        return None
    values = list(by_image.values())
    return Difference(
        mean=mean(values),
        deviation=_deviation(values),
        n_better=sum(value > 0 for value in values),
        n_worse=sum(value < 0 for value in values),
        n_images=len(values),
        by_name=_by_name(by_image, run.judged.names),
    )


def _by_name(by_image: Mapping[ImageKey, float], names: Mapping[ImageKey, str]) -> dict[str, float]:
    together: dict[str, list[float]] = {}
    for key, value in by_image.items():
        together.setdefault(names[key], []).append(value)
    return {name: mean(values) for name, values in together.items()}


def _over_seeds(
    variant: Sequence[FinishedRun],
    partner: Mapping[FinishedRun, FinishedRun | None],
    number: Mapping[FinishedRun, int],
    labels: Mapping[FinishedRun, str],
) -> OverSeeds:
    """The mean differences of a variant's seeds, and the interval over them that they allow."""
    sizes = variant[0].judged.sizes
    pairs = [(run, other) for run in variant if (other := partner[run]) and other.seed == run.seed]
    seeds = []
    for seed in sorted({run.seed for run, _ in pairs}):
        same = [(run, other) for run, other in pairs if run.seed == seed]
        of_runs = {size: [d.mean for run, other in same if (d := _difference(run, other, size))] for size in sizes}
        seeds.append(OfSeed(seed, tuple(number[run] for run, _ in same), _means(of_runs)))
    over = {size: [value for row in seeds if (value := row.mean[size]) is not None] for size in sizes}
    return OverSeeds(
        label=labels[variant[0]].removesuffix(f", seed {variant[0].seed}"),
        runs=tuple(number[run] for run in variant),
        seeds=tuple(seeds),
        mean=_means(over),
        interval={size: interval(values) for size, values in over.items()},
    )


def _means(values: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    return {size: mean(at) if at else None for size, at in values.items()}


def _deviation(values: Sequence[float]) -> float | None:
    return stdev(values) if len(values) > 1 else None


def _differing(runs: Sequence[FinishedRun]) -> list[str]:
    """The keys in which the runs differ, each of those runs that could have it.

    A dense run has no setting of the pruning, and a method none of another's options. Whatever else a run does not
    have differs from a value.
    """

    keys = dict.fromkeys(key for run in runs for key in run.settings)
    return [
        key
        for key in keys
        if _n_values(key, runs) > 1 or any(key not in run.settings and not _has_no(run, key) for run in runs)
    ]


def _n_values(key: str, runs: Sequence[FinishedRun]) -> int:
    return len({json.dumps(run.settings[key], default=str) for run in runs if key in run.settings})


def _has_no(run: FinishedRun, key: str) -> bool:
    """Whether a run's method has no such setting of the pruning: it prunes nothing, or the option is another's."""
    if not _is_of_pruning(key):
        return False
    option = key.partition(".")[2]
    row = method(run.settings["pruning.method"])
    options = {name for each in METHODS.values() for name in each.options} | {"batch_size"}
    own = {*row.options, *(["batch_size"] if row.reads_batches else [])}
    return run.is_dense or option in options - own


def _is_of_pruning(key: str) -> bool:
    return key.startswith("pruning.")


def _is_of_some(key: str) -> bool:
    """Whether a run may have no such setting, which its label tells in its first words."""
    return _is_of_pruning(key) or key.startswith(_TEACHER)


def _label(run: FinishedRun, differing: Sequence[str], told: Sequence[str]) -> str:
    """A name of few words; runs of the same settings and seed have the same.

    Args:
        differing: settings that not all runs have alike.
        told: those of them that the label tells.
    """
    settings = run.settings
    budget = settings.get("pruning.budget")  # in place of the ratio; always with its unit
    much = share(settings["pruning.ratio"]) if budget is None else f"{budget} kept"
    much += " effective" if settings.get("pruning.effective") else ""
    kind = [settings[key] for key in _KIND if key in settings]
    if method(kind[0]).channels == "always":  # without saying
        kind = [word for word in kind if word != "channel"]
    words = ["dense" if run.is_dense else f"{' '.join(kind)} {much}"]
    if _TEACHER in settings:
        words[0] += " with teacher"
    elif any(key.startswith(_TEACHER) for key in differing):
        words[0] += " without teacher"
    others = [key for key in told if key not in _IN_EVERY_LABEL]
    if settings.get("pruning.granularity") != "channel":  # nothing of it can leave the network
        others = [key for key in others if key != "pruning.shrink"]
    if len(others) <= _LONGEST_LABEL:
        words += [f"{key.split('.')[-1].replace('_', ' ')} {settings[key]}" for key in others if key in settings]
    if "seed" in told:
        words.append(f"seed {run.seed}")
    return ", ".join(words)


def _densities(runs: Sequence[FinishedRun]) -> tuple[LayerShares, ...]:
    """One row per layer, in the order of the networks: the share of weights that each run keeps of it."""
    names = dict.fromkeys(name for run in runs for name in run.densities)
    return tuple(LayerShares(name, tuple(run.densities.get(name) for run in runs)) for name in names)


def _overlaps(masks: Mapping[int, Masks]) -> tuple[MaskPair, ...]:
    """One row per two runs, by their numbers, whose masks are of the same layers."""
    pairs = [pair for pair in combinations(masks, 2) if overlap.are_alike(*(masks[number] for number in pair))]
    totals = {pair: overlap.in_all(overlap.by_layer(*(masks[number] for number in pair)).values()) for pair in pairs}
    return tuple(MaskPair(pair, total.share, total.share_by_chance) for pair, total in totals.items())
