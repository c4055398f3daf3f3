"""What a search says while it goes on, line by line."""

from cellprune.report.formatting import difference
from cellprune.report.formatting import ratio as as_ratio
from cellprune.runs.layer_times import TimedIn
from cellprune.search.by_time import ByTime
from cellprune.search.judge.confirm import Claim
from cellprune.search.judge.propose import Probe
from cellprune.wording import many


def probe(probe: Probe, margin: float) -> str:
    """Say what the search saw at a ratio."""
    screened = "passes the screen" if probe.passes else "does not pass the screen"
    start = f"search, ratio {as_ratio(probe.ratio)}"
    if probe.mean is None:
        why = probe.table.hopeless or "; ".join(probe.table.left_out.values())
        return f"{start}: {screened} ({why})"
    return f"{start}: mean difference {difference(probe.mean)}, {screened} at a margin of {margin:g}"


def claim(claim: Claim) -> str:
    """Say what the test of a ratio gave."""
    start, decision = f"tested, ratio {as_ratio(claim.ratio)}", claim.decision
    if decision is None:
        n_frames, n_seeds = claim.table.differences.shape
        why = claim.table.hopeless or f"only {n_frames} frames and {n_seeds} seeds are left"
        return f"{start}: undecided, {why}"
    return (
        f"{start}: {decision.verdict}, mean difference {difference(decision.mean)}, "
        f"limits {difference(decision.lower)} and {difference(decision.upper)}"
    )


def moved(by_time: ByTime | None) -> str:
    """Say that milliseconds were measured elsewhere, which stand; "" where they were measured here, or none are."""
    if by_time is None or not by_time.is_moved:
        return ""
    theirs, ours = where_timed(by_time.layers.timed_in), where_timed(by_time.here)
    return f"the times of layers are those that the search began with, in {theirs}; here it would be {ours}"


def where_timed(timed_in: TimedIn) -> str:
    """Name what was timed in: "onnx 1.20.1 on a processor, 2 threads"."""
    return f"{timed_in.engine} {timed_in.version} on {timed_in.processor}, {many(timed_in.threads, 'thread')}"


def later_round(number: int, alpha: float) -> str:
    """Say that an earlier question has its confirmation already, and what that costs; "" in the first test round."""
    if number == 1:
        return ""
    return (
        f"test round {number} on these held-out images: the confirmation of another question has begun, so this one "
        f"has fresh seeds, and an error of {alpha:g}"
    )
