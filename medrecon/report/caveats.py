"""What may be wrong with a result: what its record says, or what can be said anew from the numbers that it holds."""

from __future__ import annotations

from collections.abc import Iterator

from medrecon.evaluation.footprint import pixel_warning
from medrecon.evaluation.residual import residual_warning
from medrecon.report.results import Result
from medrecon.weights.registry import find


def caveats(result: Result) -> tuple[str, ...]:
    """One sentence each without a full stop; those stored in the record come first, and are not said twice."""
    return tuple(dict.fromkeys(_caveats(result)))


def _caveats(result: Result) -> Iterator[str]:
    record = result.record
    stored = record.get("warnings")
    if stored:
        yield from map(str, stored)
    if not record:
        yield "the file holds no record of how it was made"
    elif stored is None and not result.is_ct:
        yield from _anew(result)
    scored = len(result.slices)
    if result.shape is not None and scored and scored != result.shape[0] and result.path is not None:
        yield f"the record scores {scored} slices and the image has {result.shape[0]}: are they of one run?"


def _anew(result: Result) -> Iterator[str]:
    """Residual and pixel size; a record before medrecon kept its warnings has the mean residual alone."""
    residual, weights = result.record.get("residual"), result.record.get("weights")
    drawn = weights is not None and "std" not in result.panels
    if residual is not None and (said := residual_warning([residual], drawn)):
        yield said
    known = find(str(weights["name"])) if weights else None
    if weights and known and known[0].sha256 == weights["sha256"]:
        said = pixel_warning(result.voxel_mm, known[0].pixel_range, known[0].name)
        yield from [said] if said else []
