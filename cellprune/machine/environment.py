"""What the environment may say: where things are and how many threads there are, and nothing that moves a number.

Libraries read variables of their own, often without a word: accelerate accumulates gradients, compiles or shards the
network, cuBLAS and oneDNN compute float32 in fewer bits. None of this would stand in the run's settings. Such variables
are taken out of the environment, and said. Those of a launcher (RANK, WORLD_SIZE, MASTER_ADDR, ...), of threads
(OMP_NUM_THREADS, ...) and of devices (CUDA_VISIBLE_DEVICES) stay.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches

OURS = ("CELLPRUNE_CACHE", "CELLPRUNE_DATA", "CELLPRUNE_MEMORY_SHARE", "CELLPRUNE_REAL_DATA")  # the last is for tests
# of accelerate, which is asked for everything in training/accelerator.py; of timm, whose attention is fused or not
_FAMILIES = ("ACCELERATE_", "FSDP_", "MEGATRON_LM_", "PARALLELISM_CONFIG_", "TIMM_")
_PRECISION = (
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "PYTORCH_MPS_FAST_MATH",
    "USE_TORCH_XLA",
    "XLA_USE_BF16",
    "XLA_DOWNCAST_BF16",
)
# what `accelerate launch` sets of its own accord says nothing; one step is what ours accumulate
_SAYS_NOTHING = {"", "0", "no", "false", "none", "default"}
_ONE_STEP = {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "1"}
_RECORDED = (
    "OMP_",
    "MKL_",
    "OPENBLAS_",
    "KMP_",
    "GOMP_",
    "ATEN_",
    "ONEDNN_",
    "DNNL_",
    "CUBLAS_",
    "CUDNN_",
    "TORCH_CUDNN_",
)


def settle() -> list[str]:
    """Take out of this process's environment what would move a number; a second call finds nothing more.

    Returns:
        A sentence for each variable that said something.
    """
    said = []
    for name in sorted(os.environ):
        if name.startswith(_FAMILIES) or name in _PRECISION:
            value = os.environ.pop(name)
            if value.lower() not in _SAYS_NOTHING and _ONE_STEP.get(name) != value:
                said.append(
                    f"the environment variable ${name}={value[:40]} is ignored: only settings decide a result "
                    "(cellprune train --help lists them)"
                )
    return said


def strangers() -> list[str]:
    """Give a sentence for each variable that is named as ours are and is none, with the nearest of ours."""
    said = []
    for name in sorted(os.environ):
        if name.startswith("CELLPRUNE_") and name not in OURS:
            close = get_close_matches(name[:200], OURS, n=1)
            guess = f"did you mean ${close[0]}?" if close else f"known: ${', $'.join(OURS)}"
            said.append(f"cellprune reads no environment variable ${name}: {guess}")
    return said


def recorded() -> Mapping[str, str]:
    """Give the variables that choose threads and kernels: they may move last bits, as another processor may."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(_RECORDED)}
