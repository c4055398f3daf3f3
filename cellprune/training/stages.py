"""A training is a list of stages; one by default. Methods around training are lists of more.

A stage starts from certain weights under a certain mask; optimizer, schedule and data order are made anew.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor, nn

from cellprune.config.request import Request, Scope
from cellprune.config.shares import left_by
from cellprune.errors import CellpruneError
from cellprune.pruning.masks import Masks
from cellprune.training.sparse import MaskPolicy


@dataclass(frozen=True)
class TrainingRequest:
    """What a method around or during training is asked for.

    Attributes:
        sparsity: share of the prunable weights that is removed in the end, where no budget is asked.
        asked: what channels are priced by, for a method that spends a budget on them; None where a share of them goes.
        scope: where weights compete, for a method that ranks them over layers.
        exclude: names or patterns of weights that stay whole.
        epochs: passes over the training part in one training.
        steps_per_epoch: optimizer steps in a pass.
        seed: where random draws come from.
        input_size: shape of one sample, without the batch axis, for a method that follows it through the network.
    """

    sparsity: float
    epochs: int
    steps_per_epoch: int
    scope: Scope = "global"
    exclude: Iterable[str] = ()
    seed: int = 0
    input_size: Sequence[int] = ()
    asked: Request | None = None

    @property
    def left(self) -> Fraction:
        """The share that stays in the end."""
        return left_by(self.sparsity) if self.asked is None else self.asked.share

    @property
    def steps(self) -> int:
        """Optimizer steps in one training."""
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True)
class Stage:
    """One training of the list.

    Attributes:
        weights: "init" (the network as it was drawn), "previous" (as the stage before left it) or "step K" (as it was
            after K steps of the first stage; the schedule then goes on from there).
        mask: parameter name -> bool, or a function of the trained network and the masks it was trained under, called
            once at the stage's start.
        policy: makes the mask policy of a mask.
        epochs: passes over the training part; a stage from "step K" leaves out the first K steps of them.
        does: what the stage does, for people; a part of a sentence.
    """

    weights: str
    mask: Mapping[str, Tensor] | Callable[[nn.Module, Masks], Mapping[str, Tensor]]
    policy: Callable[[Mapping[str, Tensor]], MaskPolicy]
    epochs: int
    does: str = ""

    @property
    def first_step(self) -> int:
        """The step that the stage starts from."""
        return int(self.weights.removeprefix("step ")) if self.weights.startswith("step ") else 0


def after(step: int, request: TrainingRequest) -> str:
    """Name the network after so many steps of the first stage, as `Stage.weights` does; step 0 is its initialization.

    Raises:
        CellpruneError: a stage from there would have nothing left to train.
    """
    if step >= request.steps:
        raise CellpruneError(
            f"pruning.rewind_step {step} leaves nothing to train: one training has {request.steps} steps "
            f"({request.steps_per_epoch} an epoch); give a smaller one"
        )
    return f"step {step}" if step else "init"


def as_they_are(model: nn.Module, masks: Masks) -> Masks:
    """Train under the masks that were chosen before: a `Stage.mask`."""
    return masks


def walk(
    model: nn.Module,
    stages: Sequence[Stage],
    train: Callable[[MaskPolicy, Stage, int], None],
    *,
    masks: Masks | None = None,
    rewound: Callable[[], Mapping[str, Tensor]],
    reached: int | None = None,
) -> Masks:
    """Train through all stages.

    Args:
        model: at its initialization; trained in place.
        train: (policy, stage, its number) -> trains the model, taking up a stored state of that stage.
        masks: chosen before the first stage, for a `Stage.mask` that asks for them.
        rewound: gives the network's state after the K steps of the first stage that "step K" names.
        reached: number of the stage of the stored state, None without one. Stages before it are done; its mask is part
            of the state, where the policy finds it.
    Returns:
        The masks that the last stage ended with.
    """
    initial = {name: value.clone() for name, value in model.state_dict().items()} if len(stages) > 1 else {}
    masks = masks or {}
    for number, stage in enumerate(stages):
        if reached is not None and number < reached:
            continue
        mask = stage.mask
        if callable(mask):  # of the network as it stands, before its weights are put back
            mask = masks if number == reached else mask(model, masks)
        if number > 0 and number != reached and stage.weights != "previous":
            model.load_state_dict(rewound() if stage.first_step else initial)
        policy = stage.policy(mask)
        train(policy, stage, number)
        masks = policy.masks
    return masks
