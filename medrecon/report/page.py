"""`write_report`: a folder of results as one HTML page, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medrecon.atomic import whole_file
from medrecon.io.writable import check_writable
from medrecon.progress import OnStep, Progress, silent
from medrecon.report.building import PageBuilder
from medrecon.report.finding import LeftOut, find_results
from medrecon.report.results import Result
from medrecon.report.words import MIB

OPEN = 3
"""So many volumes are all open when the page is; of more, the first."""


@dataclass(frozen=True)
class ReportOptions:
    """How the page is written.

    Attributes
    ----------
    limit_mib : of all pictures together; where it is reached, pictures are smaller and slices fewer.
    hide_names : number the volumes instead of calling them by their files' names.
    """

    limit_mib: float = 16.0
    hide_names: bool = False


@dataclass(frozen=True)
class Written:
    """What stands in the page, and the names and reasons of what does not."""

    path: Path
    results: tuple[Result, ...]
    left_out: LeftOut


def write_report(folder: Path, path: Path, options: ReportOptions | None = None, on_step: OnStep = silent) -> Written:
    """Write the page of the results in `folder` to `path` (.html).

    It holds everything inside, asks nothing of a network, and shows of every file its name, its images and what
    medrecon wrote into its record, no header. Raises InputError for a folder without results and a bad `path`.
    """
    options = options or ReportOptions()
    check_writable(path, (".html",))
    results, left_out = find_results(folder)
    shown = _numbered(results) if options.hide_names else results
    builder = PageBuilder(shown, int(options.limit_mib * MIB))
    for i, result in enumerate(shown):
        builder.add(result, is_open=i == 0 or len(shown) <= OPEN)
        on_step(Progress("drawing", i + 1, len(shown)))
    title = "Results" if options.hide_names else folder.resolve().name
    left_out = (*left_out, *builder.unreadable)
    named = tuple((f"file {i + 1}", "cannot be shown") for i in range(len(left_out)))
    html = builder.html(title, named if options.hide_names else left_out, hide_names=options.hide_names)
    with whole_file(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return Written(path, results, left_out)


def _numbered(results: tuple[Result, ...]) -> tuple[Result, ...]:
    digits = len(str(len(results)))
    return tuple(replace(result, name=f"volume {i + 1:0{digits}d}") for i, result in enumerate(results))
