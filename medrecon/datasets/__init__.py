"""Training data: volumes, packs, the bank of slices, augmentation."""
