"""The supervised control: exact data steps around whatever its networks say."""

import pytest
import torch
from phantom import head
from torch import nn

from medrecon import weights
from medrecon.calibration import build_problem
from medrecon.errors import InputError
from medrecon.masks import pattern
from medrecon.networks.unet import UNetOptions
from medrecon.networks.unrolled import KIND, UNIT, Unrolled, UnrolledOptions, load_unrolled
from medrecon.optimisation.sampling_normal import SenseNormal
from medrecon.simulate.scan import simulate_scan

TINY = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
SIGMA = torch.tensor([0.02, 0.05, 0.1])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def physics(ny=9, nx=7):
    """Maps of three slices and masks of their own."""
    maps = torch.randn(3, 2, ny, nx, dtype=torch.complex64, generator=generator())
    maps = maps / maps.abs().square().sum(1, keepdim=True).sqrt()
    mask = torch.rand(3, 1, ny, 1, generator=generator(1)) < 0.6
    return maps, mask


def scans():
    """A^H A, and A^H y of three images."""
    normal = SenseNormal(*physics())
    return normal, normal(torch.randn(normal.in_shape, dtype=torch.complex64, generator=generator(2)))


def trained_looking(options):
    """Networks whose every part does something: what starts at zero is drawn."""
    network = Unrolled(options)
    for name, value in network.named_parameters():
        if name != "log_variance":
            value.data.copy_(0.2 * torch.randn(value.shape, generator=generator(len(name))))
    return network


def test_without_networks_it_is_repeated_regularised_sense():
    network = Unrolled(UnrolledOptions(network=TINY, iterations=2, cg=80))  # untrained networks say zero
    (maps, mask), (normal, data) = physics(), scans()
    with torch.no_grad():
        found = network(normal, data, SIGMA)
    size = data[0].numel()
    for i in range(3):
        one = SenseNormal(maps[i : i + 1], mask[i : i + 1])
        columns = one(torch.eye(size, dtype=torch.complex64).view(size, 1, *data.shape[1:]))
        matrix = columns.flatten(1).T.to(torch.complex128)
        x = torch.zeros(size, dtype=torch.complex128)
        for variance in network.log_variance.detach().double().exp():
            weight = SIGMA[i].double() ** 2 / variance
            x = torch.linalg.solve(matrix + weight * torch.eye(size), data[i].flatten() + weight * x)
        torch.testing.assert_close(found[i].flatten(), x.to(torch.complex64), rtol=1e-3, atol=1e-4)


def test_images_of_a_batch_do_not_influence_each_other():
    network = trained_looking(UnrolledOptions(network=TINY, iterations=2))
    normal, data = scans()
    with torch.no_grad():
        together = network(normal, data, SIGMA)
        changed = data.clone()
        changed[1] *= 3
        other = network(normal, changed, SIGMA)
    torch.testing.assert_close(other[::2], together[::2], rtol=1e-5, atol=1e-6)
    assert (other[1] - together[1]).abs().max() > 0.1


def test_gradients_are_those_of_finite_differences():
    network = trained_looking(UnrolledOptions(network=TINY, iterations=2, cg=3))
    normal, data = scans()
    wanted = torch.randn(data.shape, dtype=data.dtype, generator=generator(3))

    def loss():
        return (network(normal, data, SIGMA) - wanted).abs().square().sum()

    loss().backward()
    for parameter in (network.log_variance, network.networks[0].head.weight, network.networks[1].stem.weight):
        direction = torch.randn(parameter.shape, generator=generator(4))
        step = 2e-3 * direction / direction.norm()
        with torch.no_grad():
            ends = []
            for sign in (1, -2):
                parameter += sign * step
                ends.append(loss().item())
            parameter += step
        slope = (parameter.grad * step).sum().item()
        assert (ends[0] - ends[1]) / 2 == pytest.approx(slope, rel=0.05, abs=2e-4)
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def problem(ny=37, nx=29, accel=2.0):
    scan = simulate_scan(head(2, ny, nx), (4.0, 4.0), slice_mm=5.0, coils=4, snr=40.0)
    under = scan if accel == 1 else scan.undersample(pattern("random", accel, 10))
    return build_problem(under), scan.truth


def test_odd_matrices_and_slices_one_by_one():
    network = trained_looking(UnrolledOptions(network=TINY, iterations=1))
    whole, _ = problem()
    images = network.solve(whole)
    assert images.shape == (2, 37, 29)
    assert torch.equal(network.solve(whole.select(slice(1, 2)))[0], images[1])


class Neighbour(nn.Module):
    """Answers with the pixel above."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x, label):
        assert all(n % TINY.multiple == 0 for n in x.shape[2:])
        return x.roll(1, 2)


def test_networks_see_the_image_periodically_continued():
    image = torch.randn(2, 13, 10, dtype=torch.complex64, generator=generator())
    correction = Unrolled(UnrolledOptions(network=TINY))._correction(Neighbour(), image, torch.zeros(2))
    torch.testing.assert_close(correction, image.roll(1, 1) / UNIT)


def test_full_data_need_no_network():
    full, truth = problem(accel=1)
    image = Unrolled(UnrolledOptions(network=TINY, iterations=2)).solve(full)
    magnitude = image.abs() * full.intensity * full.scale
    assert (magnitude - truth).square().mean().sqrt() < 0.03 * truth.max()


def test_weights_file_makes_the_same_network(tmp_path):
    options = UnrolledOptions(network=TINY, iterations=2, cg=3)
    network = trained_looking(options)
    file = tmp_path / "control.safetensors"
    sha256 = weights.save(file, network.state_dict(), {"kind": KIND, "options": options.as_dict()}, "fp32")
    loaded, found = load_unrolled(file)
    assert (loaded.options, found) == (options, sha256)
    normal, data = scans()
    with torch.no_grad():
        difference = loaded(normal, data, SIGMA) - network(normal, data, SIGMA)
    assert difference.abs().max() < 0.02  # bfloat16, where the processor has it
    weights.save(file, network.state_dict(), {"kind": "mri-image"}, "fp32")
    with pytest.raises(InputError, match="of kind 'mri-image'"):
        load_unrolled(file)
