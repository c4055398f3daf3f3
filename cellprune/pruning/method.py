"""What a pruning method is: one row of parts that `prune()` ties together."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from cellprune.errors import CellpruneError, unknown
from cellprune.pruning.schedule import Schedule, one_shot

Masks = dict[str, Tensor]
Batch = tuple[Any, Any]
Batches = Iterable[Batch]
Loss = Callable[[Any, Any], Tensor]


class Sensitivity(Protocol):
    """A method's own mathematics: a signed number for every parameter at the masked network, changing nothing.

    Its keyword-only arguments beside `seed`, with their defaults, are the method's options.
    """

    def __call__(
        self, model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int,
        **options: Any,
    ) -> dict[str, Tensor]: ...  # fmt: skip


@dataclass(frozen=True)
class Method:
    """One row of the methods' table.

    Attributes:
        sensitivity: see `Sensitivity`; a parameter that the method does not see gets zeros.
        unit: (weight, sensitivity) of one tensor -> its scores, same shape; larger is kept.
        needs_batches: resolved options -> number of batches the sensitivity reads; 0 for a data-free method.
        schedule: (prunable count, count to keep) -> the count to keep after each round.
        plan: (model, batch, loss, resolved options) -> options that memory decides; they change no result.
    """

    sensitivity: Callable[..., dict[str, Tensor]]
    unit: Callable[[Tensor, Tensor], Tensor]
    needs_batches: Callable[[Mapping[str, Any]], int] = lambda options: 0
    schedule: Schedule = one_shot
    plan: Callable[[nn.Module, Batch, Loss, Mapping[str, Any]], dict[str, Any]] = lambda model, batch, loss, options: {}

    def defaults(self) -> dict[str, Any]:
        """Give the method's options with their default values, read off its sensitivity's signature."""
        parameters = inspect.signature(self.sensitivity).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "seed"}

    def resolve(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Complete the options given for this method.

        Raises:
            CellpruneError: an option the method does not have; the message lists those it has.
        """
        defaults = self.defaults()
        for option in given:
            if option not in defaults:
                if not defaults:
                    raise CellpruneError(f"pruning method {name!r} takes no options, but {option!r} was given")
                raise CellpruneError(unknown(f"option of pruning method {name!r} called", option, defaults))
        return defaults | dict(given)
