"""Did pruning help? The dense network beside the pruned one in the same engine, for and against."""

from collections.abc import Iterator, Sequence

from cellprune.bench.row import Row
from cellprune.report.formatting import difference, milliseconds, share
from cellprune.report.sentences import CLEARLY_FASTER


def sentences(rows: Sequence[Row]) -> Iterator[str]:
    """Answer for each pruned network, or say what is missing to answer."""
    rows = [row for row in rows if row.precision == "fp32"]
    pruned = list(dict.fromkeys(row.network for row in rows if row.kind == "pruned"))
    if not pruned:
        yield "No pruned run is among these networks, so nothing is said of pruning: add one."
    for name in pruned:
        yield _sentence(name, rows)


def _sentence(name: str, rows: Sequence[Row]) -> str:
    """Compare a pruned network with its own dense one, in the engine in which the pruned one is fastest."""
    ours = min((row for row in rows if row.network == name), key=lambda row: row.milliseconds)
    whole = [row for row in rows if row.kind == "dense" and row.comparable and row.trained_as == ours.trained_as]
    if not whole:
        return (
            f"No dense run of the settings of {name} is among these networks, so nothing says whether pruning helped: "
            "add the run of the unpruned network."
        )
    widest = max(whole, key=lambda row: row.macs or 0).network
    there = [row for row in rows if row.engine == ours.engine and row.network != name]
    dense = next((row for row in there if row.network == widest), None)
    if dense is None:
        return f"{name} cannot be compared, because {widest} does not run in {ours.engine}."
    ratio = ours.milliseconds / dense.milliseconds
    times = f"{milliseconds(ours.milliseconds)} per image where {widest} takes {milliseconds(dense.milliseconds)}"
    faster = f"it takes {times}, {share(ratio)} of the time"
    if not ours.comparable or ours.score is None or dense.score is None:
        return (
            f"{name}, in {ours.engine} fp32: {faster}; its score is not comparable, so this says nothing of its cost."
        )
    good, bad = [], []
    if ratio > CLEARLY_FASTER:
        bad.append(f"it is not faster ({times})")
    elif ours.macs is not None and ours.macs == dense.macs:  # as of single weights: the engines multiply the zeros
        bad.append(f"it is faster by chance only ({times}): it does as many multiply-adds, zeros among them")
    else:
        good.append(faster)
    for name_of_score, of_ours, of_dense in (("score", ours.score, dense.score), ("SEG", ours.seg, dense.seg)):
        if of_ours is not None and of_dense is not None:
            (good if of_ours >= of_dense else bad).append(_change(name_of_score, of_ours - of_dense))
    small = [
        row
        for row in there
        if row.kind in ("dense", "control") and row.comparable and row.network != widest and row.score is not None
        and row.score >= ours.score and (row.seg is None or ours.seg is None or row.seg >= ours.seg)
        and row.milliseconds <= ours.milliseconds / CLEARLY_FASTER
        and (row.macs or 0) < (dense.macs or 0)
    ]  # fmt: skip
    if small:
        best = min(small, key=lambda row: row.milliseconds)
        what = "a control" if best.kind == "control" else "a smaller dense network"
        bad.append(f"{best.network}, {what}, takes {milliseconds(best.milliseconds)} and scores as well")
    return (
        f"{name}, in {ours.engine} fp32: for it, {' and '.join(good) or 'nothing'}; "
        f"against it, {' and '.join(bad) or 'nothing that was measured here'}."
    )


def _change(score: str, change: float) -> str:
    if not change:
        return f"its {score} is the same"
    return f"its {score} is {difference(change).lstrip('+−')} {'higher' if change > 0 else 'lower'}"
