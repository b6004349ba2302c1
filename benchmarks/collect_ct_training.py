"""Records of benchmarks/train_ct.py as one file of results.

python benchmarks/collect_ct_training.py OUT_DIR RESULTS.json

The networks must have been trained on one kind of machine; losses by step are left out, validations are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from medrecon.bench.stale import commit
from medrecon.io import write_json

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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    found = {path.stem: json.loads(path.read_text()) for path in sorted(given.folder.glob("*.json"))}
    done = {name: record for name, record in found.items() if record.get("finished")}
    machines = {json.dumps(record["versions"], sort_keys=True) for record in done.values()}
    if len(machines) != 1:
        parser.error(
            f"{given.folder} holds {len(done)} finished runs of {len(machines)} machines; minutes must be of one"
        )
    rows = [{"network": name, **{key: record[key] for key in KEPT}} for name, record in done.items()]
    versions = json.loads(machines.pop())
    device = "cuda" if "gpu" in versions else "cpu"
    write_json({"device": device, "commit": commit(), "versions": versions, "rows": rows}, given.out)
    print(f"wrote {given.out}: {', '.join(done)}")


if __name__ == "__main__":
    main()
