"""Tables of docs/benchmarks.md and README.md from benchmarks/results/*.json; none is typed.

python benchmarks/tables.py [--check]

A block `<!-- table:KIND/FILE -->` … `<!-- /table -->` holds the table KIND of results/FILE.json (FILE+FILE joins rows).
--check writes nothing and exits with 1 if a block differs from its results. A network whose hash is no longer in the
registry is called "earlier weights".
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from statistics import mean
from typing import Any

from comparison import (
    FOREGROUND,
    METHODS,
    Row,
    Variant,
    baseline,
    differences,
    interval,
    joined,
    settings,
    variants,
)

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
REGISTRY = ROOT / "medrecon" / "weights" / "registry.json"
PAGES = (ROOT / "docs" / "benchmarks.md", ROOT / "README.md")
BLOCK = re.compile(r"(<!-- table:([\w-]+)/([\w+-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)
Record = dict[str, Any]


def quality(records: Sequence[Record]) -> str:
    """Scores by method and R, one table a kind of mask."""
    rows = joined(record["rows"] for record in records)
    head = ("method", "net R", "prior", "PSNR / SSIM whole", "PSNR / SSIM foreground", "seconds a slice", "calls")
    body = []
    for (mask, _), members in settings(rows).items():
        lines = variants(members)
        most = max(line.n_slices for line in lines)
        for line in lines:
            part = "" if line.n_slices == most else f" ({line.n_slices} of {most} slices)"
            body.append((
                name(line) + part, f"{mask} {_net(line.rows):.2f}", prior(line.weights), _pair(line, ""),
                _pair(line, "_foreground"), f"{line.seconds():.2g}", line.calls or "–",
            ))  # fmt: skip
    return table(head, body) + _caption(records, rows) + (
        " PSNR in dB, range = maximum of the reference; means over slices. Seconds: median over scans and seeds, "
        "calibration included, on the machine named here; not comparable with other tables."
    )  # fmt: skip


def paired(records: Sequence[Record]) -> str:
    """Foreground PSNR of dds and spirit minus the better baseline's, by volume (by seed where there is one volume)."""
    rows = joined(record["rows"] for record in records)
    by_seed = len({row["scan"] for row in rows}) == 1
    head = ("R", "minus", "seed" if by_seed else "volume")
    columns = sorted({_column(v): None for m in settings(rows).values() for v in variants(m) if v.weights})
    body = []
    for (mask, accel), members in settings(rows).items():
        lines = variants(members)
        best = baseline(lines)
        of = {_column(v): differences(v, best) for v in lines if v.weights}
        units = {c: _units(found, by_seed) for c, found in of.items()}
        names = dict.fromkeys(unit for found in units.values() for unit in found)
        label = (f"{mask} {accel:g}", f"{name(best, False)} ({best.score(FOREGROUND):.2f})")
        body += [(*label, n, *(_mean(units.get(c, {}).get(n)) for c in columns)) for n in names]
        if len(names) > 1:
            body.append((*label, f"all {len(names)}", *(_all(units.get(c), by_seed) for c in columns)))
    wanted = [" ".join((f"`{c[0]}`", c[1], f"{c[2]} calls", c[3])).replace("  ", " ").strip() for c in columns]
    return table((*head, *wanted), body) + (
        "\n\n*Difference of mean foreground PSNR in dB, same slices and masks. The baseline is the better of `wavelet` "
        "and `tv` over all scans at that R; its mean stands in brackets."
        + ("*" if by_seed else " From 8 volumes on, 95 % intervals resample volumes.*")
    )


def summary(records: Sequence[Record]) -> str:
    """Foreground PSNR / SSIM, one column a setting."""
    rows = joined(record["rows"] for record in records)
    columns = settings(rows)
    lines: dict[tuple, dict[tuple[str, float], Variant]] = defaultdict(dict)
    for setting, members in columns.items():
        for line in variants(members):
            lines[METHODS.index(line.method), name(line, False), prior(line.weights), line.calls or "–"][setting] = line
    body = [
        (*key[1:], *(_pair(found[s], "_foreground") if s in found else "–" for s in columns))
        for key, found in sorted(lines.items(), key=lambda item: item[0][0])
    ]
    head = ("method", "prior", "calls", *(f"{mask} R {accel:g}" for mask, accel in columns))
    return table(head, body) + _caption(records, rows)


def speed(records: Sequence[Record]) -> str:
    (record,) = records
    head = ("method", "matrix × coils", "batch", "calls", "sampling, s a slice", "calibration, s a slice",
            "network TFLOP/s", "share of the card")  # fmt: skip
    body = [
        (
            f"`{row['method']}`" + (", compiled" if row["compiled"] else ""),
            f"{row['matrix'][0]}×{row['matrix'][1]}×{row['coils']}", row["batch"], row["calls"],
            f"{row['seconds_per_slice']:.3g}", f"{row['calibration_seconds_per_slice']:.3g}",
            f"{row['network_tflops']:.3g}", f"{100 * row['share_of_card']:.2g} %",
        )
        for row in record["rows"]
    ]  # fmt: skip
    weights = {"name": record["prior"], "sha256": record["weights_sha256"]}
    return table(head, body) + (
        f"\n\n*Prior {prior(weights)}; {_machine(record)}; bfloat16 matrix product of the same run "
        f"{record['matrix_product_tflops']:.3g} TFLOP/s. One warm-up, then the median of five.*"
    )


def espirit(records: Sequence[Record]) -> str:
    (record,) = records
    head = ("scan", "matrix × coils", "ACS", "median agreement", "5th percentile", "seconds", "SigPy's seconds")
    body = [
        (
            row["scan"], f"{row['matrix'][0]}×{row['matrix'][1]}×{row['coils']}", f"{row['acs']}×{row['acs']}",
            f"{row['median_agreement']:.5f}", f"{row['percentile_5_agreement']:.5f}",
            f"{row['seconds']:.2f}", f"{row['sigpy_seconds']:.2f}",
        )
        for row in record["rows"]
    ]  # fmt: skip
    used = record["versions"]
    return table(head, body) + (
        f"\n\n*Agreement: |<S, S'>| over the foreground. {record['threads']} threads, one slice, median of "
        f"{record['repeats']} after a warm-up; SigPy {used['sigpy']}, torch {used['torch']}.*"
    )


def bart(records: Sequence[Record]) -> str:
    """Each program at its best weight per R, over all scans and seeds."""
    (record,) = records
    groups: dict[float, dict[str, dict[float, list[Row]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in record["rows"]:
        groups[row["accel"]][row["program"]][row["weight"]].append(row)
    body = []
    for accel, programs in sorted(groups.items()):
        for program, weights in sorted(programs.items()):
            best = max(weights, key=lambda w: _of(weights[w], FOREGROUND))
            rows = weights[best]
            body.append((
                f"{accel:g}", program, f"{best:.3g} (of {len(weights)})",
                f"{_of(rows, 'psnr'):.2f} / {_of(rows, 'ssim'):.3f}",
                f"{_of(rows, FOREGROUND):.2f} / {_of(rows, 'ssim_foreground'):.3f}",
                f"{mean(row['seconds_per_slice'] for row in rows):.2g}", len(rows),
            ))  # fmt: skip
    head = ("R", "program", "best weight", "PSNR / SSIM whole", "PSNR / SSIM foreground", "seconds a slice", "scans")
    return table(head, body) + (
        f"\n\n*{record['iterations']} iterations each, same masks, maps and k-space; protocol {record['protocol']}, "
        f"reference {record['reference']}, SNR {record['snr']}; BART {record['versions']['bart']}; {_machine(record)}, "
        f"commit {record['commit']}.*"
    )


def sweep(records: Sequence[Record]) -> str:
    """Mean foreground PSNR of each option tried for a method, by R."""
    (record,) = records
    columns = sorted({row["accel"] for row in record["rows"]})
    found: dict[tuple[str, str], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in record["rows"]:
        options = ", ".join(f"{k} {v:g}" for k, v in row["options"].items())
        found[row["method"], options][row["accel"]].append(row.get("mean", row)[FOREGROUND])
    body = [
        (
            f"`{method}`",
            options or "defaults",
            *(f"{mean(by[a]):.2f}" for a in columns),
            f"{mean(chain(*by.values())):.2f}",
        )
        for (method, options), by in found.items()
    ]
    volumes = len({row["scan"] for row in record["rows"]})
    return table(("method", "options", *(f"R {a:g}" for a in columns), "mean"), body) + (
        f"\n\n*Mean foreground PSNR in dB over {volumes} tuning volumes, protocol {record['protocol']}, reference "
        f"{record['reference']}; {_machine(record)}, commit {record['commit']}.*"
    )


def weights(records: Sequence[Record]) -> str:
    body = []
    for entry in records[0]["records"]:
        size = (
            "not shipped"
            if not entry["file"]
            else f"{(REGISTRY.parent / entry['file']).stat().st_size / 2**20:.2f} MiB"
        )
        scores = ", ".join(
            f"{k} {v:.2f}" if isinstance(v, float) else f"{k} {v}" for k, v in entry["validation"].items()
        )
        body.append((
            f"`{entry['name']}`", size, f"{entry['parameters'] / 1e6:.2f} M",
            "–" if not entry["pixel_range"] else "{:g}–{:g} mm".format(*entry["pixel_range"]),
            scores or "not recorded yet", f"`{entry['sha256'][:12]}`",
        ))  # fmt: skip
    return table(("name", "size", "parameters", "pixels in training", "validation", "sha256"), body)


KINDS: dict[str, Callable[[Sequence[Record]], str]] = {
    f.__name__: f for f in (quality, paired, summary, speed, espirit, bart, sweep, weights)
}


def table(head: Sequence[object], body: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def name(line: Variant, detailed: bool = True) -> str:
    further = [line.choice, line.detail if detailed or not line.choice else ""]
    return ", ".join([f"`{line.method}`", *filter(None, further)])


def prior(weights: dict[str, str] | None) -> str:
    if weights is None:
        return "–"
    label = f"{weights['name']} `{weights['sha256'][:8]}`"
    return label if weights["sha256"] in _registered() else f"{label}, earlier weights"


def block(kind: str, files: str) -> str:
    """The table KIND of FILE or FILE+FILE; a sentence where nothing was measured yet."""
    if files == "registry":
        return KINDS[kind]([{"records": json.loads(REGISTRY.read_text())}])
    paths = [RESULTS / f"{stem}.json" for stem in files.split("+")]
    held = [path for path in paths if path.exists()]
    missing = [f"`benchmarks/results/{path.name}`" for path in paths if path not in held]
    text = KINDS[kind]([json.loads(path.read_text()) for path in held]) if held else ""
    note = f"*Not measured yet: {', '.join(missing)}.*" if missing else ""
    return "\n\n".join(filter(None, (text, note)))


def regenerated(page: str) -> str:
    """`page` with every block made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{block(found[2], found[3])}\n{found[4]}", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = [(path, new) for path in PAGES if (new := regenerated(old := path.read_text())) != old]
    for path, new in stale:
        print(f"{path.relative_to(ROOT)}: {'differs from its results' if options.check else 'written'}")
        if not options.check:
            path.write_text(new)
    sys.exit(1 if options.check and stale else 0)


def _registered() -> set[str]:
    return {entry["sha256"] for entry in json.loads(REGISTRY.read_text())}


def _caption(records: Sequence[Record], rows: Sequence[Row]) -> str:
    """Slices, seeds, protocol, reference, coils, machine and commit, as evaluation.md 9 wants them beside every row."""
    told_r = "; ".join(f"R {accel:g}: {_extent(members)}" for (_, accel), members in settings(rows).items())
    simulated = any(row["reference"] == "simulated" for row in rows)
    told = {key: ", ".join(sorted({str(row[key]) for row in rows})) for key in ("protocol", "reference", "coils")}
    machines = "; ".join(f"{_machine(r)}, commit {r['commit']}" for r in records)
    return (
        f"\n\n*{told_r}; protocol {told['protocol']}, reference {told['reference']}; {told['coils']} coils"
        + (f", SNR {records[0]['snr']}" if simulated else "")
        + f"; {machines}.*"
    )


def _machine(record: Record) -> str:
    used = record["versions"]
    chip = used.get("gpu") or f"{record['device']}, {used['threads']} thread{'s' if used['threads'] > 1 else ''}"
    return f"{chip}, torch {used['torch']}, medrecon {used['medrecon']}"


def _extent(rows: Sequence[Row]) -> str:
    scans = {row["scan"]: len(row["slices"]) for row in rows}
    slices, seeds = sum(scans.values()), ", ".join(str(s) for s in sorted({row["seed"] for row in rows}))
    named = f" ({next(iter(scans))})" if len(scans) == 1 else ""
    return f"{_plural(slices, 'slice')} of {_plural(len(scans), 'scan')}{named}, mask seeds {seeds}"


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" + ("s" if n != 1 else "")


def _net(rows: Sequence[Row]) -> float:
    return mean(row["net_acceleration"] for row in rows)


def _of(rows: Sequence[Row], key: str) -> float:
    return mean(row["mean"][key] for row in rows)


def _pair(line: Variant, where: str) -> str:
    return f"{line.score('psnr' + where):.2f} / {line.score('ssim' + where):.3f}"


def _column(line: Variant) -> tuple[str, str, int, str]:
    return line.method, prior(line.weights), line.calls, line.detail


def _units(found: dict[str, dict[int, list[float]]], by_seed: bool) -> dict[str, list[float]]:
    if by_seed:
        return {str(seed): values for seeds in found.values() for seed, values in seeds.items()}
    return {scan: list(chain(*seeds.values())) for scan, seeds in found.items()}


def _mean(values: Sequence[float] | None) -> str:
    return "–" if not values else f"{mean(values):+.2f}"


def _all(units: dict[str, list[float]] | None, by_seed: bool) -> str:
    if not units:
        return "–"
    whole = _mean(list(chain(*units.values())))
    if by_seed or len(units) < 8:
        return whole
    low, high = interval(list(units.values()))
    return f"{whole} [{low:+.2f}, {high:+.2f}]"


if __name__ == "__main__":
    main()
