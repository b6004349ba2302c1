"""`medrecon data pack-ct`: a folder of clinical CT into a training pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from medrecon.cli.bar import progress_bar
from medrecon.cli.data import held_out_of, print_packed
from medrecon.cli.parse import parse
from medrecon.errors import InputError

PACK = """Pack a folder of CT volumes for training, split by subject: nobody stands in both parts.

medrecon data pack-ct volumes/ -o ct.h5 --held-out val

Read are NIfTI files in HU and DICOM series, at any depth. Thin slices are averaged, as many as fit into --thickest mm;
no slice enters two averages. Names in --held-out mean subjects, files or folders.

No path, header or patient number is stored; NIfTI volumes keep the names of their files. The images themselves
remain: a head in 3-D has a face."""


@dataclass(frozen=True)
class PackCt:
    """Options of `medrecon data pack-ct`."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """Folder of volumes."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the pack goes (.h5)."""
    held_out: Annotated[
        tuple[str, ...], tyro.conf.arg(metavar="SHARE|NAME...", help_behavior_hint="(default: a tenth of the subjects)")
    ] = ()
    """Who is kept from training: a share of the subjects such as 0.1, or names of subjects, files or folders."""
    seed: int = 0
    """Of the draw of subjects."""
    thickest: float = 3.0
    """Millimetres that an averaged slice may reach."""


def run(argv: Sequence[str]) -> int:
    """Write a pack and print a row a volume."""
    options = parse(PackCt, argv, "data pack-ct", PACK)
    from medrecon.datasets.ct.packing import CtPackOptions, pack_ct_folder
    from medrecon.io import check_writable

    if not options.folder.is_dir():
        raise InputError(f"{options.folder} is no folder; give one that holds volumes")
    if not options.thickest > 0:
        raise InputError(f"--thickest is {options.thickest:g} mm; give a number above 0")
    check_writable(options.out, (".h5",))
    chosen = CtPackOptions(held_out_of(options.held_out), options.seed, options.thickest)
    with progress_bar() as on_step:
        record = pack_ct_folder(options.folder, options.out, chosen, on_step)
    made, before = sum(v.slices for v in record.volumes), sum(v.slices_before for v in record.volumes)
    print_packed(record, f"{before} slices made {made}", options.out, "medrecon train ct-codec")
    return 0
