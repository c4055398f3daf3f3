"""Lets torchvision be imported beside a CPU build of torch.

The ordinary wheel's own kernels want a GPU build, and torchvision then fails at import, where it looks two operators
up. Declaring them is enough: nothing here detects objects, and `torchvision.ops.nms` still says that it has no kernel.
Called by each file before it imports torchvision, timm or segmentation-models-pytorch.
"""

import sys
from functools import cache
from importlib import import_module
from typing import Any


@cache  # which also keeps the declarations alive: they end with the object that made them
def ensure_torchvision() -> Any:
    """Import torchvision; where only its kernels are missing, declare them first.

    Returns:
        What holds the declarations, or None where torchvision needs none.
    Raises:
        RuntimeError: torchvision fails for another reason.
    """
    import torch

    try:
        import_module("torchvision")
        return None
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the failed import left half made
    operators = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        operators.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import_module("torchvision")
    return operators
