"""Budgets that not even the smallest network fits: named before the first training of a sweep."""

from dataclasses import replace
from pathlib import Path

from cellprune.errors import TooMuchError
from cellprune.experiment import smaller
from cellprune.experiment.opening import Opened, open_data
from cellprune.tables.plan import Plan, refuse_faults


def require_affordable(plan: Plan, data_root: Path | None) -> None:
    """Refuse combinations whose budget is below the smallest network, where that is known before any score.

    Raises:
        ConfigError: names them, with what the smallest network needs.
    """
    sized = [arm for arm in plan.arms if smaller.is_sized_before(arm.settings.pruning)]
    opened = {arm.group: open_data(arm.settings, data_root) for arm in {arm.group: arm for arm in sized}.values()}
    # methods and controls of one network and budget have one answer
    alike = {(arm.group, arm.amount): replace(opened[arm.group], settings=arm.settings) for arm in sized}
    fault_of = {key: _fault(one) for key, one in alike.items()}
    faults: dict[str, list[str]] = {}
    for arm in sized:
        if fault := fault_of[arm.group, arm.amount]:
            faults.setdefault(fault, []).append(" ".join([*plan.apart(arm.group), arm.label, arm.amount]))
    refuse_faults(faults, len(plan.arms) - sum(map(len, faults.values())))


def _fault(opened: Opened) -> str:
    try:
        smaller.require_affordable(opened)
    except TooMuchError as error:
        return str(error)
    return ""
