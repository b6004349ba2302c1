"""Records of benchmarks/train_ddgan.py as one file of results.

python benchmarks/collect_ddgan_training.py RESULTS.json NAME=RECORD.json[=START] ... [--scores SCORES.json ...]

Records that were scored on the same held-out volumes, by the names that the table is to have, START that of the run
that one went on from; losses by step are left out. Rows that RESULTS.json holds of other weights stay, before the new
ones. SCORES.json is of score_ddgan_priors.py, for rows old and new.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kept import rows_so_far, write_json

from medrecon.bench.stale import commit

KEPT = ("recipe", "parameters", "steps", "seconds", "started_from", "validation_int8", "sha256", "versions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("records", nargs="+", metavar="NAME=RECORD.json[=START]")
    parser.add_argument("--scores", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    made = []
    for text in given.records:
        name, file, start = (*text.split("=", 2), "", "")[:3]
        record = json.loads(Path(file).read_text()) if file and Path(file).is_file() else None
        if record is None or not record.get("finished"):
            parser.error(f"'{text}' names no finished record; give NAME=RECORD.json of train_ddgan.py")
        made.append(row(name, record, start))
    new = {each["sha256"] for each in made}
    rows = [each for each in rows_so_far(given.out) if each["sha256"] not in new] + made
    scores = [json.loads(path.read_text()) for path in given.scores]
    for each in rows:
        each["scores"] = scores_of(each["sha256"], scores) or each.get("scores", {})
    write_json({"commit": commit(), "rows": rows}, given.out)
    print(f"wrote {given.out}: {', '.join(each['name'] for each in rows)}")


def row(name: str, record: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """What the table needs; a start is told by its name in the table or that of its file."""
    options, kept = record["options"], {key: record.get(key) for key in KEPT}
    if kept["started_from"]:
        kept["started_from"] = start or Path(kept["started_from"]).name
    return {"name": name, "objective": options.get("objective"), "diffusion": options.get("diffusion"), **kept}


def scores_of(sha256: str, files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """By kind: calls, slices and foreground PSNR by R, with the code and the machine that made them."""
    return {
        each["kind"]: {key: each[key] for key in ("calls", "slices", "psnr_foreground")}
        | {"commit": file["commit"], "device": file["versions"].get("gpu", "cpu")}
        for file in files
        for each in file["rows"]
        if each["sha256"] == sha256
    }


if __name__ == "__main__":
    main()
