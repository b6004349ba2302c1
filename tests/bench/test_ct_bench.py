"""The CT bench: what rows hold, which recipes there are, resuming, shards, and rows that are stale."""

import json
from functools import lru_cache

import pytest
import torch
from ct_bodies import VOXEL, bodies, coarse_scanner

from medrecon.bench.campaign import Campaign
from medrecon.bench.columns import unpacked
from medrecon.bench.ct import campaign as ct_campaign
from medrecon.bench.ct import suite as ct_suite
from medrecon.bench.ct.campaign import CtRows, ct_code_digest, ct_plan
from medrecon.bench.ct.runners import INPUT, Cleaned, CtRunner, cast
from medrecon.bench.ct.sources import CtScan, CtSource
from medrecon.bench.ct.suite import MULTIPLES, CtChoice, CtSuite
from medrecon.bench.plan import Shard
from medrecon.bench.store import join, read_rows
from medrecon.ct import CT_METHODS
from medrecon.errors import InputError
from medrecon.evaluation import CT_PROTOCOLS
from medrecon.networks.ct.load import CtPrior

CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medrecon.bench.ct.cases.SCANNER", coarse_scanner())
        yield


@lru_cache(maxsize=1)
def sources():
    patient, phantom = bodies(2), bodies(2, grain=0.0)
    return (
        CtSource("chest_a", lambda n: CtScan(patient[:n], False, VOXEL)),
        CtSource("phantom-abdomen", lambda n: CtScan(phantom[:n], True, VOXEL)),
    )


def campaign(out, methods=(INPUT,), doses=(0.25,), scans=1, slices=1, shard=None, policy="stop", **choice):
    asked = CtChoice(methods, **choice)
    return Campaign(ct_plan(sources()[:scans], doses, (0,), slices, asked, {}), out, shard, policy, CtRows)


def only_rows(made):
    return [row for store in made.stores.values() for row in store.rows]


def recipes(*methods, **choice):
    return [(r.method, dict(r.options), r.slices) for r in CtSuite().recipes(CtChoice(methods, **choice))]


def test_a_row_holds_scores_under_every_protocol_texture_contrast_and_what_made_it(tmp_path):
    made = campaign(tmp_path / "b", scans=2)
    assert made.run(CPU).left == 0
    patient, phantom = only_rows(made)
    assert (patient["protocol"], patient["reference"], phantom["reference"]) == ("ct-full", "full dose", "truth")
    assert {patient["protocol"], *patient["windows"]} == set(CT_PROTOCOLS)
    for row in (patient, phantom):
        for scores in (row, *row["windows"].values()):
            slices = unpacked(scores)["slices"]
            assert len(slices) == 1
            assert slices[0].keys() == scores["mean"].keys() == {"psnr", "ssim", "rmse"}
        assert row["noise"]["deviation_ratio"] > 1.3
        assert row["lesions"]
        assert all(each["recovered"] == pytest.approx(1, abs=1e-3) for each in row["lesions"])
        assert (row["dose"], row["seed"], row["method"], row["scored"]) == (0.25, 0, INPUT, 1)
        for name in ("commit", "code", "device", "versions", "voxel_mm", "matrix", "network_calls"):
            assert row[name] is not None
    (path,) = made.stores
    assert path.name == "b.json"
    assert json.loads(path.read_text())["device"] == "cpu"


def test_slices_that_were_left_out_keep_their_place():
    suite, case = CtSuite(), None
    (unit,) = ct_plan(sources()[:1], (0.25,), (0,), 2, CtChoice((INPUT,)), {})
    case = suite.prepare(unit.source, unit.condition, CPU)
    row = suite.measure(case, unit.runner, 1, CPU)
    assert row["scored"] == 1
    assert [each["rmse"] is None for each in row["slices"]] == [False, True]
    assert {lesion["slice"] for lesion in row["lesions"]} == {0}


def test_runs_of_very_many_calls_are_spared_the_lesions(monkeypatch):
    (unit,) = ct_plan(sources()[:1], (0.25,), (0,), 1, CtChoice((INPUT,)), {})
    case = unit.suite.prepare(unit.source, unit.condition, CPU)
    asked = []

    def solve(self, low, **how):
        asked.append(how)
        return Cleaned(low, 1.0, 8000, 1.0)

    monkeypatch.setattr(CtRunner, "solve", solve)
    assert unit.suite.measure(case, CtRunner("ddpm", {}), None, CPU)["lesions"] is None
    assert [how["dose"] for how in asked] == [0.25]


def test_a_gpu_is_warmed_up_by_one_step_of_the_same_slices(monkeypatch):
    (unit,) = ct_plan(sources()[:1], (0.25,), (0,), 1, CtChoice((INPUT,)), {})
    case = unit.suite.prepare(unit.source, unit.condition, CPU)
    asked = []
    monkeypatch.setattr(CtRunner, "solve", lambda self, low, **_: asked.append((dict(self.options), low.shape)))
    how = {"device": torch.device("cuda")}
    prior = CtPrior("ct-cold", torch.nn.Identity())
    for runner in (CtRunner("ddpm", {"steps": 1000, "samples": 8}, prior), CtRunner("tv", {})):
        ct_suite._warmed(runner, case, slice(0, 1), how)
    assert asked == [({"steps": 1, "samples": 8}, (1, 96, 96))]


def test_less_noise_with_less_contrast_shows_in_both(monkeypatch):
    """A smoothing filter beats the input's RMSE, and pays in texture and in contrast."""
    (unit,) = ct_plan(sources()[:1], (0.1,), (0,), 1, CtChoice((INPUT,)), {})
    case = unit.suite.prepare(unit.source, unit.condition, CPU)
    plain = unit.suite.measure(case, unit.runner, None, CPU)
    blurred = torch.nn.functional.avg_pool2d
    monkeypatch.setattr(CtRunner, "solve", lambda self, low, **_: Cleaned(blurred(low, 3, 1, 1), 1.0, 0, 1.0))
    smooth = unit.suite.measure(case, CtRunner("tv", {}), None, CPU)
    assert smooth["noise"]["deviation_ratio"] < 0.5 * plain["noise"]["deviation_ratio"]
    assert smooth["noise"]["texture"] > 2 * plain["noise"]["texture"]
    assert max(each["recovered"] for each in smooth["lesions"]) < 0.95


def test_methods_that_go_by_steps_are_run_at_several():
    assert [o["steps"] for _, o, _ in recipes("cold-latent")] == [1, 2, 5, 10]
    assert [o["steps"] for _, o, _ in recipes("cold-pixel")] == [1, 5, 10]
    ddpm = recipes("ddpm", few=2)
    assert [(o["steps"], o.get("samples", 1)) for _, o, _ in ddpm] == [
        (10, 1), (10, 8), (50, 1), (50, 8), (1000, 1), (1000, 8),
    ]  # fmt: skip
    assert [few for _, _, few in ddpm] == [2] * 6
    assert recipes("one-step") == [("one-step", {}, None)]
    assert recipes("red-cnn", "input") == [("red-cnn", {}, None), ("input", {}, None)]
    assert [o["steps"] for _, o, _ in recipes("cold-latent", steps=(3,))] == [3]


@pytest.mark.parametrize("method", ["nlm", "tv"])
def test_baselines_are_tried_at_six_strengths_and_more_about_the_rules(method):
    found = [options for _, options, _ in recipes(method)]
    assert found[0] == {}
    (name,) = {key for options in found[1:] for key in options}
    assert len(found) == len(MULTIPLES) + 1 >= 7
    values = [options[name] for options in found[1:]]
    assert min(values) < ct_suite.default(method, name) < max(values)


def test_killed_and_resumed_and_in_shards_the_rows_are_those_of_one_run(tmp_path):
    whole = campaign(tmp_path / "whole", doses=(0.25, 0.1))
    assert whole.run(CPU).made == 2
    paths = []
    for i in (1, 2):
        shard = campaign(tmp_path / "part", doses=(0.25, 0.1), shard=Shard(i, 2))
        assert shard.run(CPU).made == 1
        paths += shard.stores
    assert campaign(tmp_path / "whole", doses=(0.25, 0.1)).run(CPU).made == 0
    assert campaign(tmp_path / "whole", doses=(0.25, 0.1, 0.5)).run(CPU).made == 1
    assert join([*paths, paths[0]], tmp_path / "joined.json")[0] == 2
    joined = sorted(read_rows(tmp_path / "joined.json"), key=lambda row: -row["dose"])
    assert [row["mean"] for row in joined] == [row["mean"] for row in only_rows(whole)]


def test_rows_of_other_code_stop_the_run(tmp_path, monkeypatch):
    campaign(tmp_path / "b").run(CPU)
    monkeypatch.setattr(ct_campaign, "ct_code_digest", lambda method: "another")
    with pytest.raises(InputError, match=r"1 rows are stale.*dose 0.25.*other code"):
        campaign(tmp_path / "b").run(CPU)
    assert campaign(tmp_path / "b", policy="redo").run(CPU).made == 1


def test_the_digest_is_of_the_methods_own_code():
    digests = {method: ct_code_digest(method) for method in (INPUT, *CT_METHODS)}
    assert len(set(digests.values())) == len(digests)
    assert all(len(each) == 12 for each in digests.values())


def test_what_was_not_named_and_has_no_network_is_left_out(tmp_path):
    methods, priors, left_out = cast((), {}, CPU)
    assert {INPUT, "nlm", "tv"} <= set(methods)
    assert any(reason.startswith("ddpm") for reason in left_out)
    assert set(priors) <= {"cold-latent"}
    for names, given, words in (
        (("ddpm",), {}, "--prior ddpm="),
        ((), {"tv": "a"}, "no method with a network"),
        ((), {"spirit": "a"}, "no method with a network"),
        (("bm3d",), {}, "bm3d"),
    ):
        with pytest.raises(InputError, match=words):
            cast(names, given, CPU)


def test_options_that_a_method_has_not_are_refused_before_any_work():
    with pytest.raises(InputError, match="no option 'sharpness'"):
        ct_campaign.made("tv", {"sharpness": 1})
