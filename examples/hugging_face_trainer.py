"""Hugging Face: prune a model, and give the Trainer an optimizer for which `hold` keeps the masks."""

from tempfile import mkdtemp

import torch
from torch.nn.functional import cross_entropy

import cellprune
from cellprune.machine.torchvision import ensure_torchvision

ensure_torchvision()  # needed only beside a CPU build of torch
from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments  # noqa: E402

torch.manual_seed(0)
images, labels = torch.randn(16, 1, 32, 32), torch.arange(16) % 2  # yours
batches = list(zip(images.split(4), labels.split(4), strict=True))

config = ResNetConfig(num_channels=1, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
model = ResNetForImageClassification(config)
masks = cellprune.prune(
    model, sparsity=0.9, batches=batches, loss=lambda output, target: cross_entropy(output.logits, target)
)

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
cellprune.hold(model, masks, optimizer)
arguments = TrainingArguments(mkdtemp(), num_train_epochs=2, use_cpu=True, report_to="none", save_strategy="no")
samples = [{"pixel_values": image, "labels": label} for image, label in zip(images, labels, strict=True)]
Trainer(model, arguments, train_dataset=samples, optimizers=(optimizer, None)).train()
