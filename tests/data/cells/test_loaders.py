"""Loaders: what comes out, in which order, and that workers, processes and draws change nothing they should not."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from cellprune.data.cells import reader
from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.loaders import Batch, Loaders
from cellprune.data.cells.split import Split, split, with_unannotated
from cellprune.data.cells.truth import labelled, target
from cellprune.data.open import open_dataset
from cellprune.images.network_input import KINDS, network_input
from cellprune.images.read import ImageError, normalize, read_image, resize_image, resize_labels
from cellprune.targets.decoders import Components, decoder_of
from cellprune.targets.neighbours import sizes, usual

from ..conftest import GREY, write

SIZE = (32, 40)


@pytest.fixture(scope="module")
def dataset(cells: Path) -> Dataset:
    return open_dataset(str(cells))


@pytest.fixture(scope="module")
def made(dataset: Dataset) -> Split:
    return split(dataset, how="random", policy="ignore")  # 12 gold frames: 9 and 3


@pytest.fixture(scope="module")
def loaders(made: Split) -> Loaders:
    return Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0)


def same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)
    )


def images(batches: list[Batch]) -> torch.Tensor:
    return torch.cat([images for images, _ in batches])


def test_a_batch_is_what_a_network_takes(loaders: Loaders) -> None:
    epoch = loaders.train(0)
    batches = list(epoch)
    assert len(epoch) == len(batches) == 3
    assert [len(inputs) for inputs, _ in batches] == [4, 4, 1]
    inputs, targets = batches[0]
    assert (inputs.shape, inputs.dtype, type(inputs)) == ((4, 1, *SIZE), torch.float32, torch.Tensor)
    assert (targets.shape, targets.dtype, type(targets)) == ((4, *SIZE), torch.int64, torch.Tensor)
    assert set(torch.cat([t.unique() for _, t in batches]).tolist()) <= {0, 1, 255}


def test_epochs_and_seeds_differ_and_repeat(loaders: Loaders, made: Split) -> None:
    first, second = list(loaders.train(0)), list(loaders.train(1))
    assert not same(first, second)
    assert same(first, list(loaders.train(0)))
    assert same(second, list(Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0).train(1)))
    assert not same(first, list(Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=1).train(0)))


def test_an_epoch_can_be_gone_through_again_beside_another(loaders: Loaders) -> None:
    zero, one = loaders.train(0), loaders.train(1)
    assert same(list(zero), list(loaders.train(0)))
    assert same(list(one), list(loaders.train(1)))


def test_workers_change_nothing(loaders: Loaders, made: Split) -> None:
    working = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0, workers=2)
    for epoch in (0, 1, 0):  # the workers live on from epoch to epoch
        assert same(list(loaders.train(epoch)), list(working.train(epoch)))


def test_workers_can_be_spawned_as_on_windows_and_macos(loaders: Loaders) -> None:
    loaders.train(0)
    loader, sampler = loaders._loaders[0, 1]
    parts = (loader.dataset, loader.collate_fn, loader.worker_init_fn)
    samples, collate, _ = pickle.loads(pickle.dumps(parts))  # so a spawned process gets them
    drawn = next(iter(sampler))
    assert same([collate([samples[at] for at in drawn])], [loader.collate_fn([loader.dataset[at] for at in drawn])])


def test_the_global_generators_are_left_alone(loaders: Loaders) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    list(loaders.train(0))
    list(loaders.plain())
    next(loaders.scoring(2))
    assert torch.equal(before[0], torch.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])


def test_every_image_is_seen_once_an_epoch(made: Split) -> None:
    plain = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0, augment="none")
    seen = images(list(plain.train(3)))
    fixed = images(list(plain.plain()))
    assert not torch.equal(seen, fixed)
    assert sorted(x.flatten()[:50].tolist() for x in seen) == sorted(x.flatten()[:50].tolist() for x in fixed)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch(made: Split, world: int) -> None:
    plain = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0, augment="none")
    shares = [list(plain.train(0, rank, world)) for rank in range(world)]
    whole = list(plain.train(0))
    for at, (inputs, _) in enumerate(whole):
        parts = [share[at][0] for share in shares]
        assert len({len(part) for part in parts}) == 1
        together = torch.stack(parts, dim=1).flatten(0, 1)  # rank r holds r, r + world, ...
        assert torch.equal(together[: len(inputs)], inputs)
        n_filled = len(together) - len(inputs)
        assert n_filled == -len(inputs) % world
        assert torch.equal(together[len(inputs) :], images(whole)[:n_filled])


def test_plain_is_fixed_not_augmented_and_never_one_alone(loaders: Loaders, made: Split) -> None:
    batches = list(loaders.plain())
    assert [len(inputs) for inputs, _ in batches] == [4, 5]
    assert same(batches, list(loaders.plain()))
    first = made.train[0]
    expected = normalize(resize_image(read_image(first.image), SIZE))
    np.testing.assert_array_equal(batches[0][0][0].numpy(), expected)
    np.testing.assert_array_equal(batches[0][1][0].numpy(), resize_labels(target(first, "ignore"), SIZE))


@pytest.mark.parametrize(
    ("n_train", "batch_size", "sizes"), [(1, 4, [1]), (2, 1, [2]), (3, 1, [3]), (3, 2, [3]), (4, 2, [2, 2])]
)
def test_a_last_single_image_joins_the_batch_before(
    made: Split, n_train: int, batch_size: int, sizes: list[int]
) -> None:
    few = Loaders(
        replace(made, train=made.train[:n_train], report=()), card=GREY, size=SIZE, batch_size=batch_size, seed=0
    )
    assert [len(inputs) for inputs, _ in few.plain()] == sizes


def test_scoring_is_endless_full_and_depends_on_the_seed_alone(loaders: Loaders, made: Split) -> None:
    taken = list(islice(loaders.scoring(4), 6))
    assert [len(inputs) for inputs, _ in taken] == [4] * 6
    list(loaders.train(0))
    other = Loaders(made, card=GREY, size=SIZE, batch_size=2, seed=0, workers=0)
    assert same(taken, list(islice(other.scoring(4), 6)))
    assert not same(taken[:2], list(loaders.train(0))[:2])


def test_a_scoring_batch_larger_than_the_training_part_wraps_around(loaders: Loaders) -> None:
    inputs, targets = next(loaders.scoring(23))
    assert len(inputs) == len(targets) == 23
    # the same draws whatever the batches they are cut into
    assert torch.equal(inputs, images(list(islice(loaders.scoring(1), 23))))


def test_samples_are_native_and_seen_as_the_card_says(loaders: Loaders, made: Split) -> None:
    for part in ("train", "report"):
        samples = list(loaders.samples(part))
        assert [sample.frame for sample in samples] == list(made.part(part))
        sample = samples[0]
        assert (sample.target_native.shape, sample.target_native.dtype) == ((64, 72), np.uint8)
        np.testing.assert_array_equal(sample.raw, read_image(sample.frame.image))
        np.testing.assert_array_equal(sample.target_native, target(sample.frame, "ignore"))
        np.testing.assert_array_equal(sample.labels_native, labelled(sample.frame, "ignore"))
        np.testing.assert_array_equal(sample.seen(GREY), normalize(resize_image(sample.raw, (32, 36))))
        assert sample.seen(GREY) is sample.seen(GREY), "made once"
        other = GREY.model_copy(update={"zoom": (1.0, 0.25), "normalization": KINDS["robust"]})
        np.testing.assert_array_equal(sample.seen(other), network_input(sample.raw, (64, 18), KINDS["robust"]))
    assert list(loaders.samples("select")) == []


def test_only_gold_truth_examines_under_silver(dataset: Dataset) -> None:
    made = split(dataset, how="sequence", policy="silver")
    loaders = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0)
    assert len(images(list(loaders.train(0)))) == 8
    partial = [s for s in loaders.samples("report") if (s.target_native == 255).any()]
    assert [sample.frame.id for sample in partial] == ["02/004"]


def test_the_border_reaches_what_is_learned_and_what_is_scored(made: Split) -> None:
    loaders = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0, augment="none", ignore_border_px=8)
    sample = next(iter(loaders.samples("report")))
    for drawn in (next(loaders.plain())[1][0].numpy(), sample.target_native):
        assert 0 not in drawn[0]
        assert 0 in drawn


STEPS = ("read_image", "network_input", "resize_labels", "labelled")  # of making a sample from its files


def test_nothing_is_decoded_or_resized_twice(made: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    n_calls = dict.fromkeys(STEPS, 0)
    for step in STEPS:
        own = getattr(reader, step)

        def counted(*given: object, step: str = step, own: Callable = own, **options: object) -> object:
            n_calls[step] += 1
            return own(*given, **options)

        monkeypatch.setattr(reader, step, counted)
    loaders = Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0)
    once = {"read_image": 12, "labelled": 12, "network_input": 9, "resize_labels": 9}  # those learned from are resized
    assert n_calls == once, "before the first epoch"
    for epoch in (0, 1):
        list(loaders.train(epoch))
        list(loaders.plain())
        list(loaders.samples("report"))
    assert n_calls == once


def test_the_card_gets_the_size_of_the_cells_that_are_learned_from(loaders: Loaders, made: Split) -> None:
    measured = usual(np.concatenate([sizes(labelled(frame, "ignore")) for frame in made.train]))
    assert loaders.card.cells == measured
    assert loaders.card.decoder == decoder_of("watershed", measured)
    three = GREY.model_copy(update={"classes": ("background", "cell", "debris")})
    none = Loaders(replace(made, train=()), card=GREY, size=SIZE, batch_size=4, seed=0).card
    assert (none.cells, none.decoder) == (None, Components())
    assert three.with_cells(measured).decoder == Components(), "labels are classes, and no cell has a size"


@pytest.mark.parametrize(
    ("target", "shape", "dtype"), [("border", (4, *SIZE), torch.int64), ("distance", (4, 2, *SIZE), torch.float32)]
)
def test_what_is_learned_is_as_the_loss_of_the_target_takes_it(
    made: Split, target: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    loaders = Loaders(made, card=GREY.model_copy(update={"target": target}), size=SIZE, batch_size=4, seed=0)
    _, targets = next(iter(loaders.train(0)))
    assert (tuple(targets.shape), targets.dtype) == (shape, dtype)
    if target == "border":
        assert set(targets.unique().tolist()) <= {0, 1, 2, 255}
    else:
        assert 0 <= targets.nan_to_num().min() < targets.nan_to_num().max() <= 1
        assert torch.equal(targets[:, 0].isnan(), targets[:, 1].isnan())
    assert loaders.card.decoder == decoder_of(target, loaders.card.cells)


def cropped(made: Split, **options: object) -> Loaders:
    keywords = {"card": GREY, "crop": 24, "batch_size": 4, "steps_per_epoch": 5, "seed": 0}
    return Loaders(made, **(keywords | options))


def test_crops_come_for_as_many_steps_as_are_asked_and_go_on_from_epoch_to_epoch(made: Split) -> None:
    loaders = cropped(made)
    first, second = list(loaders.train(0)), list(loaders.train(1))
    assert len(loaders.train(0)) == len(first) == 5
    assert {(tuple(inputs.shape), tuple(targets.shape)) for inputs, targets in first + second} == {
        ((4, 1, 24, 24), (4, 24, 24))
    }
    assert same(second, list(cropped(made).train(1))), "an epoch alone is what it is after the one before"
    assert len({crop.numpy().tobytes() for crop in images(first + second)}) == 40, "none comes twice"
    taken = list(islice(loaders.scoring(8), 3))
    assert images(taken).shape == (24, 1, 24, 24)
    assert same(taken, list(islice(cropped(made).scoring(8), 3)))
    shares = [list(loaders.train(1, rank, 2)) for rank in range(2)]
    assert torch.equal(torch.stack([shares[0][0][0], shares[1][0][0]], 1).flatten(0, 1), second[0][0])


def test_each_frame_comes_as_often_however_long_an_epoch_is(made: Split) -> None:
    whole = Loaders(made, card=GREY, size=SIZE, batch_size=2, steps_per_epoch=3, seed=0, augment="none")
    seen = [x.numpy().tobytes() for epoch in range(3) for x in images(list(whole.train(epoch)))]
    assert sorted(map(seen.count, set(seen))) == [2] * 9, "18 draws of 9 frames"


def test_crops_are_of_frames_as_the_card_zooms_them(made: Split) -> None:
    sample = next(iter(cropped(made).samples("train")))
    for zoom in ((0.5, 0.5), (1.0, 1.0)):
        card = GREY.model_copy(update={"zoom": zoom})
        plain = images(list(cropped(made, card=card, augment="none", crop=16).plain()))
        assert len(plain) >= 64, "of few frames several crops, for the norms' statistics"
        windows = np.lib.stride_tricks.sliding_window_view(sample.seen(card)[0], (16, 16))
        assert (windows == plain[0, 0].numpy()).all(axis=(2, 3)).any()


@pytest.mark.parametrize("part", ["train", "report"])
def test_a_bad_file_is_named_before_any_work(own_cells: Path, part: str) -> None:
    made = split(open_dataset(str(own_cells)), how="random", policy="paper")
    frame = made.part(part)[0]
    write(frame.image, np.full((64, 72), 3, np.uint8))
    with pytest.raises(ImageError, match=rf"{frame.image.name} is constant"):
        Loaders(made, card=GREY, size=SIZE, batch_size=4, seed=0)


def test_every_second_image_of_a_taught_training_is_one_that_nobody_annotated(dataset: Dataset, made: Split) -> None:
    """And all else stays: the number of steps, what methods score by, what statistics are taken of."""
    taught = with_unannotated(dataset, made)
    assert (len(made.train), len(taught.unannotated)) == (9, 4)
    one, other = (
        Loaders(parts, card=GREY, size=SIZE, batch_size=2, seed=0, augment="none") for parts in (made, taught)
    )
    assert len(other.train(1)) == len(one.train(1)) == 5
    is_known = [
        bool((target != 255).any()) for epoch in (0, 1) for _, targets in other.train(epoch) for target in targets
    ]
    assert is_known == [True, False] * 9, "through the ends of epochs and batches"
    annotated = [image for epoch in (0, 1) for image in images(list(other.train(epoch)))][::2]
    pass_of_one = images(list(one.train(0)))
    assert torch.equal(torch.stack(annotated), pass_of_one), "in the order that they have without a teacher"
    assert same(list(one.plain()), list(other.plain()))
    assert same(list(islice(one.scoring(4), 3)), list(islice(other.scoring(4), 3)))
