"""Few steps are said with what makes enough of them; enough are not."""

from cellprune.config.training import Training
from cellprune.experiment.few import few_steps


def test_few_steps_are_said_and_enough_are_not() -> None:
    (line,) = few_steps(Training(epochs=50), per_epoch=3)
    assert line.startswith("50 epochs of 3 steps are 150 steps, too few for most images: --steps-per-epoch 20 makes")
    assert line.endswith(" 1,000")
    assert few_steps(Training(epochs=50), per_epoch=4), "200 are few"
    assert not few_steps(Training(epochs=50), per_epoch=5)
    assert "--steps-per-epoch 334 makes them 1,002" in few_steps(Training(epochs=3), per_epoch=1)[0]
    assert few_steps(Training(epochs=3), per_epoch=30, is_whole=True)[0].endswith("--epochs 34 makes them 1,020")
