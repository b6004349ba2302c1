"""`medrecon mri`: a scan to an image, scored where a reference is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.device import resolve
from medrecon.cli.mri_work import mri_work
from medrecon.cli.parse import check_distinct, method_name, parse_both
from medrecon.cli.report import print_report
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.reconstruction import Reconstruction

DESCRIPTION = """Reconstruct multi-coil MRI k-space. A fully sampled scan is undersampled and the image scored;
an undersampled one is reconstructed as it is.

medrecon mri --accel 10 --picture demo.png

medrecon mri scan.h5 -o image.nii.gz --method wavelet --accel 4"""


@dataclass(frozen=True)
class Mri:
    """Options that every method has."""

    input: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="[INPUT]", help_behavior_hint="")] = None
    """The scan: fastMRI .h5, ISMRMRD, BART .cfl, Siemens twix .dat, MATLAB .mat, plain .h5 or .npy. Without one, the
    embedded scan."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"], metavar="OUT", help_behavior_hint="")] = None
    """Where the image goes: .h5, .nii.gz, .npy, .png for the picture, or a new folder for a derived DICOM series."""
    method: str = "spirit"
    """zero-filled, sense, wavelet, tv, spirit-linear, dds, spirit, hfs or fdmr; published forms, slow and there to be
    measured: hfs-paper, hfs-released, spirit-paper; --help after a method shows its options."""
    accel: Annotated[float | None, tyro.conf.arg(metavar="R", help_behavior_hint="")] = None
    """Net acceleration of a fully sampled scan; 4 unless given."""
    mask: Annotated[str | None, tyro.conf.arg(metavar="KIND|FILE", help_behavior_hint="")] = None
    """Sampling pattern by name, or a file: .npy, or 'mask' in .mat or .h5. Random lines unless given; with two phase
    axes Poisson disc."""
    acs: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Fully sampled lines at the centre; 20 down to 12 unless given, by the acceleration."""
    seed: int = 0
    """Of the mask and of the sampler."""
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
    """Where the picture goes (.png): reference, zero-filled, reconstruction, error, standard deviation."""
    pick: Annotated[str | None, tyro.conf.arg(metavar="NAME=N,...", help_behavior_hint="")] = None
    """Which volume of a file that holds several: encoding, contrast, phase, repetition, set, group (ISMRMRD, twix),
    or variable (MATLAB)."""
    keep_identity: bool = False
    """Keep the patient's name and other identity in a derived DICOM series; they are left out unless asked for."""
    holdout: bool = False
    """Reconstruct a second time without 5 % of the samples and score the prediction of them."""


def run(argv: Sequence[str]) -> int:
    """Run the command; raises InputError before anything is written."""
    from medrecon.mri import method_class

    name = method_name(argv, Mri.method)
    kind = method_class(name)
    command = "mri" if name == Mri.method else f"mri --method {name}"
    common, method = parse_both(Mri, kind, argv, command, DESCRIPTION)
    _check(common)
    work = mri_work(common, method)
    device = resolve(common.device, common.threads)
    scan = work.read(_input(common), keep_identity=common.keep_identity)
    from medrecon.pipeline import finished

    task = work.task(device)
    with progress_bar() as on_step:
        result = finished(task.solved(scan, work.slices, on_step), task)
    _write(result, common)
    print_report(result, scan)
    return 0


def _check(common: Mri) -> None:
    """What can be known to be wrong before any file is read."""
    from medrecon.io import check_result_writable, check_writable

    if common.out is not None:
        check_result_writable(common.out, keep_identity=common.keep_identity)
    elif common.keep_identity:
        raise InputError("--keep-identity without -o keeps nothing; give -o a folder for a DICOM series")
    for path, endings in ((common.picture, (".png",)), (common.json, (".json",))):
        if path is not None:
            check_writable(path, endings)
    check_distinct((common.input, common.mask, common.prior), (common.out, common.picture, common.json))


def _input(common: Mri) -> Path:
    if common.input is not None:
        return common.input
    from medrecon.simulate.demo import demo_path

    return demo_path()


def _write(result: Reconstruction, common: Mri) -> None:
    from medrecon.io import save, save_picture, write_json

    if common.out is not None:
        save(result, common.out, keep_identity=common.keep_identity)
    if common.picture is not None:
        save_picture(result, common.picture)
    if common.json is not None:
        write_json(result.provenance, common.json)
