"""What the networks of a confirmation score and cost, timed in turn once nothing else of the search is running."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from cellprune import models
from cellprune.campaign.job import RunFacts
from cellprune.experiment.latency import Clock
from cellprune.runs.folder import Folder
from cellprune.search.judge.trial import REFERENCE, Outcome, Trial
from cellprune.search.tell.answer import Network, TimedOn
from cellprune.structure import timing
from cellprune.training import accelerator

Arm = tuple[str, float]  # control, "" for the method itself; ratio


def arms(outcomes: Mapping[Trial, Outcome], seeds: Sequence[int]) -> dict[Arm, list[Outcome]]:
    """Give the trials of a confirmation with these seeds: the method's by rising ratio, then those of the controls."""
    arms: dict[Arm, list[Outcome]] = defaultdict(list)
    for trial in sorted(outcomes, key=lambda trial: (trial.control, trial.ratio, trial.seed, trial.fold)):
        if trial.phase == "confirm" and trial.seed in seeds:
            arms[trial.control, trial.ratio].append(outcomes[trial])
    return arms


def first_run(outcomes: Sequence[Outcome]) -> RunFacts | None:
    """Give the first run of an arm that is done."""
    return next((outcome.run for outcome in outcomes if outcome.run), None)


def networks(
    arms: Mapping[Arm, Sequence[Outcome]],
    runs: Path,
    device: str,
    *,
    network: str | None = None,
    engine: str | None = None,
    whole_ms: float | None = None,
) -> tuple[tuple[Network, ...], TimedOn | None]:
    """Tell what each arm scores and costs, and where it was timed.

    The milliseconds are those of its first network, all measured in turn; the time ratio sets them beside the unpruned
    one's, and is None where that is gone.

    Args:
        network: FILE.py:NAME of a network of the user's own, which the search was asked about.
        engine: what the milliseconds are asked in; None where they are not asked, and torch is timed.
        whole_ms: of the unpruned network, as the sum of its layers; None with it.
    """
    firsts = {arm: run for arm, outcomes in arms.items() if (run := first_run(outcomes))}
    if whole_ms is not None and (dense := firsts.get(("", REFERENCE))):
        firsts["", REFERENCE] = replace(dense, layers_ms=whole_ms)
    times, timed_on = _milliseconds([run.folder for run in firsts.values()], runs, device, engine, network)
    reference = firsts.get(("", REFERENCE))
    whole = times.get(reference.folder) if reference else None
    costs = (
        replace(
            _network(arm, arms[arm], run),
            milliseconds=(own := times.get(run.folder)),
            time_ratio=own / whole if own and whole else None,
            layers_ratio=run.layers_ms / whole_ms if run.layers_ms and whole_ms else None,
        )
        for arm, run in firsts.items()
    )
    return tuple(costs), timed_on


def _network(arm: Arm, outcomes: Sequence[Outcome], run: RunFacts) -> Network:
    """Tell what an arm scores and costs, but for what is measured."""
    control, ratio = arm
    done = [outcome for outcome in outcomes if outcome.state == "done"]
    of_budget = [one.run.of_budget for one in done if one.run and one.run.of_budget is not None]
    return Network(
        ratio=ratio,
        control=control,
        score=_mean(score for outcome in done for score in outcome.scores.values()),
        score_by_trial=tuple(_mean(outcome.scores.values()) for outcome in done),
        hopeless=sum(outcome.state == "hopeless" for outcome in outcomes),
        parameters=run.parameters_left,
        macs=run.macs_left,
        bytes=run.model_bytes,
        of_budget=_mean(of_budget) if of_budget else None,
        milliseconds=None,
        time_ratio=None,
        run=run.folder,
        widths=run.widths,
        layers_ms=run.layers_ms,
    )


def _milliseconds(
    names: Iterable[str], runs: Path, device: str, engine: str | None, network: str | None
) -> tuple[dict[str, float], TimedOn | None]:
    """Time the networks of these runs in turn; one that is gone has no time."""
    folders = {name: runs / name for name in names if Folder(runs / name).has("model")}
    if not folders:
        return {}, None
    where = accelerator.start(device).device
    header, _, _ = Folder(next(iter(folders.values()))).read_model()
    inputs = torch.randn(1, header["architecture"]["in_channels"], *header["network_size_px"], device=where)
    loaded = {name: models.load(folder, network).to(where) for name, folder in folders.items()}
    if engine is None:
        return timing.milliseconds(loaded, inputs), TimedOn(str(where), torch.get_num_threads())
    clock = Clock(engine, where)
    timed_in = clock.timed_in
    on = TimedOn(str(where) if engine == "torch" else "cpu", timed_in.threads, engine, timed_in.version)
    return dict(clock.networks(loaded, inputs).milliseconds), on


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)
