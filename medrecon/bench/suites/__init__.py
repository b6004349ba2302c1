"""Suites by name; each asks one question of evaluation.md."""

from medrecon.bench.suite import Suite
from medrecon.bench.suites.centres import Centres
from medrecon.bench.suites.holdout import Holdout
from medrecon.bench.suites.lesions import Lesions
from medrecon.bench.suites.maps import Maps
from medrecon.bench.suites.posterior import Posterior
from medrecon.bench.suites.quality import Light, NoiseLevels, Standard

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (Standard(), Light(), NoiseLevels(), Holdout(), Lesions(), Maps(), Posterior(), Centres())
}

__all__ = ["SUITES"]
