"""Shards of a campaign whose rows a worker makes, each the same as without it."""

from bench_works import begun, mri_bench, processes
from campaigns import CPU, by_identity
from small_priors import image_file

from medrecon.bench.identity import identity
from medrecon.bench.plan import Shard
from medrecon.bench.store import join, read_rows


def test_shards_with_workers_join_to_the_whole_and_resume(tmp_path) -> None:
    prior = image_file(tmp_path / "prior.safetensors")
    bench = mri_bench(tmp_path, (str(prior),), methods=("sense", "spirit"), seeds=(0, 1, 2), steps=(2,))
    alone, _ = begun(bench, tmp_path / "alone")
    alone.run(CPU)
    early, work = begun(bench, tmp_path / "part", Shard(1, 2))
    assert early.run_by(processes(1), work, seconds=1e-9).left == len(early.units)
    for i in (1, 2):
        shard, work = begun(bench, tmp_path / "part", Shard(i, 2))
        tally = shard.run_by(processes(1), work)
        assert (tally.made, tally.left) == (len(shard.units), 0)
        assert by_identity(shard).items() <= by_identity(alone).items()
    again, work = begun(bench, tmp_path / "part", Shard(1, 2))
    assert again.run_by(processes(1), work).before == len(again.units)
    join(sorted(tmp_path.glob("part*.json")), tmp_path / "joined.json")
    found = read_rows(tmp_path / "joined.json")
    assert len(found) == 6
    assert {identity(row) for row in found} == {unit.identity for unit in alone.units}
