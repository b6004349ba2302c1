"""`medrecon bench mri` and `medrecon bench join`: the whole evaluation as one command that resumes and joins."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from medrecon.cli.bench_run import BenchSite, bench_site, carry_out, check_out
from medrecon.cli.parse import parse
from medrecon.errors import InputError

if TYPE_CHECKING:
    from medrecon.bench.conditions import Choice
    from medrecon.bench.plan import Shard

MRI = """Measure MRI methods as docs/benchmarks.md shows them: volumes are scanned by the simulator, fully sampled
k-space is undersampled, one row a (method, condition) goes to files that start with the name given by -o.
What these files hold already is passed over, so that a run that was cut short goes on where it stopped. A row
that fails is named and passed over: the exit code is 1.

medrecon bench mri --data volumes/ -o results/mine --suite standard lesions --seconds 3600"""
JOIN = """Join files of rows, shards of one campaign for example, by what each row measured.

medrecon bench join results/mine_standard_*of4.json -o results/mine_standard.json"""
SuiteName = Literal["standard", "light", "snr", "holdout", "lesions", "maps", "posterior", "centres", "all"]


@dataclass(frozen=True)
class BenchMri:
    """Options of the campaign; every condition that is not given is the suite's own."""

    data: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder of NIfTI volumes and fully sampled k-space files, a pack of volumes, or one such file."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="NAME")]
    """First words of the files of rows: one file a suite, number of coils and SNR."""
    suite: tuple[SuiteName, ...] = ("standard",)
    """standard: the table; light: R 1 to 3 and equispaced; snr: noise sweep; holdout: retain and predict; lesions: put
    in and taken out; maps: robustness to wrong calibrations; posterior: coverage of the standard deviation;
    centres: 12, 16 and 24 lines of the centre."""
    accel: Annotated[tuple[float, ...], tyro.conf.arg(metavar="R ...", help_behavior_hint="")] = ()
    """Net accelerations."""
    masks: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KIND ...", help_behavior_hint="")] = ()
    """Sampling patterns by name."""
    seeds: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...", help_behavior_hint="")] = ()
    """Of masks and samplers."""
    slices: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Slices of each volume, evenly spaced from 25 to 80 % of it."""
    coils: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...", help_behavior_hint="")] = ()
    """Of simulated scans."""
    snr: Annotated[tuple[float, ...], tyro.conf.arg(metavar="SNR ...", help_behavior_hint="")] = ()
    """Foreground SNR of simulated scans."""
    methods: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """Methods; unless given all that have their prior, but for the slow published forms."""
    prior: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """Priors by name or file, each for the methods that can use it; every method's own unless given."""
    control: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Weights of a supervised network (benchmarks/train_control.py), which joins the methods as "unrolled"."""
    steps: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N ...", help_behavior_hint="")] = ()
    """Steps of the methods that draw from a prior; their own unless given."""
    samples: Annotated[tuple[int, ...], tyro.conf.arg(metavar="K ...", help_behavior_hint="")] = ()
    """Draws a slice."""
    few: int = 3
    """Slices of each volume for runs of more than 50 network calls a slice."""
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE ...", help_behavior_hint="")] = ()
    """Further options of the methods that draw."""
    shard: Annotated[str | None, tyro.conf.arg(metavar="I/N", help_behavior_hint="")] = None
    """The I-th of N disjoint parts of the work, in files of its own that medrecon bench join puts together."""
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


@dataclass(frozen=True)
class BenchJoin:
    """Files of rows, and the one that they become."""

    files: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FILE ...")]
    """Files that medrecon bench mri has written."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """Where the rows of all of them go: .json, or .json.xz, a seventh as large; .json.gz as well."""


def run_mri(argv: Sequence[str]) -> int:
    """Make the rows that are missing; exit code 0 even if the time ended before the work, 1 if rows failed."""
    options = parse(BenchMri, argv, "bench mri", MRI)
    asked, shard = _choice(options), shard_of(options.shard)
    check_out(options.out, options.seconds)
    with bench_site(options) as place:
        return _run_mri(options, asked, shard, place)


def _run_mri(options: BenchMri, asked: Choice, shard: Shard, place: BenchSite) -> int:
    from medrecon.bench.campaign import Campaign
    from medrecon.bench.mri_work import MriBench
    from medrecon.bench.row_work import plan_digest
    from medrecon.bench.runners import CONTROL
    from medrecon.bench.sources import sources
    from medrecon.bench.suites import SUITES
    from medrecon.cli.bench_priors import cast

    found, left_out = sources(options.data)
    players = cast(options.methods, options.prior, place.device, place.here)
    for reason in (*left_out, *players.left_out):
        print(f"left out: {reason}")
    methods = players.methods
    if options.control is not None:
        methods = options.methods or (*methods, CONTROL)
    suites = tuple(SUITES) if "all" in options.suite else options.suite
    choice = replace(asked, methods=methods)
    bench = MriBench(data=options.data, suites=suites, choice=choice, priors=players.names, control=options.control)
    units = bench.plan(found, players.priors, place.here)
    if not units:
        raise InputError(
            f"nothing is to be measured: {', '.join(options.suite)} has no row for these scans and methods; lesions "
            "and snr need volumes, posterior needs methods that draw and --samples above 1"
        )
    campaign = Campaign(units, options.out, shard, options.stale)
    return carry_out(campaign, replace(bench, digest=plan_digest(units)), place, options, _print_row)


def run_join(argv: Sequence[str]) -> int:
    """Write the joined file and say how many rows it has."""
    options = parse(BenchJoin, argv, "bench join", JOIN)
    from medrecon.bench.store import join
    from medrecon.io import check_writable

    if not options.files:
        raise InputError("no file to join was given; give files that medrecon bench mri has written")
    count, repeated = join(options.files, check_writable(options.out, (".json", ".json.xz", ".json.gz")))
    also = f"; {len(repeated)} rows stood in several files, the first of each was kept" if repeated else ""
    print(f"wrote {options.out}: {count} rows of {len(options.files)} files{also}")
    return 0


def _choice(options: BenchMri) -> Choice:
    from medrecon.bench.conditions import Choice

    return Choice(
        accel=options.accel or None,
        masks=options.masks or None,
        seeds=options.seeds or None,
        slices=options.slices,
        coils=options.coils or None,
        snr=options.snr or None,
        steps=options.steps or None,
        samples=options.samples or None,
        few=options.few,
        options=named_values(options.options),
    )


def named_values(texts: Sequence[str]) -> dict[str, Any]:
    """Options from KEY=VALUE texts; values are JSON where they can be read so."""
    return dict(map(_pair, texts))


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"--options holds '{text}'; give KEY=VALUE, for example eta=0.8")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def shard_of(text: str | None) -> Shard:
    """The part of the work that "i/n" names; all of it without one."""
    from medrecon.bench.plan import Shard

    found = re.fullmatch(r"(\d+)/(\d+)", text or "1/1")
    if not found:
        raise InputError(f"--shard is '{text}'; give i/n, for example 2/8")
    return Shard(int(found[1]), int(found[2]))


def _print_row(row: dict[str, Any]) -> None:
    prior = row["weights"]["name"] if row["weights"] else ""
    mean = row["mean"]
    further = [f"{row['perturbed']}: {row['perturbation']}"] if "perturbed" in row else []
    further += [row["centre"]] if "centre" in row else []
    if row.get("holdout_nmse") is not None:
        further.append(f"held out {row['holdout_nmse']:.3f}")
    print(
        f"{row['suite']} {row['scan']} {row['mask']} R{row['accel']:g} (net "
        f"{row['net_acceleration']:.2f}) s{row['seed']} {row['method']} "
        f"{json.dumps(row['options'])} {prior} foreground {_number(mean['psnr_foreground'])} dB, whole "
        f"{_number(mean['psnr'])} dB, {row['seconds_per_slice']:.2f} s a slice {' '.join(further)}".rstrip(),
        flush=True,
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
