"""Integrators by name, one a file."""

from medrecon.diffusion.integrators.ddim import DDIM
from medrecon.diffusion.integrators.dpmpp2m import DPMpp2M
from medrecon.diffusion.integrators.heun import Heun
from medrecon.diffusion.integrators.integrator import Integrator, Prediction
from medrecon.diffusion.integrators.momentum import Momentum

INTEGRATORS: dict[str, type[Integrator]] = {"ddim": DDIM, "dpmpp2m": DPMpp2M, "heun": Heun, "momentum": Momentum}

__all__ = ["DDIM", "INTEGRATORS", "DPMpp2M", "Heun", "Integrator", "Momentum", "Prediction"]
