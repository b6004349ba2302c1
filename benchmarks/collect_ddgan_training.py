"""Records of benchmarks/train_ddgan.py as one file of results.

python benchmarks/collect_ddgan_training.py RESULTS.json NAME=RECORD.json [NAME=RECORD.json ...]

Records that were scored on the same held-out volumes, by the names that the table is to have; losses by step are left
out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medrecon.bench.stale import commit
from medrecon.io import write_json

KEPT = ("recipe", "parameters", "steps", "seconds", "started_from", "validation_int8", "sha256", "versions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("records", nargs="+", metavar="NAME=RECORD.json")
    given = parser.parse_args()
    rows = []
    for text in given.records:
        name, _, file = text.partition("=")
        record = json.loads(Path(file).read_text()) if file and Path(file).is_file() else None
        if record is None or not record.get("finished"):
            parser.error(f"'{text}' names no finished record; give NAME=RECORD.json of train_ddgan.py")
        rows.append(row(name, record))
    write_json({"commit": commit(), "rows": rows}, given.out)
    print(f"wrote {given.out}: {', '.join(each['name'] for each in rows)}")


def row(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """What the table needs; a start is told by its file's name alone."""
    options, kept = record["options"], {key: record.get(key) for key in KEPT}
    if kept["started_from"]:
        kept["started_from"] = Path(kept["started_from"]).name
    return {"name": name, "objective": options.get("objective"), "diffusion": options.get("diffusion"), **kept}


if __name__ == "__main__":
    main()
