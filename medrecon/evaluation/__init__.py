"""How good an image is: metrics, foreground, protocols, references. One way to measure, everywhere."""

from medrecon.evaluation.ct_protocols import CT_PROTOCOLS, score_ct
from medrecon.evaluation.foreground import foreground_mask
from medrecon.evaluation.protocols import PROTOCOLS, Scores, score
from medrecon.evaluation.reference import reference_image
from medrecon.evaluation.score_files import score_files
from medrecon.evaluation.score_volumes import score_volumes

__all__ = [
    "CT_PROTOCOLS",
    "PROTOCOLS",
    "Scores",
    "foreground_mask",
    "reference_image",
    "score",
    "score_ct",
    "score_files",
    "score_volumes",
]
