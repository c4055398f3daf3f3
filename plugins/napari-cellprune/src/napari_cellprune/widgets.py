"""The widgets: find cells in the open image with a model, and compare two models on it."""

from functools import partial
from pathlib import Path

from magicgui.widgets import ComboBox, Container, FileEdit
from napari.layers import Image
from napari.utils.notifications import show_warning
from napari.viewer import Viewer

from cellprune.errors import CellpruneError
from napari_cellprune.agreement import Compared, compare
from napari_cellprune.predicting import OpenImage, Predicted, predict
from napari_cellprune.runs import MODEL
from napari_cellprune.work import Task, Work

_MODELS = "Models (*.onnx *.safetensors);;All files (*)"


class Predict(Container):
    """Find the cells of an open image with a model, as a layer of labels beside it."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.image = ComboBox(label="image", choices=partial(_images, viewer))
        self.model = FileEdit(label="model", filter=_MODELS, nullable=True)
        self.work: Work[Predicted] = Work("Find cells", self._task, self._show)
        super().__init__(widgets=[self.image, self.model, self.work])
        self.image.changed.connect(self._take_model)
        self._take_model(self.image.value)

    def _take_model(self, layer: Image | None) -> None:
        """Name the run that an image is of, which is most probably meant."""
        if layer is not None and MODEL in layer.metadata:
            self.model.value = layer.metadata[MODEL]

    def _task(self) -> Task[Predicted]:
        self._shown_on = _chosen_image(self.image)
        return partial(predict, _chosen_model(self.model, "a model"), open_image(self._shown_on))

    def _show(self, predicted: Predicted) -> None:
        add_labels(self._viewer, self._shown_on, predicted)
        self.work.said.value = f"{predicted.n_cells} cells"


class Compare(Container):
    """Find the cells of an open image with two models, and count those that both find."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self.image = ComboBox(label="image", choices=partial(_images, viewer))
        self.first = FileEdit(label="dense model", filter=_MODELS, nullable=True)
        self.second = FileEdit(label="pruned model", filter=_MODELS, nullable=True)
        self.work: Work[Compared] = Work("Compare", self._task, self._show)
        super().__init__(widgets=[self.image, self.first, self.second, self.work])

    def _task(self) -> Task[Compared]:
        self._shown_on = _chosen_image(self.image)
        models = _chosen_model(self.first, "the dense model"), _chosen_model(self.second, "the pruned model")
        return partial(compare, *models, open_image(self._shown_on))

    def _show(self, compared: Compared) -> None:
        for predicted in (compared.first, compared.second):
            add_labels(self._viewer, self._shown_on, predicted)
        self.work.said.value = compared.sentence


def open_image(layer: Image) -> OpenImage:
    """Give the pixels of a layer, of its finest level where it has several, and how large they are."""
    data = layer.data[0] if layer.multiscale else layer.data
    return OpenImage(layer.name, data, layer.rgb, _pixel_size_um(layer))


def add_labels(viewer: Viewer, beside: Image, predicted: Predicted) -> None:
    """Add what a model found as a layer that lies on its image, and tell what is doubtful."""
    viewer.add_labels(
        predicted.labels,
        name=f"{beside.name} cells ({predicted.model})",
        scale=beside.scale,
        translate=beside.translate,
        rotate=beside.rotate,
        shear=beside.shear,
        affine=beside.affine,
        units=beside.units,
        axis_labels=beside.axis_labels,
    )
    for line in predicted.warnings:
        show_warning(line)


def _pixel_size_um(layer: Image) -> tuple[float, float] | None:
    """Give the pixel size where the layer says it in a unit of length."""
    sides = [scale * unit for scale, unit in zip(layer.scale[-2:], layer.units[-2:], strict=True)]
    if not all(side.is_compatible_with("um") for side in sides):
        return None
    height, width = (float(side.to("um").magnitude) for side in sides)
    return height, width


def _images(viewer: Viewer, box: ComboBox) -> list[Image]:
    return [layer for layer in viewer.layers if isinstance(layer, Image)]


def _chosen_image(box: ComboBox) -> Image:
    if box.value is None:
        raise CellpruneError("no image is open: open one, and choose it")
    layer: Image = box.value
    return layer


def _chosen_model(edit: FileEdit, which: str) -> Path:
    if edit.value is None or edit.value == Path():
        raise CellpruneError(f"{which} is missing: choose an ONNX file, a model file or the folder of a run")
    return Path(edit.value)
