"""The archive of TinyImageNet, whose validation images lie in one folder, their classes in a list beside it.

Source: Le & Yang 2015, "Tiny ImageNet visual recognition challenge"; the archive's layout as of 2015.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from cellprune.data.labelled.folders import ANNOTATIONS, FoldersError

LIST = PurePosixPath("val", ANNOTATIONS)


def in_order(paths: Iterable[PurePosixPath], annotations: str) -> dict[PurePosixPath, PurePosixPath]:
    """Say where the files of the archive go, so that each image lies in the folder of its class.

    Args:
        paths: of the files in the archive.
        annotations: text of the list: an image's name, a tab, its class.
    Returns:
        Path in the archive -> path in the data set's folder. What has no class (the test images) goes nowhere.
    Raises:
        FoldersError: a validation image that is not in the list.
    """
    classes = dict(line.split("\t")[:2] for line in annotations.splitlines() if "\t" in line)
    places = dict[PurePosixPath, PurePosixPath]()
    for path in paths:
        match path.parts:
            case ("train", label, "images", name):
                places[path] = PurePosixPath("train", label, name)
            case ("val", "images", name) if name in classes:
                places[path] = PurePosixPath("val", classes[name], name)
            case ("val", "images", name):
                raise FoldersError(f"{LIST} does not list the image {name}: the archive is not whole, get it again")
            case ("words.txt" | "wnids.txt",):
                places[path] = path
    return places
