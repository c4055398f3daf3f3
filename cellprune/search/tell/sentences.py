"""What a search's numbers mean, in plain sentences; what a user may type stands in backticks."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from cellprune.config.names import resolve
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.evaluation.metric import Metric
from cellprune.report.formatting import difference, share
from cellprune.report.formatting import ratio as as_ratio
from cellprune.report.sentences import near_copies, network
from cellprune.runs.scores import Scores
from cellprune.search.judge.confirm import Claim
from cellprune.search.judge.grid import beyond
from cellprune.search.judge.power import ENOUGH
from cellprune.search.judge.propose import Probe

UNITS = {"weights": "weights", "params": "parameters", "macs": "multiply-adds", "channels": "channels"}
_STEPS = 3  # of the grid, by which a range is widened


def words(settings: Settings, search: Search) -> dict[str, str]:
    """Name what is removed, of what network, what is scored, and of what."""
    metric: Metric[Scores] = resolve("results", settings.task).metric
    return {
        "unit": UNITS[search.unit],
        "network": network(settings.model.model_dump()),
        "measure": metric.name,
        "images": metric.images,
    }


def probe(seen: Probe, margin: float) -> str:
    """Say what a probe of the search saw."""
    if seen.mean is None:
        why = seen.table.hopeless or "; ".join(seen.table.left_out.values())
        return f"search, {as_ratio(seen.ratio)} removed: {screened(passes=False)} ({why})"
    start = f"search, {as_ratio(seen.ratio)} removed: mean difference {difference(seen.mean)}"
    return f"{start}, {screened(passes=seen.passes)} at a margin of {margin:g}"


def screened(*, passes: bool) -> str:
    """Say what the search, which claims nothing, makes of a ratio."""
    return "passes the screen" if passes else "does not pass the screen"


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
    """Say what was found, or what was not and the command that asks on; and what an earlier look showed.

    Args:
        found: the content of search.json.
    """
    claimed = found["claimed"]
    if claimed is None or claimed["look"] == found["look"]:
        return _this_look(found)
    return (
        f"{_this_look(found)} What test round {claimed['look']} showed stands: with {as_ratio(claimed['ratio'])} of "
        f"the {found['words']['unit']} removed the network is not worse."
    )


def _this_look(found: Mapping[str, Any]) -> str:
    if found["verdict"] == "unfinished":
        so_far = f" So far: {_not_worse(found)}" if found["ratio"] is not None else ""
        return f"Not at its end: {found['stopped']}.{so_far} To go on: {_command(found)}."
    if found["verdict"] == "none found":
        return _none_found(found)
    if found["verdict"] == "not shown":
        return " ".join(filter(None, (_not_shown(found), _more_seeds(found), _lower(found))))
    told = [_not_worse(found)]
    above = beyond(found["grid"][-1], _STEPS)
    if found["ratio"] == found["grid"][-1] and above:
        told.append(
            f"It is the highest ratio of the range. To ask higher ratios: {_command(found, high=above[-1])} "
            f"({_next_test(found)})."
        )
    if found["stopped"]:
        told.append(f"The controls are not complete: {found['stopped']}. To go on: {_command(found)}.")
    return " ".join(told)


def _not_worse(found: Mapping[str, Any]) -> str:
    """Say what the highest ratio that passed was shown to be."""
    best = next(tested for tested in found["confirmation"] if tested["ratio"] == found["ratio"])
    return (
        f"With {as_ratio(found['ratio'])} of the {found['words']['unit']} removed the network is not worse than the "
        f"unpruned one by {found['question']['margin']:g} or more: the mean difference is {difference(best['mean'])}, "
        f"its lower limit {difference(best['lower'])} ({best['n_frames']} {found['words']['images']}, "
        f"{best['n_seeds']} seeds, {as_ratio(1 - found['alpha'])} confidence)."
    )


def _none_found(found: Mapping[str, Any]) -> str:
    """Say what the search saw at its lowest ratio; the question may go on at the same error, as nothing was tested."""
    lowest = [seen for seen in found["search"] if seen["ratio"] == found["grid"][0]][-1]
    saw = f"a mean loss above {found['question']['margin']:g}"
    if lowest["hopeless"]:
        saw = f"a hopeless training ({lowest['hopeless']})"
    below = beyond(lowest["ratio"], -_STEPS)
    on = f"To ask lower ratios: {_command(found, low=below[0])}." if below else "There is no lower ratio to ask for."
    return (
        f"None found: already at the lowest ratio, {as_ratio(lowest['ratio'])}, the search saw {saw}. Nothing was "
        f"tested. {on}"
    )


def _not_shown(found: Mapping[str, Any]) -> str:
    """Name the one ratio that was tested, and what its test gave."""
    tested, images, unit = found["confirmation"][0], found["words"]["images"], found["words"]["unit"]
    left = f"{tested['n_frames']} {images} and {tested['n_seeds']} seeds"
    where = f" in test round {found['look']}" if found["look"] > 1 else ""
    start = f"Not shown{where}. Only {as_ratio(tested['ratio'])} of the {unit} removed was tested"
    if "mean" not in tested:
        return f"{start}: {tested['hopeless'] or f'only {left} are left, too few to decide'}."
    mean, lower, upper = (difference(tested[key]) for key in ("mean", "lower", "upper"))
    return (
        f"{start}, with {left}: the mean difference is {mean}, its limits are {lower} and {upper}, so the verdict is "
        f"'{tested['verdict']}'. Every margin above {tested['smallest_margin']:.4f} would have passed; "
        f"{found['question']['margin']:g} did not."
    )


def _more_seeds(found: Mapping[str, Any]) -> str:
    """Say whether more seeds or frames would show it; "" where the network is worse, or nothing could be decided."""
    tested, images = found["confirmation"][0], found["words"]["images"]
    if "mean" not in tested or tested["verdict"] == "worse":
        return ""
    needed, later = tested["seeds_needed"], tested["seeds_needed_next_look"]
    if needed is None:
        may_fold = found["frames"]["recordings"] and not found["question"]["cv"]
        way = ": `--cv` counts every annotated frame, in another `--output`" if may_fold else ""
        return f"With differences that vary so much it takes more {images}, not more seeds{way}."
    if needed <= tested["n_seeds"]:
        return (
            "Random variation is not the reason. If pruning truly cost nothing, "
            f"{needed} seeds would show it in 4 of 5 searches."
        )
    start = f"If pruning truly cost nothing, {needed} seeds would have shown it in 4 of 5 searches."
    if later is None:
        return f"{start} {_next_test(found).capitalize()} takes more {images}."
    return f"{start} To ask with more seeds: {_command(found, confirm_seeds=later)} ({_next_test(found)})."


def _lower(found: Mapping[str, Any]) -> str:
    """Give the command that asks about the ratios below the tested one: those of the range, or else some below it."""
    tested = found["confirmation"][0]["ratio"]
    inside = [ratio for ratio in found["grid"] if ratio < tested]
    below = beyond(tested, -_STEPS)
    if not below:
        return "There is no lower ratio to ask for."
    range_of = {"high": inside[-1]} if inside else {"low": below[0], "high": below[-1]}
    return f"To ask lower ratios: {_command(found, **range_of)} ({_next_test(found)})."


def _next_test(found: Mapping[str, Any]) -> str:
    number = found["look"] + 1
    named = {2: "a second test", 3: "a third test"}.get(number, f"test {number}")
    return f"{named}, with half the error"


def _command(found: Mapping[str, Any], **flags: float) -> str:
    """Give the command of the search with other flags, and with --resume, as code."""
    changed = {f"--{name.replace('_', '-')}": f"{value:.10g}" for name, value in flags.items()}
    words, kept = iter(found["made"]["command"] or ["cellprune", "search-max-ratio", "..."]), list[str]()
    for word in words:
        flag, equals, _ = word.partition("=")
        if flag in changed and not equals:
            next(words, None)  # its value
        elif flag not in changed and word != "--resume":
            kept.append(word)
    return f"`{shlex.join([*kept, *(part for flag in changed.items() for part in flag), '--resume'])}`"


def controls(found: Mapping[str, Any]) -> str:
    """Say plainly whether the pruned network beats its controls, and which it has not, and why."""
    alike, better, open_ = list[str](), list[str](), list[str]()
    hopeless = [control["name"] for control in found["controls"] if control["hopeless"]]
    for control in (control for control in found["controls"] if not control["hopeless"]):
        kind = better if control["pruned_is"] == "better" else alike if control["does_as_well"] else open_
        kind.append(control["name"])
    told = [f"Of {_listed(hopeless)} a training was hopeless, so nothing is decided."] if hopeless else []
    if alike:
        does = "does" if len(alike) == 1 else "do"
        told.append(
            f"{_listed(alike)} {does} as well as the pruned network or better, so the method is not what made the "
            "ratio possible."
        )
    if open_:
        told.append(f"Whether the pruned network is better than {_listed(open_)} is undecided.")
    if better:
        whom = _listed(better) if alike or open_ or hopeless else f"each of its controls, {_listed(better)}"
        told.append(f"The pruned network is better than {whom}.")
    compared = {control["name"] for control in found["controls"]}
    near = [(n["control"], n["of_budget"]) for n in found["networks"] if n["control"] in compared and n["of_budget"]]
    if near:
        told.append(
            f"Of what the pruned network keeps, {_listed([f'{name} has {share(part)}' for name, part in near])}: that "
            "is how near dense networks of whole channels come."
        )
    whys: dict[str, list[str]] = {}
    for name, why in found["controls_missing"].items():
        whys.setdefault(why, []).append(name)
    told += [f"There is no control {_listed(names)}: {why}." for why, names in whys.items()]
    if found["question"]["controls"] and found["ratio"] is None:
        return "No control was trained: controls are trained at the ratio that is shown to cost nothing, and none is."
    return " ".join(told) if found["ratio"] is not None else ""


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def model(found: Mapping[str, Any], folder: str) -> str:
    """Say which network there is to use, or that it is gone.

    Args:
        found: the content of search.json, as far as its model.
        folder: of the run of the found ratio.
    """
    if found["model"] is None:
        return f"There is no network to use: {folder}, the run with the found ratio, is gone or lacks its model."
    fold = "; it is one of fold 0, which did not learn from that fold's frames" if found["question"]["cv"] else ""
    return f"The smallest network that is not worse, ready to use{fold}"


def scope(found: Mapping[str, Any]) -> str:
    """Say what the claim is about, and what it is not about; where nothing was shown, what was asked about."""
    about, claimed = f"{_about(found)}. {_near_copies(found)}", found["claimed"]
    together = sum(look["alpha"] for look in found["looks"])
    again = (
        f" This is test round {found['look']} on these {found['words']['images']}, at an error of {found['alpha']:g}; "
        f"with the test rounds before it, some claim is false with probability {together:g} at most."
    )
    later = again if found["look"] > 1 else ""
    if claimed is None:
        return f"The question is about {about}Nothing is claimed.{later}"
    alpha = found["looks"][claimed["look"] - 1]["alpha"]
    return (
        f"The claim is about {about}A claim is false with probability {alpha:g} at most; a table over several methods "
        f"or units needs Holm's correction.{later}"
    )


def power(planned: Mapping[str, Any]) -> str:
    """Say in how many searches a true loss of zero would be shown, what that rests on, and what would do.

    Args:
        planned: what a search tells before it starts.
    """
    chance, images = planned["power"], planned["images"]
    spread = "frames {frames:.3f}, seeds {seeds:.3f}, the rest {rest:.3f}".format(**chance["spread"])
    spread = spread.replace("frames", images, 1)
    by = f"assumed, because no pairs of runs in {planned['runs']} tell"
    if chance["n_seeds_measured"]:
        by = f"measured in pairs of runs of {chance['n_seeds_measured']} seeds in {planned['runs']}"
    told = (
        f"power: with {planned['held_out']} {images} and {planned['confirm_seeds']} seeds a true loss of zero is shown "
        f"in {_of_ten(chance['shown'])} searches, at a margin of {planned['margin']:g} (standard deviations of "
        f"differences: {spread}; {by})"
    )
    if chance["shown"] >= ENOUGH:
        return told
    if chance["enough_seeds"] is not None:
        return f"{told}; with --confirm-seeds {chance['enough_seeds']} in 8 of 10"
    return f"{told}; more seeds alone do not help, it takes more {images}{', as --cv gives' * planned['may_fold']}"


def _of_ten(probability: float) -> str:
    n = round(10 * probability)
    return {0: "fewer than 1 of 10", 10: "more than 9 of 10"}.get(n, f"{n} of 10")


def later_look(number: int, alpha: float) -> str:
    """Say that an earlier question has its confirmation already, and what that costs; "" at the first look."""
    if number == 1:
        return ""
    return (
        f"test round {number} on these held-out images: the confirmation of another question has begun, so this one "
        f"has fresh seeds, and an error of {alpha:g}"
    )


def look(told: Mapping[str, Any]) -> str:
    """Say what one look asked, at what error, and what came of it.

    Args:
        told: one of "looks" of search.json.
    """
    question = told["question"]
    asked = f"margin {question['margin']:g}, {question['confirm_seeds']} seeds, at an error of {told['alpha']:g}"
    for earlier in told.get("asked_before", ()):
        changed = (
            f"{key.replace('_', '-')} {value}"
            for key, value in earlier.items()
            if value != question[key] and key != "controls"  # which change no answer
        )
        asked += f", asked with {', '.join(changed)} before anything was proposed"
    if "proposed" not in told:
        return f"{asked}: still searching"
    begun = f"{asked}, frozen {told['frozen']}"
    if told["proposed"] is None:
        return f"{begun}: none to test"
    ratio = as_ratio(told["ratio"]) if told["ratio"] is not None else "no ratio shown"
    tests = "; ".join(map(_tested, told["tested"]))
    return f"{begun}: {ratio} ({tests or 'nothing tested yet'})"


def _tested(test: Mapping[str, Any]) -> str:
    verdict = f"{as_ratio(test['ratio'])} {test['verdict']}"
    if test["mean"] is None:
        return verdict
    return f"{verdict}, limits {difference(test['lower'])} and {difference(test['upper'])}"


def _near_copies(found: Mapping[str, Any]) -> str:
    """Say how far frames of one recording tell of others, and what folds have to do with each other."""
    frames = found["frames"]
    if not frames["recordings"]:
        return ""
    folds = "Every fold chose on frames that other folds hold out; its networks and their seeds are fresh. "
    how = near_copies(found["settings"]["data"]["split"], in_folder=frames["in_folder"])
    return f"{how} {folds if found['question']['cv'] else ''}"


def _about(found: Mapping[str, Any]) -> str:
    frames, data, folds = found["frames"], found["settings"]["data"], found["question"]["cv"]
    if not frames["recordings"]:
        return (
            f"images such as the {frames['n_report']} test images of {data['dataset']}, which the search never looked "
            "at, and about networks trained as these were; it is not about images from elsewhere"
        )
    how = f"{folds} folds, each frame held out once" if folds else "held out once"
    recordings = f"recording{'s' * (len(frames['recordings']) != 1)} {', '.join(frames['recordings'])}"
    return (
        f"frames of {recordings} of {data['dataset']}, {frames['n_report']} of them ({how}, split {data['split']}), "
        "and about networks trained as these were; it is not about other recordings"
    )
