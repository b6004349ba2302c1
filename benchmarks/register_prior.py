"""Make a shipped prior of a trained one: its weights into the package, its record into the registry.

python benchmarks/register_prior.py OUT_DIR/small.safetensors mri-image-small
python benchmarks/register_prior.py OUT_DIR/hfs.safetensors mri-hfs
python benchmarks/register_prior.py OUT_DIR/unrolled.json unrolled
python benchmarks/register_prior.py OUT_DIR/vp.json mri-hfs-vp

The record of a control stands alone: recipe, hash and validation without its weights.
"""

import json
import sys
from pathlib import Path
from typing import Any

from registered_runs import STORED, card_facts, pixel_range, run_facts

from medrecon import weights
from medrecon.weights import Record
from medrecon.weights.registry import FOLDER

KINDS = {"large": "image-prior", "small": "image-prior-small"}
SERVES = {
    "mri-image": "Denoiser of complex MR images of the head: the prior of `dds` and `spirit`",
    "mri-hfs": "Denoiser of the high band of complex MR images of the head, given the low one: the prior of `hfs`",
}
USED_BY = {"mri-image": "dds", "mri-hfs": "hfs"}
ATTRIBUTION = (
    "Lesjak et al. 2016/2017, brain MRI of patients with multiple sclerosis (CC BY); "
    "T1 MEMPRAGE and T2 FSE of one adult (Apache-2.0); T1 MPRAGE of one child (MIT)"
)


CARD = """# {name}

{serves}. **Research use; not a medical device.**

| | |
|---|---|
| network | U-Net of {parameters:.1f} M weights behind a space-to-depth stem, EDM preconditioning, {stored} |
| file | `{file}`, {mib:.2f} MiB, sha256 `{sha256}` |
| licence | {licence} |
| trained on | {attribution} |
| training | {steps} steps, {images} images in {seconds} s on {device}, {begin} |
| pixels | {low} to {high} mm |
| noise levels | {lowest} to {highest} of the 99th percentile of the image, per real component |
| held-out subjects | {validation} |

Magnitude images at their acquired matrix were made complex, cut and acquired anew by `medrecon.datasets`. The
validation reconstructs slices of subjects that training never saw, under the standard conditions of
docs/benchmarks.md (8 simulated coils, SNR 40, 1-D random masks), by `{method}` with 20 calls; foreground PSNR in dB.

It knows heads: seven people, with T1, T2 and FLAIR contrast. Other anatomy, contrasts, implants and large lesions lie
outside, and what it makes of them can look convincing. Where the data say little it adds what its training made likely:
read the standard deviation, the residual and the hold-out beside the image.
"""


def register_control(file: Path, name: str) -> None:
    run = json.loads(file.read_text())
    weights.register(Record(
        name=name, kind="control", file=None, sha256=run["sha256"], licence="Apache-2.0", attribution=ATTRIBUTION,
        parameters=run["parameters"], pixel_range=pixel_range(run),
        training={
            "recipe": run.get("recipe", "benchmarks/train_control.py"), **run_facts(run), "options": run["options"],
        },
        validation=run.get("validation") or run["validation_int8_20"],
    ))  # fmt: skip


def main(file: Path, name: str) -> None:
    run = json.loads(file.with_suffix(".json").read_text())
    tensors, settings, sha256 = weights.load(file)
    options = run["options"]
    (FOLDER / f"{name}.safetensors").write_bytes(file.read_bytes())
    record = Record(
        name=name,
        kind="hfs" if settings["kind"] == "mri-hfs" else KINDS[options["network"]],
        file=f"{name}.safetensors",
        sha256=sha256,
        licence="Apache-2.0",
        attribution=ATTRIBUTION,
        parameters=sum(v.numel() for v in tensors.values()),
        pixel_range=pixel_range(run),
        training={
            "network": options["network"] if isinstance(options["network"], str) else "of its own widths",
            **run_facts(run),
            "started_from": run["started_from"],
            "teacher": run.get("teacher"),
            "stored": STORED,
        },
        validation=run.get("validation_int8") or run["validation_int8_20"],
    )
    weights.register(record)
    (FOLDER / f"{name}.md").write_text(card(record, settings))


def card(record: Record, settings: dict[str, Any]) -> str:
    """The model card, from the record and what the weights file says."""
    begin, teacher = record.training["started_from"], record.training.get("teacher")
    return CARD.format(
        begin=(f"continued from {begin}" if begin else "from random weights")
        + (f", taught by {teacher}" if teacher else ""),
        lowest=settings["levels"][0],
        highest=settings["levels"][1],
        serves=SERVES[settings["kind"]],
        method=USED_BY[settings["kind"]],
        validation=", ".join(f"{k} {v:.3f}" for k, v in record.validation.items()),
        **card_facts(record, (FOLDER / str(record.file)).stat().st_size),
    )


if __name__ == "__main__":
    (register_control if sys.argv[1].endswith(".json") else main)(Path(sys.argv[1]), sys.argv[2])
