"""Dose simulation (specification B.6, B.10 item 10), the mistakes of public simulators among the tests."""

import math

import pytest
import torch
from properties import DEVICES
from random_state import random_state_untouched
from torch import Tensor

from medrecon.ct.counts import line_integrals_of, thinned, transmitted, with_electronic_noise
from medrecon.ct.dose import DoseSimulator, Scanner, electronic_coefficient, quantum_coefficient
from medrecon.errors import InputError
from medrecon.operators.fan_beam import FanGeometry
from medrecon.operators.parallel_beam import ParallelGeometry

SCANNER = Scanner(FanGeometry(90, 92, 8 * 1.2858 / 1085.6), photons=5e4, electronic=400.0)
SHAPE, PIXEL = (64, 64), (5.0, 5.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def water(n: int = 1, radius_mm: float = 110.0) -> Tensor:
    along = (torch.arange(SHAPE[0], dtype=torch.float32) - (SHAPE[0] - 1) / 2) * PIXEL[0]
    hu = torch.where(torch.hypot(along[:, None], along) < radius_mm, 0.0, -1000.0)
    return hu.expand(n, -1, -1).contiguous()


@pytest.fixture(scope="module")
def simulator() -> DoseSimulator:
    return DoseSimulator(SCANNER, SHAPE, PIXEL)


@pytest.fixture(scope="module")
def many() -> tuple[Tensor, Tensor]:
    """Components of the same slice, 200 times."""
    return DoseSimulator(SCANNER, SHAPE, PIXEL).components(water(200), generator(1))


class TestCounts:
    P = torch.tensor([0.0, 1.0, 3.0, 5.0])
    N, ELECTRONIC = 1e6, 4000.0

    def many_scans(self, dose: float, electronic: float) -> Tensor:
        p = self.P.expand(100_000, -1)
        counts = with_electronic_noise(transmitted(p, dose * self.N, generator()), electronic, generator(1))
        return line_integrals_of(counts, dose * self.N)

    def test_full_dose_with_endless_photons_is_the_line_integral(self):
        counts = transmitted(self.P.double(), 1e14, generator())
        torch.testing.assert_close(line_integrals_of(counts, 1e14), self.P.double(), rtol=0, atol=1e-4)

    def test_no_offset_at_low_dose(self):
        # a simulator that divides by N instead of k N is off by -ln k, 1.65 here
        low = self.many_scans(0.1924, 0.0)
        assert float((low - self.P).mean(0).abs().max()) < 3e-3

    @pytest.mark.parametrize("dose", [1.0, 0.25])
    def test_variance(self, dose):
        low, air = self.many_scans(dose, self.ELECTRONIC), dose * self.N
        expected = self.P.exp() / air + self.ELECTRONIC * (2 * self.P).exp() / air**2
        torch.testing.assert_close(low.var(0), expected, rtol=0.03, atol=0)

    def test_electronic_noise_has_its_variance_and_not_its_root(self):
        counts = with_electronic_noise(torch.zeros(100_000), 11.0, generator())
        assert float(counts.var()) == pytest.approx(11.0, rel=0.03)

    def test_thinning_is_a_scan_at_lower_dose(self):
        full = transmitted(self.P.expand(100_000, -1), self.N, generator())
        low = thinned(full, 0.25, generator(1))
        expected = 0.25 * self.N * torch.exp(-self.P)
        torch.testing.assert_close(low.mean(0), expected, rtol=0.003, atol=0)
        torch.testing.assert_close(low.var(0), expected, rtol=0.03, atol=0)  # still Poisson
        assert bool((low <= full).all())

    def test_starved_rays_count_one_photon_and_are_not_air(self):
        counts = torch.tensor([-30.0, 0.0, 0.5, 1.0])
        torch.testing.assert_close(line_integrals_of(counts, 1000.0), torch.full((4,), math.log(1000.0)))


def test_full_dose_changes_nothing(simulator):
    assert torch.equal(simulator.low_dose(water(), 1.0, generator()), water())
    assert quantum_coefficient(1.0) == electronic_coefficient(1.0) == 0


def test_variance_of_rays_follows_the_formula(simulator):
    p = torch.tensor([0.0, 2.0, 4.0, 6.0])
    quantum, electronic = simulator._deviations(p)
    n, e = SCANNER.photons, SCANNER.electronic
    torch.testing.assert_close(quantum**2, p.exp() / n)
    torch.testing.assert_close(electronic**2, e * (2 * p).exp() / n**2)
    for k in (0.05, 0.25, 0.7):
        mine = (quantum_coefficient(k) * quantum) ** 2 + (electronic_coefficient(k) * electronic) ** 2
        factored = (1 - k) / k * p.exp() / n * (1 + (1 + k) / k * e * p.exp() / n)  # as B.6 writes it
        difference = p.exp() / (k * n) + e * (2 * p).exp() / (k * n) ** 2 - p.exp() / n - e * (2 * p).exp() / n**2
        torch.testing.assert_close(mine, factored)
        torch.testing.assert_close(mine, difference, rtol=1e-4, atol=0)


def test_components_have_no_mean_and_are_independent(many):
    quantum, electronic = many
    for noise in many:
        assert float((noise.mean(0) / noise.std(0)).abs().mean()) < 1.2 / math.sqrt(len(noise))
    correlation = (quantum * electronic).mean(0) / (quantum.std(0) * electronic.std(0))
    assert float(correlation.abs().mean()) < 1.2 / math.sqrt(len(quantum))


@pytest.mark.parametrize("dose", [0.25, 0.1])
def test_formula_of_the_components_has_the_statistics_of_low_dose(simulator, many, dose):
    quantum, electronic = many
    by_formula = quantum_coefficient(dose) * quantum + electronic_coefficient(dose) * electronic
    drawn = simulator.low_dose(water(200), dose, generator(2)) - water()
    ratio = drawn.var(0) / by_formula.var(0)
    assert float(ratio.log().mean().exp()) == pytest.approx(1, abs=0.03)
    # neighbouring pixels are correlated alike: the same texture
    neighbours = [(x[:, :, 1:] * x[:, :, :-1]).mean() / x.square().mean() for x in (drawn, by_formula)]
    assert float(neighbours[0]) == pytest.approx(float(neighbours[1]), abs=0.02)


def test_image_noise_goes_as_one_over_the_root_of_the_dose():
    simulator = DoseSimulator(Scanner(SCANNER.geometry, photons=1e6, electronic=0.0), SHAPE, PIXEL)
    p = simulator.line_integrals(water()).expand(40, -1, -1)
    spread = []
    for dose in (1.0, 0.25, 0.0625):
        counts = transmitted(p, dose * 1e6, generator())
        noise = simulator.image(line_integrals_of(counts, dose * 1e6)) - simulator.image(p[:1])
        spread.append(float(noise.std()))
    assert spread[1] / spread[0] == pytest.approx(2, rel=0.03)
    assert spread[2] / spread[1] == pytest.approx(2, rel=0.03)


def test_a_simulated_low_dose_is_as_noisy_as_a_drawn_one(simulator, many):
    # the added difference and the noise of full dose together are the noise of a scan at that dose
    k, n, e = 0.25, SCANNER.photons, SCANNER.electronic
    quantum, electronic = many
    added = quantum_coefficient(k) * quantum + electronic_coefficient(k) * electronic
    p = simulator.line_integrals(water()).expand(200, -1, -1)

    def scans(dose: float) -> Tensor:
        counts = with_electronic_noise(transmitted(p, dose * n, generator(3)), e, generator(4))
        return simulator.image(line_integrals_of(counts, dose * n))

    total = added.var(0) + scans(1.0).var(0)
    assert float((total / scans(k).var(0)).log().mean().exp()) == pytest.approx(1, abs=0.03)


def test_only_noise_is_added_and_it_sits_where_rays_are_attenuated(many):
    quantum, _ = many
    along = (torch.arange(SHAPE[0]) - (SHAPE[0] - 1) / 2) * PIXEL[0]
    distance = torch.hypot(along[:, None], along)
    std = quantum.std(0)
    assert float(std[distance < 30].mean()) > 1.2 * float(std[(distance > 85) & (distance < 105)].mean())


def test_the_same_generator_gives_the_same_bits_and_nothing_global(simulator):
    with random_state_untouched():
        first = simulator.low_dose(water(2), 0.25, generator(5))
        quantum, electronic = simulator.components(water(2), generator(5))
    assert torch.equal(first, simulator.low_dose(water(2), 0.25, generator(5)))
    assert torch.equal(quantum, simulator.components(water(2), generator(5))[0])
    assert not torch.equal(quantum[0], quantum[1])
    one = generator(5)
    alone = [simulator.components(water(), one) for _ in range(2)]
    assert torch.equal(electronic, torch.cat([e for _, e in alone]))


@pytest.mark.parametrize("device", DEVICES)
def test_a_generator_gives_the_same_noise_on_every_device(simulator, device):
    there = DoseSimulator(SCANNER, SHAPE, PIXEL, device)
    for here, found in zip(
        (*simulator.components(water(2), generator(6)), simulator.low_dose(water(2), 0.1, generator(7))),
        (*there.components(water(2), generator(6)), there.low_dose(water(2), 0.1, generator(7))),
        strict=True,
    ):
        assert found.device.type == device
        torch.testing.assert_close(found.cpu(), here, rtol=1e-4, atol=0.05)


def test_starved_rays_stay_finite():
    simulator = DoseSimulator(Scanner(ParallelGeometry(90, 64, 5.0), photons=1e4), SHAPE, PIXEL)
    metal = torch.full((1, *SHAPE), 3000.0)
    low = simulator.low_dose(metal, 0.05, generator())
    assert bool(low.isfinite().all())
    assert float(simulator._deviations(torch.tensor([50.0]))[0]) < 1


@pytest.mark.parametrize("pixel", [(0.5, 0.5), (5.0, 0.07), (float("nan"), 5.0)])
def test_pixels_in_cm_are_noticed(pixel):
    with pytest.raises(InputError, match="mm, not cm"):
        DoseSimulator(SCANNER, SHAPE, pixel)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: DoseSimulator(SCANNER, (512, 512), PIXEL), "source"),
        (lambda: DoseSimulator(Scanner(photons=0), SHAPE, PIXEL), "photons"),
        (lambda: DoseSimulator(SCANNER, SHAPE, PIXEL).low_dose(water(), 0.0, generator()), "fraction of full dose"),
        (lambda: DoseSimulator(SCANNER, SHAPE, PIXEL).low_dose(water(), 25, generator()), "fraction of full dose"),
    ],
)
def test_bad_input_is_one_line(build, words):
    with pytest.raises(InputError, match=words) as error:
        build()
    assert "\n" not in str(error.value)
