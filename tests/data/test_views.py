"""Views: two of each image, the same for the same seed and epoch, other ones else."""

import numpy as np
import pytest
import torch

from cellprune.data.views import Views

IMAGES = [np.random.default_rng(at).normal(size=(1, 24, 20)).astype(np.float32) for at in range(5)]


@pytest.mark.parametrize("crop", [None, 16])
def test_an_epoch_has_two_views_of_each_image_and_never_a_batch_of_a_single_one(crop: int | None) -> None:
    epoch = Views(IMAGES, crop, 2, seed=0, epoch=1)
    batches = list(epoch)
    assert len(epoch) == len(batches) == 2
    assert [len(views) for views, _ in batches] == [4, 6], "the fifth image joins the last batch"
    views = torch.cat([views for views, _ in batches])
    assert views.shape[1:] == (1, 24, 20) if crop is None else (1, 16, 16)
    assert not torch.equal(views[0], views[2]), "two views of one image"
    again = torch.cat([views for views, _ in Views(IMAGES, crop, 2, seed=0, epoch=1)])
    assert torch.equal(views, again)
    large = np.zeros((1, 100, 70), np.float32)
    assert next(iter(Views([large, large], None, 2, seed=0, epoch=1)))[0].shape == (4, 1, 50, 35)
    for other in (Views(IMAGES, crop, 2, seed=1, epoch=1), Views(IMAGES, crop, 2, seed=0, epoch=2)):
        assert not torch.equal(views, torch.cat([views for views, _ in other]))
