"""Runs that fall below their floor."""

import pytest

from cellprune.campaign.floor import Floor, FloorWatch
from cellprune.training.progress import Event


@pytest.mark.parametrize(
    ("epoch", "done", "score", "stops"),
    [(1, 10, 0.1, False), (2, 20, 0.1, True), (2, 19, 0.1, False), (2, 20, 0.8, False), (3, 30, 0.1, True),
     (4, 40, 0.1, False)],
)  # fmt: skip
def test_only_whole_epochs_of_the_second_half_are_judged(epoch: int, done: int, score: float, stops: bool) -> None:
    floor = Floor(dict.fromkeys((1, 2, 3, 4), 0.84), 0.05, "its twin")
    event = Event("training", done=done, total=40, epoch=epoch, epochs=4, scores={"iou_image_mean": score})
    watch = FloorWatch(floor, "iou_image_mean")
    assert watch.advanced(event) is stops
    assert watch.fault == (f"{score:.4f} after epoch {epoch} of 4, its twin had 0.8400" if stops else "")
