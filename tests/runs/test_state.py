"""The saved state outlives a kill at any moment, and damage to its newest files."""

import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellprune.errors import WorkError
from cellprune.runs import atomic
from cellprune.runs.state import States


def save(states: States, epoch: int) -> None:
    states.save({"weight": np.full(3, epoch), "step": np.array(float(epoch))}, {"epoch": epoch})


def epoch_of(states: States) -> int:
    state = states.load()
    assert state is not None
    tensors, meta = state
    assert tensors["weight"].tolist() == [meta["epoch"]] * 3
    return meta["epoch"]


def files(states: States) -> list[str]:
    return sorted(path.name for path in states.folder.iterdir())


def test_nothing_saved_gives_none(tmp_path: Path) -> None:
    assert States(tmp_path / "state").load() is None


def test_zero_dimensions_empty_arrays_and_empty_dicts_survive(tmp_path: Path) -> None:
    tensors = {
        "step": np.array(3.0, np.float32),
        "empty": np.zeros((0, 3)),
        "flag": np.array([True, False]),
        "rng": np.arange(7, dtype=np.uint8),
        "across": np.arange(6).reshape(2, 3).T,
    }
    meta = {"optimizer": {}, "rng": [3, [1, 2], None], "big": 2**127, "loss": float("inf"), "tiny": 5e-324}
    States(tmp_path / "state").save(tensors, meta)
    state = States(tmp_path / "state").load()
    assert state is not None
    assert state[1] == meta
    assert state[0].keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert state[0][name].dtype == tensor.dtype
        assert state[0][name].shape == tensor.shape
        assert np.array_equal(state[0][name], tensor)


def test_no_tensors_at_all_survive(tmp_path: Path) -> None:
    States(tmp_path / "state").save({}, {})
    assert States(tmp_path / "state").load() == ({}, {})


def test_the_last_and_the_one_before_are_kept(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    for epoch in range(4):
        save(states, epoch)
    assert files(states) == ["000003.json", "000003.safetensors", "000004.json", "000004.safetensors"]
    assert epoch_of(States(states.folder)) == 3


DAMAGES = {
    "tensors flipped": lambda folder, n: flip(folder / f"00000{n}.safetensors"),
    "tensors cut off": lambda folder, n: cut(folder / f"00000{n}.safetensors"),
    "tensors gone": lambda folder, n: (folder / f"00000{n}.safetensors").unlink(),
    "json cut off": lambda folder, n: cut(folder / f"00000{n}.json"),
    "json empty": lambda folder, n: (folder / f"00000{n}.json").write_bytes(b""),
    "json zeros": lambda folder, n: (folder / f"00000{n}.json").write_bytes(bytes(50)),
    "json a list": lambda folder, n: (folder / f"00000{n}.json").write_text("[]"),
    "json without seal": lambda folder, n: (folder / f"00000{n}.json").write_text('{"meta": "{}"}'),
    "json of numbers": lambda folder, n: (folder / f"00000{n}.json").write_text('{"meta": 1, "sha256": 1}'),
    "json nested without end": lambda folder, n: (folder / f"00000{n}.json").write_text("[" * 100_000),
    "other meta": lambda folder, n: replace(folder / f"00000{n}.json", f"{n - 1}", "7"),
}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(f'epoch\\": {old}', f'epoch\\": {new}'))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_falls_back_to_the_one_before(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    states = States(tmp_path / "state")
    for epoch in range(3):
        save(states, epoch)
    DAMAGES[damage](states.folder, 3)
    again = States(states.folder)
    with caplog.at_level(logging.WARNING):
        assert epoch_of(again) == 1
    assert "000003.safetensors is damaged" in caplog.text
    save(again, 2)  # the good one stays beside the new one, the damaged one goes
    assert files(again) == ["000002.json", "000002.safetensors", "000004.json", "000004.safetensors"]
    DAMAGES["tensors cut off"](states.folder, 4)
    assert epoch_of(States(states.folder)) == 1


def test_a_state_of_something_else_falls_back_too_and_stays_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    states = States(tmp_path / "state")
    for epoch in range(2):
        save(states, epoch)

    def check(tensors: object, meta: Mapping[str, Any]) -> None:
        if meta["epoch"] == 1:
            raise ValueError("it is of another network")

    again = States(states.folder)
    assert again.load(check) is not None
    assert epoch_of(again) == 0, "the next call asks no more"
    assert caplog.text.count("000002.safetensors is damaged (it is of another network)") == 1
    save(again, 1)
    assert files(again) == ["000001.json", "000001.safetensors", "000003.json", "000003.safetensors"]


def test_all_damaged_is_an_error_and_never_a_silent_new_start(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    for epoch in range(2):
        save(states, epoch)
    for number in (1, 2):
        cut(states.folder / f"00000{number}.safetensors")
    with pytest.raises(WorkError, match=r"every state in .*state is damaged"):
        States(states.folder).load()


def test_saving_without_loading_first_keeps_the_one_before(tmp_path: Path) -> None:
    save(States(tmp_path / "state"), 0)
    save(States(tmp_path / "state"), 1)
    cut(tmp_path / "state" / "000002.json")
    assert epoch_of(States(tmp_path / "state")) == 0


def test_drop_removes_the_states_but_not_what_is_not_theirs(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    states.drop()
    save(states, 0)
    (states.folder / "notes.txt").write_text("mine")
    states.drop()
    assert files(states) == ["notes.txt"]
    (states.folder / "notes.txt").unlink()
    states.drop()
    assert not states.folder.exists()


def test_what_is_rewound_to_stays_until_the_drop(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    with pytest.raises(WorkError, match="weights to rewind to are lost"):
        states.load_rewind()
    early = {"weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    states.save_rewind(early)
    for number in range(4):
        save(states, number)
    states.sweep()
    assert (states.load_rewind()["weight"] == early["weight"]).all()
    flip(states.folder / "rewind.safetensors")
    with pytest.raises(WorkError, match=r"its checksum differs\): start the run anew"):
        states.load_rewind()
    (states.folder / "rewind.safetensors").write_bytes(b"cut off")
    with pytest.raises(WorkError, match="start the run anew"):
        states.load_rewind()
    states.drop()
    assert not states.folder.exists()


SAVE_FOR_EVER = """
import sys
from pathlib import Path
import numpy as np
from cellprune.runs.state import States
states = States(Path(sys.argv[1]))
state = states.load()
epoch = state[1]["epoch"] if state else 0
while True:
    epoch += 1
    states.save({"weight": np.full(200_000, epoch)}, {"epoch": epoch})
    print(epoch, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_a_kill_at_any_moment_leaves_the_last_complete_state(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, tmp_path / "state"], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            run.kill()
            told = [int(line) for line in run.stdout.read().split()]
        state = States(tmp_path / "state").load()
        assert state is not None
        tensors, meta = state
        assert meta["epoch"] >= max(told, default=1), "a state that was told complete is there"
        assert np.array_equal(tensors["weight"], np.full(200_000, meta["epoch"]))
        names = [path.name for path in (tmp_path / "state").iterdir()]
        assert all(atomic.is_partial(name) or name[:6].isdecimal() for name in names), names
        States(tmp_path / "state").sweep()
        assert all(path.stem.isdecimal() for path in (tmp_path / "state").iterdir())
