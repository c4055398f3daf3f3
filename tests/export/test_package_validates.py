"""The validator of bioimage.io, without a network, accepts the packages of all kinds of networks.

It lives in an environment of its own, which borrows ours: as a dependency it would bring pandas and xarray.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from onnx_files import network_of

from cellprune.export.package import package
from cellprune.export.simulated import examples
from cellprune.images.network_input import KINDS
from cellprune.runs import modelfile

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
VALIDATOR = ("bioimageio.core==0.11.0", "bioimageio.spec==0.5.12.0")
OFFLINE = ("No matching distribution", "Could not find a version", "Connection", "Temporary failure", "Max retries")
VALIDATE = """
import json, os, socket, sys
os.environ["BIOIMAGEIO_CACHE_PATH"] = sys.argv[1]

def refuse(*given):
    raise OSError("the validator asks the network")

socket.socket.connect = refuse
from bioimageio.core import test_model
said = {}
for path in sys.argv[2:]:
    done = test_model(path)
    said[path] = [done.status, [error.msg for part in done.details for error in part.errors]]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the validator, and whatever this one has."""
    folder = tmp_path_factory.mktemp("validator")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    python = folder / "bin" / "python"
    words = [python, "-m", "pip", "install", "--quiet", "-c", REPOSITORY / "constraints.txt", *VALIDATOR]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=1200)
    if done.returncode and any(said in done.stderr for said in OFFLINE):
        pytest.skip(f"pip reaches no package index: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr
    return python


NETWORKS = {
    "plain": ({}, {"pixel_size_um": [0.65, 0.6]}),
    "robust": ({"channels": 2}, {"normalization": KINDS["robust"].header()}),
    "percentile": ({"classes": 3}, {"normalization": KINDS["percentile"].header()}),
    "valid": ({"padding": "valid"}, {}),
    "distance": ({}, {"target": "distance"}),
}


def test_every_kind_passes(python: Path, tmp_path: Path) -> None:
    packages = []
    for name, (settings, more) in NETWORKS.items():
        network = network_of(**settings)
        header = {**network.header, **more}
        weights = {key: value.numpy() for key, value in network.state_dict().items()}
        modelfile.write(model := tmp_path / f"{name}.safetensors", header, weights, {})
        output = tmp_path / (f"{name}.zip" if name == "plain" else name)
        images = examples(header)[:2]
        package(model, output, images[:1], learned=[image.image for image in images[1:]])
        packages.append(output if output.is_file() else output / "rdf.yaml")
    words = [python, "-c", VALIDATE, tmp_path / "cache", *packages]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said == {str(path): ["passed", []] for path in packages}
