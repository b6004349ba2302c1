"""What a lower dose would have made of a CT slice.

The slice is projected, the noise that a lower dose adds is drawn for each ray, and that noise *alone* is projected
back and added: the anatomy keeps its own sharpness, whatever our backprojection would do to it.

The variance of the log data of one ray, N photons in air, N_e the variance of the electronics in photons^2, is
e^p / N + N_e e^(2 p) / N^2. The difference between the doses k and 1 is a sum of two terms, each a function of k times
one of p:

    (1 - k) / k  e^p / N  +  (1 - k^2) / k^2  N_e e^(2 p) / N^2
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from medrecon.ct.backprojection import filtered_backprojection
from medrecon.ct.counts import FEWEST
from medrecon.ct.filters import Kernel
from medrecon.ct.hounsfield import WATER, to_attenuation, to_hounsfield
from medrecon.errors import InputError
from medrecon.operators.fan_beam import FanGeometry
from medrecon.operators.parallel_beam import ParallelGeometry

SMALLEST_FIELD_MM = 50.0
"""A slice narrower than this has its pixels in cm: a human finger is wider."""
FAINTEST = 10.0
"""Full-dose photons below which the variance grows no further: a logarithm of a few counts has no e^p / N left."""
CUDA_SLICES = 8


@final
@dataclass(frozen=True)
class Scanner:
    """What decides the noise of a scan.

    Parameters
    ----------
    geometry : of the beam.
    photons : photons a ray in air at full dose. 5e5, of the 1e5 to 1e6 in use, gives 280 mm of water 11 HU of noise at
        full dose, and a quarter of it 18 HU more: the patients of the 2016 Mayo challenge (3 mm, B30) have 14 to 25.
    electronic : variance of the electronic noise in photons^2; 10 to 11 is in use.
    kernel : of the backprojection, "ramp" or "hann".
    cutoff : where the Hann window ends, as a share of the detector's Nyquist frequency.
    """

    geometry: FanGeometry | ParallelGeometry = field(default_factory=FanGeometry)
    photons: float = 5.0e5
    electronic: float = 10.0
    kernel: Kernel = "hann"
    cutoff: float = 1.0


def quantum_coefficient(dose: float) -> float:
    """sqrt((1 - k) / k), the weight of the quantum component at dose `dose`."""
    return math.sqrt((1 - dose) / dose)


def electronic_coefficient(dose: float) -> float:
    """sqrt((1 - k^2) / k^2), the weight of the electronic component at dose `dose`."""
    return math.sqrt((1 - dose**2) / dose**2)


@final
class DoseSimulator:
    """Adds the noise of a lower dose to slices `(slice, y, x)` in HU.

    A slice's bits depend on the slices before it in the same call only through the generator. On the CPU slices are
    projected one by one, so that they are the same alone and together.

    Parameters
    ----------
    scanner : geometry, photons, electronics, kernel.
    shape : (y, x) of the slices.
    pixel_mm : (y, x) of a pixel, in mm.
    device : where to compute; results stay there.

    Raises InputError for pixels that cannot be in mm and for images that reach beyond the source.
    """

    def __init__(
        self,
        scanner: Scanner,
        shape: tuple[int, int],
        pixel_mm: tuple[float, float],
        device: torch.device | str = "cpu",
    ) -> None:
        extent = [n * mm for n, mm in zip(shape, pixel_mm, strict=True)]
        if not min(extent) >= SMALLEST_FIELD_MM:
            raise InputError(
                f"slices of {shape[0]}x{shape[1]} pixels of {pixel_mm[0]:g} x {pixel_mm[1]:g} mm would be "
                f"{min(extent):g} mm wide, a body is at least {SMALLEST_FIELD_MM:g}; give the pixel size in mm, not cm"
            )
        try:
            self.projector = scanner.geometry.projector(shape, pixel_mm)
        except ValueError as error:
            raise InputError(f"{error}; give the pixel size in mm, or a scanner that is large enough") from error
        if not (scanner.photons > 0 and scanner.electronic >= 0):
            raise InputError(
                f"a scanner of {scanner.photons:g} photons a ray and electronic variance {scanner.electronic:g}; "
                "give photons above 0 and a variance of 0 or more"
            )
        self.scanner, self.device = scanner, torch.device(device)
        self.backprojection = filtered_backprojection(self.projector, scanner.kernel, scanner.cutoff)

    def line_integrals(self, hu: Tensor) -> Tensor:
        """Slices in HU to line integrals `(slice, view, detector)`."""
        return self.projector(to_attenuation(hu.to(self.device, torch.float32)))

    def image(self, line_integrals: Tensor) -> Tensor:
        """Line integrals `(slice, view, detector)` to slices in HU."""
        return to_hounsfield(self.backprojection(line_integrals))

    def components(self, hu: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two independent noise images in HU, quantum and electronic, for every dose at once.

        `hu + quantum_coefficient(k) * quantum + electronic_coefficient(k) * electronic` is the scan at dose k, as long
        as rays count more than a few photons there.
        """

        def draw(p: Tensor) -> Tensor:
            return torch.stack([std * _normal(p, generator) for std in self._deviations(p)])

        noise = self._by_slice(hu, draw)
        return noise[:, 0], noise[:, 1]

    def low_dose(self, hu: Tensor, dose: float, generator: torch.Generator) -> Tensor:
        """The slices as a scan with the fraction `dose` of their own dose would have shown them, in HU.

        Rays that would count less than one photon count one. Raises InputError unless 0 < dose <= 1.
        """
        if not 0 < dose <= 1:
            raise InputError(f"the dose is {dose:g}; give the fraction of full dose, above 0 and up to 1")
        highest = math.log(dose * self.scanner.photons / FEWEST)
        weights = quantum_coefficient(dose), electronic_coefficient(dose)

        def draw(p: Tensor) -> Tensor:
            std = torch.hypot(*(w * s for w, s in zip(weights, self._deviations(p), strict=True)))
            noise = std * _normal(p, generator)
            return torch.minimum(noise, (highest - p).clamp_min(0))[None]

        return hu.to(self.device, torch.float32) + self._by_slice(hu, draw)[:, 0]

    def _deviations(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Standard deviation of one ray's quantum and electronic noise at full dose."""
        per_photon = torch.exp(p).clamp_max(self.scanner.photons / FAINTEST) / self.scanner.photons
        return per_photon.sqrt(), math.sqrt(self.scanner.electronic) * per_photon

    def _by_slice(self, hu: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Noise images `(slice, component, y, x)` in HU of the `(component, view, detector)` that `draw` gives."""
        images = []
        for some in hu.split(CUDA_SLICES if self.device.type == "cuda" else 1):
            noise = torch.stack([draw(p) for p in self.line_integrals(some)])
            images.append(self.backprojection(noise) * (1000 / WATER))
        return torch.cat(images) if images else torch.zeros((0, 2, *self.projector.shape), device=self.device)


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Drawn where the generator lives, so that a CPU generator gives the same noise on every device."""
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like.device)
