"""SPIRiT-Diffusion's published chain on Gaussians in the range of the maps (specification S9, S10, S12, R1)."""

import pytest
import torch
from properties import noise

from medrecon.diffusion.path import VE
from medrecon.diffusion.predictor_corrector import PredictorCorrector
from medrecon.diffusion.spirit_chain import SpiritChain, spirit_times
from medrecon.operators import Coils, SelfConsistency, Zero

V, COILS, SIZE = 1.7, 3, (64, 60)
STATE = (1, COILS, *SIZE)


def gaussian(u, t):
    """E[u0 | u] for N(0, V)."""
    return u * V / (V + t**2)


def maps():
    s = noise(*STATE, seed=7)
    return s / s.abs().square().sum(1, keepdim=True).sqrt()


def chain(steps, snr=0.16, *, eta=0.0, consistency=None, gram=None, data=0.0, weights=(0.0, 0.0)):
    zero = torch.zeros(STATE, dtype=torch.complex128)
    return SpiritChain(
        spirit_times(steps, zero), gaussian, VE(), Coils(maps()), consistency or Zero(STATE, STATE),
        gram or Zero(STATE, STATE), zero + data, 0.01, 348.0, eta, snr, *weights,
    )  # fmt: skip


@pytest.mark.parametrize(("snr", "expected"), [(0.0, 1.116), (0.16, 1.031), (0.7, 1.49)])
def test_variance_of_the_published_sampler_is_right_up_to_its_known_bias(snr, expected):
    generator, one = torch.Generator().manual_seed(0), chain(100, snr)

    def white(step):
        return torch.view_as_complex(torch.randn(*STATE, 2, generator=generator, dtype=torch.float64))

    found = [one.coils.H(PredictorCorrector(one, white, "test")()) for _ in range(2)]
    assert float(torch.stack(found).abs().square().mean() / 2) / V == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("steps", [2, 7, 100, 1000])
def test_variance_steps_add_up_and_labels_agree_with_the_table(steps):
    one = chain(steps)
    added = torch.stack([one.variance_step(t) for t in one.times])
    assert added.sum().item() == pytest.approx(348.0**2, rel=1e-9)
    table = 0.01 * (348.0 / 0.01) ** (torch.arange(steps, dtype=torch.float64) / (steps - 1))
    index = (one.times * (steps - 1)).floor()
    assert index.tolist() == list(range(steps - 1, -1, -1))
    ratio = one.sigma(one.times) / table.flip(0)
    assert ((ratio >= 1 - 1e-9) & (ratio < 1.0002 * (348 / 0.01) ** (1e-5 if steps > 2 else 1.1e-5))).all()


def test_the_score_hears_only_the_combined_image_and_lies_in_the_range_of_the_maps():
    """Parts of the state that no combination sees change nothing, as they do not in the original's loss."""
    one, x, t = chain(100), noise(*STATE), torch.tensor(0.4, dtype=torch.float64)
    hidden = noise(*STATE, seed=3)
    hidden = hidden - one.projected(hidden)
    assert torch.allclose(one.score(x + 5 * hidden, t), one.score(x, t), rtol=1e-9, atol=1e-9)
    score = one.score(x, t)
    assert torch.allclose(one.projected(score), score, rtol=1e-10, atol=1e-10)
    assert torch.allclose(score, -one.projected(x) / (V + one.sigma(t) ** 2), rtol=1e-10)


def test_one_step_is_that_of_the_equations():
    """Specification R1 with 1.6 and 3.7, written out."""
    matrices = noise(1, COILS, COILS, *SIZE, seed=8)
    psi = SelfConsistency(0.05 * torch.einsum("ndcyx,ndeyx->nceyx", matrices.conj(), matrices))
    sampled = SelfConsistency(0.2 * torch.einsum("ndcyx,ndeyx->nceyx", matrices, matrices.conj()))
    y, x, z = noise(*STATE, seed=4), noise(*STATE, seed=5), noise(*STATE, seed=6)
    snr, lp, lc, eta = 0.7, 0.3, 0.2, 0.45
    one = chain(1000, snr, eta=eta, consistency=psi, gram=sampled, data=y, weights=(lp, lc))
    t = one.times[321]
    j = int((t * 999).floor())
    table = 0.01 * (348.0 / 0.01) ** (torch.arange(1000, dtype=torch.float64) / 999)
    g2 = table[j] ** 2 - table[j - 1] ** 2

    def project(v):
        return maps() * (maps().conj() * v).sum(1, keepdim=True)

    s = -project(x) / (V + (0.01 * (348.0 / 0.01) ** t) ** 2)
    g = sampled(x) - y
    pz = project(z)
    eps = 2 * (snr * pz.norm() / s.norm()) ** 2
    corrected = x + eps * (s - lc * s.norm() * g / g.norm()) + (2 * eps).sqrt() * pz
    mean = x - eta / 2 * psi(x) + g2 * project(s - lp * s.norm() * g / g.norm())
    predicted = one.predicted(x, t, z)
    assert torch.allclose(one.corrected(x, t, z), corrected, rtol=1e-10, atol=1e-10)
    assert torch.allclose(predicted[1], mean, rtol=1e-10, atol=1e-10)
    assert torch.allclose(predicted[0], mean + g2.sqrt() * pz, rtol=1e-10, atol=1e-10)
