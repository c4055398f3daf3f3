"""What a search found, or did not find, and the command that asks on; what a user may type stands in backticks."""

import shlex

from cellprune.report.formatting import difference
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.judge.grid import beyond
from cellprune.search.tell.answer import Answer
from cellprune.search.tell.words import act, ours

_STEPS = 3  # of the grid, by which a range is widened


def conclusion(answer: Answer) -> str:
    """Say what was found, or what was not and the command that asks on; and what an earlier test round showed."""
    claimed = answer.claimed
    if claimed is None or claimed.look == answer.look:
        return _this_round(answer)
    return (
        f"{_this_round(answer)} What test round {claimed.look} showed stands: with {as_ratio(claimed.ratio)} of the "
        f"{answer.words.unit} {answer.words.gone}, the network is not worse."
    )


def _this_round(answer: Answer) -> str:
    if answer.verdict == "unfinished":
        so_far = f" So far: {_not_worse(answer)}" if answer.ratio is not None else ""
        return f"The search is not at its end: it {answer.stopped}.{so_far} To go on: {_command(answer)}."
    if answer.verdict == "none found":
        return _none_found(answer)
    if answer.verdict == "not shown":
        return " ".join(filter(None, (_not_shown(answer), _more_seeds(answer), _lower(answer))))
    said = [_not_worse(answer)]
    above = beyond(answer.grid[-1], _STEPS, answer.reachable)
    if answer.ratio == answer.grid[-1] and not above and answer.limit:
        said.append(f"It is the highest ratio that can be reached: {answer.limit}.")
    if answer.ratio == answer.grid[-1] and above:
        said.append(
            f"It is the highest ratio of the range. To ask higher ratios: {_command(answer, high=above[-1])} "
            f"({_next_test(answer)})."
        )
    if answer.stopped:
        said.append(f"The controls are not complete: the search {answer.stopped}. To go on: {_command(answer)}.")
    return " ".join(said)


def _not_worse(answer: Answer) -> str:
    """Say what the highest ratio that passed was shown to be."""
    best = next(tested for tested in answer.confirmation if tested.ratio == answer.ratio)
    assert best.decision is not None, "what passed was decided"
    n_frames, n_seeds, words = best.evidence.n_frames, best.evidence.n_seeds, answer.words
    which = f"{ours(answer.settings)} network".removeprefix("pruned ")
    return (
        f"With {as_ratio(best.ratio)} of the {words.unit} {words.gone}, the {which} loses less than "
        f"{answer.question.margin:g} of {words.measure} against the {words.reference} one. The mean difference is "
        f"{difference(best.decision.mean)}, its lower limit {difference(best.decision.lower)} "
        f"({n_frames} {words.images}, {n_seeds} seeds, {as_ratio(1 - answer.alpha)} confidence)."
    )


def _none_found(answer: Answer) -> str:
    """Say what the search saw at its lowest ratio; the question may go on at the same error, as nothing was tested."""
    lowest = [probed for probed in answer.search if probed.ratio == answer.grid[0]][-1]
    saw = f"a mean loss of {answer.words.measure} above {answer.question.margin:g}"
    if lowest.evidence.hopeless:
        saw = f"a hopeless training ({lowest.evidence.hopeless})"
    below = beyond(lowest.ratio, -_STEPS, answer.reachable)
    on = f"To ask lower ratios: {_command(answer, low=below[0])}." if below else "There is no lower ratio to ask for."
    return (
        f"No ratio was found. At the lowest ratio, {as_ratio(lowest.ratio)}, the search saw {saw}. Nothing was "
        f"tested. {on}"
    )


def _not_shown(answer: Answer) -> str:
    """Name the one ratio that was tested, and what its test gave."""
    tested, images = answer.confirmation[0], answer.words.images
    decision, left = tested.decision, f"{tested.evidence.n_frames} {images}, {tested.evidence.n_seeds} seeds"
    where = f" in test round {answer.look}" if answer.look > 1 else ""
    start = f"Not shown{where}. Only {as_ratio(tested.ratio)} of the {answer.words.unit} was tested"
    if tested.evidence.hopeless:
        return f"{start}. One of its trainings was hopeless ({tested.evidence.hopeless})."
    if decision is None:
        return f"{start}. Only {left} are left, too few to decide."
    return (
        f"{start} ({left}). The mean difference is {difference(decision.mean)}, its limits are "
        f"{difference(decision.lower)} and {difference(decision.upper)}, so the verdict is '{decision.verdict}'. Every "
        f"margin above {decision.smallest_margin:.4f} would have passed; {answer.question.margin:g} did not."
    )


def _more_seeds(answer: Answer) -> str:
    """Say whether more seeds or frames would show it; "" where the network is worse, or nothing could be decided."""
    tested, images = answer.confirmation[0], answer.words.images
    if tested.decision is None or tested.verdict == "worse":
        return ""
    needed, later = tested.seeds_needed, tested.seeds_needed_next_look
    if needed is None:
        may_fold = answer.frames.recordings and not answer.question.cv
        way = " `--cv` counts every annotated frame; it needs another `--output`." if may_fold else ""
        return f"The differences vary so much that it takes more {images}, not more seeds.{way}"
    if needed <= tested.evidence.n_seeds:
        return (
            f"Random variation is not the reason. If {act(answer.settings)} truly cost nothing, "
            f"{needed} seeds would show it in 4 of 5 searches."
        )
    start = f"If {act(answer.settings)} truly cost nothing, {needed} seeds would have shown it in 4 of 5 searches."
    if later is None:
        return f"{start} {_next_test(answer).capitalize()}, takes more {images}."
    return f"{start} To ask with more seeds: {_command(answer, confirm_seeds=later)} ({_next_test(answer)})."


def _lower(answer: Answer) -> str:
    """Give the command that asks about the ratios below the tested one: those of the range, or else some below it."""
    tested = answer.confirmation[0].ratio
    inside = [ratio for ratio in answer.grid if ratio < tested]
    below = beyond(tested, -_STEPS, answer.reachable)
    if not below:
        return "There is no lower ratio to ask for."
    range_of = {"high": inside[-1]} if inside else {"low": below[0], "high": below[-1]}
    return f"To ask lower ratios: {_command(answer, **range_of)} ({_next_test(answer)})."


def _next_test(answer: Answer) -> str:
    number = answer.look + 1
    named = {2: "a second test", 3: "a third test"}.get(number, f"test {number}")
    return f"{named}, with half the error"


def _command(answer: Answer, **flags: float) -> str:
    """Give the command of the search with other flags, and with --resume, as code."""
    changed = {f"--{name.replace('_', '-')}": f"{value:.10g}" for name, value in flags.items()}
    words, kept = iter(answer.made.command or ["cellprune", "search-max-ratio", "..."]), list[str]()
    for word in words:
        flag, equals, _ = word.partition("=")
        if flag in changed and not equals:
            next(words, None)  # its value
        elif flag not in changed and word != "--resume":
            kept.append(word)
    return f"`{shlex.join([*kept, *(part for flag in changed.items() for part in flag), '--resume'])}`"
