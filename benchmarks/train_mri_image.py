"""Train image priors on one machine, one after the other, and leave fp16 weights in parts of at most 14 MiB.

python benchmarks/train_mri_image.py PACK OUT_DIR large:720 small:240     (network:seconds)
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from medrecon.datasets.pack import read_pack
from medrecon.progress import Progress
from medrecon.training.mri_image import MriImageOptions, TrainedPrior, train_mri_image

PART_BYTES = 14 * 2**20


def save_parts(trained: TrainedPrior, out: Path, name: str) -> None:
    parts, size = [{}], 0
    for key, value in trained.weights.items():
        half = value.half().contiguous().cpu()
        if size + half.nbytes > PART_BYTES:
            parts.append({})
            size = 0
        parts[-1][key] = half
        size += half.nbytes
    for i, part in enumerate(parts):
        save_file(part, out / f"{name}.{i}.safetensors")
    record = {
        "settings": trained.settings,
        "steps": trained.run.steps,
        "seconds": trained.run.seconds,
        "history": trained.run.history,
    }
    (out / f"{name}.json").write_text(json.dumps(record))


def main(pack: Path, out: Path, jobs: list[str]) -> None:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    volumes = read_pack(pack)
    print("volumes", len(volumes), torch.cuda.get_device_name() if device.type == "cuda" else "cpu", flush=True)
    for job in jobs:
        name, seconds = job.split(":")
        options = MriImageOptions(network=name)
        options = replace(options, loop=replace(options.loop, seconds=float(seconds)))
        began = time.monotonic()

        def report(p: Progress, name: str = name, began: float = began) -> None:
            if p.done % 20 == 0:
                print(name, p.done, "s of", p.total, f"({time.monotonic() - began:.0f} s since start)", flush=True)

        trained = train_mri_image(volumes, options, device, compiled=device.type == "cuda", on_step=report)
        print(name, "steps", trained.run.steps, "sigma_data", trained.settings["sigma_data"])
        print(
            [
                (round(s), n, round(loss, 4))
                for s, n, loss in trained.run.history[:: max(1, len(trained.run.history) // 12)]
            ]
        )
        save_parts(trained, out, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
