"""What a search leaves for others: the run of the network that it found."""

from pathlib import Path

from cellprune.errors import CellpruneError
from cellprune.runs import documents

RESULT = "search.json"


def found_by(path: Path) -> Path:
    """Give the run of the network that a search found; any other path as it is.

    Args:
        path: the folder of a search, its search.json, or anything else that holds a network.
    Raises:
        CellpruneError: the search found none, is older than this entry, or its run is gone.
    """
    result = path / RESULT if path.is_dir() else path
    if result.name != RESULT or not result.is_file():
        return path
    content = documents.read_json(result)
    if "model_file" not in content:
        raise CellpruneError(f"{result} does not say where its network is: run its search again with --resume")
    if not isinstance(model_file := content["model_file"], str):
        raise CellpruneError(f"{result} names no network, its verdict is {content.get('verdict')!r}: give a run")
    if not (model := result.parent / model_file).is_file():
        raise CellpruneError(f"the network of {result} is gone, {model}: restore its run, or train it again")
    return model.parent.resolve()
