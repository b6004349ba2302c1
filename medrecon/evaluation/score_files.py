"""Two image files in, scores out: `medrecon score PRED TARGET`."""

from os import PathLike

from medrecon.evaluation.protocols import Scores, score

PREDICTION = ("reconstruction",)
TARGET = ("reconstruction", "truth", "reconstruction_rss", "reconstruction_esc", "reference")


def score_files(pred: str | PathLike[str], target: str | PathLike[str], protocol: str = "full-range") -> Scores:
    """Scores of the image in `pred` against that in `target` (.h5, .npy, .nii or .nii.gz).

    Of HDF5 files the dataset `reconstruction` is read, for the target also `truth` or a reference as fastMRI names it.
    Raises InputError for files that hold no image, and as `score` does.
    """
    from medrecon.io.images import load_images

    return score(load_images(pred, PREDICTION), load_images(target, TARGET), protocol)
