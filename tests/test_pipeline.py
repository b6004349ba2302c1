"""The whole way in one call: units, slices, scores, records."""

import math
from dataclasses import replace

import pytest
import torch

import medrecon
from medrecon import weights
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri.zero_filled import ZeroFilled
from medrecon.pipeline import default_prior, reconstruct
from medrecon.progress import Progress
from medrecon.scan import Scan

KEYS = {
    "method", "options", "net_acceleration", "nominal_acceleration", "seconds_per_slice",
    "calibration_seconds_per_slice", "network_calls", "peak_memory_mib", "residual", "holdout_nmse", "seed", "device",
    "weights", "versions", "scores",
}  # fmt: skip
SCORES = {"psnr", "ssim", "rmse", "nmse", "psnr_foreground", "ssim_foreground"}


@pytest.fixture(scope="module")
def fast(full_scan: Scan) -> Scan:
    return full_scan.undersample(medrecon.masks.pattern("random", 2.0, 14))


def test_record_has_exactly_the_keys_of_its_specification(fast: Scan, gaussian_prior: Prior) -> None:
    made = reconstruct(fast, "dds", prior=gaussian_prior, steps=3, seed=7).provenance
    assert set(made) == KEYS
    assert set(made["scores"]) == {"protocol", "reference", "method", "zero_filled"}
    for row in ("method", "zero_filled"):
        assert set(made["scores"][row]) == {"mean", "slices"}
        assert set(made["scores"][row]["mean"]) == SCORES
        assert len(made["scores"][row]["slices"]) == fast.n_slices
    assert made["weights"] == {"name": "gaussian", "sha256": None}
    assert made["method"] == "dds"
    assert made["options"]["steps"] == 3
    assert {"scan", "mask"} <= set(made["options"])
    assert (made["seed"], made["device"], made["network_calls"]) == (7, "cpu", 3)
    assert made["net_acceleration"] == pytest.approx(fast.net_acceleration)
    assert made["nominal_acceleration"] is None
    assert made["versions"]["threads"] == torch.get_num_threads()
    assert made["seconds_per_slice"] > made["calibration_seconds_per_slice"] > 0


@pytest.mark.parametrize(("method", "options"), [("wavelet", {"iterations": 5}), ("spirit", {"steps": 3})])
def test_any_slices_have_the_bits_of_the_whole_volume(fast, gaussian_prior, method, options) -> None:
    whole = reconstruct(fast, method, prior=gaussian_prior, seed=3, **options)
    last = reconstruct(fast, method, prior=gaussian_prior, seed=3, slices=(1, None), **options)
    assert torch.equal(last.image, whole.image[1:])
    assert torch.equal(last.zero_filled, whole.zero_filled[1:])


@pytest.mark.parametrize(
    ("device", "name"), [("cpu", "mri-image-small"), ("cuda", "mri-image"), ("cuda:1", "mri-image")]
)
def test_default_prior_is_the_small_one_on_a_cpu_only(device: str, name: str) -> None:
    assert default_prior(torch.device(device)) == name
    assert name in {record.name for record in weights.records()}


def test_seed_decides_what_is_drawn(fast: Scan, gaussian_prior: Prior) -> None:
    first, again, other = (
        reconstruct(fast, "dds", prior=gaussian_prior, steps=3, seed=s, slices=(0, 1)).image for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_images_come_back_in_the_units_of_the_scan(fast: Scan) -> None:
    larger = replace(fast, kspace=1000 * fast.kspace, noise=None if fast.noise is None else 1000 * fast.noise)
    small, large = (reconstruct(scan, "sense").image for scan in (fast, larger))
    assert (large - 1000 * small).norm() < 1e-3 * large.norm()


def test_full_sampling_leaves_only_noise(full_scan: Scan) -> None:
    result = reconstruct(full_scan, "zero-filled")
    assert result.reference_kind == "simulated"
    error = result.magnitude - full_scan.truth
    inside = full_scan.truth > 0
    assert error[inside].square().mean().sqrt() < 2 / 40 * full_scan.truth[inside].mean()


@pytest.mark.parametrize("method", ["sense", "spirit-linear", "dds", "spirit"])
def test_a_blank_slice_harms_neither_itself_nor_the_others(fast: Scan, gaussian_prior: Prior, method: str) -> None:
    """Padded volumes hold slices of zeros: nothing can be calibrated there."""
    scan = replace(fast, kspace=fast.kspace.clone(), noise=None, full=None, truth=fast.truth.clone())
    scan.kspace[0], scan.truth[0] = 0, 0
    options = {"prior": gaussian_prior, "steps": 3} if method in ("dds", "spirit") else {}
    result = reconstruct(scan, method, **options)
    assert bool(torch.isfinite(result.magnitude).all())
    assert result.magnitude[1].max() > 0
    assert all(math.isfinite(value) for value in result.scores["method"]["mean"].values())


def test_methods_beat_zero_filling(fast: Scan) -> None:
    scores = reconstruct(fast, "sense").scores
    assert scores is not None
    assert scores["method"]["mean"]["psnr_foreground"] > scores["zero_filled"]["mean"]["psnr_foreground"] + 1.5


def test_zero_filled_row_is_the_method_of_that_name(fast: Scan) -> None:
    scores = reconstruct(fast, ZeroFilled()).scores
    assert scores is not None
    assert scores["method"] == scores["zero_filled"]


def test_without_reference_there_are_no_scores(fast: Scan) -> None:
    alone = replace(fast, full=None, truth=None)
    result = reconstruct(alone, "sense")
    assert result.scores is None
    assert result.provenance["scores"] is None
    assert result.reference is None
    assert torch.equal(result.image, reconstruct(fast, "sense").image)


def test_residual_is_one_number_a_slice_near_the_noise(fast: Scan) -> None:
    result = reconstruct(fast, "sense")
    assert result.residual is not None
    assert len(result.residual) == fast.n_slices
    assert all(0.4 < each < 2 for each in result.residual)


def test_holdout_scores_prediction_and_leaves_the_image_alone(fast: Scan) -> None:
    zero, sense = (reconstruct(fast, name, holdout=True, seed=3) for name in ("zero-filled", "sense"))
    assert zero.holdout_nmse == pytest.approx(1)
    assert sense.holdout_nmse is not None
    assert sense.holdout_nmse < 0.5
    assert torch.equal(sense.image, reconstruct(fast, "sense").image)


def test_several_samples_have_a_spread(fast: Scan, gaussian_prior: Prior) -> None:
    result = reconstruct(fast, "dds", prior=gaussian_prior, steps=3, samples=2, slices=(0, 1))
    assert result.std is not None
    assert result.std.shape == result.image.shape
    assert result.std.max() > 0
    assert result.network_calls == 6


def test_images_are_cropped_about_their_centre(fast: Scan) -> None:
    full = replace(fast.full, crop=(40, 48), truth=fast.full.truth[:, 12:52, 4:52])  # type: ignore[type-var]
    result = reconstruct(replace(full, mask=fast.mask, kspace=fast.kspace, full=full), "sense")
    assert torch.equal(result.image, reconstruct(fast, "sense").image[:, 12:52, 4:52])
    assert result.reference is not None
    assert result.reference.shape == result.image.shape


def test_progress_rises_to_the_end(fast: Scan, gaussian_prior: Prior) -> None:
    seen: list[Progress] = []
    reconstruct(fast, "dds", prior=gaussian_prior, steps=2, on_step=seen.append)
    shares = [p.done / p.total for p in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_global_random_state_is_left_alone(fast: Scan, gaussian_prior: Prior) -> None:
    before = torch.get_rng_state()
    reconstruct(fast, "dds", prior=gaussian_prior, steps=2, slices=(0, 1), holdout=True)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("nonsense", {}, "unknown method 'nonsense'"),
        ("sense", {"stepps": 3}, "no option 'stepps'"),
        ("dds", {"steps": 0}, "steps is 0"),
        ("sense", {"slices": (7, 9)}, "select nothing"),
    ],
)
def test_bad_requests_are_one_line(fast, gaussian_prior, method, options, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        reconstruct(fast, method, prior=gaussian_prior, **options)
    assert "\n" not in str(caught.value)
