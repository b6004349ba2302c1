"""Conditions of the evaluation: how a scan is made and sampled, and every combination that a suite asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from medrecon.errors import InputError

METHODS = ("zero-filled", "sense", "spirit-linear", "wavelet", "tv", "dds", "spirit", "hfs")
"""Unless others are named; the published forms take thousands of calls, and are run where they are named alone."""


@dataclass(frozen=True)
class Condition:
    """One scan under one mask.

    Attributes
    ----------
    scan : name of the volume or of the k-space file.
    coils : of the simulated or the measured scan.
    snr : foreground SNR of the simulation, None for a measured scan.
    slices : how many slices are simulated, or read; range, scale and noise level belong to all of them.
    mask, accel, seed : the sampling pattern; the seed drives the samplers as well.
    """

    scan: str
    coils: int
    snr: float | None
    slices: int
    mask: str
    accel: float
    seed: int

    @staticmethod
    def of_row(row: Mapping[str, Any]) -> Condition:
        """The condition under which a row was made, to make its images again."""
        return Condition(
            row["scan"], row["coils"], row["snr"], row["simulated_slices"], row["mask"], row["accel"], row["seed"]
        )

    @property
    def simulated(self) -> bool:
        return self.snr is not None

    @property
    def unsampled(self) -> Condition:
        """What conditions of one scan share that differ in the mask alone."""
        return replace(self, mask="none", accel=1.0)

    def as_fields(self) -> dict[str, Any]:
        """As a row holds it."""
        return {
            "scan": self.scan,
            "coils": self.coils,
            "snr": self.snr,
            "simulated_slices": self.slices,
            "mask": self.mask,
            "accel": self.accel,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Choice:
    """What the user asks for in place of a suite's own conditions; None leaves them.

    Attributes
    ----------
    few : slices of a volume for runs of more than `conditions.EXPENSIVE` network calls a slice.
    steps, samples : of the methods that draw from a prior, every combination; no steps are the method's own.
    options : further options of those methods.
    """

    accel: tuple[float, ...] | None = None
    masks: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    slices: int | None = None
    coils: tuple[int, ...] | None = None
    snr: tuple[float, ...] | None = None
    methods: tuple[str, ...] = METHODS
    steps: tuple[int, ...] | None = None
    samples: tuple[int, ...] | None = None
    few: int = 3
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("--accel", self.accel, 1)
        _check("--seeds", self.seeds, 0)
        _check("--slices", None if self.slices is None else (self.slices,), 1)
        _check("--coils", self.coils, 1)
        _check("--steps", self.steps, 1)
        _check("--samples", self.samples, 1)
        _check("--few", (self.few,), 1)
        if self.snr is not None and not all(0 < snr < float("inf") for snr in self.snr):
            raise InputError(f"--snr is {_listed(self.snr)}; give positive numbers")
        if not self.methods:
            raise InputError(f"--methods names none; choose some of {', '.join(METHODS)}")


EXPENSIVE = 50
"""Network calls a slice above which a run gets `Choice.few` slices of each volume."""


@dataclass(frozen=True)
class Grid:
    """Every combination of settings (mask, R), seeds, coils and SNR; at R = 1 all seeds have one mask: one is run."""

    settings: tuple[tuple[str, float], ...]
    seeds: tuple[int, ...] = (0,)
    coils: tuple[int, ...] = (8,)
    snr: tuple[float, ...] = (40.0,)
    slices: int = 10

    def chosen(self, choice: Choice) -> Grid:
        """With what the user gave in place of its own."""
        masks = choice.masks or tuple(dict.fromkeys(mask for mask, _ in self.settings))
        settings = self.settings
        if choice.accel is not None:
            settings = tuple((mask, accel) for mask in masks for accel in choice.accel)
        elif choice.masks is not None:
            settings = tuple((m, a) for m in masks for a in dict.fromkeys(accel for _, accel in settings))
        return replace(
            self,
            settings=settings,
            seeds=choice.seeds or self.seeds,
            coils=choice.coils or self.coils,
            snr=choice.snr or self.snr,
            slices=choice.slices or self.slices,
        )

    def conditions(self, scan: str, measured_coils: int | None) -> Iterator[Condition]:
        """All of one scan; `measured_coils` is None for a volume that is to be simulated."""
        makes = [(c, s) for c in self.coils for s in self.snr] if measured_coils is None else [(measured_coils, None)]
        for coils, snr in makes:
            for mask, accel in self.settings:
                for seed in self.seeds[:1] if accel == 1 else self.seeds:
                    yield Condition(scan, coils, snr, self.slices, mask, accel, seed)


def _check(option: str, values: tuple[float, ...] | None, least: int) -> None:
    if values is not None and not (values and all(least <= value < float("inf") for value in values)):
        raise InputError(f"{option} is {_listed(values)}; give numbers of at least {least}")


def _listed(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values) or "empty"
