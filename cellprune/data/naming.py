"""How people name label images after their images, in one folder or in two. Names alone: no file is read."""

IMAGES = ("images", "image", "raw")  # folders
LABELS = ("labels", "label", "masks", "mask")
IGNORE = "ignore"
_BEFORE = ("mask_", "masks_")  # not label_: label-free microscopy has images of that name
_AFTER = ("_cp_masks", "_masks", "_mask", "_labels", "_label")  # the longer before those they end in


def affix(stem: str) -> tuple[str, str]:
    """Give what a label image's name has before and after its image's name; two empty words for a bare name."""
    before = next((word for word in _BEFORE if stem.startswith(word) and stem != word), "")
    after = next((word for word in _AFTER if not before and stem.endswith(word) and stem != word), "")
    return before, after


def stripped(stem: str) -> str:
    """Give the name of the image that a label image of this name belongs to; a bare name as it is."""
    before, after = affix(stem)
    return stem.removeprefix(before).removesuffix(after)
