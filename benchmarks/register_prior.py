"""Make a shipped prior of a trained one: its weights into the package, its record into the registry.

python benchmarks/register_prior.py OUT_DIR/small.safetensors mri-image-small
"""

import json
import sys
from pathlib import Path

from medrecon import weights
from medrecon.weights import Record
from medrecon.weights.registry import FOLDER

KINDS = {"large": "image-prior", "small": "image-prior-small"}
ATTRIBUTION = (
    "Lesjak et al. 2016/2017, brain MRI of patients with multiple sclerosis (CC BY); "
    "T1 MEMPRAGE and T2 FSE of one adult (Apache-2.0); T1 MPRAGE of one child (MIT)"
)


def main(file: Path, name: str) -> None:
    run = json.loads(file.with_suffix(".json").read_text())
    tensors, _, sha256 = weights.load(file)
    options = run["options"]
    (FOLDER / f"{name}.safetensors").write_bytes(file.read_bytes())
    footprint = options["augmentation"]["footprint"]
    weights.register(
        Record(
            name=name,
            kind=KINDS[options["network"]],
            file=f"{name}.safetensors",
            sha256=sha256,
            licence="Apache-2.0",
            attribution=ATTRIBUTION,
            parameters=sum(v.numel() for v in tensors.values()),
            pixel_range=(footprint["finest_mm"], footprint["coarsest_mm"]),
            training={
                "network": options["network"],
                "steps": run["steps"],
                "images": run["steps"] * options["batch"],
                "seconds": round(run["seconds"], 1),
                "started_from": run["started_from"],
                "device": run["versions"].get("gpu", "cpu"),
                "stored": "int8 per output channel",
                "final_loss": run["history"][-1][2],
            },
            validation=run["validation_int8"],
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
