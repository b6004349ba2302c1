"""Tables of docs/*.md, docs/methods/*.md and README.md from benchmarks/results/*.json; none is typed.

python benchmarks/tables.py [--check]

A block `<!-- table:KIND/FILE -->` … `<!-- /table -->` holds the table KIND of results/FILE.json (FILE+FILE joins rows).
Figures are made by plots.py. --check writes nothing and exits with 1 if a block or a figure differs from its results. A
network whose hash is no longer in the registry is called "earlier weights".
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from statistics import mean

from sheets import plots
from sheets.ablation import ablation, continued
from sheets.comparison import FOREGROUND, Row
from sheets.ct import KINDS as CT
from sheets.ct_gate import KINDS as CT_GATE
from sheets.ct_lattice import KINDS as CT_LATTICE
from sheets.ct_speed import KINDS as CT_SPEED
from sheets.ct_steps import KINDS as CT_STEPS
from sheets.ct_training import KINDS as CT_TRAINING
from sheets.ddgan_training import KINDS as DDGAN_TRAINING
from sheets.fdmr import KINDS as FDMR
from sheets.fdmr_batches import KINDS as FDMR_BATCHES
from sheets.fdmr_by_j import KINDS as FDMR_BY_J
from sheets.fdmr_stages import KINDS as FDMR_STAGES
from sheets.fdmr_sweep import KINDS as FDMR_SWEEP
from sheets.figure import draw
from sheets.hfs import KINDS as HFS
from sheets.hfs_differences import KINDS as HFS_DIFFERENCES
from sheets.hfs_speed import hfs_speed
from sheets.hfs_sweep import hfs_sweep
from sheets.margins import draws_gain, margins
from sheets.parts import REGISTRY, ROOT, Record, machine, record, table
from sheets.posterior import KINDS as POSTERIOR
from sheets.quality import paired, paired_sense, quality, summary
from sheets.speed import forms, plain, profile, speed, waits
from sheets.trust import KINDS as TRUST

from medrecon.bench.text import stored

RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
PAGES = (
    DOCS / "benchmarks.md",
    DOCS / "performance.md",
    DOCS / "methods" / "hfs.md",
    DOCS / "methods" / "ct.md",
    DOCS / "methods" / "fdmr.md",
    ROOT / "README.md",
)
BLOCK = re.compile(r"(<!-- table:([\w-]+)/([\w+-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


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
        f"reference {record['reference']}, SNR {record['snr']}; BART {record['versions']['bart']}; {machine(record)}, "
        f"commit {record['commit']}.*"
    )


def sweep(records: Sequence[Record]) -> str:
    """Mean foreground PSNR of each option tried for a method, by R."""
    (record,) = records
    columns = sorted({row["accel"] for row in record["rows"]})
    found: dict[tuple[str, str], dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in record["rows"]:
        options = ", ".join(
            f"{k} {v}" if isinstance(v, (str, bool)) else f"{k} {v:g}" for k, v in row["options"].items()
        )
        found[row["method"], options][row["accel"]].append(row.get("mean", row)[FOREGROUND])
    body = [
        (
            f"`{method}`",
            options or "defaults",
            *(f"{mean(by[a]):.2f}" if by[a] else "–" for a in columns),
            f"{mean(chain(*by.values())):.2f}",
        )
        for (method, options), by in found.items()
    ]
    count = len({row["scan"] for row in record["rows"]})
    scans = f"{count} tuning volumes" if record["reference"] == "simulated" else f"{count} raw scan{'s' * (count > 1)}"
    return table(("method", "options", *(f"R {a:g}" for a in columns), "mean"), body) + (
        f"\n\n*Mean foreground PSNR in dB over {scans}, protocol {record['protocol']}, reference "
        f"{record['reference']}; {machine(record)}, commit {record['commit']}.*"
    )


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


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
    f.__name__: f
    for f in (
        quality,
        paired,
        paired_sense,
        margins,
        draws_gain,
        summary,
        speed,
        forms,
        plain,
        waits,
        profile,
        espirit,
        bart,
        sweep,
        ablation,
        continued,
        weights,
        *TRUST,
        *POSTERIOR,
        *HFS,
        *HFS_DIFFERENCES,
        hfs_sweep,
        hfs_speed,
        *CT,
        *CT_GATE,
        *CT_LATTICE,
        *CT_SPEED,
        *CT_STEPS,
        *CT_TRAINING,
        *DDGAN_TRAINING,
        *FDMR,
        *FDMR_BATCHES,
        *FDMR_BY_J,
        *FDMR_STAGES,
        *FDMR_SWEEP,
    )
}


def block(kind: str, files: str) -> str:
    """The table KIND of FILE or FILE+FILE; a sentence where nothing was measured yet."""
    if files == "registry":
        return KINDS[kind]([{"records": json.loads(REGISTRY.read_text())}])
    paths = [stored(RESULTS / f"{stem}.json") for stem in files.split("+")]
    held = [path for path in paths if path.exists()]
    missing = [f"`benchmarks/results/{path.name}`" for path in paths if path not in held]
    text = KINDS[kind](list(map(record, held))) if held else ""
    note = f"*Not measured yet: {', '.join(missing)}.*" if missing else ""
    return "\n\n".join(filter(None, (text, note)))


def regenerated(page: str, folder: Path = DOCS) -> str:
    """`page`, which lies in `folder`, with every block made anew, and the links to its figures."""
    made = BLOCK.sub(lambda found: f"{found[1]}{block(found[2], found[3])}\n{found[4]}", page)
    return plots.linked(made, RESULTS, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = [(path, new) for path in PAGES if (new := regenerated(old := path.read_text(), path.parent)) != old]
    for path, new in stale:
        print(f"{path.relative_to(ROOT)}: {'differs from its results' if options.check else 'written'}")
        if not options.check:
            path.write_text(new)
    drawings = [found for path in PAGES for found in plots.outdated(path.read_text(), RESULTS)]
    for path, figure in drawings:
        print(f"{path.relative_to(ROOT)}: {'differs from its results' if options.check else 'drawn'}")
        if not options.check:
            draw(figure, path)
    sys.exit(1 if options.check and (stale or drawings) else 0)


def _of(rows: Sequence[Row], key: str) -> float:
    return mean(row["mean"][key] for row in rows)


if __name__ == "__main__":
    main()
