"""Lightning: prune before the Trainer starts, and call `hold` where the optimizer is made."""

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import cellprune
from cellprune import models
from cellprune.machine.torchvision import ensure_torchvision

ensure_torchvision()  # needed only beside a CPU build of torch
import lightning  # noqa: E402

torch.manual_seed(0)
images = torch.randn(8, 1, 32, 32)  # yours
loader = DataLoader(TensorDataset(images, (images[:, 0] > 0.5).long()), batch_size=2)
model = models.build({"name": "unet", "width": 4, "depth": 2})
masks = cellprune.prune(model, sparsity=0.9, batches=loader, loss=cross_entropy)


class Segmentation(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = model

    def training_step(self, batch, _):
        return cross_entropy(self.model(batch[0]), batch[1])

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-2)
        cellprune.hold(self.model, masks, optimizer)
        return optimizer


trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False)
trainer.fit(Segmentation(), loader)
