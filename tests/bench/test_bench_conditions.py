"""Plans: every combination once, stable identities, disjoint shards, few slices where many calls are made."""

from itertools import chain, pairwise

import pytest
from campaigns import campaign, choice, volume

from medrecon.bench.conditions import Choice, Grid
from medrecon.bench.identity import identity
from medrecon.bench.plan import Shard
from medrecon.bench.suites import SUITES
from medrecon.errors import InputError


def test_standard_is_what_the_specification_says() -> None:
    conditions = list(SUITES["standard"].grid.chosen(Choice()).conditions("a", None))
    assert {c.accel for c in conditions} == {4, 8, 10}
    assert {c.seed for c in conditions} == {0, 1, 2, 3, 4}
    assert {(c.coils, c.snr) for c in conditions} == {(8, 40), (16, 40), (8, 20), (16, 20)}
    assert {c.slices for c in conditions} == {10}
    assert len(set(conditions)) == len(conditions) == 60


def test_light_has_equispaced_lines_and_one_mask_at_r_1() -> None:
    conditions = list(SUITES["light"].grid.conditions("a", None))
    settings = {(c.mask, c.accel) for c in conditions}
    assert settings == {("random", 1), ("random", 2), ("random", 3), ("equispaced", 2), ("equispaced", 3)}
    assert sum(c.accel == 1 for c in conditions) == 1


def test_baselines_are_swept_over_six_weights_and_more_with_the_rule_among_them() -> None:
    rule = 0.3
    factors = [r.options["noise_factor"] for r in SUITES["standard"].recipes(choice(methods=("wavelet",)))]
    assert len(factors) >= 6
    assert rule in factors
    assert [b / a for a, b in pairwise(factors)] == pytest.approx([2] * (len(factors) - 1))


def test_measured_scans_keep_their_coils_and_have_no_snr() -> None:
    grid = Grid(settings=(("random", 4.0),), coils=(8, 16), snr=(40.0, 20.0))
    (condition,) = grid.conditions("raw", 15)
    assert (condition.coils, condition.snr, condition.simulated) == (15, None, False)


def test_identities_differ_and_do_not_depend_on_the_order(tmp_path) -> None:
    units = campaign(tmp_path / "b", SUITES, seeds=(0, 1), samples=(1, 2)).units
    keys = [unit.identity for unit in units]
    assert len(set(keys)) == len(keys)
    fields = units[-1].fields
    assert identity(dict(reversed(fields.items()))) == keys[-1]


def test_many_calls_are_made_on_few_slices(tmp_path) -> None:
    units = campaign(tmp_path / "b", methods=("spirit",), slices=8, steps=(30,), samples=(1, 4)).units
    assert {unit.runner.options.get("samples", 1): unit.slices for unit in units} == {1: None, 4: 3}


def test_shards_are_disjoint_and_whole(tmp_path) -> None:
    def keys(shard=None):
        return [unit.identity for unit in campaign(tmp_path / "b", shard=shard, seeds=(0, 1, 2, 3)).units]

    parts = [keys(Shard(i, 3)) for i in (1, 2, 3)]
    assert all(parts)
    assert sorted(chain(*parts)) == sorted(keys())


def test_files_keep_apart_what_captions_could_not(tmp_path) -> None:
    made = campaign(tmp_path / "b", ["standard", "snr"], coils=(4, 8), snr=(40.0, 20.0))
    assert {path.name for path in made.stores} == {
        "b_standard_4coils_snr40.json", "b_standard_8coils_snr40.json", "b_standard_4coils_snr20.json",
        "b_standard_8coils_snr20.json", "b_snr_4coils.json", "b_snr_8coils.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accel": (0.5,)}, "--accel is 0.5"),
        ({"seeds": (-1,)}, "--seeds is -1"),
        ({"slices": 0}, "--slices is 0"),
        ({"snr": (0.0,)}, "--snr is 0"),
        ({"methods": ()}, "--methods names none"),
        ({"methods": ("magic",)}, "unknown method 'magic'"),
        ({"options": {"stepps": 3}}, "no option 'stepps'"),
    ],
)
def test_bad_choices_are_one_line(tmp_path, changes, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        campaign(tmp_path / "b", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("index", "count"), [(0, 2), (3, 2)])
def test_shards_count_from_one(index, count) -> None:
    with pytest.raises(InputError, match="--shard"):
        Shard(index, count)


def test_volumes_alone_can_be_made_ill() -> None:
    assert not SUITES["lesions"].takes_measured
    assert volume().coils is None
