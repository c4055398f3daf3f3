"""What is exported is the network, for whoever opens the file, and what cannot be exported is one line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx_files import header_of, network_of, onnx_file

from cellprune import models
from cellprune.errors import CellpruneError
from cellprune.export.onnx import to_onnx
from cellprune.export.tracing import OPSET
from cellprune.runs import onnxfile

# what a program that knows nothing of cellprune can do with the file
STRANGER = """
import json, sys
for name in ("cellprune", "torch", "onnx"):
    sys.modules[name] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
card = json.loads(session.get_modelmeta().custom_metadata_map["cellprune"])["header"]
grid = card["input_sizes"]["stride_px"]
image = np.random.default_rng(0).standard_normal((1, 1, 3 * grid, 5 * grid), np.float32)
(logits,) = session.run(None, {"image": image})
np.save(sys.argv[2], logits)
print(json.dumps(card))
"""


def test_a_fresh_process_without_cellprune_opens_it(tmp_path: Path) -> None:
    network = network_of()
    path = onnx_file(tmp_path / "a.onnx", network)
    words = [sys.executable, "-c", STRANGER, str(path), str(tmp_path / "logits.npy")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout)
    assert card.items() >= json.loads(json.dumps(network.header)).items()
    assert card["precision"] == "fp32"
    image = np.random.default_rng(0).standard_normal((1, 1, 12, 20), np.float32)
    with torch.inference_mode():
        np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), network(torch.from_numpy(image)), atol=1e-4)


def test_the_formats_own_checker_accepts_it(tmp_path: Path) -> None:
    model = onnx.load(onnx_file(tmp_path / "a.onnx"))
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", OPSET)]
    assert {node.op_type for node in model.graph.node} == {"Conv", "Relu", "MaxPool", "ConvTranspose", "Concat"}
    assert [dimension.dim_param for dimension in model.graph.input[0].type.tensor_type.shape.dim][2:] == [
        "height",
        "width",
    ]


def test_the_same_network_gives_the_same_bytes() -> None:
    network = network_of()
    assert to_onnx(network, network.header, "a") == to_onnx(network, network.header, "b")


def test_the_network_is_left_as_it_was() -> None:
    network = network_of(norm="group")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    to_onnx(network, network.header, "it")
    assert not any(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["unet/resnet18", "unetplusplus/resnet18", "manet/resnet18", "linknet/resnet18", "pan/resnet18", "fpn/mobilenet_v2",
     "deeplabv3/resnet18", "deeplabv3plus/resnet18", "unet/densenet121", "unet/mit_b0", "unet/tu-convnext_atto",
     "unet/efficientnet-b0"],
)  # fmt: skip
def test_networks_of_the_library_are_written(name: str) -> None:
    torch.manual_seed(0)
    settings = {"name": f"smp:{name}", "in_channels": 1, "classes": 2}
    assert len(to_onnx(models.build(settings).eval(), header_of(settings), name)) > 10**6


def test_a_network_that_the_exporter_cannot_write_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    settings = {"name": "smp:pspnet/resnet18", "in_channels": 1, "classes": 2}
    network = models.build(settings).eval()
    with pytest.raises(CellpruneError, match=r"it cannot be written as ONNX \(.*predict with torch") as refused:
        to_onnx(network, header_of(settings), "it")
    assert "\n" not in str(refused.value)
    assert capsys.readouterr() == ("", ""), "the exporter's graph is nothing to read"


def test_a_network_that_becomes_another_one_is_refused() -> None:
    class Sized(torch.nn.Module):
        """Its scale is that of the size that was traced: a number, and not the image's."""

        def __init__(self) -> None:
            super().__init__()
            self.convolution = torch.nn.Conv2d(1, 2, 1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.convolution(image) * int(image.shape[-1])

        levels = forward

        def input_size(self, output_size: int) -> int:
            return output_size

    header = header_of({"in_channels": 1, "classes": 2})
    with pytest.raises(CellpruneError, match="what was written gives other maps at 100 x 36 px"):
        to_onnx(Sized().eval(), header, "it")


def test_a_network_of_lawless_sizes_is_refused() -> None:
    network = models.build({"name": "unet", "width": 1, "depth": 1}).eval()
    network.input_size = lambda n: 64
    with pytest.raises(CellpruneError, match="nobody knows which sizes it takes"):
        to_onnx(network, header_of({"in_channels": 1, "classes": 2}), "it")


def test_what_engines_need_stands_in_the_card(tmp_path: Path) -> None:
    header = onnxfile.read_header(onnx_file(tmp_path / "a.onnx"))
    assert header["input_sizes"] == {"stride_px": 4, "remainder_px": 0, "lost_px": 0, "least_px": 4}
    assert header["receptive_field"]["stride_px"] == 4
    assert header["bytes_per_pixel"] > 0
