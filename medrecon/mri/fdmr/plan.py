"""The modes of `fdmr`: what each of them does where the user does not say otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch

Mode = Literal["fdmr", "static", "adadiff", "dip"]
Parameters = Literal["modulation", "low-rank", "all"]
Stop = Literal["count", "holdout", "discrepancy"]
Refine = Literal["renoise", "estimate", "deterministic", "original", "none"]
Draws = Literal["estimate", "posterior"]

ON_CPU = 40
"""Iterations at most on a CPU unless asked for, where each takes a second or so."""
RATES: dict[Parameters, float] = {"modulation": 1e-2, "low-rank": 3e-3, "all": 1e-4}
"""Steps of Adam: scales and shifts are of order 1, weights of order 0.1."""
ADADIFF_RATE = 1e-3
"""AdaDiff's, of all weights."""


@dataclass(frozen=True)
class Plan:
    """Stages with all that is left open filled in.

    Attributes
    ----------
    trained : whether the network is the prior's, else one that nothing was taught, and stage 1 is left out.
    iterations : of stage 2 at most; 0 leaves it out.
    stop, parameters, rate, refine, draws : as the options of `Fdmr`.
    """

    trained: bool
    iterations: int
    stop: Stop
    parameters: Parameters
    rate: float
    refine: Refine
    draws: Draws

    def with_given(self, iterations: int | None, **given: object) -> Plan:
        """With the options that are not None in place of the mode's own."""
        known = {name: value for name, value in given.items() if value is not None}
        plan = replace(self, **known)  # type: ignore[arg-type]
        plan = plan if iterations is None or not self.iterations else replace(plan, iterations=iterations)
        own = self.rate if plan.parameters == self.parameters else 0
        return replace(plan, rate=known.get("rate", own or RATES[plan.parameters]))  # type: ignore[arg-type]

    def of(self, spacing: str) -> Plan:
        """As levels of that spacing want it: those even in time have none that an estimate could go down by."""
        if spacing == "noise" or self.draws == "posterior":
            return self
        return replace(self, draws="posterior", refine="renoise" if self.refine == "estimate" else self.refine)

    def on(self, device: torch.device) -> Plan:
        """With as many iterations as the device has patience for."""
        return replace(self, iterations=min(self.iterations, ON_CPU)) if device.type == "cpu" else self


MODES: dict[Mode, Plan] = {
    "fdmr": Plan(True, 20, "holdout", "modulation", 0, "estimate", "estimate"),
    "static": Plan(True, 0, "holdout", "modulation", 0, "none", "estimate"),
    "adadiff": Plan(True, 1000, "count", "all", ADADIFF_RATE, "none", "posterior"),
    "dip": Plan(False, 200, "holdout", "all", ADADIFF_RATE, "none", "posterior"),
}
"""Specification A.14. FDMR stops early and adapts little, AdaDiff does neither (Guengoer et al. 2023); the deep image
prior (Ulyanov et al. 2018) learns all of the image from the scan."""
