"""A set of small pictures, opened."""

import pytest
import small_pictures

from cellprune.data.labelled import sets as labelled


@pytest.fixture
def dataset(tmp_path):
    return labelled.open_labelled(str(small_pictures.npz(tmp_path / "own.npz")))
