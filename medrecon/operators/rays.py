"""Line integrals through an image along straight rays: what parallel and fan beams have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from medrecon.operators.linear import LinearOperator

# Samples that one block of views holds at a time: in the caches of a CPU, filling a GPU.
CPU_BLOCK, CUDA_BLOCK = 1 << 21, 1 << 27


class RayProjector(LinearOperator):
    """Integrate real images `(…, y, x)` along rays in mm, to sinograms `(…, view, detector)`: 1/mm to a plain number.

    Joseph's method (IEEE TMI 1982): along the axis that a ray follows more closely it meets every line of pixels once,
    and the image is interpolated linearly between the two pixels beside it. Outside the image there is nothing. The
    rotation centre is the middle of the array, (n - 1) / 2. The adjoint is the derivative of the projection, with the
    same weights to the last bit.

    Parameters
    ----------
    shape : (y, x) of the images.
    pixel_mm : (y, x) size of a pixel in mm.
    views, detectors : shape of a sinogram.
    """

    def __init__(self, shape: tuple[int, int], pixel_mm: tuple[float, float], views: int, detectors: int) -> None:
        if min(*shape, views, detectors) < 1 or not min(pixel_mm) > 0:
            raise ValueError(f"images of {shape} pixels of {pixel_mm} mm, {views} views and {detectors} detectors")
        self.shape, self.pixel_mm = (shape[0], shape[1]), (float(pixel_mm[0]), float(pixel_mm[1]))
        self.views, self.detectors = views, detectors
        self.in_shape, self.out_shape = self.shape, (views, detectors)

    @abstractmethod
    def rays(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """A point in mm and the unit direction of each ray, both `(2, view, detector)` as (x, y), of numbered views."""

    def forward(self, x: Tensor) -> Tensor:
        images = x.reshape(-1, *self.shape)
        sinogram = torch.cat([self._integrate(images, views) for views in self._blocks(images)], -2)
        return sinogram.reshape(*x.shape[:-2], *self.out_shape)

    def adjoint(self, y: Tensor) -> Tensor:
        sinograms = y.reshape(-1, *self.out_shape)
        total = y.new_zeros((len(sinograms), *self.shape))
        for views in self._blocks(total):
            with torch.enable_grad():
                image = torch.zeros_like(total, requires_grad=True)
                integrals = self._integrate(image, views)
            total += torch.autograd.grad(integrals, image, sinograms[:, views])[0]
        return total.reshape(*y.shape[:-2], *self.shape)

    def _blocks(self, images: Tensor) -> Iterator[Tensor]:
        samples = max(1, len(images)) * self.detectors * max(self.shape)
        limit = CUDA_BLOCK if images.is_cuda else CPU_BLOCK
        yield from torch.arange(self.views, device=images.device).split(max(1, limit // samples))

    def _integrate(self, images: Tensor, views: Tensor) -> Tensor:
        """Images `(image, y, x)` to line integrals `(image, view, detector)` of some views."""
        grid, step_mm = self._samples(views, images.dtype)
        found = grid_sample(images.expand(len(views), -1, -1, -1), grid, align_corners=False)
        return (found.sum(-1) * step_mm[:, None]).transpose(0, 1)

    def _samples(self, views: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Where the rays meet the lines of pixels, `(view, detector, line, 2)` as `grid_sample` counts, and mm a step.

        Stored with x and y apart, which both `grid_sample` and this sum run through faster.
        """
        sides = torch.tensor(self.shape[::-1], dtype=torch.float64, device=views.device)[:, None, None]
        pixel = torch.tensor(self.pixel_mm[::-1], dtype=torch.float64, device=views.device)[:, None, None]
        point, direction = self.rays(views)
        point, step = point / pixel + (sides - 1) / 2, direction / pixel
        along_x = step[0].abs() > step[1].abs()
        step_mm = 1 / torch.where(along_x, step[0], step[1])
        step = step * step_mm
        start = point - step * torch.where(along_x, point[0], point[1])
        start, step = ((2 * start + 1) / sides - 1).to(dtype), (2 * step / sides).to(dtype)
        line = torch.arange(max(self.shape), dtype=dtype, device=views.device)
        grid = torch.addcmul(start[..., None], step[..., None], line)
        return grid.permute(1, 2, 3, 0), step_mm.abs().to(dtype)
