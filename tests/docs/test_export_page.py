"""Every command of the page on exporting, on a small run and small images."""

import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import finished_run as whole_run
import numpy as np
import pages
import pytest
import tifffile
from command_line import typed
from onnx_files import model_file, network_of
from test_scored_is_predicted import drawn, finished_run, settings_for, tiff
from test_scored_is_predicted import network_of as trained

from cellprune.bench import bench
from cellprune.bench.measure import Measured
from cellprune.export import parity

PAGE = pages.DOCS / "how-to/export.md"


@pytest.mark.slow
def test_every_command_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for precision in ("bf16", "int8"):  # of an untrained network
        monkeypatch.setitem(parity.LIMITS_PPM, precision, 1e6)
    monkeypatch.setattr(parity, "LIMIT_IOU", 1)
    folder = drawn(tmp_path / "set", [(60, 72)] * 6, tiff)
    finished_run(tmp_path / "runs" / "NAME", trained(1), settings_for(folder))
    model_file(tmp_path / "model.safetensors", network_of())
    model_file(tmp_path / "small.safetensors", network_of())
    for name, ratio in (("DENSE", 0), ("PRUNED", 0.9)):
        model_file(whole_run.make(tmp_path / "runs" / name, ratio=ratio).file("model"), network_of())
    monkeypatch.setattr(bench, "measure", lambda entries, *_: ([Measured(entry, 1.0, None) for entry in entries], 9))
    shutil.copytree(folder / "images", tmp_path / "images")
    lines = list(pages.commands(PAGE))
    assert len(lines) == 9
    for line in lines:
        if "bf16" in line and not has_bf16():
            continue
        if "bioimageio" in line:  # its README needs every file of a run
            line = line.replace("runs/NAME", "runs/PRUNED")
        assert typed(*shlex.split(line)[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
        if "export runs/NAME -o" in line:
            assert "held-out frames of the run" in capsys.readouterr().out
    for name in ("predicted", "predicted-int8"):
        assert len(list((tmp_path / name / "labels").iterdir())) == 6
    assert np.any(tifffile.imread(tmp_path / "predicted" / "labels" / "a0.tif"))


def has_bf16() -> bool:
    if not find_spec("openvino"):
        return False
    from cellprune.engines import openvino

    return openvino.has_bf16()
