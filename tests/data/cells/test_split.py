"""Splits: disjoint, counted, the same everywhere, written down so that a changed file is found."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.data.cells.frames import Dataset, Frame
from cellprune.data.cells.split import (
    HOWS,
    PARTS,
    SplitError,
    _fold,
    _held_out,
    _outside,
    from_written,
    split,
    whole,
    with_unannotated,
)
from cellprune.data.cells.truth import POLICIES
from cellprune.data.open import open_dataset

SQUARE = [(4, 4)]
GOLDEN_RANDOM = ["01/009", "01/018", "01/027", "01/033", "01/039", "02/009", "02/024", "02/033", "02/042", "02/048"]
GOLDEN_BLOCK = ["01/009", "01/012", "01/015", "01/018", "01/021", "01/024", "01/027", "01/030", "01/033", "01/036"]
FULL = {"gold": SQUARE, "silver": SQUARE, "markers": SQUARE}


def named(**n_gold: int) -> list[Frame]:
    """Frames that exist in name only; every third number is annotated."""
    return [
        Frame("x", sequence[1:], 3 * at, Path("i"), Path("g"), None, None)
        for sequence, n in n_gold.items()
        for at in range(n)
    ]


@pytest.fixture
def dataset(cells: Path) -> Dataset:
    return open_dataset(str(cells))


@pytest.mark.parametrize(
    ("counts", "n_held"), [({"s01": 15, "s02": 19}, 10), ({"s01": 9, "s02": 9}, 5), ({"s01": 2}, 1)]
)
@pytest.mark.parametrize("how", ["random", "block"])
def test_the_share_is_rounded_down_and_never_none(counts: dict[str, int], n_held: int, how: str) -> None:
    assert len(_held_out(named(**counts), how, 0.3, "report", 0)) == n_held


def test_a_share_that_only_floats_make_less_is_not_rounded_down() -> None:
    assert len(_held_out(named(s01=100), "random", 0.29, "report", 0)) == 29


def test_the_draw_is_the_same_on_every_machine() -> None:
    frames = named(s01=15, s02=19)
    assert [f.id for f in _held_out(frames, "random", 0.3, "report", 0)] == GOLDEN_RANDOM
    assert [f.id for f in _held_out(frames, "block", 0.3, "report", 0)] == GOLDEN_BLOCK


@given(st.integers(0, 2**32), st.permutations(range(20)))
def test_the_draw_depends_on_ids_and_seed_alone(seed: int, order: list[int]) -> None:
    frames = named(s01=20)
    drawn = {f.id for f in _held_out(frames, "random", 0.3, "report", seed)}
    assert drawn == {f.id for f in _held_out([frames[at] for at in order], "random", 0.3, "report", seed)}


def test_seeds_move_the_draw() -> None:
    for how in ("random", "block"):
        draws = {tuple(f.id for f in _held_out(named(s01=15, s02=19), how, 0.3, "report", seed)) for seed in range(8)}
        assert len(draws) > 4


@given(st.integers(0, 1000))
def test_a_block_is_one_stretch_of_one_sequence(seed: int) -> None:
    frames = named(s01=15, s02=19)
    held = _held_out(frames, "block", 0.3, "report", seed)
    rest = _outside(frames, held, "block")
    assert len({frame.sequence for frame in held}) == 1
    assert [frame.number for frame in held] == list(range(held[0].number, held[-1].number + 1, 3))
    assert len(rest) + len(held) == len(frames)


def test_sequence_holds_out_the_whole_last_one(dataset: Dataset) -> None:
    made = split(dataset, how="sequence", policy="ignore", holdout=0.1)
    assert {frame.sequence for frame in made.report} == {"02"}
    assert {frame.sequence for frame in made.train} == {"01"}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("select_share", [0.0, 0.25])
def test_parts_are_disjoint_and_survive_being_written(
    dataset: Dataset, how: str, policy: str, select_share: float
) -> None:
    made = split(dataset, how=how, policy=policy, seed=1, select_share=select_share)
    ids = [frame.id for part in PARTS for frame in made.part(part)] + [drop.frame.id for drop in made.dropped]
    assert len(ids) == len(set(ids))
    assert bool(made.select) == (select_share > 0)
    assert all(list(made.part(part)) == sorted(made.part(part), key=lambda f: f.id) for part in PARTS)
    assert from_written(made.written(), dataset) == made


def test_policies_compare_the_same_frames(dataset: Dataset) -> None:
    drawn = {}
    for policy in ("paper", "ignore", "complete"):
        made = split(dataset, how="random", policy=policy, seed=3)
        dropped = [drop.frame for drop in made.dropped if drop.part == "report"]
        drawn[policy] = {frame.id for frame in (*made.report, *dropped)}
    assert drawn["paper"] == drawn["ignore"] == drawn["complete"]


def test_select_is_taken_from_the_training_part(dataset: Dataset) -> None:
    without = split(dataset, how="random", policy="paper")
    with_it = split(dataset, how="random", policy="paper", select_share=0.01)
    assert with_it.report == without.report
    assert len(with_it.select) == 1
    assert {*with_it.select, *with_it.train} == set(without.train)


@pytest.mark.parametrize("how", ["random", "block"])
@pytest.mark.parametrize("n_folds", [2, 5, 34])
def test_every_frame_is_held_out_by_one_fold(how: str, n_folds: int) -> None:
    frames = named(s01=15, s02=19)
    folds = [_fold(frames, how, (number, n_folds), 0) for number in range(n_folds)]
    assert sorted(frame.id for fold in folds for frame in fold) == [frame.id for frame in frames]
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_a_block_fold_over_two_sequences_leaves_its_stretches_out() -> None:
    frames = named(s01=15, s02=19)
    middle = _fold(frames, "block", (1, 3), 0)
    assert [frame.id for frame in middle[:4] + middle[-1:]] == ["01/033", "01/036", "01/039", "01/042", "02/018"]
    between = Frame("x", "02", 4, Path("i"), None, Path("s"), None)
    rest = _outside([*frames, between], middle, "block")
    assert between not in rest
    assert len(rest) + len(middle) == len(frames)


def test_folds_are_written_and_choose_on_their_own_frames(dataset: Dataset) -> None:
    made = [split(dataset, how="random", policy="ignore", fold=(k, 3), select_share=0.3) for k in range(3)]
    assert len({frame for fold in made for frame in fold.report}) == len(dataset.gold_frames)
    for fold in made:
        assert not {*fold.select} & {*fold.train, *fold.report}
        assert from_written(fold.written(), dataset) == fold
    assert made[1].written().fold == (1, 3)
    whole_sequences = [split(dataset, how="sequence", policy="ignore", fold=(k, 2)) for k in range(2)]
    assert [{frame.sequence for frame in fold.report} for fold in whole_sequences] == [{"01"}, {"02"}]


@pytest.mark.parametrize(
    ("how", "fold", "said"),
    [("sequence", (0, 3), "2 annotated sequences is one fold"), ("random", (3, 3), "no fold 3 of 3"),
     ("block", (0, 99), "no fold 0 of 99"), ("random", (0, 1), "no fold 0 of 1")],
)  # fmt: skip
def test_folds_that_cannot_be(dataset: Dataset, how: str, fold: tuple[int, int], said: str) -> None:
    with pytest.raises(SplitError, match=said):
        split(dataset, how=how, policy="ignore", fold=fold)


def test_silver_learns_from_every_frame_outside(dataset: Dataset) -> None:
    n_frames = len(dataset.frames)
    by_chance = split(dataset, how="random", policy="silver")
    assert len(by_chance.train) == n_frames - len(by_chance.report)
    assert all(frame.gold for frame in by_chance.report)
    assert by_chance.policy_of("report") == "ignore"
    assert by_chance.policy_of("train") == "silver"
    block = split(dataset, how="block", policy="silver").report
    learned = split(dataset, how="block", policy="silver").train
    first, last = block[0], block[-1]
    assert not [f for f in learned if f.sequence == first.sequence and first.number <= f.number <= last.number]
    assert {frame.sequence for frame in split(dataset, how="sequence", policy="silver").train} == {"01"}


def test_dropped_frames_are_listed_with_the_reason(drawn: Callable[..., Path]) -> None:
    cells = [(4, 4), (4, 24), (30, 24)]
    frames = {f"01/{at:03d}": {"gold": cells, "markers": cells} for at in range(4)}
    frames["01/001"] = {"gold": cells[:1], "markers": cells}
    made = split(open_dataset(str(drawn(frames))), how="random", policy="ignore")
    assert [(drop.frame.id, drop.reason) for drop in made.dropped] == [("01/001", "2 of 3 cells have no gold mask")]
    (written,) = made.written().dropped
    assert (written.sequence, written.frame, written.part) == ("01", 1, made.dropped[0].part)


def test_every_file_is_written_with_its_hash(dataset: Dataset) -> None:
    written = split(dataset, how="random", policy="ignore").written()
    assert written.fold is None
    assert set(written.parts) == set(PARTS)
    for entry in written.parts["train"]:
        assert set(entry.sha256) == {"image", "gold", "silver", "markers"}
        assert all(len(digest) == 64 for digest in entry.sha256.values())


def test_whole_holds_everything_out(dataset: Dataset) -> None:
    made = whole(dataset, policy="ignore")
    assert made.train == ()
    assert made.report == dataset.gold_frames


# --- what is refused


def test_a_changed_file_is_named(own_cells: Path) -> None:
    dataset = open_dataset(str(own_cells))
    made = split(dataset, how="random", policy="ignore")
    written = made.written()
    changed = made.train[0].markers
    assert changed is not None
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(SplitError, match=rf"{changed.name} is not the file that was split"):
        from_written(written, dataset)


def test_a_lost_frame_and_another_set(own_cells: Path) -> None:
    dataset = open_dataset(str(own_cells))
    written = split(dataset, how="random", policy="ignore").written()
    with pytest.raises(SplitError, match="is one of 'cells', but the data set is 'other'"):
        from_written(written, Dataset("other", own_cells, dataset.frames))
    with pytest.raises(SplitError, match=r"has no frame .* any more"):
        from_written(written, Dataset("cells", own_cells, dataset.frames[:1]))


@pytest.mark.parametrize("n_gold", [0, 1])
def test_one_annotated_frame_is_too_few(drawn: Callable[..., Path], n_gold: int) -> None:
    folder = drawn({f"01/{at:03d}": FULL if at < n_gold else {"silver": SQUARE} for at in range(4)})
    with pytest.raises(SplitError, match=rf"has {n_gold} annotated frames?: annotate at least two"):
        split(open_dataset(str(folder)), how="random", policy="ignore")


def test_all_background_is_refused(drawn: Callable[..., Path]) -> None:
    folder = drawn({f"01/{at:03d}": {"gold": []} for at in range(4)})
    with pytest.raises(SplitError, match="has no cell in any of its 4 annotated frames"):
        split(open_dataset(str(folder)), how="random", policy="ignore")


def test_a_training_part_without_cells_is_refused(drawn: Callable[..., Path]) -> None:
    folder = drawn({"01/000": {"gold": []}, "02/000": {"gold": SQUARE}})
    with pytest.raises(SplitError, match="has no cell in the frames to learn from"):
        split(open_dataset(str(folder)), how="sequence", policy="ignore")


def test_a_policy_that_leaves_a_part_empty_is_refused(drawn: Callable[..., Path]) -> None:
    lacking = {"gold": SQUARE, "markers": [*SQUARE, (30, 30)]}
    folder = drawn({"01/000": {"gold": SQUARE, "markers": SQUARE}, "02/000": lacking})
    dataset = open_dataset(str(folder))
    with pytest.raises(SplitError, match="'complete' leaves no frame in the part 'report'"):
        split(dataset, how="sequence", policy="complete")
    with pytest.raises(SplitError, match="truth policy 'complete' drops every annotated frame"):
        whole(Dataset("drawn", folder, dataset.frames[1:]), policy="complete")


def test_one_sequence_cannot_be_held_out_whole(drawn: Callable[..., Path]) -> None:
    folder = drawn({f"01/{at:03d}": FULL for at in range(3)})
    with pytest.raises(SplitError, match="only sequence 01 is annotated"):
        split(open_dataset(str(folder)), how="sequence", policy="ignore")


def test_a_block_longer_than_any_sequence_is_refused() -> None:
    with pytest.raises(SplitError, match="no sequence has 3 annotated frames, as many as the block to hold out"):
        _held_out(named(s01=2, s02=2), "block", 0.75, "report", 0)


def test_holding_out_all_frames_is_refused() -> None:
    with pytest.raises(SplitError, match="leaves none to learn from"):
        _held_out(named(s01=1), "random", 0.3, "select", 0)


@pytest.mark.parametrize("options", [{"holdout": 0.0}, {"holdout": 1.0}, {"select_share": 1.0}])
def test_shares_lie_between_0_and_1(dataset: Dataset, options: dict[str, float]) -> None:
    with pytest.raises(SplitError, match="is between 0 and 1"):
        split(dataset, how="random", policy="ignore", **options)


def test_an_unknown_split_is_refused(dataset: Dataset) -> None:
    with pytest.raises(SplitError, match="no split 'rando'"):
        split(dataset, how="rando", policy="ignore")


@pytest.mark.parametrize(("how", "select"), [("random", 0.3), ("block", 0.0), ("sequence", 0.0), ("sequence", 0.3)])
def test_what_nobody_annotated_is_learned_from_outside_of_all_that_is_held_out(
    how: str, select: float, dataset: Dataset
) -> None:
    parts = split(dataset, how=how, policy="ignore", select_share=select)
    taught = with_unannotated(dataset, parts)
    assert taught.unannotated
    assert not any(frame.gold for frame in taught.unannotated)
    held = [*taught.report, *taught.select]
    assert not {frame.id for frame in taught.unannotated} & {frame.id for frame in held}
    if how == "sequence":
        assert not {frame.sequence for frame in taught.unannotated} & {frame.sequence for frame in taught.report}
    if how == "block":
        numbers = [frame.number for frame in taught.report]
        within = range(min(numbers), max(numbers))
        assert not [f for f in taught.unannotated if f.sequence == held[0].sequence and f.number in within]
    assert from_written(taught.written(), dataset) == taught
    assert "unannotated" not in parts.written().parts
