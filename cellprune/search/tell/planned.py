"""What a search takes and what it can show, in the lines that it says before it starts."""

from dataclasses import asdict

from cellprune.report.formatting import duration, milliseconds, ratio
from cellprune.search.judge.power import ENOUGH
from cellprune.search.plan import Plan
from cellprune.search.tell.progress import later_round, moved, where_timed
from cellprune.search.tell.words import act
from cellprune.wording import many


def lines(plan: Plan) -> list[str]:
    """Say what a plan comes to; one line where nothing is left to train."""
    grid, frames, known = plan.question.grid, plan.question.frames, plan.known
    done = f"{known.done} {'is' if known.done == 1 else 'are'} done, " if known.done else ""
    if known.there:
        done += (
            f"{many(known.there, 'reference network')} of other searches {'is' if known.there == 1 else 'are'} there, "
        )
    if known.at_the_end:
        return [f"{done}none is left to train: the search in {plan.question.output} is at its end"]
    by_fold, more = frames.select_by_fold, "more (in all: " if done else "("
    few, most = min(by_fold), max(by_fold)
    chosen_on = f"{len(by_fold)} × " * (len(by_fold) > 1) + (f"{few}" if few == most else f"{few} to {most}")
    dropped = "; ".join(f"{name}: {reason}" for name, reason in frames.dropped)
    later, reach = later_round(known.look, plan.alpha), plan.question.reach
    ends_there = reach.limit and grid[-1] == reach.ratios[-1]
    return [
        f"{many(len(grid), 'ratio')} from {ratio(grid[0])} to {ratio(grid[-1])}; "
        f"chosen on {chosen_on} {plan.images}, claimed about {frames.n_report} held-out ones",
        *([f"higher ratios cannot be reached: {reach.limit}"] if ends_there else []),
        *([f"frames that the truth policy drops: {dropped}"] if dropped else []),
        *filter(None, (later, _by_time(plan), moved(plan.question.by_time))),
        power(plan),
        f"trainings: {done}about {plan.expected}, at most {plan.at_most} {more}"
        f"search {plan.count.search}, confirmation {plan.count.confirmation}, controls {plan.count.controls})",
        f"time: about {duration(plan.seconds_expected)}, at most {duration(plan.seconds_at_most)}; "
        f"one training takes {duration(plan.seconds_a_training)}, judged by one epoch"
        f"{' on this machine, as if one after the other' if plan.timed_here_alone else ''}"
        f"{'; hopeless trainings are stopped early' if plan.question.metric.watched else ''}",
        f"the search goes to {plan.question.output}",
    ]


def _by_time(plan: Plan) -> str:
    """Say by what milliseconds is decided; "" where they are not."""
    if (by_time := plan.question.by_time) is None:
        return ""
    layers, whole = by_time.layers, milliseconds(by_time.whole_ms)
    return (
        f"milliseconds: {many(len(layers.milliseconds), 'shape')} of layers timed in {where_timed(layers.timed_in)}; "
        f"the layers of the whole network take {whole}"
    )


def power(plan: Plan) -> str:
    """Say in how many searches a true loss of zero would be shown, what that rests on, and what would do."""
    chance, images, search, score = plan.chance, plan.images, plan.question.search, plan.question.metric.name
    spread = "{frames:.3f}, seeds {seeds:.3f}, the rest {rest:.3f}".format(**asdict(chance.spread))
    by = f"assumed, because no pairs of runs in {plan.runs} tell"
    if chance.n_seeds_measured:
        by = f"measured in pairs of runs of {chance.n_seeds_measured} seeds in {plan.runs}"
    said = (
        f"power: if {act(plan.question.settings)} truly cost nothing, {plan.question.frames.n_report} {images} and "
        f"{search.confirm_seeds} seeds would show it in {_of_ten(chance.shown)} searches, at a margin of "
        f"{search.margin:g} {score} (standard deviations of differences: {images} {spread}; {by})"
    )
    if chance.shown >= ENOUGH:
        return said
    if chance.enough_seeds is not None:
        return f"{said}; with --confirm-seeds {chance.enough_seeds} in 8 of 10"
    return f"{said}; more seeds alone do not help, it takes more {images}{', as --cv gives' * plan.may_fold}"


def _of_ten(probability: float) -> str:
    n = round(10 * probability)
    return {0: "fewer than 1 of 10", 10: "more than 9 of 10"}.get(n, f"{n} of 10")
