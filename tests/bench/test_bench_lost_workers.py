"""A worker that is killed costs no row, and a condition that fails costs no other one."""

from bench_works import Troubled, begun, mri_bench, processes
from campaigns import CPU, by_identity, campaign, rows, volume

from medrecon.bench.identity import identity

METHODS = ("zero-filled", "sense", "spirit-linear")


def test_a_worker_killed_in_mid_run_and_a_condition_that_fails(tmp_path) -> None:
    bench = mri_bench(tmp_path, methods=METHODS, seeds=(0, 1, 2))
    alone, _ = begun(bench, tmp_path / "alone")
    alone.run(CPU)
    shared, work = begun(bench, tmp_path / "shared")
    said = []
    tally = shared.run_by(processes(2), Troubled(work, tmp_path / "mark"), on_row=said.append)
    assert (tmp_path / "mark").exists()
    assert (tally.made, tally.failed, tally.left) == (6, 3, 0)
    (failure,) = tally.failures
    assert failure.condition == "standard, head, random R 2, 4 coils, SNR 40, seed 1"
    assert failure.methods == METHODS
    assert failure.reason.startswith("ValueError in bench_works.py, line")
    assert "Roe" not in failure.reason
    wanted = {key: row for key, row in by_identity(alone).items() if row["seed"] != 1}
    assert by_identity(shared) == wanted
    assert len({identity(row) for row in said}) == len(said) == 6  # none was made twice
    resumed, _ = begun(bench, tmp_path / "shared")
    assert resumed.run(CPU).made == 3
    assert len(rows(resumed)) == 9


def test_what_fails_in_this_process_is_named_and_the_rest_done(tmp_path) -> None:
    def read():
        raise ValueError("broken")

    broken = type(volume())("broken", read)
    made = campaign(tmp_path / "b", sources=[broken, volume()], methods=("zero-filled", "sense"))
    tally = made.run(CPU)
    assert (tally.made, tally.failed, tally.left) == (2, 2, 0)
    (failure,) = tally.failures
    assert "broken" in failure.condition
    assert failure.methods == ("zero-filled", "sense")  # the second was told of the first one's error
    assert "ValueError in test_bench_lost_workers.py" in failure.reason
