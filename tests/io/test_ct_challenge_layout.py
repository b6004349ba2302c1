"""Full and quarter dose in the layout of the 2016 Low-Dose CT Grand Challenge: numbers in file names do not align."""

import numpy as np
import pytest
import torch
from ct_files import chest, write_ct

from medrecon.ct_reference import checked_reference
from medrecon.io import load_volume

NOISE_HU = 25


@pytest.mark.parametrize("patient", ["L067", "L506"])
def test_every_slice_meets_its_own_by_position(patient, tmp_path):
    hu = chest(8, seed=int(patient[1:]))
    low = hu + np.random.default_rng(1).normal(0, NOISE_HU, hu.shape)
    made = {"full_3mm": (hu, None), "quarter_3mm": (np.clip(low, -1024, 3071), [3, 0, 7, 4, 1, 6, 2, 5])}
    for name, (values, order) in made.items():
        folder = write_ct(tmp_path / patient / name, values, (3.0, 0.7, 0.7), order=order)
        for file in list(folder.iterdir()):
            file.rename(folder / f"{patient}_{name.split('_')[0]}.CT.{file.name}.IMA")
    full, quarter = (load_volume(tmp_path / patient / name) for name in made)
    for volume in (full, quarter):
        places = [(volume.affine @ [i, 0, 0, 1])[2] for i in range(volume.n_slices)]
        assert (np.diff(places) > 0).all()
    assert checked_reference(quarter, full) is full
    for a, b in zip(full.values, quarter.values, strict=True):
        assert torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] > 0.95
