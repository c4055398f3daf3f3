"""A torchvision ResNet for classification: 95 % of its weights are removed before training, none of the first layer."""

import torch
from torch.nn.functional import cross_entropy

import cellprune
from cellprune.machine.torchvision import ensure_torchvision

ensure_torchvision()  # needed only beside a CPU build of torch
from torchvision.models import resnet18  # noqa: E402

torch.manual_seed(0)
images = torch.randn(16, 3, 32, 32)  # yours
targets = torch.arange(16) % 4
batches = list(zip(images.split(4), targets.split(4), strict=True))

model = resnet18(num_classes=4)
masks = cellprune.prune(model, sparsity=0.95, batches=batches, loss=cross_entropy, exclude=["conv1"])

optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
cellprune.hold(model, masks, optimizer)  # momentum and weight decay move no pruned weight
for epoch in range(2):
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
