"""Batches of small images: what is random depends on seed, epoch and index alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_pictures import loaders

from cellprune.data.labelled.normalization import Normalization, normalization
from cellprune.data.labelled.pictures import Arrays


def test_batches_depend_on_seed_epoch_and_index_alone(dataset):
    first, again, other = loaders(dataset), loaders(dataset), loaders(dataset, seed=1)
    third = [images for images, _ in first.train(3)]
    assert len(third) == len(first.train(3)) == 4
    assert all(torch.equal(a, b) for a, (b, _) in zip(third, again.train(3), strict=True))
    assert not torch.equal(third[0], next(iter(first.train(4)))[0])
    assert not torch.equal(third[0], next(iter(other.train(3)))[0])
    scoring, repeated = first.scoring(32), again.scoring(32)
    drawn = [next(scoring) for _ in range(4)]  # more than the training part holds
    assert all(torch.equal(images, next(repeated)[0]) for images, _ in drawn)
    assert {len(targets) for _, targets in drawn} == {32}


def test_an_augmented_image_is_the_image_moved_or_mirrored(dataset):
    own = Normalization((0, 0, 0), (1, 1, 1))
    made = loaders(dataset)
    indices = made.parts.train[:16]
    ((images, targets),) = made._made([made._augmented(indices, "train", np.full(16, 1))], own)
    seen = set()
    for image, target, index in zip(images, targets, indices, strict=True):
        assert target == dataset.targets[index]
        padded = np.pad(dataset.pictures.pixels[index], [(0, 0), (4, 4), (4, 4)]) / np.float32(255)
        for mirror in (False, True):
            for down in range(9):
                for right in range(9):
                    crop = padded[:, down : down + 32, right : right + 32]
                    if np.allclose(image.numpy(), crop[..., ::-1] if mirror else crop):
                        seen.add((int(index), mirror, down, right))
    assert len({index for index, *_ in seen}) == 16
    assert {mirror for _, mirror, *_ in seen} == {False, True}
    assert len({(down, right) for *_, down, right in seen}) > 8


def test_the_training_part_has_mean_0_and_deviation_1(dataset):
    images = torch.cat([images for images, _ in loaders(dataset).plain()])
    assert torch.allclose(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(images.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)
    plain = torch.cat([images for images, _ in loaders(dataset, augment="none").train(1)])
    assert torch.allclose(plain.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)


def test_processes_share_each_batch(dataset):
    made = loaders(dataset, batch_size=25)
    alone = [targets for _, targets in made.train(1)]
    shares = [[targets for _, targets in made.train(1, rank, 2)] for rank in (0, 1)]
    assert [len(t) for t in alone] == [25, 25, 10]
    assert [len(t) for t in shares[0]] == [len(t) for t in shares[1]] == [13, 13, 5]
    assert torch.equal(torch.stack([shares[0][2], shares[1][2]], 1).flatten(), alone[2])


def test_an_epochs_batches_are_counted_and_gone_through_again(dataset):
    epoch = loaders(dataset, batch_size=16).train(0)
    first, again = (torch.cat([images for images, _ in epoch]) for _ in range(2))
    assert len(epoch) == len(list(epoch)) == 4
    assert torch.equal(first, again)


def test_the_last_batch_is_filled_up_where_processes_cannot_share_it(dataset):
    made = loaders(dataset, batch_size=16, augment="none")
    n_train = made.n_train
    assert n_train % 16 % 5, "or nothing is filled up"
    shares = [list(made.train(0, rank, 5)) for rank in range(5)]
    for batches in zip(*shares, strict=True):
        assert len({len(targets) for _, targets in batches}) == 1
    together = sum(len(targets) for share in shares for _, targets in share)
    assert together == sum(-(-size // 5) * 5 for size in [16] * (n_train // 16) + [n_train % 16])


def test_scoring_goes_on_without_end_in_full_batches_and_sees_every_image_once_before_any_twice(dataset):
    made = loaders(dataset, augment="none")
    source = made.scoring(25)
    drawn = [next(source) for _ in range(5)]
    assert {len(targets) for _, targets in drawn} == {25}
    seen = torch.cat([images for images, _ in drawn])[: made.n_train].flatten(1)
    own = torch.cat([images for images, _ in made.plain()]).flatten(1)
    assert torch.equal(seen.sum(1).sort().values, own.sum(1).sort().values)


def test_a_part_may_be_normalized_as_another_network_learned_it(dataset):
    made = loaders(dataset)
    given = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    images = torch.cat([images for images, _ in made.batches("report", given)])
    expected = torch.from_numpy(dataset.pictures.pixels[made.parts.report]) / 255
    assert torch.allclose(images, expected)


def test_a_channel_without_contrast_is_divided_by_one(dataset):
    flat = replace(dataset, pictures=Arrays(np.full_like(dataset.pictures.pixels, 51)))
    own = normalization(flat, np.arange(80))
    assert own.deviation == (1.0, 1.0, 1.0)
    assert own.mean == pytest.approx((0.2, 0.2, 0.2))
