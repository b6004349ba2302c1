"""Records of benchmarks/train_ct.py as one file of results.

python benchmarks/collect_ct_training.py OUT_DIR RESULTS.json [--after FOLDER]

The networks of OUT_DIR must have been trained on one kind of machine; losses by step are left out, validations are
kept. Rows of FOLDER went on from networks of OUT_DIR and may be of another machine, which they name.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from kept import write_json

from medrecon.bench.stale import commit

KEPT = (
    "recipe",
    "parameters",
    "steps",
    "seconds",
    "validation",
    "validation_trained",
    "validation_int8",
    "codec",
    "sha256",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--after", type=Path)
    given = parser.parse_args()
    done, later = finished(given.folder), finished(given.after) if given.after else {}
    machines = {json.dumps(record["versions"], sort_keys=True) for record in done.values()}
    if len(machines) != 1:
        parser.error(
            f"{given.folder} holds {len(done)} finished runs of {len(machines)} machines; minutes must be of one"
        )
    hashes = {record["sha256"] for record in done.values()}
    if strange := [name for name, record in later.items() if record.get("started_from") not in hashes]:
        parser.error(f"{', '.join(strange)} of {given.after} went on from no network of {given.folder}")
    rows = [kept(name, record) for name, record in done.items()]
    rows += [
        {**kept(name, record), "versions": record["versions"], "commit": commit()} for name, record in later.items()
    ]
    versions = json.loads(machines.pop())
    device = "cuda" if "gpu" in versions else "cpu"
    write_json({"device": device, "commit": commit(), "versions": versions, "rows": rows}, given.out)
    print(f"wrote {given.out}: {', '.join([*done, *later])}")


def finished(folder: Path) -> dict[str, dict[str, Any]]:
    """Records of a folder by network, of the runs that are done."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {name: record for name, record in found.items() if record.get("finished")}


def kept(name: str, record: dict[str, Any]) -> dict[str, Any]:
    began = record.get("started_from")
    return {"network": name, **{key: record[key] for key in KEPT}, **({"started_from": began} if began else {})}


if __name__ == "__main__":
    main()
