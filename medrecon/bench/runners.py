"""What is measured: a solver with the name, options and weights that its rows carry.

`methods` makes the runners of `medrecon.METHODS`; a control that is none of them (a supervised network, another
program) joins a campaign as one more entry of the same registry: `{**methods(priors), "control": make}`. `control` is
that of the supervised network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri import METHODS, Solution, method_class
from medrecon.networks.ddgan.denoiser import DdganDenoiser
from medrecon.networks.unrolled import Unrolled, load_unrolled
from medrecon.problem import Problem

CONTROL = "unrolled"


@dataclass(frozen=True, eq=False)
class Runner:
    """One line of a table.

    Attributes
    ----------
    method, options : as the rows say.
    weights : {"name", "sha256"} of the network, None without one.
    solve : (problem, seed) to a Solution, on the problem's device.
    """

    method: str
    options: Mapping[str, Any]
    weights: Mapping[str, str | None] | None
    solve: Callable[[Problem, int], Solution]


Maker = Callable[[Mapping[str, Any]], Sequence[Runner]]
"""Options to runners; several where a method is to be run with several priors."""


def methods(priors: Sequence[Prior]) -> dict[str, Maker]:
    """A maker for every method of the package; those that need a prior make one runner a prior that they can use."""
    return {name: partial(_runners, name, tuple(priors)) for name in METHODS}


def control(file: Path, device: torch.device) -> dict[str, Maker]:
    """The supervised network in a weights file as the method `CONTROL`; raises InputError for another file."""
    network, sha256 = load_unrolled(file, device)
    return {CONTROL: partial(_control, network, {"name": CONTROL, "sha256": sha256})}


def made(registry: Mapping[str, Maker], name: str, options: Mapping[str, Any]) -> Sequence[Runner]:
    """The runners of `name`; raises InputError for a name that the registry does not hold."""
    if name not in registry:
        raise InputError(f"unknown method '{name}'; choose some of {', '.join(registry)}")
    return registry[name](options)


def takes(name: str, option: str) -> bool:
    """Whether `name` is a method of the package that has this option."""
    return name in METHODS and option in {f.name for f in fields(method_class(name))}


def default(name: str, option: str) -> Any:
    """Default of a method's option."""
    return next(f.default for f in fields(method_class(name)) if f.name == option)


def calls(name: str, options: Mapping[str, Any]) -> int:
    """Network calls a slice of a method that draws; options that it does not have are told of where it is made."""
    known = {key: value for key, value in options.items() if takes(name, key)}
    return method_class(name)(**known).calls  # type: ignore[attr-defined]


def has_low_band(name: str) -> bool:
    """Whether `name` is a method that leaves a low band of some width alone."""
    return takes(name, "width")


def low_lines(runner: Runner, problem: Problem) -> int:
    """Lines of the low band that a method which `has_low_band` leaves alone."""
    return method_class(runner.method)(**runner.options).lines(problem)  # type: ignore[attr-defined]


ADAPTING = ("fdmr",)
"""Methods whose network is a generator that is adapted to each slice."""


def usable(name: str, priors: Sequence[Prior], options: Mapping[str, Any]) -> list[Prior]:
    """Those of `priors` that `name` is run with.

    A prior of the high band is for methods with a low band, and then they are run with no other; a `width` of 0 lines
    leaves them none, so that they take priors of whole images as all other methods do. A generator of few large steps
    is for the methods that adapt it, and those take no other.
    """
    large = [prior for prior in priors if isinstance(prior.denoise, DdganDenoiser)]
    if name in ADAPTING:
        return large
    priors = [prior for prior in priors if prior not in large]
    of_band = [prior for prior in priors if prior.of_band is not None]
    if of_band and has_low_band(name) and options.get("width") != 0:
        return of_band
    return [prior for prior in priors if prior.of_band is None]


def _runners(name: str, priors: Sequence[Prior], options: Mapping[str, Any]) -> list[Runner]:
    kind = method_class(name)
    unknown = sorted(set(options) - {f.name for f in fields(kind)})
    if unknown:
        raise InputError(f"method '{name}' has no option '{unknown[0]}'; leave it out")
    method = kind(**options)
    if not kind.needs_prior:
        return [Runner(name, options, None, lambda problem, seed: method.solve(problem, seed=seed))]
    chosen = usable(name, priors, options)
    if not chosen:
        raise InputError(_without_prior(name, priors))
    return [
        Runner(
            name,
            options,
            {"name": prior.name, "sha256": prior.sha256},
            lambda problem, seed, prior=prior: method.solve(problem, prior=prior, seed=seed),
        )
        for prior in chosen
    ]


def _without_prior(name: str, priors: Sequence[Prior]) -> str:
    """What to say of a method that none of `priors` is for."""
    if not priors:
        return f"method '{name}' needs a prior; name one with --prior, or leave it out of --methods"
    given = ", ".join(prior.name for prior in priors)
    if name in ADAPTING:
        return f"method '{name}' needs a generator of kind 'mri-ddgan', and {given} is none; name one with --prior"
    return (
        f"method '{name}' needs a prior of whole images here, and {given} knows the high band alone; name another "
        "with --prior, or leave the method out of --methods"
    )


def _control(network: Unrolled, weights: Mapping[str, str], options: Mapping[str, Any]) -> list[Runner]:
    if options:
        raise InputError(f"method '{CONTROL}' has no option '{next(iter(options))}'; leave it out")

    def solve(problem: Problem, _: int) -> Solution:
        return Solution(network.solve(problem).unsqueeze(0), calls=len(network.networks))

    return [Runner(CONTROL, options, weights, solve)]
