"""The whole of the evaluation as one resumable campaign: conditions, runners, suites, rows in JSON files.

A room of its own, not a part of `evaluation/`: simulator and pipeline read that one, and this one reads them.
Importing it costs nothing, so that tables can be made from rows without torch.
"""
