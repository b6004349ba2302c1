import torch

from medrecon.optimisation.fista import fista
from medrecon.optimisation.soft_threshold import soft_threshold


def lasso(seed=0):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(2, 12, 20, dtype=torch.complex128, generator=g)
    a = a / torch.linalg.matrix_norm(a, 2)[:, None, None]
    y = torch.randn(2, 12, dtype=torch.complex128, generator=g)
    return a, y


def gradient(a, y):
    return lambda x: (a.mH @ (a @ x[..., None] - y[..., None]))[..., 0]


def test_lasso_meets_its_optimality_conditions():
    a, y = lasso()
    weight = torch.tensor(0.1, dtype=torch.float64)
    *_, x = fista(gradient(a, y), lambda v: (soft_threshold(v, weight),), torch.zeros_like(a[:, 0]), 4000)
    slope, active = gradient(a, y)(x), x.abs() > 1e-9
    assert 0 < active.sum() < active.numel()
    assert slope.abs().max() <= weight + 1e-7
    torch.testing.assert_close(slope[active], -weight * x[active] / x[active].abs(), rtol=0, atol=1e-6)


def test_faster_than_plain_proximal_gradient_and_within_its_bound():
    a, y = lasso()
    weight = torch.tensor(0.01, dtype=torch.float64)
    step = gradient(a, y)

    def prox(v):
        return soft_threshold(v, weight)

    def objective(x):
        misfit = (a @ x[..., None])[..., 0] - y
        return (misfit.abs().square().sum(-1) / 2 + weight * x.abs().sum(-1)).sum()

    start = torch.zeros_like(a[:, 0])
    accelerated = [*fista(step, lambda v: (prox(v),), start, 4000)]
    plain = start
    for _ in range(50):
        plain = prox(plain - step(plain))
    best, solution = objective(accelerated[-1]), accelerated[-1]
    assert objective(accelerated[49]) - best < 0.5 * (objective(plain) - best)
    # Beck and Teboulle 2009, theorem 4.4
    for k in (1, 10, 100):
        bound = 2 * (start - solution).abs().square().sum() / (k + 1) ** 2
        assert objective(accelerated[k - 1]) - best <= bound


def test_what_the_prox_carries_comes_back_to_it():
    seen = []

    def prox(b, *carried):
        seen.append(carried)
        count, total = carried or (torch.tensor(0), torch.zeros_like(b))
        return b / 2, count + 1, total + b

    iterates = [*fista(lambda x: torch.zeros_like(x), prox, torch.ones(3, dtype=torch.float64), 3)]
    assert [len(carried) for carried in seen] == [0, 2, 2]
    assert [int(count) for count, _ in seen[1:]] == [1, 2]
    torch.testing.assert_close(seen[2][1], 1 + 2 * iterates[1])


def test_soft_threshold_is_the_proximal_map():
    x = torch.randn(50, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    shrunk = soft_threshold(x, torch.tensor(0.5, dtype=torch.float64))
    big = x.abs() > 0.5
    assert (shrunk[~big] == 0).all()
    torch.testing.assert_close(x[big] - shrunk[big], 0.5 * x[big] / x[big].abs())
    assert torch.equal(soft_threshold(x * 0, torch.tensor(0.0)), x * 0)
