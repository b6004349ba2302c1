"""Make a shipped prior of a trained one: its weights into the package, its record into the registry.

python benchmarks/register_prior.py OUT_DIR/small.safetensors mri-image-small
python benchmarks/register_prior.py OUT_DIR/hfs.safetensors mri-hfs
python benchmarks/register_prior.py OUT_DIR/unrolled.json unrolled
python benchmarks/register_prior.py OUT_DIR/vp.json mri-hfs-vp
python benchmarks/register_prior.py OUT_DIR/l1.json mri-ddgan-l1 --commit b0919c1 --scores scores.json
python benchmarks/register_prior.py OUT_DIR/ddpm.json mri-ddpm --scores scores.json
python benchmarks/register_prior.py OUT_DIR/ddgan.safetensors mri-ddgan --commit 2d6d411 --scores scores.json \
    --began mri-ddgan-l1=OUT_DIR/l1.json

The record of a control stands alone: recipe, hash and validation without its weights. `--began` names the record of the
run that this one went on from, in place of the file that its own names; `--scores` is of score_ddgan_priors.py, whose
estimates then stand as validation; `--commit` is the code that trained.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registered_runs import STORED, card_facts, pixel_range, run_facts

from medrecon import weights
from medrecon.networks.ddgan.schedule import Schedule
from medrecon.weights import Record
from medrecon.weights.registry import BUDGET_MIB, FOLDER


@dataclass(frozen=True)
class Family:
    """What the cards of priors of one kind say: what they serve, the network, its levels, who validated it how."""

    serves: str
    network: str
    levels: str
    validated: str


UNET = "U-Net of {parameters:.1f} M weights behind a space-to-depth stem, EDM preconditioning"
OF_IMAGE = "{levels[0]} to {levels[1]} of the 99th percentile of the image, per real component"
FAMILIES = {
    "mri-image": Family(
        "Denoiser of complex MR images of the head: the prior of `dds` and `spirit`", UNET, OF_IMAGE,
        "`dds` with 20 calls",
    ),
    "mri-hfs": Family(
        "Denoiser of the high band of complex MR images of the head, given the low one: the prior of `hfs`", UNET,
        OF_IMAGE, "`hfs` with 20 calls",
    ),
    "mri-ddgan": Family(
        "Generator of a denoising diffusion GAN of complex MR images of the head: the prior of `fdmr`",
        "generator of {parameters:.1f} M weights behind a space-to-depth stem, with a latent of {generator[latent]}",
        "{steps}, even in {spacing}, {sigmas[0]:.3g} to {sigmas[1]:.3g} of the images' brightest pixels",
        "the first stage of `fdmr` alone with 12 calls",
    ),
}  # fmt: skip
KINDS = {"large": "image-prior", "small": "image-prior-small"}
ATTRIBUTION = (
    "Lesjak et al. 2016/2017, brain MRI of patients with multiple sclerosis (CC BY); "
    "T1 MEMPRAGE and T2 FSE of one adult (Apache-2.0); T1 MPRAGE of one child (MIT)"
)
CARD = """# {name}

{serves}. **Research use; not a medical device.**

| | |
|---|---|
| network | {network}, {stored} |
| file | `{file}`, {mib:.2f} MiB, sha256 `{sha256}` |
| licence | {licence} |
| trained on | {attribution} |
| training | {steps} steps, {images} images in {seconds} s on {device}, {begin} |
| pixels | {low} to {high} mm |
| noise levels | {levels} |
| held-out subjects | {validation} |

Magnitude images at their acquired matrix were made complex, cut and acquired anew by `medrecon.datasets`. The
validation reconstructs slices of subjects that training never saw, under the standard conditions of
docs/benchmarks.md (8 simulated coils, SNR 40, 1-D random masks), by {validated}; foreground PSNR in dB.

It knows heads: seven people, with T1, T2 and FLAIR contrast. Other anatomy, contrasts, implants and large lesions lie
outside, and what it makes of them can look convincing. Where the data say little it adds what its training made likely:
read the standard deviation, the residual and the hold-out beside the image.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("name")
    parser.add_argument("--began", metavar="NAME=RECORD.json")
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--commit")
    given = parser.parse_args()
    run = json.loads(given.file.with_suffix(".json").read_text())
    run |= {"commit": given.commit} if given.commit else {}
    if given.scores:
        run["validation"] = estimates(given.scores, run["sha256"])
    if given.began:
        name, _, file = given.began.partition("=")
        earlier = json.loads(Path(file).read_text())
        facts = run_facts(earlier)
        run["started_from"] = f"{name}, {facts['steps']} steps, {facts['seconds']:g} s, sha256 {earlier['sha256']}"
    if "/" in (run.get("started_from") or ""):
        parser.error(f"{given.file} began with {run['started_from']}; give that run's name and record by --began")
    if given.file.suffix == ".json":
        register_control(given.name, run)
    else:
        ship(given.file, given.name, run)


def estimates(scores: Path, sha256: str) -> dict[str, float]:
    """Foreground PSNR by R of the estimates that `score_ddgan_priors.py` scored of these weights."""
    for row in json.loads(scores.read_text())["rows"]:
        if (row["sha256"], row["kind"]) == (sha256, "estimate"):
            return {f"psnr_foreground_r{accel}": value for accel, value in row["psnr_foreground"].items()}
    raise SystemExit(f"{scores} has no estimates of the weights {sha256[:12]}; score them first")


def register_control(name: str, run: dict[str, Any]) -> None:
    weights.register(Record(
        name=name, kind="control", file=None, sha256=run["sha256"], licence="Apache-2.0", attribution=ATTRIBUTION,
        parameters=run["parameters"], pixel_range=pixel_range(run),
        training={
            "recipe": run.get("recipe", "benchmarks/train_control.py"), **_code(run), **run_facts(run),
            "options": run["options"],
        },
        validation=_validation(run),
    ))  # fmt: skip


def ship(file: Path, name: str, run: dict[str, Any]) -> None:
    tensors, settings, sha256 = weights.load(file)
    options, data = run["options"], file.read_bytes()
    generator = settings["kind"] == "mri-ddgan"
    kind = {"mri-hfs": "hfs", "mri-ddgan": "ddgan"}.get(settings["kind"]) or KINDS[options["network"]]
    if len(data) > BUDGET_MIB[kind] * 2**20:
        raise SystemExit(f"{len(data) / 2**20:.2f} MiB are more than the budget of {BUDGET_MIB[kind]} MiB")
    record = Record(
        name=name,
        kind=kind,
        file=f"{name}.safetensors",
        sha256=sha256,
        licence="Apache-2.0",
        attribution=ATTRIBUTION,
        parameters=sum(v.numel() for v in tensors.values()),
        pixel_range=pixel_range(run),
        training={
            "network": options["network"] if isinstance(options["network"], str) else "of its own widths",
            **_code(run),
            **run_facts(run),
            "started_from": run["started_from"],
            "teacher": run.get("teacher"),
            "stored": STORED,
            **({"recipe": run["recipe"], "options": options} if generator else {}),
        },
        validation=_validation(run),
    )
    (FOLDER / f"{name}.safetensors").write_bytes(data)
    weights.register(record)
    (FOLDER / f"{name}.md").write_text(card(record, settings))


def card(record: Record, settings: dict[str, Any]) -> str:
    """The model card, from the record and what the weights file says."""
    begin, teacher = record.training["started_from"], record.training.get("teacher")
    family = FAMILIES[settings["kind"]]
    if settings["kind"] == "mri-ddgan":
        settings = settings | _of_generator(settings)
        taught = record.training["options"]["objective"]
        begin = f"{begin}, adversary and {taught['l1']:g} × the mean absolute error" if begin else begin
    return CARD.format(
        begin=(f"continued from {begin}" if begin else "from random weights")
        + (f", taught by {teacher}" if teacher else ""),
        levels=family.levels.format(**settings),
        serves=family.serves,
        network=family.network.format(**settings | {"parameters": record.parameters / 1e6}),
        validated=family.validated,
        validation=", ".join(f"{k} {v:.3f}" for k, v in record.validation.items()),
        **card_facts(record, (FOLDER / str(record.file)).stat().st_size),
    )


def _of_generator(settings: dict[str, Any]) -> dict[str, Any]:
    """What a generator's file does not say itself: how its levels are spaced if as published, and what they are."""
    spacing = settings.get("spacing", "time")
    kept = Schedule(settings["steps"], spacing).signal[[1, -1]]
    return {"spacing": spacing, "sigmas": ((1 - kept) / kept).sqrt().tolist()}


def _code(run: dict[str, Any]) -> dict[str, str]:
    return {"commit": run["commit"]} if "commit" in run else {}


def _validation(run: dict[str, Any]) -> dict[str, float]:
    return run.get("validation") or run.get("validation_int8") or run["validation_int8_20"]


if __name__ == "__main__":
    main()
