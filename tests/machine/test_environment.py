"""The environment moves no number: what would is taken out and said, what launches and places stays."""

import os

import pytest

from cellprune.machine import environment

LAUNCHED = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "7"),
        ("ACCELERATE_MIXED_PRECISION", "bf16"),
        ("ACCELERATE_USE_FSDP", "true"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR"),
        ("ACCELERATE_TORCH_DEVICE", "cuda"),
        ("FSDP_OFFLOAD_PARAMS", "true"),
        ("PARALLELISM_CONFIG_TP_SIZE", "2"),
        ("NVIDIA_TF32_OVERRIDE", "1"),
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1"),
        ("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"),
    ],
)
def test_what_would_move_a_number_is_taken_out_and_said(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    [said] = [line for line in environment.settle() if name in line]
    assert f"${name}={value} " in said
    assert name not in os.environ
    assert not environment.settle()


def test_a_launcher_threads_and_devices_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    neutral = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "1"}
    stays = {**LAUNCHED, "OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "0"}
    for name, value in (stays | neutral).items():
        monkeypatch.setenv(name, value)
    assert environment.settle() == [], "what accelerate's launcher sets by itself asks for nothing"
    assert {name: os.environ[name] for name in stays} == stays
    assert environment.recorded()["OMP_NUM_THREADS"] == "3"


def test_a_name_that_only_looks_like_ours_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLPRUNE_DATE", "/data")
    monkeypatch.setenv("CELLPRUNE_DATA", "/data")
    [said] = environment.strangers()
    assert "$CELLPRUNE_DATE:" in said
    assert "did you mean $CELLPRUNE_DATA?" in said


def test_accelerate_is_asked_for_everything(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    from cellprune.training import accelerator

    for name in ("GRADIENT_ACCUMULATION_STEPS=7", "MIXED_PRECISION=bf16", "USE_FSDP=true", "DYNAMO_BACKEND=inductor"):
        monkeypatch.setenv(*f"ACCELERATE_{name}".split("="))
    made = accelerator.start("cpu")
    assert made.gradient_accumulation_steps == 1
    assert made.mixed_precision == "no"
    assert made.distributed_type.name == "NO"
    assert made.state.dynamo_plugin.backend.name == "NO"
    assert len(caplog.records) == 4
