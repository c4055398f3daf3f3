"""The command line as a user meets it: words in, an exit code out."""

import pytest

from cellprune.cli.main import main


def typed(*words: object) -> int:
    """Run `cellprune` with these words in this process, and give its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)
