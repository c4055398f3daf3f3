"""Few frames make few steps of the optimizer, whatever the number of epochs: said before the work."""

from math import ceil

from cellprune.config.training import Training
from cellprune.wording import many

_FEW, _ENOUGH = 200, 1000  # steps


def few_steps(training: Training, per_epoch: int, *, is_whole: bool = False) -> list[str]:
    """Say that a training takes few steps, and what takes more; nothing where they are enough.

    Args:
        training: its settings.
        per_epoch: steps of the optimizer in an epoch.
        is_whole: whether an epoch is one pass over all images, and cannot be made longer.
    Example:
        >>> few_steps(Training(epochs=50), per_epoch=3)[0]
        '50 epochs of 3 steps are 150 steps, too few for most images: --steps-per-epoch 20 makes them 1,000'
    """
    steps = training.epochs * per_epoch
    if steps > _FEW:
        return []
    given = per_epoch if is_whole else training.epochs
    enough = ceil(_ENOUGH / given)
    return [
        f"{many(training.epochs, 'epoch')} of {many(per_epoch, 'step')} are {many(steps, 'step')}, too few for most "
        f"images: {'--epochs' if is_whole else '--steps-per-epoch'} {enough} makes them {enough * given:,}"
    ]
