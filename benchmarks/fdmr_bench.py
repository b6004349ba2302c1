"""FDMR against its own stages, its controls and the other priors: scores and wall time in one run (issue 7).

python benchmarks/fdmr_bench.py DATA OUT.json --ddgan FILE [--published FILE] [--l1 FILE] [--image mri-image]
                                [--ddpm FILE]
                                [--sweep SWEEP.json]
                                [--parts main costly published together shift curves shift-curves ablation rest]
                                [--entries "fdmr" "dip" ...]
                                [--accel 4 8] [--slices 6] [--few 2] [--device cuda] [--seconds 560] [--tiny]

DATA as in `fdmr_cases`. `--published` is a prior with AdaDiff's levels, where --ddgan has others; what is theirs runs
with it as well. SWEEP.json of `sweep_fdmr.py` has the options that `fdmr` runs with, settled on other patients. Rows
that OUT.json holds are not made again, so that calls of bounded time join; none begins after `--seconds`. A row is one
entry on --slices of one volume: scores after one warm run of a few iterations, seconds of sampling without calibration.
`batches` hold seconds by how many slices go at once, `curves` every iterate of adaptations of --few slices a volume:
gain by J, where E2 stops against the J that the truth would choose, and the J at which fdmr leads dip by 1 dB.
`summary` has what the issue asks of them. `--tiny` rehearses it all at few pixels.

main: held-out patients, what is quick. costly: all weights, dip, DDPM and adadiff there. published: with AdaDiff's
levels. together: 2, 6 and 16 slices at once there, of fdmr, the DDPM, static and spirit. shift: other anatomy and
planes. ablation: one option of fdmr at a time, at the last R. rest: controls that take longest and say least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from fdmr_cases import MASK_SEED, MEASURED, SNR, Cases, Named, sources_of
from fdmr_curves import curve
from fdmr_entry import Entry, Traced, timed
from fdmr_parts import PARTS, Entries, Part
from fdmr_summary import summary
from fdmr_together import SIZES, TINY_SIZES, TOGETHER, batch_row, in_order
from kept import read_json, write_json

from medrecon.bench.cases import in_scan_units, scored
from medrecon.bench.stale import code_digest, commit
from medrecon.bench.text import stored
from medrecon.errors import InputError
from medrecon.networks import load_prior
from medrecon.provenance import versions

KEPT = ("slice", "at", "psnr_foreground", "stopped", "best")
"""Of a curve."""


def row(entry: Entry, named: Named) -> dict[str, Any]:
    """Scores and costs of one entry on one case."""
    case, problem = named.case, named.case.problem
    image, found = timed(entry, problem)
    magnitude = in_scan_units(image, problem, case.scan).abs()
    return {
        **_key(entry.name, named), **found, "reference": case.kind,
        "calibration_seconds_per_slice": case.calibration_seconds, "net_acceleration": case.scan.net_acceleration,
        **scored(magnitude, case, slice(None)),
    }  # fmt: skip


class Run:
    """Rows, batches and curves that are there, and what is yet to be."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.began = given, time.monotonic()
        device = torch.device(given.device)
        files = {name: getattr(given, name) for name in ("ddgan", "published", "l1", "image", "ddpm")}
        priors = {name: load_prior(file, device) for name, file in files.items() if file}
        chosen = read_json(given.sweep)["chosen"] if given.sweep else {}
        self.entries = Entries(priors, chosen, given.tiny)
        self.cases = Cases(given.data, given.slices, device, tiny=given.tiny)
        self.sizes = TINY_SIZES if given.tiny else SIZES
        self.large = Cases(given.data, max(self.sizes), device, tiny=given.tiny)
        held = read_json(given.out) if stored(given.out).exists() else {}
        self.rows, self.curves = held.get("rows", []), held.get("curves", [])
        self.batches, self.refused = held.get("batches", []), held.get("refused", [])
        self.head = {
            "device": str(device), "versions": versions(device), "commit": commit(), "protocol": "full-range",
            "code": {method: code_digest(method) for method in ("fdmr", "dds", "spirit")},
            "snr": SNR, "mask": "random", "slices": given.slices, "tiny": given.tiny,
        }  # fmt: skip

    def __call__(self) -> bool:
        """Whether all is there."""
        parts = self.entries.parts()
        return all(self._done(*asked) for name in self.given.parts for asked in self._asked(name, parts[name]))

    def _asked(self, name: str, part: Part) -> Iterator[tuple[Entry | Traced, Named, int | None]]:
        """Each entry on each case; of `together` with how many slices at once."""
        groups, asked = part
        asked = [each for each in asked if not self.given.entries or each.name in self.given.entries]
        if name == TOGETHER:
            for entry, accel in in_order([each for each in asked if isinstance(each, Entry)], self.given.accel):
                for named in self.large(groups, [accel]):
                    yield from ((entry, named, most) for most in self.sizes)
            return
        accels = self.given.accel[-1:] if name == "ablation" else self.given.accel
        # entry by entry, so that a call that ends early has the most telling ones of all cases
        for each in asked:
            yield from ((each, named, None) for named in self.cases(groups, accels))

    def _done(self, each: Entry | Traced, named: Named, most: int | None) -> bool:
        """False where no time is left for it."""
        key = _key(each.name, named) | ({} if most is None else {"most": most})
        found = self.curves if isinstance(each, Traced) else self.rows if most is None else self.batches
        if _holds(found, key) or key in [{k: v for k, v in other.items() if k != "why"} for other in self.refused]:
            return True
        if time.monotonic() - self.began > self.given.seconds:
            return False
        try:
            said = self._add(each, named, most, key)
        except InputError as error:
            said = f"refused: {error}"
            self.refused.append({**key, "why": str(error)})
        print(f"[{time.monotonic() - self.began:5.0f} s] {key} {said}", flush=True)
        self.keep()
        return True

    def _add(self, each: Entry | Traced, named: Named, most: int | None, key: dict[str, Any]) -> str:
        if isinstance(each, Traced):
            records = curve(named.case, each.method, each.prior, MASK_SEED, self.given.few)
            self.curves.append({**key, "slices": [{name: record[name] for name in KEPT} for record in records]})
            return "curve"
        if most is None:
            made = row(each, named)
            self.rows.append(made)
            score = made["mean"]["psnr_foreground"]
        else:
            made = {**key, **batch_row(each, named, most)}
            self.batches.append(made)
            score = made["psnr_foreground"]
        return f"{score:.2f} dB, {made['seconds_per_slice']:.3f} s a slice"

    def keep(self) -> None:
        write_json(self._whole(), self.given.out)

    def end(self) -> None:
        write_json({**self._whole(), "summary": summary(self.rows, self.curves)}, self.given.out)

    def _whole(self) -> dict[str, Any]:
        made = {"rows": self.rows, "batches": self.batches, "curves": self.curves, "refused": self.refused}
        return {**self.head, **made}


def _key(name: str, named: Named) -> dict[str, Any]:
    return {"entry": name, "group": named.group, "scan": named.case.scan.name, "accel": named.accel}


def _holds(rows: Sequence[Mapping[str, Any]], key: Mapping[str, Any]) -> bool:
    return any(all(row[k] == v for k, v in key.items()) for row in rows)


def main() -> None:
    run = Run(arguments())
    print("all there" if run() else "out of time: run it again", flush=True)
    run.end()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ddgan", required=True)
    parser.add_argument("--published")
    parser.add_argument("--l1")
    parser.add_argument("--image", default="mri-image")
    parser.add_argument("--ddpm")
    parser.add_argument("--sweep", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--entries", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--accel", type=float, nargs="+", default=[4.0, 8.0])
    parser.add_argument("--slices", type=int, default=6, help="of each volume")
    parser.add_argument("--few", type=int, default=2, help="of each volume, in curves")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    missing = [group for group in MEASURED if not sources_of(given.data, group)]
    if missing:
        print(f"not there and left out: {', '.join(missing)}", flush=True)
    return given


if __name__ == "__main__":
    main()
