"""`--shard`: what a user or a batch system hands out."""

import pytest

from cellprune.cli.shard import shard_of
from cellprune.errors import CellpruneError
from cellprune.machine.shard import Shard


def test_an_array_of_slurm_says_which_shard_is_ours_unless_we_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ID", "COUNT"):
        monkeypatch.delenv(f"SLURM_ARRAY_TASK_{name}", raising=False)
    assert shard_of(None, work="does all") is None
    for name, value in (("ID", "9"), ("COUNT", "4"), ("MIN", "5"), ("STEP", "2")):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert shard_of(None, work="does all") == Shard(3, 4)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "15")
    with pytest.raises(CellpruneError, match="this task of SLURM's array would be shard 6/4: give its own as --shard"):
        shard_of(None, work="does all")
    assert shard_of("1/9", work="does all") == Shard(1, 9)
    assert [Shard(k, 3).of(range(1, 8)) for k in (1, 2, 3)] == [range(1, 8, 3), range(2, 8, 3), range(3, 8, 3)]
    for wrong in ("0/3", "4/3", "1", "a/b", "1/3/5"):
        with pytest.raises(CellpruneError, match=f"--shard {wrong}: write the number of the shard and of all shards"):
            shard_of(wrong, work="does all")
