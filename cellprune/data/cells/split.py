"""Which frames are learned from and which are held out; written down so that it can be had again, file by file.

The draw is over all gold frames, before a truth policy drops any, so that policies are compared on the same frames.

`random`    frames at random: the published protocol. Frames of one recording are near copies: scores are too good.
`sequence`  the whole last sequence is held out, whatever its share: another recording, the harder question.
`block`     one stretch of time of one sequence. A single stretch has two ends at most, so as few held-out frames as
            can be have a near copy in the training part; a stretch in each sequence would have more.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self, cast, get_args

from cellprune.data.cells.frames import Dataset, Frame
from cellprune.data.cells.truth import Policy, completeness, has_cells
from cellprune.data.draws import shuffled, stable_hash
from cellprune.data.parts import Part
from cellprune.data.sets.named import restored
from cellprune.errors import CellpruneError
from cellprune.images.naming import of_text
from cellprune.runs.split import UNANNOTATED, DroppedFrame, FrameSplit, SplitFrame
from cellprune.runs.split import Split as WrittenSplit
from cellprune.wording import many

How = Literal["random", "sequence", "block"]
HOWS: tuple[How, ...] = get_args(How)
PARTS: tuple[Part, ...] = get_args(Part)


class SplitError(CellpruneError):
    """Frames that cannot be split as asked, or that are no longer those of a written split."""


@dataclass(frozen=True)
class Dropped:
    """A gold frame that a truth policy leaves out of the part it was drawn into."""

    frame: Frame
    part: Part
    reason: str


@dataclass(frozen=True)
class Split:
    """The parts of a data set, each in the order of (sequence, time).

    Attributes:
        train: learned from.
        select: for choosing among settings; empty outside a search.
        report: held out; scored at the end, never chosen on.
        fold: which fold is held out, from 0, and of how many; None where a share was held out once.
        policy: what a cell without a gold mask is in the training part.
        unannotated: frames without truth that are learned from, by a teacher's maps alone; see `with_unannotated`.
    """

    dataset: str
    how: How
    holdout: float
    seed: int
    select_share: float
    fold: tuple[int, int] | None
    policy: Policy
    train: tuple[Frame, ...]
    select: tuple[Frame, ...]
    report: tuple[Frame, ...]
    dropped: tuple[Dropped, ...]
    unannotated: tuple[Frame, ...] = ()

    def part(self, name: Part) -> tuple[Frame, ...]:
        """Give the frames of a part by its name."""
        return {"train": self.train, "select": self.select, "report": self.report}[name]

    def policy_of(self, name: Part) -> Policy:
        """Give the truth policy of a part: computed truth may teach, but only gold truth examines."""
        return "ignore" if self.policy == "silver" and name != "train" else self.policy

    def known_by(self, _: WrittenSplit) -> Self:
        """Give itself: of frames every version hashed all files."""
        return self

    def written(self) -> FrameSplit:
        """Give what `split.yaml` holds, the sha256 of every file of every frame among it."""
        return FrameSplit(
            dataset=self.dataset,
            how=self.how,
            holdout=self.holdout,
            seed=self.seed,
            select_share=self.select_share,
            policy=self.policy,
            fold=self.fold,
            parts={name: tuple(map(self._written, self.part(name))) for name in PARTS}
            | ({UNANNOTATED: tuple(map(self._written, self.unannotated))} if self.unannotated else {}),
            dropped=tuple(
                DroppedFrame(**vars(self._written(drop.frame)), part=drop.part, reason=drop.reason)
                for drop in self.dropped
            ),
        )

    def _written(self, frame: Frame) -> SplitFrame:
        return SplitFrame(sequence=frame.sequence, frame=frame.number, name=frame.name, sha256=self._digests[frame.id])

    @cached_property
    def _digests(self) -> dict[str, dict[str, str]]:
        frames = (*self.train, *self.unannotated, *self.select, *self.report, *(d.frame for d in self.dropped))
        return {frame.id: _digests(frame) for frame in frames}


def split(
    dataset: Dataset,
    *,
    how: How,
    holdout: float = 0.3,
    seed: int = 0,
    policy: Policy,
    select_share: float = 0.0,
    fold: tuple[int, int] | None = None,
) -> Split:
    """Split a data set's gold frames; a pure function of the frames' ids and the seed.

    Args:
        how: see the module.
        holdout: share of the gold frames to hold out, rounded down, at least one; `sequence` does not ask.
        seed: decides the draw; nothing else does.
        policy: truth policy; under `silver` every frame with silver truth that is not held out is learned from.
        select_share: share of the remaining gold frames to set apart for choosing, drawn in the same way (under
            `sequence` as a block, when only one sequence remains); every fold draws anew.
        fold: (k, K) holds out the k-th, from 0, of K folds instead of a share: K hands of the shuffled frames
            (`random`), K stretches of time as even as can be (`block`), or one sequence each (`sequence`).
    Raises:
        SplitError: too few gold frames or sequences for this, a share outside 0..1, no cell in any truth, or a policy
            that leaves a part empty.
    """
    if how not in HOWS:
        raise SplitError(f"no split {how!r}; known: {', '.join(HOWS)}")
    if not 0 < holdout < 1 or not 0 <= select_share < 1:
        raise SplitError(f"a held-out share is between 0 and 1, not holdout={holdout}, select_share={select_share}")
    gold = dataset.gold_frames
    if len(gold) < 2:
        raise SplitError(
            f"{dataset.name} has {many(len(gold), 'annotated frame')}: annotate at least two, one to hold out"
        )
    if how == "sequence" and gold[0].name:
        raise SplitError(f"{dataset.name} is a plain folder, which has no sequences: take --split random or block")
    if policy == "silver" and not any(frame.silver for frame in dataset.frames):
        raise SplitError(f"{dataset.name} has no silver truth to learn from: take --truth ignore")
    if not has_cells(gold):
        raise SplitError(f"{dataset.name} has no cell in any of its {len(gold)} annotated frames: annotate some cells")

    report = _fold(gold, how, fold, seed) if fold else _held_out(gold, how, holdout, "report", seed)
    annotated = gold if policy != "silver" else tuple(f for f in dataset.frames if f.gold or f.silver)
    train = _outside(annotated, report, how)
    select: list[Frame] = []
    if select_share > 0:
        n_sequences = len({frame.sequence for frame in train})
        how_select = _how_select(how, n_sequences)
        draw = f"select {fold[0]}/{fold[1]}" if fold else "select"
        select = _held_out([frame for frame in train if frame.gold], how_select, select_share, draw, seed)
        train = _outside(train, select, how_select)

    asked = Split(
        dataset.name,
        how,
        holdout,
        seed,
        select_share,
        fold,
        policy,
        tuple(train),
        tuple(select),
        tuple(report),
        dropped=(),
    )
    dropped = tuple(
        Dropped(frame, part, reason)
        for part in PARTS
        for frame in asked.part(part)
        if frame.gold and (reason := completeness(frame).fault(asked.policy_of(part)))
    )
    return _without(asked, dropped)


def with_unannotated(dataset: Dataset, parts: Split) -> Split:
    """Add the frames without truth that may be learned from: those outside all that is held out, as the split has it.

    Under `random` that is every other frame, under `block` and `sequence` none among the held-out ones in time.
    """
    held: dict[Part, list[Frame]] = {
        part: [*parts.part(part), *(drop.frame for drop in parts.dropped if drop.part == part)]
        for part in ("select", "report")
    }
    known = {*parts.train, *(drop.frame for drop in parts.dropped)}
    outside = _outside([f for f in dataset.frames if f not in known], held["report"], parts.how)
    if held["select"]:
        n_sequences = len({frame.sequence for frame in (*parts.train, *held["select"])})
        outside = _outside(outside, held["select"], _how_select(parts.how, n_sequences))
    return replace(parts, unannotated=tuple(outside))


def without_truth(dataset: Dataset) -> Split:
    """Hold out nothing: every frame is learned from, without truth."""
    return Split(dataset.name, "random", 0.0, 0, 0.0, None, "ignore", (), (), (), (), unannotated=dataset.frames)


def whole(dataset: Dataset, *, policy: Policy) -> Split:
    """Hold out every gold frame: for a network that was trained elsewhere.

    Raises:
        SplitError: no gold frame that the policy takes.
    """
    asked = Split(dataset.name, "random", 1.0, 0, 0.0, None, policy, (), (), dataset.gold_frames, dropped=())
    faults = ((frame, completeness(frame).fault(asked.policy_of("report"))) for frame in dataset.gold_frames)
    dropped = tuple(Dropped(frame, "report", reason) for frame, reason in faults if reason)
    gone = {drop.frame for drop in dropped}
    report = tuple(frame for frame in dataset.gold_frames if frame not in gone)
    if not report:
        raise SplitError(f"truth policy {policy!r} drops every annotated frame of {dataset.name}: take another --truth")
    return replace(asked, report=report, dropped=dropped)


def from_written(written: FrameSplit, dataset: Dataset) -> Split:
    """Find the frames of a written split again and check that no file has changed since.

    Args:
        written: what `Split.written` gave.
        dataset: the same data set, perhaps in another place.
    Raises:
        SplitError: it is a split of another set, a frame is missing, or a file changed.
    """
    if of_text(written.dataset) != dataset.name:
        raise SplitError(f"the split is one of {written.dataset!r}, but the data set is {dataset.name!r}")
    by_id = {frame.id: frame for frame in dataset.frames}

    def there(entry: SplitFrame) -> Frame:
        name = entry.name or f"{entry.sequence}/{entry.frame:03d}"
        frame = by_id.get(of_text(name))
        if frame is None:
            raise SplitError(f"{dataset.name} has no frame {name} of the split any more")
        if gone := entry.sha256.keys() - frame.files.keys():
            raise SplitError(f"the {min(gone)} file of {frame.id}, which was split, is gone: bring it back")
        for kind, digest in _digests(frame).items():
            if entry.sha256.get(kind) != digest:
                raise SplitError(
                    f"{frame.files[kind]} is not the file that was split: its sha256 changed; {restored(dataset.name)}"
                )
        return frame

    train, select, report = (tuple(map(there, written.parts[part])) for part in PARTS)
    return Split(
        dataset=written.dataset,
        how=cast(How, written.how),
        holdout=written.holdout,
        seed=written.seed,
        select_share=written.select_share,
        fold=written.fold,
        policy=cast(Policy, written.policy),
        train=train,
        select=select,
        report=report,
        dropped=tuple(Dropped(there(entry), cast(Part, entry.part), entry.reason) for entry in written.dropped),
        unannotated=tuple(map(there, written.parts.get(UNANNOTATED, ()))),
    )


def _fold(gold: Sequence[Frame], how: How, fold: tuple[int, int], seed: int) -> list[Frame]:
    """Give the frames of one fold, in the order of (sequence, time)."""
    number, n_folds = fold
    sequences = sorted({frame.sequence for frame in gold})
    if how == "sequence" and n_folds != len(sequences):
        raise SplitError(
            f"with --split sequence each of the {len(sequences)} annotated sequences is one fold, so there are no "
            f"{n_folds} folds: ask for {len(sequences)} folds, or take --split block or random"
        )
    if not 0 <= number < n_folds or not 2 <= n_folds <= len(gold):
        raise SplitError(
            f"no fold {number} of {n_folds} over {len(gold)} annotated frames: from 2 to {len(gold)} folds"
        )
    if how == "sequence":
        return [frame for frame in gold if frame.sequence == sequences[number]]
    if how == "random":
        chosen = set(shuffled(gold, "split", "folds", seed, key=lambda frame: frame.id)[number::n_folds])
        return [frame for frame in gold if frame in chosen]
    return list(gold[number * len(gold) // n_folds : (number + 1) * len(gold) // n_folds])


def _held_out(gold: Sequence[Frame], how: How, share: float, draw: str, seed: int) -> list[Frame]:
    """Draw the frames to hold out, in the order of (sequence, time); `draw` keeps the parts' draws apart."""
    sequences = sorted({frame.sequence for frame in gold})
    if how == "sequence":
        if len(sequences) < 2:
            raise SplitError(
                f"only sequence {sequences[0]} is annotated, so none can be held out: take --split block or random"
            )
        return [frame for frame in gold if frame.sequence == sequences[-1]]
    n_held = max(1, math.floor(share * len(gold) + 1e-9))  # 0.29 * 100 is 28.999...; 29 is meant
    if n_held == len(gold):
        raise SplitError(
            f"holding out {n_held} of {len(gold)} annotated frames leaves none to learn from: annotate more, or hold "
            "out a smaller share with --data.holdout"
        )
    if how == "random":
        chosen = set(shuffled(gold, "split", draw, seed, key=lambda frame: frame.id)[:n_held])
        return [frame for frame in gold if frame in chosen]
    runs = [[frame for frame in gold if frame.sequence == sequence] for sequence in sequences]
    blocks = [run[start : start + n_held] for run in runs for start in range(len(run) - n_held + 1)]
    if not blocks:
        raise SplitError(
            f"no sequence has {n_held} annotated frames, as many as the block to hold out: take a smaller "
            "--data.holdout, or --split sequence"
        )
    return blocks[stable_hash("split", draw, seed) % len(blocks)]


def _how_select(how: How, n_sequences: int) -> How:
    """Give how frames are set apart to choose on: the last sequence cannot go as a whole."""
    return "block" if how == "sequence" and n_sequences == 1 else how


def _outside(frames: Sequence[Frame], held: Sequence[Frame], how: How) -> list[Frame]:
    """Leave out what is held out: the frames, or for `block` and `sequence` all that lies among them in time."""
    if how == "random":
        gone = set(held)
        return [frame for frame in frames if frame not in gone]
    times = {sequence: [f.number for f in held if f.sequence == sequence] for sequence in {f.sequence for f in held}}
    if how == "sequence":
        return [frame for frame in frames if frame.sequence not in times]
    # a fold may end one sequence and begin the next
    spans = {sequence: range(min(numbers), max(numbers) + 1) for sequence, numbers in times.items()}
    return [frame for frame in frames if frame.number not in spans.get(frame.sequence, ())]


def _without(asked: Split, dropped: tuple[Dropped, ...]) -> Split:
    """Take the dropped frames out; every part that was asked for must keep a frame, and training a cell."""
    gone = {drop.frame for drop in dropped}
    kept = {part: tuple(frame for frame in asked.part(part) if frame not in gone) for part in PARTS}
    for part in PARTS:
        if asked.part(part) and not kept[part]:
            raise SplitError(
                f"{asked.dataset}: truth policy {asked.policy!r} leaves no frame in the part {part!r} "
                f"({dropped[0].frame.id}: {dropped[0].reason}): take another --truth or --split-seed"
            )
    if not has_cells(kept["train"]):
        raise SplitError(f"{asked.dataset} has no cell in the frames to learn from: take another --split-seed")
    return replace(asked, train=kept["train"], select=kept["select"], report=kept["report"], dropped=dropped)


def _digests(frame: Frame) -> dict[str, str]:
    """Give the sha256 of every file of a frame by its kind."""
    return {kind: hashlib.sha256(path.read_bytes()).hexdigest() for kind, path in frame.files.items()}
