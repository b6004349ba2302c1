"""Put a CT network of `train_ct.py` into the registry: shipped with its weights and card, or as a control's record.

python benchmarks/register_ct.py OUT_DIR/codec.json ct-codec --ship --gate OUT_DIR/gate.json
python benchmarks/register_ct.py OUT_DIR/cold-latent-settled.json ct-latent --ship --began OUT_DIR/cold-latent.json
python benchmarks/register_ct.py OUT_DIR/ddpm.json ct-ddpm

The codec comes first: a latent network names it by hash.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from registered_runs import STORED, card_facts, run_facts

from medrecon import weights
from medrecon.datasets.ct.phantoms import FINEST_MM
from medrecon.weights import Record
from medrecon.weights.registry import BUDGET_MIB, FOLDER

ATTRIBUTION = (
    "LIDC-IDRI, Armato et al. 2011, The Cancer Imaging Archive (CC BY 3.0); POPI model, Leon Berard Cancer Center & "
    "CREATIS, Lyon (free use with citation); phantoms of this project"
)
PIXEL_MM = (FINEST_MM, 0.98)
TOLD = ("noise-free phantoms, RMSE in HU", "contrast of inserts recovered")
"""Lines of the gate that the record holds; all of them stand in docs/methods/ct.md."""
SHIPPED = {
    "ct-codec": "Autoencoder of CT slices, half as many values as pixels: the space of `cold-latent`",
    "ct-latent": "Restores CT slices of 5 to 50 % dose in the codec's latents: the network of `cold-latent`",
}
CARD = """# {name}

{serves}. **Research use; not a medical device.**

| | |
|---|---|
| network | {parameters:.2f} M weights, int8 per output channel |
| file | `{file}`, {mib:.2f} MiB, sha256 `{sha256}` |
| licence | {licence} |
| trained on | {attribution} |
| training | {steps} steps, {images} crops in {seconds} s on {device}{begin} |
| pixels | {low} to {high} mm |
| held-out subjects | {validation} |

Clinical volumes were averaged to slices of 2 to 3 mm; low doses were simulated in the projection domain and added to
the slices (`medrecon.datasets.ct.bank`), 5 to 50 % of full dose, ramp and Hann kernels. A share of the crops shows
textured phantoms, whose noise-free truth is known. Validation on subjects that training never saw, with the default
scanner; RMSE in HU against the slice at full dose, whose own noise it includes.

It knows the chests of two people, and phantoms. Other anatomy, contrast media, metal and thin slices lie outside. What
it adds where a scan is noisy can look convincing: compare with the input.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--ship", action="store_true")
    parser.add_argument("--gate", type=Path, help="of codec_gate.py")
    parser.add_argument("--began", type=Path, help="record of the run that this one went on from")
    given = parser.parse_args()
    if given.ship and given.name not in SHIPPED:
        parser.error(f"'{given.name}' has no place in the budget; shipped are {', '.join(SHIPPED)}")
    run = json.loads(given.run.read_text())
    earlier = json.loads(given.began.read_text()) if given.began else None
    if (earlier or {}).get("sha256") != run.get("started_from"):
        parser.error(f"{given.run} began with weights {run.get('started_from')}; give that run's record by --began")
    found = record(given.name, run, given.ship, given.gate, earlier)
    if given.ship:
        data = given.run.with_suffix(".safetensors").read_bytes()
        if len(data) > BUDGET_MIB[found.kind] * 2**20:
            parser.error(f"{len(data) / 2**20:.2f} MiB are more than the budget of {BUDGET_MIB[found.kind]}")
        (FOLDER / str(found.file)).write_bytes(data)
        (FOLDER / f"{given.name}.md").write_text(card(found, len(data)))
    weights.register(found)


def record(
    name: str, run: dict[str, Any], ship: bool, gate: Path | None, earlier: dict[str, Any] | None = None
) -> Record:
    validation = dict(run["validation_int8"])
    if gate is not None:
        found = {line["what"]: line["found"] for line in json.loads(gate.read_text())["rows"]}
        validation |= {what: found[what] for what in TOLD}
    return Record(
        name=name,
        kind=name if ship else "control",
        file=f"{name}.safetensors" if ship else None,
        sha256=run["sha256"],
        licence="Apache-2.0",
        attribution=ATTRIBUTION,
        parameters=run["parameters"],
        pixel_range=PIXEL_MM,
        training={
            "recipe": run["recipe"],
            **run_facts(run),
            "started_from": None if earlier is None else begin(earlier),
            "stored": STORED,
            "codec": run["codec"],
            "options": run["options"],
        },
        validation=validation,
    )


def begin(run: dict[str, Any]) -> str:
    """A run that another went on from, in words: its weights are told by hash, not by file."""
    facts = run_facts(run)
    return "a run of {steps} steps, {images} crops, {seconds} s on {device}, sha256 ".format(**facts) + run["sha256"]


def card(found: Record, size: int) -> str:
    """The model card."""
    training = found.training
    part = ", biases and norms alone" if training["options"].get("vectors_only") else ""
    return CARD.format(
        begin=f"{part}, continued from {training['started_from']}" if training["started_from"] else "",
        serves=SHIPPED[found.name],
        validation="; ".join(f"{what} {value:.3g}" for what, value in found.validation.items()),
        **card_facts(found, size),
    )


if __name__ == "__main__":
    main()
