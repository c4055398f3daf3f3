"""What a comparison of runs comes to: plain numbers in frozen values, as the page and `--json` tell them."""

from collections.abc import Mapping
from dataclasses import dataclass

from cellprune.report.finished import Spent


@dataclass(frozen=True)
class Difference:
    """The differences of the images that two runs share, at one size.

    Attributes:
        mean: over the images.
        deviation: over the images; None for a single one.
        n_better, n_worse: images that the run does better, and worse, than the other.
        by_name: name that images are shown by -> mean difference of the images of that name.
    """

    mean: float
    deviation: float | None
    n_better: int
    n_worse: int
    n_images: int
    by_name: Mapping[str, float]


@dataclass(frozen=True)
class ComparedRun:
    """A run beside the one that it is compared with.

    Attributes:
        number: through all groups, from 1.
        run: name of its folder.
        label: what sets it apart from the others of its group, in few words; `short` is the first of them.
        variant: number of its settings among those of the group; the reference's are 0.
        sizes: size at which images are judged -> what it is called.
        scores: name of the score -> size -> value.
        cells: name of the score -> value; None where its cells were not scored.
        against: number of the run that it is compared with; None for a reference.
        differences: size -> difference from that run, None where no image is shared; None for a reference.
        nothing: why its network has learned nothing; "" if it has.
    """

    number: int
    run: str
    path: str
    label: str
    short: str
    variant: int
    seed: int
    n_epochs: int
    sizes: Mapping[str, str]
    n_images: Mapping[str, int]
    scores: Mapping[str, Mapping[str, float | None]]
    cells: Mapping[str, float | None] | None
    deviation: Mapping[str, float | None]
    against: int | None
    differences: Mapping[str, Difference | None] | None
    cost: Spent
    nothing: str

    def difference(self, size: str) -> Difference | None:
        """Give the difference at a size; None for a reference, or where no image is shared."""
        return None if self.differences is None else self.differences[size]


@dataclass(frozen=True)
class Seeds:
    """A score, or a difference, of some settings.

    Attributes:
        by_seed: seed -> value; without the seeds of which it is undefined.
        mean: over seeds; None without any.
        interval: of the mean; None for fewer than two seeds.
    """

    by_seed: Mapping[int, float]
    mean: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Folded:
    """Runs of the same settings in one row.

    Attributes:
        variant: as of `ComparedRun`.
        has_cells: whether their cells were scored.
        scores: name -> values at native size; the last one is the score that all runs of the task have.
        differences: name -> differences from the reference, each of two runs of one seed.
        macs: multiply-adds without a zero, mean over runs; `macs_dense` of the network that nothing was removed from.
        time_ratio: time beside the run's own dense network, mean over runs; None where none was timed.
    """

    label: str
    variant: int
    runs: tuple[int, ...]
    n_seeds: int
    has_cells: bool
    scores: Mapping[str, Seeds]
    differences: Mapping[str, Seeds]
    macs: float
    macs_dense: int
    time_ratio: float | None


@dataclass(frozen=True)
class OfSeed:
    """The mean difference of one seed, at each size, and the runs that it is from."""

    seed: int
    runs: tuple[int, ...]
    mean: Mapping[str, float | None]


@dataclass(frozen=True)
class OverSeeds:
    """The mean differences of the seeds of some settings; at each size their mean, and the interval they allow."""

    label: str
    runs: tuple[int, ...]
    seeds: tuple[OfSeed, ...]
    mean: Mapping[str, float | None]
    interval: Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True)
class Setting:
    """A setting in which runs differ, and its value in each run; None where a run has no such setting."""

    key: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class LayerShares:
    """The share of a layer's weights that each pruned run keeps; None where a network has no such layer."""

    name: str
    kept: tuple[float | None, ...]


@dataclass(frozen=True)
class MaskPair:
    """The overlap of the masks of two runs, and that of random ones; None where neither keeps anything."""

    runs: tuple[int, int]
    overlap: float | None
    overlap_by_chance: float | None


@dataclass(frozen=True)
class Group:
    """Runs that may be compared: judged by the same truth, with a held-out image in common.

    Attributes:
        score: what is compared.
        runs: the reference first, runs of the same settings beside each other.
        methods: one row per settings, the best first.
    """

    dataset: str
    score: str
    runs: tuple[ComparedRun, ...]
    methods: tuple[Folded, ...]
    seeds: tuple[OverSeeds, ...]
    settings: tuple[Setting, ...]
    layers: tuple[LayerShares, ...]
    overlaps: tuple[MaskPair, ...]
