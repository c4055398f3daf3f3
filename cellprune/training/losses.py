"""Losses on maps with ignored pixels: each is a scalar mean over the pixels that have a truth.

Source: Dice: Milletari et al. 2016 (arXiv:1606.04797), as MONAI's DiceLoss has it; IoU (Jaccard): Rahman & Wang 2016;
smooth L1: Girshick 2015 (arXiv:1504.08083), equation 3.
"""

import torch.nn.functional as F
from monai.losses import DiceLoss
from torch import Tensor

from cellprune.evaluation.iou import IGNORED
from cellprune.training.fit import Loss


def of(name: str) -> Loss:
    """Give the loss of a name.

    Args:
        name: "cross-entropy", "dice", "iou" or "cross-entropy+dice" (their sum), of classes; "smooth-l1", of numbers.
    Returns:
        (logits (N, C, H, W), target (N, H, W) integer, 255 = ignored) -> float32 scalar; of numbers the target is
        (N, C, H, W) float, NaN = ignored. A target without any known pixel gives 0, with a gradient of 0.
    """
    return {
        "cross-entropy": cross_entropy,
        "dice": dice,
        "iou": iou,
        "smooth-l1": smooth_l1,
        "cross-entropy+dice": lambda output, target: cross_entropy(output, target) + dice(output, target),
    }[name]


def of_annotated(loss: Loss) -> Loss:
    """Give the loss of those images of a batch that have a known pixel: the others have no say in its mean.

    Args:
        loss: of a whole batch. Without any known pixel it gives 0, and so does this.
    """

    def of_known(output: Tensor, target: Tensor) -> Tensor:
        is_known = ~target.isnan() if target.is_floating_point() else target != IGNORED
        annotated = is_known.flatten(1).any(dim=1)
        return loss(output[annotated], target[annotated]) if annotated.any() else loss(output, target)

    return of_known


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Mean negative log-likelihood over the known pixels of the batch."""
    total = F.cross_entropy(output.float(), target.long(), ignore_index=IGNORED, reduction="sum")
    return total / (target != IGNORED).sum().clamp(min=1)


def dice(output: Tensor, target: Tensor) -> Tensor:
    """One minus the soft Dice overlap, mean over images and classes, ignored pixels left out of all sums."""
    return _overlap(output, target, jaccard=False)


def iou(output: Tensor, target: Tensor) -> Tensor:
    """One minus the soft intersection over union, mean over images and classes, ignored pixels left out."""
    return _overlap(output, target, jaccard=True)


def smooth_l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean over the known pixels of all maps: half the squared error, of errors beyond 1 the error less a half.

    Its gradient is continuous; its second derivative is 1, and 0 beyond.
    """
    known = ~target.isnan()
    errors = F.smooth_l1_loss(output.float(), target.float().nan_to_num(), reduction="none")
    return (errors * known).sum() / known.sum().clamp(min=1)


def _overlap(output: Tensor, target: Tensor, *, jaccard: bool) -> Tensor:
    known = (target != IGNORED).unsqueeze(1)
    classes = output.shape[1]
    truth = F.one_hot(target.long().clamp(max=classes - 1), classes).movedim(-1, 1)
    # zero in both at ignored pixels: they add to no intersection and to no union (MONAI's MaskedLoss does the same)
    probabilities = output.float().softmax(1) * known
    return DiceLoss(include_background=True, jaccard=jaccard)(probabilities, truth * known)
