"""The whole way of a CT volume in one call: what is kept, slices, scores, records."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from ct_networks import cold_file, ddpm_file, red_cnn_file
from random_state import random_state_untouched
from torch.utils._python_dispatch import TorchDispatchMode

import medrecon
from medrecon import ct_pipeline
from medrecon.ct.cold_latent import ColdLatent
from medrecon.ct_pipeline import denoise
from medrecon.errors import InputError
from medrecon.evaluation import score_ct
from medrecon.networks.ct.load import load_ct
from medrecon.progress import Progress
from medrecon.volume import NiftiSource, Volume

KEYS = {
    "method", "options", "dose", "voxel_mm", "seconds_per_slice", "network_calls", "peak_memory_mib", "seed", "device",
    "weights", "versions", "scores",
}  # fmt: skip
AFFINE = np.diag([2.0, 0.7, 0.8, 1.0])


def drawn(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def truth():
    values = torch.zeros(4, 36, 44)
    values[:, 10:20, 12:30] = 80
    return Volume(values, AFFINE, "truth")


@pytest.fixture(scope="module")
def low(truth):
    return Volume(truth.values + 25 * drawn(truth.values.shape), AFFINE, "low")


@pytest.fixture(scope="module")
def latent(tmp_path_factory):
    return str(cold_file(tmp_path_factory.mktemp("latent") / "latent.safetensors", "latent"))


@pytest.fixture(scope="module")
def ddpm(tmp_path_factory):
    return str(ddpm_file(tmp_path_factory.mktemp("ddpm") / "ddpm.safetensors"))


def test_record_has_exactly_its_keys_and_is_json(low, truth, latent):
    result = denoise(low, "cold-latent", dose=0.25, prior=latent, steps=3, seed=5, reference=truth)
    made = result.provenance
    assert set(made) == KEYS
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert (made["method"], made["dose"], made["seed"], made["device"], made["network_calls"]) == (
        "cold-latent", 0.25, 5, "cpu", 3,
    )  # fmt: skip
    assert made["options"]["steps"] == 3
    assert made["options"]["scan"] == "low"
    assert made["voxel_mm"] == pytest.approx([2.0, 0.7, 0.8])
    loaded = load_ct(latent)
    assert made["weights"] == {"name": loaded.name, "sha256": loaded.sha256, "codec": loaded.record["codec"]}
    assert made["versions"]["threads"] == torch.get_num_threads()
    assert made["seconds_per_slice"] == result.seconds_per_slice > 0
    assert made["peak_memory_mib"] > 0


@pytest.mark.parametrize("protocol", ["ct-full", "ct-abdomen", "e-red"])
def test_scores_are_those_of_the_protocol_for_method_and_input(low, truth, protocol):
    result = denoise(low, "tv", dose=0.25, reference=truth, protocol=protocol)
    scores = result.provenance["scores"]
    assert set(scores) == {"protocol", "method", "input"}
    assert scores["protocol"] == protocol
    for row, values in (("method", result.values), ("input", low.values)):
        assert set(scores[row]) == {"mean", "slices"}
        assert set(scores[row]["mean"]) == {"psnr", "ssim", "rmse"}
        assert scores[row] == score_ct(values, truth.values, protocol).as_dict()
        assert len(scores[row]["slices"]) == 4
    assert scores["method"]["mean"]["rmse"] < scores["input"]["mean"]["rmse"]


def test_a_perfect_input_has_no_psnr_that_json_could_hold(truth):
    scores = denoise(truth, "tv", dose=1.0, reference=truth).scores
    assert scores is not None
    assert scores["input"]["mean"] == {"psnr": None, "ssim": pytest.approx(1), "rmse": 0}


def test_without_reference_there_are_no_scores(low):
    result = denoise(low, "tv", dose=0.25)
    assert result.scores is result.provenance["scores"] is None
    assert result.provenance["weights"] is None


@pytest.mark.parametrize(
    ("method", "options"), [("cold-latent", {"steps": 3}), ("ddpm", {"steps": 3, "samples": 3}), ("nlm", {})]
)
def test_any_slices_have_the_bits_of_the_whole_volume(low, latent, ddpm, method, options):
    prior = {"cold-latent": latent, "ddpm": ddpm}.get(method)
    with random_state_untouched():
        whole, part, more = (
            denoise(low, method, dose=0.1, prior=prior, seed=2, slices=s, **options, **b)
            for s, b in (((None, None), {}), ((1, 3), {}), ((-1, None), {"batch": 2} if prior else {}))
        )
    assert torch.equal(whole.values[1:3], part.values)
    assert torch.equal(whole.values[3:], more.values)
    if method == "ddpm":
        assert whole.std is not None
        assert part.std is not None
        assert torch.equal(whole.std[1:3], part.std)
        assert whole.network_calls == 9


def test_padding_and_metal_stay_what_they_were(low, tmp_path):
    prior = str(red_cnn_file(tmp_path / "red.safetensors"))
    values, padding = low.values.clone(), torch.zeros(low.values.shape, dtype=torch.bool)
    padding[:, :5] = True
    values[padding] = -1024
    values[1, 20, 20:23], values[2, 30, 30] = 8000.0, -2000.0
    volume = Volume(values, AFFINE, padding=padding)
    for method in ({"method": "red-cnn", "prior": prior}, {"method": "tv"}):
        result = denoise(volume, dose=0.25, **method)
        kept = padding.clone()
        kept[1, 20, 20:23] = kept[2, 30, 30] = True
        assert torch.equal(result.values[kept], values[kept])
        assert (result.values != values)[~kept].float().mean() > 0.99


def test_noise_of_air_below_the_scale_is_denoised_too():
    air = Volume(-1000 + 30 * drawn((1, 40, 40)), AFFINE)
    found = denoise(air, "tv", dose=0.25, strength=5.0).values
    assert (air.values < -1024).any()
    assert found.min() > -1010


def test_the_volume_itself_is_left_alone(low):
    before = low.values.clone()
    denoise(low, "nlm", dose=0.25, slices=(0, 1))
    assert torch.equal(low.values, before)


class Largest(TorchDispatchMode):
    """How many operations make something as large as `pixels`."""

    def __init__(self, pixels):
        super().__init__()
        self.pixels, self.found = pixels, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        is_view = func.is_view or func._schema.is_mutable
        if isinstance(out, torch.Tensor) and out.numel() >= self.pixels and not is_view:
            self.found.append(str(func))
        return out


def test_a_long_volume_takes_the_memory_of_itself_and_of_what_comes_out(truth):
    """Beside the result no step may make anything of the volume's size: masks and indices of 600 slices took 4 GB."""
    padding = torch.zeros(40, 36, 44, dtype=torch.bool)
    padding[:, :3] = True
    values = truth.values[:1].repeat(40, 1, 1) + 25 * drawn((40, 36, 44))
    long = Volume(values, AFFINE, "long", padding=padding)
    with Largest(values.numel()) as made:
        found = denoise(long, "nlm", dose=0.25)
        warnings = long.warnings
    assert made.found == ["aten.empty.memory_format"]
    assert found.values.shape == values.shape
    assert warnings == ()


@pytest.mark.parametrize("moved", [(3, 3.0), (3, -1.5), (0, 1.5)])
def test_a_reference_that_lies_elsewhere_is_no_reference(low, truth, moved):
    axis, by = moved
    place = AFFINE.copy()
    place[0, axis] += by  # along the slices: shifted, or of another spacing
    there, elsewhere = (replace(truth, affine=a, source=NiftiSource()) for a in (AFFINE + 1e-4, place))
    here = replace(low, source=NiftiSource())
    assert denoise(here, "tv", dose=0.25, reference=there).scores
    with pytest.raises(InputError, match="lies elsewhere"):
        denoise(here, "tv", dose=0.25, reference=elsewhere)
    assert denoise(low, "tv", dose=0.25, reference=elsewhere).scores, "arrays lie nowhere"


def test_device_memory_does_not_grow_with_the_volume(low, monkeypatch):
    """On CUDA: chunks of as many pixels as fit, all samples counted."""
    monkeypatch.setattr(ct_pipeline, "CHUNK", 2 * low.values[0].numel())
    method, cuda = medrecon.ct.ct_method_class("ddpm")(samples=1), torch.device("cuda")
    assert list(ct_pipeline._chunks(low, method, cuda)) == [(0, 2), (2, 4)]
    assert len(list(ct_pipeline._chunks(low, type(method)(samples=8), cuda))) == 4
    assert len(list(ct_pipeline._chunks(low, method, torch.device("cpu")))) == 4


@pytest.mark.parametrize(("method", "options"), [("cold-latent", {"steps": 2}), ("tv", {})])
def test_progress_rises_to_the_end(low, latent, method, options):
    seen: list[Progress] = []
    denoise(low, method, dose=0.25, prior=latent if options else None, on_step=seen.append, **options)
    shares = [p.done / p.total for p in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_notebook_shows_it(low, truth):
    shown = denoise(low, "tv", dose=0.25, reference=truth, slices=(0, 2))._repr_html_()
    assert "data:image/png;base64," in shown
    assert "ct-full" in shown
    assert "0.25 of full dose" in shown


def test_an_instance_and_a_loaded_network_do_as_well(low, latent):
    by_name = denoise(low, "cold-latent", dose=0.25, prior=latent, steps=2, slices=(0, 1))
    given = denoise(low, ColdLatent(steps=2), dose=0.25, prior=load_ct(latent), slices=(0, 1))
    assert torch.equal(by_name.values, given.values)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"method": "tv", "stepps": 3}, "no option 'stepps'; it has strength, iterations"),
        ({"method": "tv", "dose": 0.0}, "the dose is 0; give the fraction"),
        ({"method": "tv", "dose": 25.0}, "the dose is 25"),
        ({"method": "tv", "dose": math.nan}, "the dose is nan"),
        ({"method": "tv", "slices": (7, 9)}, "select nothing"),
        ({"method": "cold-latent", "prior": "nothing-of-that-name"}, "nothing-of-that-name"),
    ],
)
def test_bad_requests_are_one_line(low, options, words):
    with pytest.raises(InputError, match=words) as caught:
        denoise(low, **{"dose": 0.25, **options})
    assert "\n" not in str(caught.value)


def test_volumes_that_cannot_be_are_one_line(low, truth):
    with pytest.raises(InputError, match="give the same slices"):
        denoise(low, "tv", dose=0.25, reference=truth.slices(0, 2))
    broken = Volume(low.values.clone(), AFFINE, "broken")
    broken.values[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="broken holds NaN"):
        denoise(broken, "tv", dose=0.25)
