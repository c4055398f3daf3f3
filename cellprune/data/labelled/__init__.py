"""Sets with a class for each image: CIFAR and arrays of one's own."""
