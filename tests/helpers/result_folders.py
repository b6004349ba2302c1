"""A folder of results as `medrecon mri -o` and `medrecon ct -o` write them, made of a phantom in a moment."""

from pathlib import Path

import numpy as np
import torch
from phantom import head

from medrecon.ct_pipeline import denoise
from medrecon.evaluation import score
from medrecon.io import Derivation, save, save_volume, write_json
from medrecon.provenance import versions
from medrecon.reconstruction import Reconstruction
from medrecon.volume import Volume


def reconstruction(
    slices=5, noise=0.03, method="spirit", reference="simulated", drawn=True, seed=0, residual=1.0, size=(64, 56)
) -> Reconstruction:
    """A head with noise that grows from slice to slice, scored; without `reference` not scored."""
    truth = torch.from_numpy(head(slices, *size) + 0.02).float()
    generator = torch.Generator().manual_seed(seed)
    level = noise * torch.arange(1, slices + 1)[:, None, None] / slices
    image = truth + level * torch.randn(truth.shape, generator=generator)
    zero_filled = truth + 4 * level * torch.randn(truth.shape, generator=generator)
    scores = reference and {
        "protocol": "full-range",
        "reference": reference,
        "method": score(image.abs(), truth).as_dict(),
        "zero_filled": score(zero_filled.abs(), truth).as_dict(),
    }
    record = {
        "method": method,
        "options": {"steps": 20, "eta": 1.0, "scan": "roe_jane", "mask": "Random(accel=4.0)"},
        "net_acceleration": 4.02,
        "nominal_acceleration": None,
        "seconds_per_slice": 2.5,
        "calibration_seconds_per_slice": 0.4,
        "network_calls": 20,
        "peak_memory_mib": 812.4,
        "residual": residual,
        "holdout_nmse": None,
        "seed": 7,
        "device": "cpu",
        "weights": {"name": "/home/jane/my-prior.safetensors", "sha256": "ab" * 32},
        "versions": versions(torch.device("cpu")),
        "scores": scores or None,
    }
    return Reconstruction(
        image=image.to(torch.complex64),
        zero_filled=zero_filled.abs(),
        std=(level + torch.zeros_like(truth)) if drawn else None,
        reference=truth if scores else None,
        reference_kind=reference,
        scores=scores or None,
        voxel_mm=(2.0, 3.0),
        slice_mm=5.0,
        provenance=record,
    )


def mri_results(folder: Path) -> Path:
    """Two scored volumes of one setting, and one without a reference whose residual is too high."""
    folder.mkdir()
    save(reconstruction(), folder / "head1.h5")
    save(reconstruction(noise=0.06, seed=1, slices=4), folder / "head2.h5")
    save(reconstruction(reference=None, drawn=False, residual=1.9, method="tv"), folder / "prospective.h5")
    return folder


def ct_result(folder: Path, name: str) -> None:
    """`medrecon ct --method tv`, NIfTI and record."""
    from ct_bodies import bodies

    axial = np.array([[0, 0, 0.8, 0], [0, 0.8, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    full = Volume(bodies(3, 64).float(), axial)
    noise = 25 * torch.randn(full.values.shape, generator=torch.Generator().manual_seed(2))
    low = Volume(full.values + noise, full.affine)
    made = denoise(low, "tv", dose=0.25, reference=full, protocol="ct-abdomen")
    save_volume(made.values, low, folder / f"{name}.nii.gz", derivation=Derivation("tv", "0.1.0"))
    write_json(made.provenance, folder / f"{name}.json")
