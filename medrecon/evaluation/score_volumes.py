"""Two CT volumes in, scores out: `medrecon score PRED TARGET --protocol ct-chest`."""

from os import PathLike

from medrecon.evaluation.ct_protocols import score_ct
from medrecon.evaluation.protocols import Scores


def score_volumes(pred: str | PathLike[str], target: str | PathLike[str], protocol: str = "ct-full") -> Scores:
    """Scores of the volume in `pred` against that in `target`, in HU: a DICOM series, NIfTI or .npy (slice, y, x).

    Raises InputError for what is no such volume, and as `score_ct` does.
    """
    from medrecon.io import load_volume

    return score_ct(load_volume(pred).values, load_volume(target).values, protocol)
