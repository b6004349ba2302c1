"""What `medrecon mri` does to a scan, and `medrecon batch` to every one: the same work, made of the same options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medrecon.cli.parse import parse_pick, parse_slices
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.batch.mri import MriWork
    from medrecon.cli.batch_options import BatchMri
    from medrecon.cli.mri import Mri
    from medrecon.mri.method import Method


def mri_work(options: Mri | BatchMri, method: Method) -> MriWork:
    """The work that the options ask for; raises InputError for what no scan could be asked for."""
    from medrecon.batch.mri import MriWork
    from medrecon.masks.undersampling import Undersampling

    if options.prior is not None and not method.needs_prior:
        raise InputError(f"--method {method.name} uses no prior; leave --prior out, or choose dds, spirit, hfs or fdmr")
    return MriWork(
        method,
        Undersampling(options.mask, options.accel, options.acs, options.seed),
        options.prior,
        options.seed,
        options.holdout,
        parse_slices(options.slices),
        parse_pick(options.pick),
    )
