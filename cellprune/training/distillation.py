"""Distillation: what a trained network, the teacher, gives of an image is learned beside the truth.

The teacher sees each image as the student sees it, augmented. So it speaks of every image and every pixel, annotated or
not.

Source: Hinton, Vinyals, Dean 2015 (arXiv:1503.02531), section 2: softened probabilities, and the factor T^2 that keeps
    the gradient's size for any temperature.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cellprune.training import losses
from cellprune.training.fit import Loss


@dataclass(frozen=True)
class Distillation:
    """A teacher, and how much its outputs count; a `training.fit.Guide`.

    Attributes:
        teacher: in evaluation mode, on the device of the training.
        agreement: (student's output, teacher's output) -> scalar mean.
        weight: of the agreement, beside the loss of the truth.
    """

    teacher: nn.Module
    agreement: Loss
    weight: float

    def output(self, images: Tensor) -> Tensor:
        """Give what the teacher makes of the images that the student is shown."""
        with torch.no_grad():
            output: Tensor = self.teacher(images)
        return output

    def loss(self, output: Tensor, taught: Tensor) -> Tensor:
        """Give what is added to the loss of the truth."""
        return self.weight * self.agreement(output, taught)


def agreement(*, probabilities: bool, temperature: float) -> Loss:
    """Give the loss by which a student comes to agree with its teacher.

    Args:
        probabilities: whether outputs are logits of classes; else numbers, which are compared by smooth L1.
        temperature: what logits are divided by.
    Returns:
        (student's output, teacher's output), both (N, C, H, W) or (N, C) -> float32 scalar.
    """
    if not probabilities:
        return losses.smooth_l1
    return lambda output, taught: softened(output, taught, temperature)


def softened(output: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """T^2 times the Kullback-Leibler divergence of the student's softened classes from the teacher's, mean over pixels.

    Args:
        output: the student's logits, (N, C, ...).
        taught: the teacher's, of the same shape.
        temperature: T, what both are divided by; equation 1 of the source.
    """
    student, teacher = (F.log_softmax(logits.float() / temperature, dim=1) for logits in (output, taught))
    divergence = F.kl_div(student, teacher, reduction="none", log_target=True).sum(dim=1)
    return temperature**2 * divergence.mean()
