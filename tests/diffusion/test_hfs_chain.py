"""HFS-SDE's published and released chains on Gaussians, whose score is exact (specification H6, H7, R1)."""

import pytest
import torch
from properties import noise

from medrecon.diffusion.band_denoiser import BandDenoiser
from medrecon.diffusion.datasteps import DataStep
from medrecon.diffusion.grids import LogSNR
from medrecon.diffusion.hfs_chain import HfsChain, hfs_times
from medrecon.diffusion.integrators import DDIM, DPMpp2M
from medrecon.diffusion.path import VP
from medrecon.diffusion.predictor_corrector import PredictorCorrector
from medrecon.diffusion.sampler import Sampler
from medrecon.operators import HighPass

V, SIZE, BAND = 1.7, (96, 96), 12
HIGH = HighPass(SIZE, BAND, ("x",))
SHARE = 1 - BAND / SIZE[1]


class Free:
    """A scanner that measures nothing."""

    def __call__(self, x):
        return torch.zeros_like(x)


class Open(DataStep):
    """No data step."""

    history = "raw"

    def __call__(self, x0, sigma):
        return x0


def gaussian(high, low, sigma):
    """E[x0_h | x_h / a] for N(0, V)."""
    return high * V / (V + sigma**2)


def leaking(high, low, sigma):
    """The same, with an opinion on low frequencies."""
    return gaussian(high, low, sigma) + 0.05 * low


def chain(steps, snr, *, estimate=gaussian, faithful=True, gram=None, data=0.0, low=0.0, weights=(0.0, 0.0)):
    zero = torch.zeros(1, *SIZE, dtype=torch.complex128)
    denoiser = BandDenoiser(estimate, VP(), HIGH)
    times = hfs_times(steps, zero)
    return HfsChain(times, denoiser, gram or Free(), zero + data, zero + low, snr, *weights, faithful)


def walked(chain, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def white(step):
        return torch.view_as_complex(torch.randn(1, *SIZE, 2, generator=generator, dtype=torch.float64))

    return PredictorCorrector(chain, white, "test")()


def variance(x):
    return float(HIGH(x).abs().square().mean() / 2 / SHARE)


@pytest.mark.parametrize(("snr", "expected"), [(0.0, 1.007), (0.16, 1.019), (0.32, 1.097)])
def test_variance_of_the_published_sampler_is_right_up_to_its_known_bias(snr, expected):
    """100 steps, no data; seeds averaged, since one field is known to 1 %."""
    found = [variance(walked(chain(100, snr), seed)) / V for seed in range(3)]
    assert sum(found) / 3 == pytest.approx(expected, abs=0.025)


@pytest.mark.parametrize(
    ("integrator", "steps", "expected"),
    [(DDIM(), 10, 0.62), (DDIM(), 40, 0.89), (DPMpp2M(), 10, 1.065), (DPMpp2M(), 20, 1.021), (DPMpp2M(), 80, 1.0)],
)
def test_variance_of_the_fast_samplers_is_right_up_to_their_known_bias(integrator, steps, expected):
    """Exact in the high band, where everything is a scalar: the ratio of norms has no sampling error."""
    path = VP()
    ends = (path.sigma(torch.tensor(t, dtype=torch.float64)) for t in (1.0, 1e-3))
    levels = LogSNR()(path, *ends, steps + 1)
    x = HIGH(noise(1, *SIZE))
    denoiser = BandDenoiser(gaussian, path, HIGH, 0 * x)
    image = Sampler(path, levels, integrator, 0.0)(x, denoiser, Open(), lambda _: x).image
    assert variance(image) / variance(x) / V == pytest.approx(expected, abs=0.012)


def test_the_published_chain_never_moves_the_low_band():
    low = noise(1, *SIZE, seed=5)
    low = low - HIGH(low)
    image = walked(chain(20, 0.16, estimate=leaking, low=low))
    assert (image - HIGH(image) - low).abs().max() < 1e-12


def test_the_released_chain_leaks_what_the_network_says_of_the_low_band():
    """Without data the published one keeps it, specification H7: this one fails where the score has a low part."""
    low = noise(1, *SIZE, seed=5)
    low = low - HIGH(low)
    image = walked(chain(20, 0.16, estimate=leaking, faithful=False, low=low))
    assert (image - HIGH(image) - low).norm() > 0.01 * low.norm()
    silent = walked(chain(20, 0.16, faithful=False, low=low))
    assert (silent - HIGH(silent) - low).abs().max() < 1e-12


def test_one_step_is_that_of_the_equations():
    """Specification R1 with 1.6 and 2.6, written out, released weights, data that pull."""
    steps, snr, lp, lc = 1000, 0.16, 2.5, 0.1
    x, z, y = noise(1, *SIZE), noise(1, *SIZE, seed=1), noise(1, *SIZE, seed=2)
    for faithful in (False, True):
        one = chain(steps, snr, estimate=leaking, faithful=faithful, gram=lambda u: 0.3 * u, data=y, weights=(lp, lc))
        t = one.times[137]
        beta_table = torch.linspace(0.1, 20, 1000, dtype=torch.float64)
        i = int((t * (steps - 1)).floor())
        alpha, sigma = VP().a(t), VP().b(t)
        network = leaking(HIGH(x) / alpha, x - HIGH(x), sigma / alpha)
        s = (alpha * network - HIGH(x)) / sigma**2
        g = 0.3 * x - y

        projected = HIGH(s)
        pull = lc * projected.norm() * g / g.norm()
        eps = 2 * (1 - beta_table[i] / 1000) * (snr * z.norm() / projected.norm()) ** 2
        corrected = x + eps * (projected - pull) + (2 * eps).sqrt() * HIGH(z)
        beta, s = VP().beta(t), projected if faithful else s
        mean = x + beta / (2 * steps) * HIGH(x) + beta / steps * (s - lp * s.norm() * g / g.norm())
        after = mean + (beta / steps).sqrt() * HIGH(z)
        if faithful:
            corrected, mean, after = HIGH(corrected), HIGH(mean), HIGH(after)

        predicted = one.predicted(x, t, z)
        assert torch.allclose(one.corrected(x, t, z), corrected, rtol=1e-10, atol=1e-10)
        assert torch.allclose(predicted[1], mean, rtol=1e-10, atol=1e-10)
        assert torch.allclose(predicted[0], after, rtol=1e-10, atol=1e-10)


def test_times_fall_evenly_from_one():
    times = hfs_times(5, torch.zeros(1, dtype=torch.complex128))
    assert times.tolist() == pytest.approx([1.0, 0.75025, 0.5005, 0.25075, 1e-3])
