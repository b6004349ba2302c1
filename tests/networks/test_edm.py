"""Complex images at the network's own border (specification T2)."""

import torch
from torch import nn

from medrecon.networks.edm import EDMDenoiser


class Recorder(nn.Module):
    """Gives back what it was shown, and remembers it."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x, level):
        self.seen = x
        return x


def test_the_network_sees_real_and_imaginary_channels_and_both_come_back():
    network, sigma = Recorder(), torch.tensor([0.4, 2.0])
    denoiser = EDMDenoiser(network, 0.3, 1)
    x = torch.randn(2, 6, 5, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    image = denoiser.denoise_padded(x, sigma)
    total = (sigma**2 + 0.3**2)[:, None, None]
    torch.testing.assert_close(network.seen, torch.stack([x.real, x.imag], 1) / total.sqrt()[:, None])
    torch.testing.assert_close(image, x * (0.3**2 + 0.3 * sigma[:, None, None]) / total)


def test_phase_passes_unharmed():
    """A phase is a rotation of the two channels, nothing to be scaled: turning the image turns the answer."""
    denoiser = EDMDenoiser(Recorder(), 0.3, 4)
    x = torch.randn(1, 7, 9, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    turn, sigma = torch.polar(torch.tensor(1.0), torch.tensor(2.1)), torch.tensor(0.7)
    torch.testing.assert_close(denoiser(turn * x, sigma), turn * denoiser(x, sigma))
