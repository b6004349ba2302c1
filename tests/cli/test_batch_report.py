"""What `medrecon batch` says of files whose headers do not tell how many slices they hold."""

from pathlib import Path

import pytest

from medrecon.batch.engine import Outcome
from medrecon.batch.plan import FileItem, Plan, Shard
from medrecon.batch.run import Tally
from medrecon.cli import batch_report
from medrecon.cli.batch_report import Report


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    now = [0.0]
    monkeypatch.setattr(batch_report.time, "monotonic", lambda: now[0])
    return now


def test_they_are_counted_apart_and_take_as_long_as_others(clock, capsys):
    sizes = {"a.dat": None, "b.h5": 2, "c.h5": None, "d.dat": None, "e.h5": 2}
    items = [FileItem(name, Path(name), Path("out") / name, slices) for name, slices in sizes.items()]
    report = Report(Plan(items), Shard(), items, items)
    assert capsys.readouterr().out == "5 files, 4 slices; 3 of the files do not say how many they hold\n"
    steps = [(10, 2, None, "about 40 s"), (10, 2, None, "about 30 s"), (5, 0, "cut off", "about 25 s")]
    failed = 0
    for i, (seconds, slices, reason, left) in enumerate(steps):
        clock[0] += seconds
        failed += reason is not None
        report.line(Outcome(items[i], reason, slices), Tally(5, done=i + 1 - failed, failed=failed))
        said = capsys.readouterr().out
        assert said.startswith(f"[{i + 1}/5] {items[i].name}: ")
        assert f"{left} to go" in said
