"""Which image annotations belong to: the one of their name, and of several the one in the nearest place.

The nearest place is the folder of the annotations itself, then images/ in it or beside it, then any other. What lies in
a folder of results, such as overlays/ or labels/, is a picture of cells and no image.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath

from cellprune.data.annotations.canvas import AnnotationError
from cellprune.images import naming
from cellprune.images.naming import IGNORE, IMAGES, LABELS
from cellprune.wording import printable

_RESULTS = ("overlays", "outlines", IGNORE)  # of `predict` and of data sets


@dataclass(frozen=True)
class Images:
    """The files of a folder that may be annotated images.

    Attributes:
        folder: whatever its own name is, it holds images.
        files: below it, with label images and pictures of results among them.
    """

    folder: Path
    files: tuple[Path, ...]

    @cached_property
    def shown(self) -> tuple[Path, ...]:
        """Those that are images by the folder they lie in."""
        return tuple(path for path in self.files if self._is_shown(path))

    def of(self, annotations: Path, stem: str) -> Path | None:
        """Give the image that annotations belong to; None where none has that name.

        Args:
            annotations: their file.
            stem: the image's name as `naming.stem_of` gives it.
        Raises:
            AnnotationError: several images of that name are equally near.
        """
        return self._nearest(annotations, self._by_stem.get(stem, []))

    def named(self, annotations: Path, name: str) -> Path | None:
        """Give the image that annotations name, with folders or without; None where it is not there.

        The folders that are named decide between images of one name. Where none of them is there, as in a copy of
        a part of a collection, the image must lie beside the annotations or in images/.

        Args:
            annotations: their file.
            name: the image's name, from any folder on.
        Raises:
            AnnotationError: several images of that name are equally near.
        """
        wanted = PurePosixPath(name.replace("\\", "/"))
        shared = {
            path: self._shared(path, wanted)
            for path in self._by_stem.get(naming.stem_of(wanted.name), [])
            if path.name == wanted.name
        }
        most = max(shared.values(), default=0)
        named = [path for path, n_parts in shared.items() if n_parts == most]
        if most > 1:
            return self._nearest(annotations, named) or _only(annotations, named)
        return self._nearest(annotations, named, anywhere=len(wanted.parts) == 1)

    def _shared(self, path: Path, wanted: PurePosixPath) -> int:
        """Count the names in which two paths agree, from their ends on."""
        pairs = zip(reversed(path.relative_to(self.folder).parts), reversed(wanted.parts), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        by_stem = defaultdict(list)
        for path in self.files:
            by_stem[naming.stem_of(path.name)].append(path)
        return by_stem

    def _nearest(self, annotations: Path, named: Sequence[Path], *, anywhere: bool = True) -> Path | None:
        home = annotations.parent
        shown = [path for path in named if self._is_shown(path)]
        return (
            _only(annotations, [path for path in shown if path.parent == home])
            or _only(annotations, [path for path in shown if _is_beside(path, home)])
            or (_only(annotations, shown) if anywhere else None)
            # of annotations/a.tif and annotations/a_seg.npy, where no other a.tif is
            or _only(annotations, [p for p in named if p.parent == home and not self._lies_in(p, _RESULTS)])
        )

    def _is_shown(self, path: Path) -> bool:
        return not self._lies_in(path, (*LABELS, *_RESULTS))

    def _lies_in(self, path: Path, names: Sequence[str]) -> bool:
        return any(naming.of_role(part, names) for part in path.relative_to(self.folder).parts[:-1])


def _is_beside(image: Path, home: Path) -> bool:
    """Tell whether an image lies in images/, in the folder of its annotations or beside that."""
    return naming.of_role(image.parent.name, IMAGES) and image.parent.parent in (home, home.parent)


def _only(annotations: Path, found: Sequence[Path]) -> Path | None:
    if len(found) > 1:
        raise AnnotationError(
            f"{printable(str(annotations))} may belong to {printable(str(found[0]))} or to {printable(str(found[1]))}: "
            "put the annotations beside their image, or rename one image"
        )
    return found[0] if found else None
