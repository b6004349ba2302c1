"""What the two `medrecon bench` commands share: where they run, what is said at the end, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from medrecon.cli.batch_site import site
from medrecon.cli.device import resolve
from medrecon.errors import InputError

if TYPE_CHECKING:
    import torch

    from medrecon.batch.engine import Engine
    from medrecon.bench.campaign import Campaign
    from medrecon.bench.row_work import BenchWork
    from medrecon.bench.tally import Tally

SOME_FAILED, INTERRUPTED = 1, 130


class Asked(Protocol):
    """Options of a run."""

    @property
    def workers(self) -> int: ...
    @property
    def engine(self) -> Literal["local", "ray"]: ...
    @property
    def device(self) -> str: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def list(self) -> bool: ...


class BenchSite(NamedTuple):
    """device : kind of the workers' own. here : where this process holds networks. engine : None for this process."""

    device: torch.device
    here: torch.device
    engine: Engine | None


@contextmanager
def bench_site(options: Asked) -> Iterator[BenchSite]:
    """The site that the options ask for, while the block runs; raises InputError where it is not to be had."""
    import torch

    if options.workers < 0:
        raise InputError(f"--workers is {options.workers}; give 0 for none beside this process, or their number")
    if options.engine == "local" and not options.workers:
        device = resolve(options.device, options.threads)
        yield BenchSite(device, device, None)
        return
    with site(options.engine, options.device, workers=options.workers or None, threads=options.threads) as found:
        # nothing ahead: a neighbour that is read meanwhile would show in the seconds
        engine = found.engine(None, ahead=0, slices=0)
        yield BenchSite(found.device, torch.device("cpu"), engine)


def carry_out(
    campaign: Campaign, work: BenchWork, place: BenchSite, options: Asked, say: Callable[[dict[str, Any]], None]
) -> int:
    """Make the rows that are missing, or list them; the exit code, 0 even if the time ended before the work."""
    if options.list:
        print_plan(campaign)
        return 0
    try:
        if place.engine is None:
            tally = campaign.run(place.device, seconds=options.seconds, on_row=say)
        else:
            tally = campaign.run_by(place.engine, work, seconds=options.seconds, on_row=say)
    except KeyboardInterrupt:
        print("medrecon: interrupted; the rows above are kept, the same command goes on", file=sys.stderr)
        return INTERRUPTED
    print_tally(tally)
    return SOME_FAILED if tally.failed else 0


def check_out(out: Path, seconds: float) -> None:
    """Raise InputError where no file could be named after `out`, or no time is given."""
    if not out.parent.is_dir():
        raise InputError(f"{out}: folder {out.parent} does not exist; create it first")
    if out.suffix == ".json" or not out.name:
        raise InputError(f"-o {out} is one file; give the first words of several, without an ending")
    if not seconds > 0:
        raise InputError(f"--seconds is {seconds}; give a positive number")


def print_plan(campaign: Campaign) -> None:
    """What is done, missing and stale, a line a file."""
    from medrecon.bench.campaign import progress

    for path, units, missing, stale in progress(campaign):
        print(f"{path}: {units - missing} of {units} rows done, {stale} stale")
    for rows in campaign.stale.values():
        for each in rows:
            print(f"stale: {each}")


def print_tally(tally: Tally) -> None:
    """What a campaign has made, what it could not make, and whether it is done."""
    for reason, n in tally.impossible.items():
        print(f"not possible, {n} rows: {reason}")
    for each in tally.failures:
        methods = ", ".join(dict.fromkeys(each.methods))
        print(f"failed, {len(each.methods)} rows: {each.condition} ({methods}): {each.reason}")
    end = "all is done" if tally.left == 0 else f"time is up with {tally.left} rows to go; call again to go on"
    if tally.failed and tally.left == 0:
        end = f"{tally.failed} failed; call again to have them tried again"
    print(f"{tally.made} rows made, {tally.before} were there, {tally.planned} planned: {end}")
