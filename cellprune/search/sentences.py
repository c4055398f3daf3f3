"""What a search's numbers mean, in plain sentences; what a user may type stands in backticks."""

from collections.abc import Mapping
from typing import Any

from cellprune.report.formatting import difference
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.confirm import Claim
from cellprune.search.propose import Probe


def probe(seen: Probe, margin: float) -> str:
    """Say what a probe of the search saw."""
    if seen.mean is None:
        why = seen.table.hopeless or "; ".join(seen.table.left_out.values())
        return f"search, {as_ratio(seen.ratio)} removed: too much ({why})"
    judged = "may cost nothing" if seen.passes else "too much"
    start = f"search, {as_ratio(seen.ratio)} removed: mean difference {difference(seen.mean)}"
    return f"{start}, {judged} at a margin of {margin:g}"


def claim(tested: Claim) -> str:
    """Say what the test of a ratio gave."""
    found = tested.decision
    if found is None:
        n_frames, n_seeds = tested.table.differences.shape
        why = tested.table.hopeless or f"only {n_frames} frames and {n_seeds} seeds are left"
        return f"tested, {as_ratio(tested.ratio)} removed: undecided, {why}"
    return (
        f"tested, {as_ratio(tested.ratio)} removed: {found.verdict}, mean difference {difference(found.mean)}, "
        f"limits {difference(found.lower)} and {difference(found.upper)}"
    )


def answer(found: Mapping[str, Any]) -> str:
    """Say what was found, or what was not and what it would take.

    Args:
        found: the content of search.json.
    """
    margin = found["question"]["margin"]
    if found["verdict"] == "unfinished":
        return f"Not at its end: {found['stopped']}."
    if found["verdict"] == "none found":
        return (
            f"None found: already at the lowest ratio, {as_ratio(found['grid'][0])}, the search saw a mean loss "
            f"above {margin:g}. Nothing was tested and nothing is claimed; a lower `--low` asks further down."
        )
    if found["verdict"] == "not shown":
        return _not_shown(found["confirmation"][0], margin, n_folds=found["question"]["cv"])
    best = next(tested for tested in found["confirmation"] if tested["ratio"] == found["ratio"])
    at_the_end = found["ratio"] == found["grid"][-1]
    return (
        f"With {as_ratio(found['ratio'])} of the weights removed the network is not worse than the unpruned one by "
        f"{margin:g} or more: the mean difference is {difference(best['mean'])}, its lower limit "
        f"{difference(best['lower'])} ({best['n_frames']} frames, {best['n_seeds']} seeds, "
        f"{as_ratio(1 - found['alpha'])} confidence)."
        f"{' It is the highest ratio of the range: a higher `--high` asks further up.' if at_the_end else ''}"
    )


def _not_shown(lowest: Mapping[str, Any], margin: float, *, n_folds: int) -> str:
    """Say what the lowest ratio that was tested gave, and what it would take to show it."""
    left = f"{lowest['n_frames']} frames and {lowest['n_seeds']} seeds"
    if "mean" not in lowest:
        why = lowest["hopeless"] or f"only {left} are left, too few to decide"
        return f"Not shown: with {as_ratio(lowest['ratio'])} of the weights removed, {why}."
    mean, lower, upper = (difference(lowest[key]) for key in ("mean", "lower", "upper"))
    start = (
        f"Not shown for any ratio. With {as_ratio(lowest['ratio'])} of the weights removed, the lowest tested, the "
        f"verdict is '{lowest['verdict']}' ({left}): the mean difference is {mean}, its limits {lower} and {upper}; "
        f"every margin above {lowest['smallest_margin']:.4f} would have passed, {margin:g} did not."
    )
    needed = lowest["seeds_needed"]
    if lowest["verdict"] == "worse":
        return start
    if needed is None:
        way = "" if n_folds else ": `--cv` counts every annotated frame"
        return f"{start} At this spread it takes more frames, not more seeds{way}."
    if needed <= lowest["n_seeds"]:
        return f"{start} The spread is not in the way: {needed} seeds show a true loss of zero in 4 of 5 cases."
    return f"{start} To show a true loss of zero in 4 of 5 cases takes {needed} seeds: `--confirm-seeds {needed}`."


def scope(found: Mapping[str, Any]) -> str:
    """Say what the claim is about, and what it is not about."""
    frames, settings, question = found["frames"], found["settings"], found["question"]
    how = f"{question['cv']} folds, each frame held out once" if question["cv"] else "held out once"
    sequences = ", ".join(frames["sequences"])
    recordings = f"recording{'s' * (len(frames['sequences']) != 1)} {sequences} of {settings['data']['dataset']}"
    looks = (
        ""
        if found["look"] == 1
        else (f" This is look {found['look']} at these frames, tested at an error of {found['alpha']:g}.")
    )
    return (
        f"The claim is about frames of {recordings}, {frames['n']} of them ({how}, split {settings['data']['split']}), "
        f"and about networks trained as these were; it is not about other recordings. A claim is false with "
        f"probability {found['alpha']:g} at most; a table over several methods needs Holm's correction.{looks}"
    )
