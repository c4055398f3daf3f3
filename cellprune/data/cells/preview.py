"""What a run learns from and is scored on, said before it starts, with the truth policy that would leave out less."""

from collections.abc import Iterator

from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.split import Split, SplitError, split
from cellprune.data.cells.truth import Policy
from cellprune.wording import many

_SHOWN = 3  # frames that are named with the reason why they are left out
_MORE: dict[Policy, tuple[Policy, ...]] = {  # what a policy may be exchanged for; `paper` teaches wrong background
    "complete": ("ignore", "silver"),
    "ignore": ("silver",),
    "paper": ("silver",),
    "silver": (),
}
_TAKES = {
    "ignore": "a cell that nobody outlined is then unknown",
    "silver": "a cell that nobody outlined is then taken from the computed truth",
}


def preview(dataset: Dataset, parts: Split) -> list[str]:
    """Say what is learned from and held out, what the truth policy leaves out, and which one would learn from more.

    Args:
        dataset: what is on disk.
        parts: its split.
    Returns:
        One to four lines for people.
    """
    chosen_on = f", {len(parts.select)} set apart to choose on" if parts.select else ""
    lines = [
        f"learning from {many(len(parts.train), 'frame')}{chosen_on}, {len(parts.report)} held out "
        f"(split {parts.how}, truth policy {parts.policy})"
    ]
    if parts.unannotated:
        lines.append(
            f"learning by its teacher alone from {many(len(parts.unannotated), 'frame')} that nobody annotated"
        )
    if parts.dropped:
        named = "; ".join(f"{drop.frame.id}: {drop.reason}" for drop in parts.dropped[:_SHOWN])
        more = f"; and {len(parts.dropped) - _SHOWN} more" if len(parts.dropped) > _SHOWN else ""
        lines.append(f"truth policy {parts.policy} leaves out {many(len(parts.dropped), 'frame')} ({named}{more})")
    if better := max(_others(dataset, parts), default=None):
        n_frames, policy = better
        lines.append(f"--truth {policy} would learn from {many(n_frames, 'frame')}: {_TAKES[policy]}")
    return lines


def _others(dataset: Dataset, parts: Split) -> Iterator[tuple[int, Policy]]:
    """Give how many frames other policies would learn from, where these are more."""
    for policy in _MORE[parts.policy]:
        try:
            other = split(
                dataset,
                how=parts.how,
                holdout=parts.holdout,
                seed=parts.seed,
                policy=policy,
                select_share=parts.select_share,
                fold=parts.fold,
            )
        except SplitError:  # no such truth here
            continue
        if len(other.train) > len(parts.train):
            yield len(other.train), policy
