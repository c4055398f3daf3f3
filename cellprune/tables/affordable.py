"""Budgets that not even the smallest network fits: named before the first training of a sweep."""

from dataclasses import replace
from pathlib import Path

from cellprune.errors import TooMuchError
from cellprune.experiment import smaller
from cellprune.experiment.opening import Opened, open_data
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.tables.plan import Arm, Plan, refuse_faults


def require_affordable(plan: Plan, data_root: Path | None, table: LatencyTable | None = None) -> None:
    """Refuse combinations whose budget is below the smallest network, where that is known before any score.

    Args:
        table: what layers take; the combinations that are decided by it are looked at. None for all others.
    Raises:
        ConfigError: names them, with what the smallest network needs.
    """
    by_time = table is not None
    sized = [
        arm
        for arm in plan.arms
        if smaller.is_sized_before(pruning := arm.settings.pruning) and by_time == (pruning.request().unit == "latency")
    ]
    opened = {arm.group: open_data(arm.settings, data_root) for arm in {arm.group: arm for arm in sized}.values()}
    # methods and controls of one network and budget have one answer, and so has each dense family
    alike = {_key(arm): replace(opened[arm.group], settings=arm.settings) for arm in sized}
    fault_of = {key: _fault(one, table) for key, one in alike.items()}
    faults: dict[str, list[str]] = {}
    for arm in sized:
        if fault := fault_of[_key(arm)]:
            faults.setdefault(fault, []).append(" ".join([*plan.apart(arm.group), arm.label, arm.amount]))
    refuse_faults(faults, len(plan.arms) - sum(map(len, faults.values())))


def _key(arm: Arm) -> tuple[object, ...]:
    pruning = arm.settings.pruning
    return arm.group, arm.amount, (pruning.method, pruning.control) if pruning.fills_budget else ()


def _fault(opened: Opened, table: LatencyTable | None) -> str:
    try:
        smaller.require_affordable(opened, table)
    except TooMuchError as error:
        return str(error)
    return ""
