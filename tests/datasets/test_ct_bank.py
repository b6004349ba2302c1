"""The bank of pairs: the noise of every dose, crops that fit each other, phantoms, scanners, held-out pairs."""

import dataclasses

import pytest
import torch
from ct_pairs import ELECTRONIC, QUANTUM, SIZE, disc, toy_bank, white

from medrecon.ct.dose import Scanner
from medrecon.ct.units import to_hu
from medrecon.datasets.ct.bank import PairBank, PairOptions, on_canvas, with_noise
from medrecon.datasets.ct.held_out import HeldOutOptions, held_out_pairs
from medrecon.datasets.ct.kept_bank import keep_noise, kept_bank
from medrecon.datasets.ct.noise import NoiseOptions, drawn_scanners, noise_components
from medrecon.datasets.ct.phantoms import phantom_volumes
from medrecon.datasets.ct.volume import CtVolume
from medrecon.errors import InputError


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def water(name="water", noise_free=False):
    return CtVolume(torch.zeros(4, SIZE, SIZE, dtype=torch.int16), (3.0, 4.0, 4.0), name, name, noise_free=noise_free)


@pytest.mark.parametrize("noise_free", [False, True])
def test_the_noise_is_that_of_the_dose_that_is_told(noise_free):
    """A patient's slice holds full-dose noise already; a phantom's truth holds none."""
    volumes = [water("a"), water("b", noise_free)] if noise_free else [water("a")]
    bank = toy_bank(volumes, phantom_share=1.0 if noise_free else 0.0)
    pairs = bank.draw(256, 32, generator())
    assert pairs.full.abs().max() == 0
    k, n = pairs.dose, 0.0 if noise_free else 1.0
    expected = ((1 / k - n) * QUANTUM**2 + (1 / k**2 - n) * ELECTRONIC**2).sqrt()
    found = to_hu(pairs.low).square().mean((1, 2, 3)).sqrt()
    torch.testing.assert_close(found / expected, torch.ones_like(k), atol=0.12, rtol=0)
    assert (found / expected).mean().item() == pytest.approx(1.0, abs=0.01)
    assert abs(to_hu(pairs.low).mean()) < 1.0
    assert 0.05 <= k.min() < 0.07
    assert 0.4 < k.max() <= 0.5
    assert k.log().mean().exp().item() == pytest.approx((0.05 * 0.5) ** 0.5, rel=0.15)


def test_low_and_full_show_the_same_place():
    bank = toy_bank(lowest=0.45, highest=0.5)
    pairs = bank.draw(16, 32, generator(1))
    assert pairs.low.shape == pairs.full.shape == (16, 1, 32, 32)
    for low, full in zip(pairs.low, pairs.full, strict=True):
        if full.std() > 0.1:
            assert torch.corrcoef(torch.stack([low.flatten(), full.flatten()]))[0, 1] > 0.9
    assert pairs.low.min() >= -1


def test_crops_come_from_everywhere_turned_and_mirrored():
    """Each of the eight orientations of an image that has no symmetry."""
    ramp = torch.arange(SIZE * SIZE).reshape(1, SIZE, SIZE) % 3000
    bank = toy_bank([CtVolume(ramp.to(torch.int16), (3.0, 4.0, 4.0), "a", "a")])
    shown = to_hu(bank.draw(200, SIZE, generator()).full)[:, 0].round().long()
    original = ramp[0].clamp(max=3072)
    turned = [x for y in (original, original.T) for x in (y, y.flip(0), y.flip(1), y.flip(0, 1))]
    seen = [sum(torch.equal(image, one) for image in shown) for one in turned]
    assert sum(seen) == 200
    assert min(seen) > 8
    cut = to_hu(bank.draw(300, SIZE - 3, generator()).full).round()
    corners = [(cut == value).any(-1).any(-1).any(-1).any() for value in (original[0, 0], original[-1, -1])]
    assert all(corners)


def test_subjects_are_drawn_alike_and_phantoms_have_their_share():
    volumes = [disc("a", 2), disc("b", 8), disc("p", 3, noise_free=True)]
    bank = toy_bank(volumes)
    assert torch.allclose(bank.chance[:2].sum(), torch.tensor(0.5))
    assert torch.allclose(bank.chance[10:].sum(), torch.tensor(1.0))
    index = bank._places(8, _draw(4000), bank._chance(0.3))[0].flatten()
    assert ((index >= 10).float().mean() - 0.3).abs() < 0.03
    assert (((index < 2).float().mean()) - 0.35).abs() < 0.03


def _draw(batch):
    from medrecon.datasets.augmentation.draw import Draw

    return Draw(batch, generator(5))


def test_every_draw_follows_from_the_generator():
    bank = toy_bank()
    one, same, other = (bank.draw(4, 32, generator(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(same).values(), strict=True))
    assert not torch.equal(one.low, other.low)
    assert torch.equal(toy_bank().noise, bank.noise)
    with pytest.raises(InputError, match="size is 49; give at most 48"):
        bank.draw(1, 49, generator())


def test_slices_of_any_matrix_come_to_the_canvas():
    values = torch.arange(24).reshape(1, 4, 6)
    placed = on_canvas(values, 5, -1)
    assert placed.shape == (1, 5, 5)
    assert torch.equal(placed[0, :4], values[0, :, :5])
    assert (placed[0, 4] == -1).all()
    bank = PairBank([disc("a", size=40), disc("b", size=64)], PairOptions(canvas=SIZE), "cpu", simulate=white)
    assert bank.hu.shape == (12, SIZE, SIZE)
    assert (bank.hu[0, 0] == -1024).all()


def test_the_simulator_gives_both_components_for_each_scanner():
    options = NoiseOptions(realisations=2, views=60)
    volume = disc(slices=2)
    fields = noise_components(volume, options, torch.device("cpu"), generator())
    assert (fields.shape, fields.dtype) == ((2, 4, 2, SIZE, SIZE), torch.float16)
    assert fields.isfinite().all()
    quantum, electronic = fields.float().square().mean((0, 3, 4)).sqrt().T
    assert (quantum > 2 * electronic).all()
    ramp, hann = quantum[:2].mean(), quantum[2:].mean()
    assert ramp > hann > 0
    flat = fields.float().flatten(2)
    assert torch.corrcoef(torch.stack([flat[0, 0], flat[0, 1]]))[0, 1].abs() < 0.2


def test_scanners_differ_within_their_ranges():
    scanners = list(drawn_scanners(NoiseOptions(realisations=20), generator()))
    assert [s.kernel for s in scanners] == ["ramp"] * 20 + ["hann"] * 20
    photons = torch.tensor([s.photons for s in scanners])
    assert 2.5e5 <= photons.min() < 4e5 < 7e5 < photons.max() <= 1e6
    assert photons.log().mean().exp() / Scanner().photons == pytest.approx(1.0, abs=0.2)
    assert len({s.geometry.source_mm for s in scanners}) == 40  # type: ignore[union-attr]
    assert {s.cutoff for s in scanners[:20]} == {1.0}
    assert all(0.7 <= s.cutoff <= 1.0 for s in scanners[20:])
    with pytest.raises(InputError, match="names 'shepp'; choose ramp or hann"):
        list(drawn_scanners(NoiseOptions(kernels=("shepp",)), generator()))


def test_a_bank_without_patients_is_one_line():
    for volumes in ([], [disc(noise_free=True)]):
        with pytest.raises(InputError, match="no CT volumes to train on"):
            toy_bank(volumes)


def test_kept_noise_is_the_same_bank_and_that_of_others_is_refused(tmp_path):
    file, volumes = tmp_path / "noise.safetensors", [disc("a"), disc("b")]
    bank = toy_bank(volumes)
    keep_noise(bank, file)
    again = kept_bank(file, volumes, bank.options, torch.device("cpu"))
    assert torch.equal(again.noise, bank.noise)
    assert torch.equal(again.draw(2, 16, generator()).low, bank.draw(2, 16, generator()).low)
    with pytest.raises(InputError, match="other volumes or options; delete it"):
        kept_bank(file, [disc("a"), disc("c")], bank.options, torch.device("cpu"))
    with pytest.raises(InputError, match="of 12 slices, not of these"):
        kept_bank(file, volumes[:1], bank.options, torch.device("cpu"))
    file.write_text("nothing")
    with pytest.raises(InputError, match="cannot be read as a bank's noise"):
        kept_bank(file, volumes, bank.options, torch.device("cpu"))


def test_phantoms_are_noise_free_slices_of_their_own():
    one, two = phantom_volumes(2, 3, size=64)
    assert one.noise_free
    assert one.values.shape == (1, 64, 64)
    assert not torch.equal(one.values, two.values)
    assert torch.equal(phantom_volumes(1, 3, size=64)[0].values, one.values)
    assert 64 * 4 < 64 * one.voxel_mm[1] < 500


def test_held_out_pairs_are_scored_in_hu():
    options = HeldOutOptions(slices=3, canvas=SIZE)
    pairs = held_out_pairs([disc("a"), disc("b", 2)], options, "cpu", simulate=white)
    assert pairs.full.shape == (5, SIZE, SIZE)
    identity = pairs.rmse(lambda low, dose: low)
    variance = (1 / 0.25 - 1) * QUANTUM**2 + (1 / 0.25**2 - 1) * ELECTRONIC**2
    inside = pairs.full > -900  # in air the scan is cut off below
    error = (pairs.low[0.25] - pairs.full)[inside]
    assert error.std().item() == pytest.approx(variance**0.5, rel=0.05)
    assert identity["rmse_hu_0.1"] > identity["rmse_hu_0.25"] > 0
    told = []
    perfect = pairs.rmse(lambda low, dose: told.append(dose[0].item()) or low + 10 / 1024, together=2)
    assert sorted(set(told)) == pytest.approx([0.1, 0.25])
    assert perfect["rmse_hu_0.25"] > identity["rmse_hu_0.25"]
    again = held_out_pairs([disc("a"), disc("b", 2)], options, "cpu", simulate=white)
    assert torch.equal(again.low[0.1], pairs.low[0.1])
    other = dataclasses.replace(options, seed=1)
    assert not torch.equal(held_out_pairs([disc("a")], other, "cpu", simulate=white).low[0.1], pairs.low[0.1][:3])


def test_noise_of_a_dose_of_one_is_none():
    hu, q = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)
    one = torch.ones(1)
    assert torch.equal(with_noise(hu, q, q, one, one), hu)
