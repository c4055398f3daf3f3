"""How the sensitivity of single weights becomes the score that ranks them. Larger is kept, always."""

from torch import Tensor


def absolute(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the size of the effect, whatever its sign: snip, prospr."""
    return sensitivity.abs()


def magnitude(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the weight's own size; the sensitivity plays no part."""
    return weight.detach().abs()


def given(weight: Tensor, sensitivity: Tensor) -> Tensor:
    """Rank by the sensitivity as it stands: random."""
    return sensitivity
