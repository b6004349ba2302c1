"""`medrecon bench ct`: every CT method on volumes and phantoms, as one command that resumes and joins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from medrecon.cli.bench import named_values, shard_of
from medrecon.cli.bench_run import BenchSite, bench_site, carry_out, check_out
from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.bench.plan import Shard

CT = """Measure CT methods as docs/methods/ct.md shows them: full-dose volumes and phantoms are simulated at lower
doses, one row a (scan, dose, method) goes to the file NAME.json of -o NAME. What it holds already
is passed over, so that a run that was cut short goes on where it stopped. A row that fails is named and passed over:
the exit code is 1.

medrecon bench ct --data volumes/ -o results/mine --prior cold-latent=mine.safetensors --seconds 3600"""


@dataclass(frozen=True)
class BenchCt:
    """Options of the campaign."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="NAME")]
    """The file of rows, without its ending."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Folder of NIfTI volumes in HU at full dose, a CT pack, or one such file."""
    phantoms: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KIND ...", help_behavior_hint="")] = (
        "chest",
        "abdomen",
    )
    """Textured phantoms whose truth is known: chest, abdomen; nothing after the option leaves them out."""
    doses: Annotated[tuple[float, ...], tyro.conf.arg(metavar="K ...")] = (0.25, 0.1)
    """Fractions of full dose."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...")] = (0,)
    """Of the noise, the lesions and the methods."""
    slices: int = 10
    """Of each scan, evenly spaced from 25 to 80 % of it."""
    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """Methods, "input" for the low-dose scan itself; unless given all that have their network."""
    prior: Annotated[tuple[str, ...], tyro.conf.arg(metavar="METHOD=NAME ...", help_behavior_hint="")] = ()
    """Networks by name or file, each for one method; a method's own unless given."""
    steps: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...", help_behavior_hint="")] = ()
    """Steps of the methods that have them; several of each unless given."""
    samples: Annotated[tuple[int, ...], tyro.conf.arg(metavar="K ...", help_behavior_hint="")] = ()
    """Draws a slice of the methods that draw."""
    few: int = 2
    """Slices of each scan for methods that draw, which take up to thousands of network calls a slice."""
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...", help_behavior_hint="")] = ()
    """Further options of the methods that have them."""
    shard: Annotated[str | None, tyro.conf.arg(metavar="I/N", help_behavior_hint="")] = None
    """The I-th of N disjoint parts of the work, in a file of its own that medrecon bench join puts together."""
    seconds: float = float("inf")
    """Time after which no further row is begun."""
    stale: Literal["stop", "keep", "redo"] = "stop"
    """What to do about rows of other code or earlier weights: stop before any work, keep them beside the new ones, or
    make them anew."""
    list: bool = False
    """Say what is done, missing and stale, and do nothing."""
    workers: int = 0
    """Processes that conditions are dealt to, each with its networks; with 0 this one does them in turn. Only rows that
    were made without company (0 or 1, on a machine of their own) have fair seconds: each row says how many there were.
    With --engine ray actors, as many as the cluster has room for unless given."""
    engine: Literal["local", "ray"] = "local"
    """local: this machine; ray: actors of the Ray cluster that RAY_ADDRESS names, or that runs here."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N; to workers cuda means all GPUs."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """CPU threads, which rows on the CPU depend on: all cores unless given; workers have one each."""


def run(argv: Sequence[str]) -> int:
    """Make the rows that are missing; exit code 0 even if the time ended before the work, 1 if rows failed."""
    options = parse(BenchCt, argv, "bench ct", CT)
    check_out(options.out, options.seconds)
    for name, values in (("--slices", (options.slices,)), ("--few", (options.few,)), ("--steps", options.steps)):
        if any(value < 1 for value in values):
            raise InputError(f"{name} is {min(values)}; give numbers of at least 1")
    shard = shard_of(options.shard)
    with bench_site(options) as place:
        return _run(options, shard, place)


def _run(options: BenchCt, shard: Shard, place: BenchSite) -> int:
    from medrecon.bench.campaign import Campaign
    from medrecon.bench.ct.campaign import CtRows
    from medrecon.bench.ct.runners import cast
    from medrecon.bench.ct.sources import ct_sources
    from medrecon.bench.ct.suite import CtChoice
    from medrecon.bench.ct.work import CtBench
    from medrecon.bench.row_work import plan_digest

    sources, left_out = ct_sources(options.data, options.phantoms)
    given = dict(map(_for_method, options.prior))
    methods, priors, without = cast(options.methods, given, place.here)
    for reason in (*left_out, *without):
        print(f"left out: {reason}")
    choice = CtChoice(
        methods=methods,
        steps=options.steps or None,
        samples=options.samples or None,
        few=options.few,
        options=named_values(options.options),
    )
    bench = CtBench(
        data=options.data,
        phantoms=options.phantoms,
        doses=options.doses,
        seeds=options.seeds,
        slices=options.slices,
        choice=choice,
        priors=given,
    )
    units = bench.plan(sources, priors)
    campaign = Campaign(units, options.out, shard, options.stale, CtRows)
    return carry_out(campaign, replace(bench, digest=plan_digest(units)), place, options, _print_row)


def _for_method(text: str) -> tuple[str, str]:
    method, equals, name = text.partition("=")
    if not (method and equals and name):
        raise InputError(f"--prior holds '{text}'; give METHOD=NAME, such as cold-latent=mine.safetensors")
    return method, name


def _print_row(row: dict[str, Any]) -> None:
    mean, lesions = row["mean"], [x["recovered"] for x in row["lesions"] or () if x["recovered"] is not None]
    texture = "–" if row["noise"] is None else f"{row['noise']['texture']:.2f}"
    seconds = "" if row["seconds_per_slice"] is None else f", {row['seconds_per_slice']:.3g} s a slice"
    contrast = f"{sum(lesions) / len(lesions):.2f}" if lesions else "–"
    print(
        f"{row['scan']} dose {row['dose']:g} {row['method']} {json.dumps(row['options'])} RMSE {mean['rmse']:.2f} HU, "
        f"SSIM {mean['ssim']:.3f} ({row['protocol']}), texture {texture}, contrast {contrast}{seconds}",
        flush=True,
    )
