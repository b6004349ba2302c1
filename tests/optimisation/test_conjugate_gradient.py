import itertools

import torch

from medrecon.optimisation.conjugate_gradient import conjugate_gradient


def systems(n=3, size=7, seed=0):
    g = torch.Generator().manual_seed(seed)
    root = torch.randn(n, size, size, dtype=torch.complex128, generator=g)
    rhs = torch.randn(n, size, dtype=torch.complex128, generator=g)
    matrices = root.mH @ root + 0.5 * torch.eye(size)
    return matrices, rhs


def apply(matrices):
    return lambda x: (matrices @ x.unsqueeze(-1)).squeeze(-1)


def test_equals_dense_solve_after_as_many_steps_as_unknowns():
    matrices, rhs = systems()
    x = conjugate_gradient(apply(matrices), rhs, None, 12)
    torch.testing.assert_close(x, torch.linalg.solve(matrices, rhs), rtol=1e-9, atol=1e-9)


def test_start_does_not_change_the_solution():
    matrices, rhs = systems()
    x = conjugate_gradient(apply(matrices), rhs, 3 + rhs, 14)
    torch.testing.assert_close(x, torch.linalg.solve(matrices, rhs), rtol=1e-9, atol=1e-9)


def test_error_in_energy_norm_falls_every_step():
    matrices, rhs = systems(1, 20)
    truth = torch.linalg.solve(matrices, rhs)
    energy = []
    for n in range(8):
        e = conjugate_gradient(apply(matrices), rhs, None, n) - truth
        energy.append((e.conj() * apply(matrices)(e)).real.sum().item())
    assert all(b < a for a, b in itertools.pairwise(energy))


def test_systems_do_not_influence_each_other():
    matrices, rhs = systems()
    rhs = rhs * torch.tensor([1.0, 1e-6, 1e6]).unsqueeze(-1)
    together = conjugate_gradient(apply(matrices), rhs, None, 4)
    for i in range(3):
        alone = conjugate_gradient(apply(matrices[i : i + 1]), rhs[i : i + 1], None, 4)
        torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-12, atol=0)


def test_zero_right_hand_side_and_further_steps_stay_finite():
    matrices, rhs = systems()
    rhs[1] = 0
    x = conjugate_gradient(apply(matrices), rhs, None, 60)
    assert torch.isfinite(torch.view_as_real(x)).all()
    assert (x[1] == 0).all()


def test_tolerance_freezes_only_the_finished_system():
    matrices, rhs = systems(2, 20)
    matrices[0] = 2 * torch.eye(20)
    loose = conjugate_gradient(apply(matrices), rhs, None, 30, tolerance=1e-1)
    torch.testing.assert_close(loose[0], rhs[0] / 2)
    assert (
        torch.linalg.vector_norm(apply(matrices)(loose) - rhs, dim=1)
        .le(0.1 * torch.linalg.vector_norm(rhs, dim=1))
        .all()
    )


def test_two_batch_axes():
    matrices, rhs = systems(4)
    x = conjugate_gradient(
        lambda v: apply(matrices)(v.reshape(4, 7)).reshape(2, 2, 7), rhs.reshape(2, 2, 7), None, 12, batch_axes=2
    )
    torch.testing.assert_close(x.reshape(4, 7), torch.linalg.solve(matrices, rhs), rtol=1e-9, atol=1e-9)


def test_gradients_flow_through_the_solve():
    matrices, rhs = systems(1, 4)
    rhs = rhs.requires_grad_()
    assert torch.autograd.gradcheck(lambda b: conjugate_gradient(apply(matrices), b, None, 3), rhs)
