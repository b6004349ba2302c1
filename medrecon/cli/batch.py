"""`medrecon batch`: a folder of scans or volumes, that can be broken off, resumed, and dealt to many machines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from medrecon.cli.batch_options import Batch, BatchCt, BatchMri
from medrecon.cli.batch_report import Report
from medrecon.cli.batch_site import Site, site
from medrecon.cli.interrupt import first_interrupt
from medrecon.cli.mri_work import mri_work
from medrecon.cli.parse import method_name, parse_both, parse_slices
from medrecon.errors import InputError

if TYPE_CHECKING:
    import torch

    from medrecon.batch.file_work import FileWork
    from medrecon.batch.manifest import Head
    from medrecon.batch.plan import Plan, Shard

SOME_FAILED, INTERRUPTED = 1, 130
DESCRIPTION = """What medrecon mri or medrecon ct does to one file, for every file of IN_DIR: OUT_DIR/NAME.h5 of a scan,
.nii.gz of a NIfTI volume, a folder of a DICOM series. A file that fails is named and passed over. Broken off, by Ctrl-C
or worse, the same command with --resume goes on. The exit code is 0 if all is done, 1 if some files failed.

medrecon batch knee/ images/ --method spirit --accel 4

medrecon batch chest/ denoised/ --method cold-latent --dose 0.25 --shard 0/8"""


class _Places(NamedTuple):
    """The folders of a run."""

    inputs: Path
    results: Path


def run(argv: Sequence[str]) -> int:
    """Run the command; raises InputError before anything is written."""
    options, work = _asked(argv)
    places = _places(options)
    from medrecon.batch.plan import Shard

    shard = Shard.of(options.shard)
    plan = _plan(places, options)
    with site(options.engine, options.device, workers=options.workers, threads=options.threads) as found:
        return _run(options, work, places, plan, shard, found)


def _run(options: Batch, work: FileWork, places: _Places, plan: Plan, shard: Shard, found: Site) -> int:
    from medrecon.batch.manifest import Manifest, manifest_name
    from medrecon.batch.results import check_resumable, check_unused
    from medrecon.batch.run import left_of, work_through

    deciding = found.threads if options.threads or found.device.type == "cpu" else None
    head = _head(work, plan, shard, found.device, deciding)
    if options.resume:
        check_resumable(places.results, head, shard)
    else:
        check_unused(places.results, plan, shard)
    places.results.mkdir(exist_ok=True)
    manifest = Manifest(places.results / manifest_name(shard), head)
    try:
        items = plan.part(shard)
        left = left_of(places.results, items)
        engine = found.engine(manifest.path)
        with first_interrupt() as asked:  # from the first word on: whoever has read it may interrupt
            report = Report(plan, shard, items, left)
            tally = work_through(engine, work, items, left, manifest, on_outcome=report.line, stop=asked)
    finally:
        manifest.close()
    report.end(tally, manifest.path)
    if tally.left:
        print(f"medrecon: interrupted; {places.results} is whole: --resume goes on with it", file=sys.stderr)
        return INTERRUPTED
    return SOME_FAILED if tally.failed else 0


def _asked(argv: Sequence[str]) -> tuple[BatchMri | BatchCt, FileWork]:
    """Options of the run, and the work that its method's options make."""
    from medrecon.ct import CT_METHODS, ct_method_class
    from medrecon.mri import METHODS, method_class

    name = method_name(argv, BatchMri.method)
    command = "batch" if name == BatchMri.method else f"batch --method {name}"
    dosed = any(word == "--dose" or word.startswith("--dose=") for word in argv)
    if name in CT_METHODS and (dosed or name not in METHODS):
        options, method = parse_both(BatchCt, ct_method_class(name), argv, command, DESCRIPTION)
        return options, _ct_work(options, method)
    if name not in METHODS:
        raise InputError(f"unknown method '{name}'; choose one of {', '.join({**METHODS, **CT_METHODS})}")
    options, method = parse_both(BatchMri, method_class(name), argv, command, DESCRIPTION)
    return options, mri_work(options, method)


def _ct_work(options: BatchCt, method: object) -> FileWork:
    from medrecon.batch.ct import CtWork
    from medrecon.ct.method import CtMethod

    assert isinstance(method, CtMethod)
    if options.prior is not None and not method.needs_prior:
        raise InputError(f"--method {options.method} uses no prior; leave --prior out")
    if options.dose is None:
        raise InputError("--dose is missing; give the fraction of full dose of the volumes, such as --dose 0.25")
    if not (isfinite(options.dose) and 0 < options.dose <= 1):
        raise InputError(f"--dose is {options.dose:g}; give the fraction of full dose, above 0 and up to 1")
    if options.seed < 0:
        raise InputError(f"--seed is {options.seed}; give a whole number of at least 0")
    slices = parse_slices(options.slices)
    return CtWork(method, options.dose, options.prior, options.seed, slices, options.keep_identity)


def _places(options: Batch) -> _Places:
    inputs, results = options.in_dir, options.out_dir
    if inputs is None or results is None:
        raise InputError("IN_DIR and OUT_DIR are needed: medrecon batch scans/ images/; see medrecon batch --help")
    if not inputs.is_dir():
        raise InputError(f"{inputs}: is no folder; expected one of scans or volumes (one file alone: medrecon mri, ct)")
    if results.exists() and not results.is_dir():
        raise InputError(f"{results}: is a file; expected the name of a new folder")
    if not results.absolute().parent.is_dir():
        raise InputError(f"{results}: the folder {results.parent} does not exist; create it first or choose another")
    if inputs.resolve().is_relative_to(results.resolve()):
        raise InputError(f"{results} holds the inputs; name a new folder for the results")
    return _Places(inputs, results)


def _plan(places: _Places, options: BatchMri | BatchCt) -> Plan:
    from medrecon.batch.inputs import ct_plan, mri_plan

    if isinstance(options, BatchMri):
        return mri_plan(places.inputs, places.results, options.pattern)
    return ct_plan(places.inputs, places.results, options.pattern, keep_identity=options.keep_identity)


def _head(work: FileWork, plan: Plan, shard: Shard, device: torch.device, threads: int | None) -> Head:
    """The manifest's first line; threads count among the options where the numbers depend on them."""
    import medrecon
    from medrecon.batch.manifest import Head

    options = {**work.options, "device": device.type, "threads": threads}
    weights = work.weights(device)
    return Head(medrecon.__version__, work.command, options, weights, str(shard), len(plan.items), plan.digest)
