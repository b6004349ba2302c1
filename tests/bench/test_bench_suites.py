"""Every suite from plan to row on a small head, with numbers that make sense."""

from pathlib import Path

import pytest
import torch
from campaigns import CPU, campaign, volume

from medrecon.bench.cases import evenly
from medrecon.bench.suites import SUITES
from medrecon.pipeline import reconstruct

SCORES = {"psnr", "ssim", "rmse", "nmse", "psnr_foreground", "ssim_foreground"}


def done(out: Path, *suites: str, **changes) -> list[dict]:
    made = campaign(out / "b", suites, **changes)
    tally = made.run(CPU)
    assert tally.left == 0
    assert not tally.impossible
    return [row for store in made.stores.values() for row in store.rows]


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_runs_and_scores(suite: str, tmp_path) -> None:
    rows = done(tmp_path, suite, samples=(2,) if suite == "posterior" else (1,))
    assert rows
    for row in rows:
        assert row["suite"] == suite
        assert set(row["mean"]) == SCORES
        assert len(row["slices"]) == row["scored"] == 2
        assert row["mean"]["psnr_foreground"] > 8
        assert row["seconds_per_slice"] > 0


def test_scores_are_those_of_the_pipeline(tmp_path) -> None:
    from medrecon.masks import pattern

    rows = done(tmp_path, "standard", methods=("sense", "spirit"))
    scan = volume().scan(campaign(tmp_path / "c").units[0].condition).undersample(pattern("random", 2.0, None, 0))
    for row, options in zip(rows, ({}, {"steps": 3, "prior": _prior()}), strict=True):
        scores = reconstruct(scan, row["method"], **options).scores
        assert scores is not None
        assert row["mean"] == pytest.approx(scores["method"]["mean"], rel=1e-4)


def test_fewer_slices_have_the_scores_they_have_among_all(tmp_path) -> None:
    """The data's range belongs to all simulated slices, and the draws to their numbers."""
    whole = done(tmp_path, "standard", methods=("spirit",), slices=5, steps=(26,), samples=(1,))
    part = done(tmp_path / "..", "standard", methods=("spirit",), slices=5, steps=(51,), few=2)
    (row,) = whole
    assert row["scored"] == 5
    (few,) = part
    assert (few["scored"], few["asked_slices"]) == (2, 2)
    known = [i for i, scores in enumerate(few["slices"]) if scores["psnr"] is not None]
    assert known == list(range(5))[evenly(5, 2)]
    assert few["mean"]["psnr"] == pytest.approx(sum(few["slices"][i]["psnr"] for i in known) / 2)
    for i in known:  # twice the steps, nearly the same image
        assert few["slices"][i]["psnr"] == pytest.approx(row["slices"][i]["psnr"], abs=1)


@pytest.mark.parametrize(("n", "count"), [(10, 3), (10, 4), (7, 7), (5, None), (9, 1), (3, 8), (11, 5)])
def test_even_slices_are_as_many_as_asked_and_centred(n: int, count: int | None) -> None:
    found = list(range(n))[evenly(n, count)]
    assert len(found) == min(n, count or n)
    assert abs(sum(found) / len(found) - (n - 1) / 2) <= 1


def test_full_sampling_leaves_little_to_a_prior(tmp_path) -> None:
    rows = done(tmp_path, "light", accel=(1.0,), masks=("random",), methods=("sense", "spirit"), steps=(20,))
    sense, spirit = (row["mean"]["psnr_foreground"] for row in rows)
    assert min(sense, spirit) > 30


def test_a_nominal_acceleration_stands_beside_the_net_one(tmp_path) -> None:
    (row,) = done(tmp_path, "standard", masks=("hfs-uniform",), accel=(10.0,), methods=("zero-filled",))
    assert (row["mask"], row["accel"]) == ("hfs-uniform", 10)
    assert row["net_acceleration"] == pytest.approx(48 / 27)  # 24 lines of the centre, and 3 of the 24 others


def test_noise_costs_quality(tmp_path) -> None:
    rows = done(tmp_path, "snr", snr=(10.0, 40.0), methods=("sense",))
    scores = {row["snr"]: row["mean"]["psnr_foreground"] for row in rows}
    assert scores[40.0] > scores[10.0] + 3


def test_holdout_is_one_for_zero_filling_and_less_for_parallel_imaging(tmp_path) -> None:
    rows = done(tmp_path, "holdout", methods=("zero-filled", "sense"), seeds=(1,))
    found = {row["method"]: row for row in rows}
    assert found["zero-filled"]["holdout_nmse"] == pytest.approx(1)
    assert found["sense"]["holdout_nmse"] < 0.6
    assert len(found["sense"]["holdout_nmse_slices"]) == 2


def test_worse_maps_in_the_projection_cost_sense_more_than_none(tmp_path) -> None:
    rows = done(tmp_path, "maps", methods=("sense",), accel=(3.0,))
    scores = {(row["perturbed"], row["perturbation"]): row["mean"]["psnr_foreground"] for row in rows}
    errors = {row["perturbation"]: row["map_error"] for row in rows}
    assert errors["none"] < 1e-3 < errors["5 % smooth error"]
    assert scores["projection", "5 % smooth error"] < scores["none", "none"]
    assert len(scores) == 1 + 2 * 5


def test_posterior_rows_hold_coverage_and_the_score_of_one_sample(tmp_path) -> None:
    rows = done(tmp_path, "posterior", methods=("sense", "dds", "spirit"), steps=(10,), samples=(4,))
    assert [row["method"] for row in rows] == ["dds", "spirit"]
    for row in rows:
        assert row["mean"]["psnr_foreground"] > row["one_sample"]["mean"]["psnr_foreground"]
        assert row["network_calls"] == 40
        assert len(row["coverage"]) == 2
        assert all(0 < each["within_1_std"] < each["within_2_std"] <= 1 for each in row["coverage"])
        assert all(0 < each["attainable_correlation"] < 0.7 for each in row["coverage"])


def test_other_centres_are_sampled_in_full_at_the_same_acceleration(tmp_path) -> None:
    rows = done(tmp_path, "centres", methods=("zero-filled", "sense"), accel=(1.5,))
    found = {(row["centre"], row["method"]): row for row in rows}
    assert len(found) == len(rows) == 6
    for (centre, _), row in found.items():
        assert row["acs"][1] >= int(centre.split()[0])
        assert row["net_acceleration"] == pytest.approx(1.5)
    scores = {key: row["mean"]["psnr_foreground"] for key, row in found.items()}
    assert scores["12 lines", "zero-filled"] != scores["24 lines", "zero-filled"]
    assert scores["12 lines", "sense"] < scores["24 lines", "sense"]


def test_global_random_state_is_left_alone(tmp_path) -> None:
    from random_state import random_state_untouched

    with random_state_untouched():
        done(tmp_path, *SUITES, methods=("sense", "dds"), samples=(2,))


def test_torch_threads_are_recorded(tmp_path) -> None:
    (row,) = done(tmp_path, "standard", methods=("zero-filled",))
    assert row["versions"]["threads"] == torch.get_num_threads()


def _prior():
    from phantom import gaussian

    return gaussian()
