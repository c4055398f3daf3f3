"""What a pruning method is: one row of parts that `prune()` ties together."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from cellprune.errors import CellpruneError, unknown
from cellprune.pruning.derivatives.batches import Reader
from cellprune.pruning.kinds import Batch, Loss, Options, Segments
from cellprune.pruning.ranking.revival import survivors
from cellprune.pruning.ranking.schedule import Schedule, one_shot
from cellprune.structure.channels import Channels


class Sensitivity(Protocol):
    """A method's own mathematics: a signed number for every parameter at the masked network, changing nothing.

    Its keyword-only arguments beside `seed`, with their defaults, are the method's options.
    """

    def __call__(
        self, model: nn.Module, masks: Mapping[str, Tensor], batches: Sequence[Batch], loss: Loss | None, *, seed: int,
        **options: object,
    ) -> dict[str, Tensor]: ...  # fmt: skip


Quotas = Callable[[Mapping[str, Sequence[int]], int], dict[str, int]]


@dataclass(frozen=True)
class Method:
    """One row of the methods' table.

    The keyword-only arguments of sensitivity (but `seed`), schedule, candidates and, for channels, channel, with their
    defaults, are the method's options.

    Attributes:
        sensitivity: see `Sensitivity`; a parameter that the method does not see gets zeros.
        unit: (weight, sensitivity) of one tensor -> its scores, same shape; larger is kept.
        channel: (channels, sensitivity of every parameter) -> (channels,) scores; None for a method of weights alone.
        weighed: (channels, scores, cost of each channel) -> scores that stand for themselves; None where scores are
            divided by the cost.
        needs_batches: resolved options -> number of batches that each round's sensitivity reads.
        data_free: whether it sees no more of a batch than its shape, so that all rounds read the same.
        gather: (model, reader, resolved options) -> the batches of a round, for a method that chooses among samples.
        schedule: (prunable count, share to keep) -> the count to keep after each round.
        candidates: (model, masks) -> parameter name -> bool, the weights that the next round may keep.
        quotas: (shapes by name, count to keep) -> the count each layer keeps; None where scores compete.
        choose_segments: (model, batch, loss, resolved options) -> options that memory decides; they change no result.
    """

    sensitivity: Callable[..., dict[str, Tensor]]
    unit: Callable[[Tensor, Tensor], Tensor]
    channel: Callable[..., Tensor] | None = None
    weighed: Callable[[Channels, Tensor, Tensor], Tensor] | None = None
    needs_batches: Callable[[Options], int] = lambda options: 0
    data_free: bool = False
    gather: Callable[[nn.Module, Reader, Options], list[Batch]] | None = None
    schedule: Schedule = one_shot
    candidates: Callable[..., Mapping[str, Tensor]] = survivors
    quotas: Quotas | None = None
    choose_segments: Callable[[nn.Module, Batch, Loss, Options], Segments] = lambda model, batch, loss, options: {}

    def defaults(self, granularity: str = "weight") -> dict[str, object]:
        """Give the method's options with their default values, read off the signatures of its parts."""
        gathering = [self.channel] if granularity == "channel" and self.channel else []
        return {
            name: value
            for part in (self.sensitivity, self.schedule, self.candidates, *gathering)
            for name, value in _keywords(part).items()
            if name != "seed"
        }

    def of(self, part: Callable[..., object], options: Options) -> dict[str, object]:
        """Give those of the options that a part takes."""
        return {name: options[name] for name in _keywords(part) if name in options}

    def resolve(self, name: str, options: Options, granularity: str = "weight") -> dict[str, object]:
        """Complete the options for this method.

        Raises:
            CellpruneError: an option the method does not have; the message lists those it has.
        """
        defaults = self.defaults(granularity)
        for option in options:
            if option not in defaults:
                if not defaults:
                    raise CellpruneError(f"pruning method {name!r} takes no options, but {option!r} was given")
                raise CellpruneError(unknown(f"option of pruning method {name!r} called", option, defaults))
        return defaults | dict(options)


def _keywords(part: Callable[..., object]) -> dict[str, object]:
    return {p.name: p.default for p in inspect.signature(part).parameters.values() if p.kind is p.KEYWORD_ONLY}
