"""Adaptations iterate by iterate: gain by J, where E2 stops, what it gives away; and the image prior adapted so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean

from fdmr_summary import FOREGROUND, by, curve_means, leads

from sheets.figure import Figure
from sheets.parts import Record, machine, table

SHOWN = (0, 5, 10, 20, 50, 100, 200, 300, 400, 1000)


def fdmr_by_j(records: Sequence[Record]) -> str:
    """Mean foreground PSNR after J iterations; the prior as it was trained at 0."""
    (held,) = records
    means = curve_means(held["curves"])
    shown = [j for j in SHOWN if any(j in line["at"] for line in means)]
    body = []
    for line in means:
        at = dict(zip(line["at"], line[FOREGROUND], strict=True))
        values = (f"{at[j]:.2f}" if j in at else "–" for j in shown)
        body.append((line["group"], f"{line['accel']:g}", line["entry"], *values, f"{max(at, key=lambda j: at[j])}"))
    head = ("images", "R", "entry", *(f"J {j}" for j in shown), "best J of the mean")
    return (
        table(head, body)
        + _caption(held)
        + (
            " Mean foreground PSNR in dB after the data step, without refinement; a tenth of the samples is withheld "
            "from the fit throughout. dip starts from the zero-filled image, the others from stage 1."
        )
    )


def fdmr_stops(records: Sequence[Record]) -> str:
    """Where E2 stops, slice by slice, against the J that the truth would choose; and the lead over dip."""
    (held,) = records
    found = {(line["group"], line["accel"], line["entry"]): line for line in leads(held["curves"])}
    body = []
    for line in curve_means(held["curves"]):
        lead = found.get((line["group"], line["accel"], line["entry"]))
        body.append((
            line["group"], f"{line['accel']:g}", line["entry"], *(_listed(line[name]) for name in ("kept", "best")),
            f"{line['lost_db']:.2f}", f"{mean(line['ran']):.0f}", *_lead(lead),
        ))  # fmt: skip
    head = (
        "images", "R", "entry", "J that E2 keeps, by slice", "J that the truth would keep", "E2 gives away, dB",
        "iterations run", "leads dip by 1 dB at J", "leads the best of dip by 1 dB from J",
    )  # fmt: skip
    return table(head, body) + _caption(held) + " Leads: at equal J, first and last iterate of those that were scored."


def image_adaptation(records: Sequence[Record]) -> str:
    """What fitting the image prior to each scan gains for the methods that draw from it."""
    (held,) = records
    names = list(dict.fromkeys(j for row in held["rows"] for j in row["gain_db"] if j != "0"))
    body = []
    for (method, shown, sigma, group, accel), rows in by(
        held["rows"], "method", "shown", "sigma", "group", "accel"
    ).items():
        gained = [mean(row["gain_db"][j] for row in rows) for j in names]
        start = mean(mean(record[FOREGROUND]) for row in rows for record in row["records"] if record["j"] == "0")
        body.append((f"`{method}`", shown, f"{sigma:g}", group, f"{accel:g}", f"{start:.2f}",
                     *(f"{value:+.2f}" for value in gained)))  # fmt: skip
    head = ("method", "shown", "sigma", "images", "R", "as it is, dB", *(f"J {j}" if j != "E2" else j for j in names))
    return (
        table(head, body)
        + _caption(held)
        + (
            " Mean foreground PSNR as the prior is, and gain over it in dB, means over scans. Shown: the method's "
            "image, as it is or with noise of deviation sigma."
        )
    )


def fdmr_curves(records: Sequence[Record]) -> Figure:
    """Foreground PSNR by J on held-out patients, a panel an R."""
    (held,) = records
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for line in curve_means(held["curves"]):
        if line["group"] == "val":
            points = [(float(j), value) for j, value in zip(line["at"], line[FOREGROUND], strict=True) if j % 10 == 0]
            panels.setdefault(f"R {line['accel']:g}", {})[line["entry"]] = points
    return Figure("Foreground PSNR by iterations of adaptation", "J", "dB", panels)


KINDS: tuple[Callable[[Sequence[Record]], str], ...] = (fdmr_by_j, fdmr_stops, image_adaptation)


def _lead(lead: dict | None) -> tuple[str, str]:
    if lead is None:
        return "–", "–"
    ahead = "never" if lead["first"] is None else f"{lead['first']} to {lead['last']}"
    return ahead, "never" if lead["over_best_dip"] is None else str(lead["over_best_dip"])


def _listed(values: Sequence[int]) -> str:
    return " ".join(map(str, values))


def _caption(held: Record) -> str:
    return f"\n\n*Random lines, mask seed 0; protocol {held['protocol']}; {machine(held)}, commit {held['commit']}.*"
