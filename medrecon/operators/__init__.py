"""Linear operators of MRI and CT, composed with `@`: `Mask(m) @ Fourier(shape) @ Coils(maps)` is the scanner."""

from medrecon.operators.coils import Coils
from medrecon.operators.fourier import Fourier, fft2c, ifft2c
from medrecon.operators.highpass import HighPass
from medrecon.operators.linear import Adjoint, Identity, LinearOperator, Zero
from medrecon.operators.mask import Mask
from medrecon.operators.spirit import SelfConsistency, Spirit, spirit_matrices

__all__ = [
    "Adjoint",
    "Coils",
    "Fourier",
    "HighPass",
    "Identity",
    "LinearOperator",
    "Mask",
    "SelfConsistency",
    "Spirit",
    "Zero",
    "fft2c",
    "ifft2c",
    "spirit_matrices",
]
