"""The answer of a search as one value: search.json, the sentences, the page and the tables follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.evaluation.decide import Decision, Verdict
from cellprune.runs.layer_times import TimedIn
from cellprune.runs.provenance import Process
from cellprune.search.frames import Frames
from cellprune.search.judge.controls import Corrected
from cellprune.search.judge.trial import Table
from cellprune.search.look import Look
from cellprune.search.tell.words import Words

Ending = Literal["found", "not shown", "none found", "unfinished"]


@dataclass(frozen=True)
class Evidence:
    """The paired differences that something was judged by.

    Attributes:
        left_out: seed -> why it has no column.
        hopeless: why a trial was hopeless, "" if none was.
        rows: the frame of each row.
        differences: of each frame and seed.
    """

    n_frames: int
    n_seeds: int
    left_out: Mapping[str, str]
    hopeless: str
    rows: tuple[str, ...]
    differences: tuple[tuple[float, ...], ...]

    @classmethod
    def of_table(cls, table: Table) -> "Evidence":
        """Keep of a table what is told."""
        n_frames, n_seeds = table.differences.shape
        return cls(
            n_frames=n_frames,
            n_seeds=n_seeds,
            left_out={str(seed): why for seed, why in table.left_out.items()},
            hopeless=table.hopeless,
            rows=tuple(frame for _, frame in table.rows),
            differences=tuple(map(tuple, table.differences.tolist())),
        )


@dataclass(frozen=True)
class Probed:
    """A ratio that the search judged, see `judge.propose.Probe`; it claims nothing."""

    ratio: float
    passes: bool
    mean: float | None
    standard_error: float | None
    evidence: Evidence


@dataclass(frozen=True)
class Tested:
    """A ratio that the confirmation tested.

    Attributes:
        decision: None where too few seeds were left to decide, or a trial was hopeless.
        seeds_needed: with which a true loss of zero is shown in 4 of 5 searches, at this look's error; None where the
            ratio passed, or frames are what is missing.
        seeds_needed_next_look: the same at the next look's error.
    """

    ratio: float
    evidence: Evidence
    decision: Decision | None
    seeds_needed: int | None
    seeds_needed_next_look: int | None

    @property
    def verdict(self) -> Verdict:
        return self.decision.verdict if self.decision else "undecided"


@dataclass(frozen=True)
class Control:
    """What a pruned network must beat, see `judge.controls.Beaten`.

    Attributes:
        what: it is, in a few words.
        pruned_is: what the pruned network is, seen from this control.
        own: the control minus the unpruned network; None where nothing could be decided.
        against: the pruned network minus the control; None with it.
    """

    name: str
    what: str
    pruned_is: Literal["better", "worse", "undecided"]
    does_as_well: bool
    evidence: Evidence
    own: Corrected | None
    against: Corrected | None


@dataclass(frozen=True)
class Limits:
    """What is kept of a test in the list of looks; None where nothing could be decided."""

    ratio: float
    verdict: Verdict
    mean: float | None
    lower: float | None
    upper: float | None
    p_value: float | None


@dataclass(frozen=True)
class AnsweredLook:
    """A look at the held-out frames, and what came of it."""

    look: Look
    tested: tuple[Limits, ...]

    @property
    def ratio(self) -> float | None:
        """The highest ratio that passed; None if none did."""
        return max((test.ratio for test in self.tested if test.verdict == "not worse"), default=None)


@dataclass(frozen=True)
class Claimed:
    """The highest ratio that was shown, and by which look, from 1."""

    ratio: float
    look: int


@dataclass(frozen=True)
class Network:
    """What the networks of one arm of the confirmation score and cost.

    Attributes:
        control: "" for the method itself.
        score: mean over all its trainings and frames.
        hopeless: trainings that were; they have no score.
        of_budget: of a small dense network: its size, as a share of what it might have; None of others.
        widths: of the same, channels of each level.
        milliseconds: of its first training's network; None where that is gone.
        time_ratio: that beside the unpruned one's, measured in turn; None where one of them is gone.
        layers_ms, layers_ratio: the same as the sum of its layers' times, by which a search of milliseconds decides;
            None where nothing was timed.
        run: name of its first training's run.
    """

    ratio: float
    control: str
    score: float
    score_by_trial: tuple[float, ...]
    hopeless: int
    parameters: int
    macs: int
    bytes: int
    of_budget: float | None
    milliseconds: float | None
    time_ratio: float | None
    run: str
    widths: tuple[int, ...] | None = None
    layers_ms: float | None = None
    layers_ratio: float | None = None


@dataclass(frozen=True)
class TimedOn:
    """Where the networks were timed, each as a whole.

    Attributes:
        engine: a row of the engines' table.
        version: of its library; "" where an older search did not say it.
    """

    device: str
    threads: int
    engine: str = "torch"
    version: str = ""


@dataclass(frozen=True)
class Compute:
    """What the search took: trainings, seconds of training and scoring them, and on what machines.

    Attributes:
        trained_before: of them, by others.
        crashed_tries: which are no trainings, but are in the seconds.
        machines: machine -> trainings.
    """

    trainings: int
    trained_before: int
    crashed_tries: int
    seconds: float
    machines: Mapping[str, int]


@dataclass(frozen=True)
class Answer:
    """What a search has come to, whole or cut short.

    Attributes:
        made: by what process.
        settings: of a training; what a trial decides is the search's.
        question: what is asked in the last look, the one under way.
        grid: the ratios that it asks about.
        reachable: the ratios that the method can reach, rising.
        limit: why there are no higher ones; "" where any may be asked.
        look: its number, from 1.
        looks: every one of them; the last as far as it has come.
        alpha: the error of each of its tests.
        stopped: why the search is not at its end; "" if it is.
        ratio: the highest that this look has shown; None if none.
        proposed: the ratio that the search proposed; None if none.
        search: the ratios that it judged, in the order of asking.
        confirmation: the ratios that were tested, rising.
        controls_missing: name of a control -> why there is none.
        networks: of the confirmation, the unpruned one first, the controls last.
        crashes: name of a trial -> why it crashed, each time.
        model: path of the model file of the highest ratio that any look has shown, as it is given to a command here;
            None where there is none.
        model_file: the same as seen from the folder of the search.
        model_run: folder of its run, whether or not that still is there; "" where nothing is shown.
        timed_in: where the layers were timed, by which a search of milliseconds decides; None of another.
    """

    made: Process
    settings: Settings
    question: Search
    words: Words
    grid: tuple[float, ...]
    reachable: tuple[float, ...]
    limit: str
    frames: Frames
    look: int
    looks: tuple[AnsweredLook, ...]
    alpha: float
    stopped: str
    verdict: Ending
    ratio: float | None
    proposed: float | None
    search: tuple[Probed, ...]
    confirmation: tuple[Tested, ...]
    controls: tuple[Control, ...]
    controls_missing: Mapping[str, str]
    networks: tuple[Network, ...]
    timed_on: TimedOn | None
    crashes: Mapping[str, tuple[str, ...]]
    compute: Compute
    model: str | None
    model_file: str | None
    model_run: str
    timed_in: TimedIn | None = None

    @property
    def found(self) -> Network | None:
        """The network with the highest ratio that was shown; None where the last look has none."""
        ratio = self.claimed.ratio if self.claimed else None
        return next((network for network in self.networks if network.ratio == ratio and not network.control), None)

    @property
    def unpruned(self) -> Network | None:
        """The network that it is compared with; None where the last look has none yet."""
        return next((network for network in self.networks if not network.ratio), None)

    @property
    def claimed(self) -> Claimed | None:
        """The highest ratio that any look has shown, see `claimed_by`."""
        return claimed_by(self.looks)


def claimed_by(looks: Sequence[AnsweredLook]) -> Claimed | None:
    """Give the highest ratio that any of the looks has shown at the last one's margin; None if none.

    A later look may have a smaller margin, and then answers for itself.
    """
    margin = looks[-1].look.question.margin
    shown = [
        Claimed(look.ratio, number)
        for number, look in enumerate(looks, 1)
        if look.ratio is not None and look.look.question.margin <= margin
    ]
    return max(shown, key=lambda claimed: claimed.ratio, default=None)
