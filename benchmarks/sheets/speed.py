"""Tables of speed: sampling, waiting times of a user, and where a step's time goes."""

from __future__ import annotations

from collections.abc import Sequence

from sheets.comparison import Row
from sheets.parts import Record, machine, prior, table


def speed(records: Sequence[Record]) -> str:
    """Sampling apart from calibration, and the network's share of the card."""
    (record,) = records
    head = ("method", "network", "matrix × coils", "batch", "calls", "sampling, s a slice", "calibration, s a slice",
            "network TFLOP/s", "share of the card", "launched singly")  # fmt: skip
    body = [
        (
            f"`{row['method']}`", row["network"], _size(row), row["batch"], row["calls"],
            f"{row['seconds_per_slice']:.3g}", f"{row['calibration_seconds_per_slice']:.3g}",
            f"{row['network_tflops']:.3g}", _percent(row["share_of_card"]), _percent(row["launched_share_of_card"]),
        )
        for row in record["rows"]
    ]  # fmt: skip
    return table(head, body) + (
        f"\n\n*Prior {_prior(record)}; {machine(record)}, commit {record['commit']}; bfloat16 matrix product of the "
        f"same run {record['matrix_product_tflops']:.3g} TFLOP/s. One warm-up, then the median of five; the network's "
        "call replayed from a graph, and launched kernel by kernel.*"
    )


def forms(records: Sequence[Record]) -> str:
    """One call of the network in each of its forms."""
    (record,) = records
    first = record["rows"][0]
    head = ("network", "batch", "launched, ms", "share", "replayed, ms", "share", "relative difference")

    def timed(row: Row, key: str) -> tuple[str, str]:
        seconds = row[key]
        if seconds is None:
            return "–", "–"
        share = row["gflop_per_slice"] * row["batch"] / seconds / 1e3 / record["matrix_product_tflops"]
        return f"{1e3 * seconds:.2f}", _percent(share)

    body = [
        (
            row["network"], row["batch"], *timed(row, "launched_seconds"), *timed(row, "replayed_seconds"),
            "–" if not row["difference"] else f"{row['difference']:.1e}",
        )
        for row in record["rows"]
    ]  # fmt: skip
    return table(head, body) + (
        f"\n\n*{first['matrix'][0]} pixels a side, {first['gflop_per_slice']:.0f} GFLOP a slice; share of the "
        f"{record['matrix_product_tflops']:.3g} TFLOP/s of a bfloat16 matrix product of the same run; difference from "
        f"plain relative to the noise taken out; {record['compile_seconds']:.0f} s to compile. Prior {_prior(record)}; "
        f"{machine(record)}, commit {record['commit']}.*"
    )


def plain(records: Sequence[Record]) -> str:
    """The prior's network beside a plain U-Net that was trained by the same recipe for the same seconds."""
    (record,) = records
    accels = sorted(
        {key.rsplit("_r", 1)[1] for row in record["rows"] for key in row if key.startswith("psnr_")}, key=float
    )
    head = (
        "network", "parameters", "GFLOP a slice", "training, s", "images seen", *(f"R {accel}" for accel in accels),
        "launched, ms a slice", "share", "replayed, ms a slice", "share",
    )  # fmt: skip
    body = [
        (
            row["network"], f"{row['parameters'] / 1e6:.1f} M", f"{row['gflop_per_slice']:.0f}",
            f"{row['seconds']:.0f}", row["images"] or "not recorded",
            *(f"{row[f'psnr_foreground_r{accel}']:.2f} / {row[f'ssim_foreground_r{accel}']:.3f}" for accel in accels),
            f"{1e3 * row['launched_seconds_per_slice']:.2f}", _percent(row["launched_share"]),
            f"{1e3 * row['replayed_seconds_per_slice']:.2f}", _percent(row["replayed_share"]),
        )
        for row in record["rows"]
    ]  # fmt: skip
    first = record["rows"][0]
    return table(head, body) + (
        f"\n\n*Foreground PSNR in dB / SSIM of `{record['method']}` at {record['calls']} calls on the held-out "
        f"volumes, {record['slices_per_volume']} slices each, mask seed 0, protocol {record['protocol']}, reference "
        f"{record['reference']}; times at {first['matrix'][0]} pixels a side, batch {first['batch']}; share of a "
        f"bfloat16 matrix product of the same process; {machine(record)}, commit {record['commit']}.*"
    )


def waits(records: Sequence[Record]) -> str:
    """16 slices with their calibration: the first call of a process, and later ones."""
    (record,) = records
    head = ("method", "matrix × coils", "slices", "calls", "first, s a slice", "then, s a slice", "peak memory, GiB")
    body = [
        (
            f"`{row['method']}`", _size(row), row["batch"], row["calls"], f"{row['first_seconds_per_slice']:.3g}",
            f"{row['seconds_per_slice']:.3g}", f"{row['peak_memory_mib'] / 1024:.1f}",
        )
        for row in record["first_and_steady"]
    ]  # fmt: skip
    return table(head, body) + (
        f"\n\n*Calibration in, loading not; the rows were made in this order in a new process, so that the first one "
        f"holds all that is done once. Prior {_prior(record)}; {machine(record)}, commit {record['commit']}.*"
    )


def profile(records: Sequence[Record]) -> str:
    """Milliseconds of the card a slice and call, by kind of kernel."""
    (record,) = records
    rows = record["rows"]
    kinds = dict.fromkeys(kind for row in rows for kind in row["seconds"])
    head = ("kernels", *(f"`{row['method']}`, {row['network']}" for row in rows))

    def cell(row: Row, kind: str) -> str:
        seconds = row["seconds"].get(kind)
        return "–" if seconds is None else f"{1e3 * seconds / row['calls'] / row['batch']:.3f}"

    whole = ("all", *(f"{1e3 * sum(row['seconds'].values()) / row['calls'] / row['batch']:.3f}" for row in rows))
    body = [(kind, *(cell(row, kind) for row in rows)) for kind in kinds]
    return table(head, [*body, whole]) + (
        f"\n\n*Milliseconds a slice and call, {rows[0]['batch']} slices of {_size(rows[0])} at {rows[0]['calls']} "
        f"calls, what is done once a solve shared out among them. Prior {_prior(record)}; {machine(record)}, commit "
        f"{record['commit']}.*"
    )


def _prior(record: Record) -> str:
    return prior({"name": record["prior"], "sha256": record["weights_sha256"]})


def _size(row: Row) -> str:
    return f"{row['matrix'][0]}×{row['matrix'][1]}×{row['coils']}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
