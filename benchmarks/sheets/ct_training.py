"""How long the CT networks trained, and after how many minutes each was as good as the DDPM at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sheets.parts import Record, machine, table

RIVAL = "ddpm"
CODEC = "codec"
ROUND_TRIP = "rmse_hu_round_trip"
WORDS = (
    " Minutes of training on the GPU, validation off the clock, the codec's included where there is one, and "
    "those of the network that a settled one went on from. RMSE in HU on held-out slices with the averaged weights, a "
    "settled one's being those that are stored; the codec's is that of its round trip, the `ddpm`'s that of 20 DDIM "
    "steps. Minutes to `ddpm`'s end: until the RMSE at every dose was no higher than the `ddpm`'s last, for a settled "
    "network those of the one that it went on from and all of its own; faster by: the `ddpm`'s minutes over these."
)


def ct_training(records: Sequence[Record]) -> str:
    """One line a network; the minutes of a network of latents hold those of its codec."""
    (record,) = records
    runs = {row["network"]: row for row in record["rows"]}
    rival = runs.get(RIVAL)
    doses = [name for name in _of_network(runs)["validation"][-1] if name.startswith("rmse_hu")]
    body = []
    for name, run in runs.items():
        last = (run["validation"] or [run["validation_trained"]])[-1]
        whole = (_seconds_before(run, runs) + run["seconds"]) / 60
        reached = None if rival is None or name == CODEC else _seconds_to(run, runs, rival["validation"][-1], doses)
        minutes = None if reached is None else reached / 60
        body.append((
            f"`{name}`", f"{run['parameters'] / 1e6:.2f} M", run["steps"], f"{whole:.1f}",
            *(f"{last.get(dose, last.get(ROUND_TRIP)):.2f}" for dose in doses),
            "–" if name == CODEC else "not reached" if minutes is None else f"{minutes:.1f}",
            "–" if name == CODEC or minutes is None or rival is None else f"{rival['seconds'] / 60 / minutes:.1f}×",
        ))  # fmt: skip
    names = [f"RMSE at {100 * float(dose.removeprefix('rmse_hu_')):g} %" for dose in doses]
    head = ("network", "parameters", "steps", "minutes", *names, f"minutes to `{RIVAL}`'s end", "faster by")
    return table(head, body) + f"\n\n*{_machines(record)}.*" + WORDS


def training_minutes(records: Sequence[Record]) -> dict[str | None, str]:
    """Minutes of training by the sha256 of the weights, the codec's included; of those records that hold training."""
    runs = {row["network"]: row for record in records for row in record["rows"] if "network" in row}
    return {run["sha256"]: f"{(_seconds_before(run, runs) + run['seconds']) / 60:.1f}" for run in runs.values()}


KINDS = (ct_training,)


def _of_network(runs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """A run that restores: a codec's validation knows no dose."""
    return next((run for name, run in runs.items() if name != CODEC), next(iter(runs.values())))


def _machines(record: Record) -> str:
    """That of the file, and those of rows that name their own."""
    own: dict[str, list[str]] = defaultdict(list)
    for row in record["rows"]:
        if "versions" in row:
            said = f"{machine({'device': record['device'], 'versions': row['versions']})}, commit {row['commit']}"
            own[said].append(f"`{row['network']}`")
    further = [f"{', '.join(networks)}: {said}" for said, networks in own.items()]
    return "; ".join([f"{machine(record)}, commit {record['commit']}", *further])


def _earlier(run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The run that this one went on from."""
    began = run.get("started_from")
    return next(each for each in runs.values() if each["sha256"] == began) if began else None


def _seconds_before(run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> float:
    """Training time of what a run began with: the codec of its latents, and the network that it went on from."""
    if earlier := _earlier(run, runs):
        return _seconds_before(earlier, runs) + earlier["seconds"]
    if not run.get("codec"):
        return 0.0
    return next(each["seconds"] for each in runs.values() if each["sha256"] == run["codec"])


def _seconds_to(
    run: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, float], doses: Sequence[str]
) -> float | None:
    """Seconds, with those before, to the first validation with every dose as good as `wanted`; None where none is."""
    if earlier := _earlier(run, runs):
        reached = _seconds_to(earlier, runs, wanted, doses)
        return None if reached is None else reached + run["seconds"]
    good = (row["seconds"] for row in run["validation"] if all(row[dose] <= wanted[dose] for dose in doses))
    reached = next(good, None)
    return None if reached is None else reached + _seconds_before(run, runs)
