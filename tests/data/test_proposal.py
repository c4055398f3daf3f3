"""What is proposed to train with: crops where frames are few or unlike, at a scale that suits the cells."""

import pytest

from cellprune.data.proposal import proposal

ONE, MANY = [(520, 696)] * 10, [(520, 696)] * 25


@pytest.mark.parametrize(
    ("sizes", "diameter_px", "n_silver", "said"),
    [
        (ONE, 30.0, 0, "10 annotated frames: try --crop 128, to learn from crops at the frames' own scale"),
        (ONE, 30.0, 10, "try --crop 128, to"),
        (ONE, 30.0, 11, "try --crop 128 --truth silver, to"),
        (
            ONE,
            80.0,
            0,
            "--crop 128 --data.size 272 352, to learn from crops at a scale at which the median cell has 40",
        ),
        (ONE, 5.0, 0, "--data.size 1040 1392, to learn from crops at a scale at which the median cell has 10 px or"),
        (ONE, None, 0, "try --crop 128, to"),
        ([(100, 300)] * 3, 30.0, 0, "3 annotated frames: try --crop 112, to"),
        ([*MANY, (300, 300)], 30.0, 0, "frames of 2 sizes: try --crop 128, to"),
    ],
)
def test_few_or_unlike_frames_are_learned_from_in_crops(sizes, diameter_px, n_silver, said) -> None:
    assert said in proposal(sizes, diameter_px, n_silver)


def test_where_whole_frames_will_do_nothing_is_proposed() -> None:
    assert proposal(MANY, 80.0, 100) is None
    assert proposal([], None, 0) is None
