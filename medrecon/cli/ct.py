"""`medrecon ct`: a low-dose CT volume to a denoised one, scored where a reference is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.device import resolve
from medrecon.cli.parse import check_distinct, method_name, parse_both, parse_slices
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.denoised import Denoised
    from medrecon.volume import Volume

DESCRIPTION = """Denoise a low-dose CT volume in HU. The input is taken as it is: --dose says at which fraction of full
dose it was taken, and is never used to degrade it (medrecon simulate ct does that).

medrecon ct --picture demo.png

medrecon ct chest/ -o denoised/ --dose 0.25 --steps 5"""


@dataclass(frozen=True)
class Ct:
    """Options that every method has."""

    input: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[INPUT]", help_behavior_hint="")] = None
    """The volume: a DICOM series (its folder), .nii.gz or .npy in HU. Without one, the embedded phantom."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="OUT", help_behavior_hint="")] = None
    """Where the result goes: .nii.gz, .npy, .png at the window, or a new folder for a derived DICOM series."""
    method: str = "cold-latent"
    """cold-latent, cold-pixel, one-step, ddpm, red-cnn, nlm or tv; --help after a method shows its options."""
    dose: Annotated[float | None, tyro.conf.arg(metavar="K", help_behavior_hint="")] = None
    """Fraction of full dose, above 0 and up to 1, at which INPUT was taken; that of the embedded phantom is known."""
    reference: Annotated[Path | None, tyro.conf.arg(metavar="FULL", help_behavior_hint="")] = None
    """The same slices at full dose, to score against."""
    protocol: Literal["ct-full", "ct-chest", "ct-abdomen", "ct-head", "e-red", "e-core"] = "ct-full"
    """What the scores mean: window, range and SSIM."""
    seed: int = 0
    """Of methods that draw."""
    slices: Annotated[str | None, tyro.conf.arg(metavar="A:B", help_behavior_hint="")] = None
    """Only these slices, counted from 0, the last one excluded."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads, which are stored with the result."""
    prior: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Trained network by name or file; unless given, the one that is shipped."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Where the record of the run goes."""
    picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Where the picture goes (.png): low dose, result, reference, error."""
    window: Annotated[str | None, tyro.conf.arg(metavar="NAME|C/W", help_behavior_hint="")] = None
    """Window of what is drawn: soft-tissue, lung, bone, brain, liver, or centre and width in HU such as 50/400; that
    of the protocol unless given."""
    keep_identity: bool = False
    """Keep the patient's name and other identity in a derived DICOM series; they are left out unless asked for."""


def run(argv: Sequence[str]) -> int:
    """Run the command; raises InputError before anything is written."""
    from medrecon.ct import ct_method_class

    name = method_name(argv, Ct.method)
    kind = ct_method_class(name)
    command = "ct" if name == Ct.method else f"ct --method {name}"
    common, method = parse_both(Ct, kind, argv, command, DESCRIPTION)
    window = _checked(common)
    if common.prior is not None and not kind.needs_prior:
        raise InputError(f"--method {common.method} uses no prior; leave --prior out, or choose {Ct.method}")
    device = resolve(common.device, common.threads)
    volume, reference, dose = _demo(common) if common.input is None else _files(common.input, common)
    if common.out is not None:
        from medrecon.io import check_volume_writable

        check_volume_writable(common.out, volume, keep_identity=common.keep_identity)
    from medrecon.ct_pipeline import denoise

    slices = parse_slices(common.slices)
    with progress_bar() as on_step:
        result = denoise(
            volume,
            method,
            dose=dose,
            prior=common.prior,
            device=device,
            seed=common.seed,
            slices=slices,
            reference=reference,
            protocol=common.protocol,
            on_step=on_step,
        )
    _write(result, volume.slices(*slices), reference and reference.slices(*slices), common, window)
    from medrecon.cli.ct_report import print_ct_report

    print_ct_report(result, volume)
    return 0


def _checked(common: Ct) -> tuple[float, float]:
    """What can be known to be wrong before any file is read; the window (low, high) in HU of what is drawn."""
    from medrecon.evaluation import CT_PROTOCOLS
    from medrecon.io import check_writable

    for path, endings in ((common.picture, (".png",)), (common.json, (".json",))):
        if path is not None:
            check_writable(path, endings)
    check_distinct((common.input, common.reference, common.prior), (common.out, common.picture, common.json))
    if common.dose is not None and not (isfinite(common.dose) and 0 < common.dose <= 1):
        raise InputError(f"--dose is {common.dose:g}; give the fraction of full dose, above 0 and up to 1")
    if common.input is not None and common.dose is None:
        raise InputError(
            f"--dose is missing; give the fraction of full dose at which {common.input} was taken, such as --dose 0.25"
        )
    if common.input is None and common.reference is not None:
        raise InputError(
            "--reference was given without INPUT; the embedded phantom has a truth of its own: leave it out"
        )
    if common.seed < 0:
        raise InputError(f"--seed is {common.seed}; give a whole number of at least 0")
    if common.window is None:
        return CT_PROTOCOLS[common.protocol].window
    from medrecon.io.hounsfield_window import window_of

    return window_of(common.window).ends


def _files(path: Path, common: Ct) -> tuple[Volume, Volume | None, float]:
    """(volume, reference, dose) as the user gives them; the reference must lie where the volume lies."""
    from medrecon.io import load_volume

    volume = load_volume(path)
    assert common.dose is not None
    if common.reference is None:
        return volume, None, common.dose
    reference = load_volume(common.reference)
    if reference.values.shape != volume.values.shape:
        shapes = (" x ".join(map(str, each.values.shape)) for each in (reference, volume))
        raise InputError(
            "--reference {0} has {2} voxels, {1} has {3}; give the same slices at full dose".format(
                common.reference, path, *shapes
            )
        )
    return volume, reference, common.dose


def _demo(common: Ct) -> tuple[Volume, Volume | None, float]:
    """The embedded phantom, its truth and its dose."""
    from medrecon.simulate.ct.demo import load_demo

    demo = load_demo()
    if common.dose is not None and common.dose != demo.dose:
        raise InputError(
            f"--dose is {common.dose:g}, but the embedded phantom was taken at {demo.dose:g} of full dose; leave it "
            "out, or make your own with medrecon simulate ct"
        )
    return demo.low, demo.truth, demo.dose


def _write(result: Denoised, volume: Volume, reference: Volume | None, common: Ct, window: tuple[float, float]) -> None:
    from medrecon.io import save_volume, write_json

    made = result.provenance
    if common.out is not None:
        from medrecon.io import Derivation

        weights = made["weights"]
        derivation = Derivation(made["method"], made["versions"]["medrecon"], weights and weights["sha256"])
        save_volume(
            result.values,
            volume,
            common.out,
            derivation=derivation,
            keep_identity=common.keep_identity,
            window=common.window or _named(window),
        )
    if common.picture is not None:
        from medrecon.io.ct_picture import CtPicture, save_ct_picture

        _, y, x = volume.voxel_mm
        full = None if reference is None else reference.values
        save_ct_picture(CtPicture(volume.values, result.values, full, (y, x), window, made), common.picture)
    if common.json is not None:
        write_json(made, common.json)


def _named(window: tuple[float, float]) -> str:
    """Centre/width of (low, high)."""
    low, high = window
    return f"{(low + high) / 2:g}/{high - low:g}"
