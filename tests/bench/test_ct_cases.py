"""A condition of the CT bench: the dose decides the noise, lesions share it, phantoms start from their truth."""

from functools import cache

import numpy as np
import pytest
import torch
from ct_bodies import VOXEL, bodies, coarse_scanner

from medrecon.bench.ct.cases import CtCondition, ct_case
from medrecon.bench.ct.sources import CtScan, CtSource, ct_sources
from medrecon.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medrecon.bench.ct.cases.SCANNER", coarse_scanner())
        yield


def source(noise_free=False, name="body", unmeasured=None, grain=8.0):
    values = bodies(grain=0.0 if noise_free else grain)
    return CtSource(name, lambda n: CtScan(values[:n], noise_free, VOXEL, unmeasured))


@cache
def case(dose=0.25, seed=0, **options):
    return ct_case(source(**options), CtCondition("body", dose, seed, 2), CPU)


def noise(made):
    return float((made.low - made.full).std())


def test_less_dose_is_more_noise_and_the_same_condition_the_same_bits():
    once, again, lower, other = case(), case.__wrapped__(), case(0.1), case(seed=1)
    assert torch.equal(once.low, again.low)
    assert not torch.equal(once.low, other.low)
    # sqrt((1 - k) / k) of the quantum noise: 1.73 and 3
    assert noise(lower) / noise(once) == pytest.approx(3 / 3**0.5, rel=0.1)


def test_lesions_lie_under_the_same_noise_and_are_the_same_at_every_dose():
    made, lower = case(), case(0.1)
    assert torch.allclose(made.with_lesions - made.low, made.difference, atol=1e-3)
    assert made.lesions == lower.lesions
    assert all(made.lesions)
    assert float(made.difference.abs().max()) <= 40


def test_a_patient_is_held_against_full_dose_and_a_phantom_against_its_truth():
    patient, phantom = case(), case(noise_free=True)
    assert (patient.kind, phantom.kind) == ("full dose", "truth")
    assert torch.equal(patient.full, patient.reference)
    assert patient.truth is None
    assert phantom.truth is phantom.reference
    assert float((phantom.full - phantom.reference).std()) > 1


def test_what_was_never_measured_stays_as_it_was():
    outside = torch.zeros(2, 96, 96, dtype=torch.bool)
    outside[:, :20] = True
    made = case(unmeasured=outside)
    assert torch.equal(made.low[outside], made.reference[outside])
    assert not torch.equal(made.low[~outside], made.reference[~outside])


def test_the_texture_of_full_dose_is_nearer_to_low_dose_than_to_none():
    made = case(noise_free=True)
    whole = slice(0, 2)
    low, full = made.spectrum(made.low, whole), made.spectrum(made.full, whole)
    assert low.deviation > 1.5 * full.deviation
    assert made.spectrum(made.reference, whole).deviation == 0
    assert made.spectrum(made.low[1:], slice(1, 2)) is not None


def test_no_uniform_tissue_is_no_spectrum():
    air = CtSource("air", lambda n: CtScan(torch.full((1, 96, 96), -1000.0), True, VOXEL))
    made = ct_case(air, CtCondition("air", 0.25, 0, 1), CPU)
    assert made.squares == ()
    assert made.spectrum(made.low, slice(0, 1)) is None


@pytest.mark.parametrize("dose", [0.0, 1.0, 1.5, float("nan")])
def test_a_dose_that_takes_nothing_away_is_refused(dose):
    with pytest.raises(InputError, match="above 0 and below 1"):
        CtCondition("body", dose, 0, 2)


def test_sources_are_volumes_by_name_and_phantoms(tmp_path):
    nib = pytest.importorskip("nibabel")
    volume = nib.Nifti1Image(np.asarray(bodies(8), np.int16).T, np.diag([3.0, 3.0, 5.0, 1.0]))
    nib.save(volume, tmp_path / "chest.nii.gz")
    (tmp_path / "other.h5").write_bytes(b"no pack")
    found, left_out = ct_sources(tmp_path, ("abdomen",))
    assert [each.name for each in found] == ["chest", "phantom-abdomen"]
    assert "other.h5" in left_out[0]
    scan = found[0].scan(3)
    assert scan.values.shape == (3, 96, 96)
    assert scan.voxel_mm == pytest.approx(VOXEL)
    assert not scan.noise_free
    for path, words in (
        (tmp_path / "nothing", "no such file"),
        (tmp_path / "other.h5", "neither NIfTI nor"),
        (None, "nothing to measure"),
    ):
        with pytest.raises(InputError, match=words):
            ct_sources(path, ())
