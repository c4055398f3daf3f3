"""A MONAI UNet, pruned to a tenth before training, in a plain PyTorch loop."""

import torch
from monai.networks.nets import UNet
from torch.nn.functional import cross_entropy

import cellprune

torch.manual_seed(0)
images = torch.randn(8, 1, 32, 32)  # yours
targets = (images[:, 0] > 0.5).long()
batches = list(zip(images.split(2), targets.split(2), strict=True))

model = UNet(spatial_dims=2, in_channels=1, out_channels=2, channels=(8, 16, 32), strides=(2, 2), num_res_units=1)
masks = cellprune.prune(model, sparsity=0.9, batches=batches, loss=cross_entropy)

optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
cellprune.hold(model, masks, optimizer)  # the loop below does not change
for epoch in range(3):
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
