"""Scores of whole folders: pairs by name, one protocol, one reference, mean and spread over volumes."""

from medrecon.evaluation.folders.folder_scores import FolderScores, Spread, VolumeScores
from medrecon.evaluation.folders.scoring import Selection, score_folders, score_pair

__all__ = ["FolderScores", "Selection", "Spread", "VolumeScores", "score_folders", "score_pair"]
