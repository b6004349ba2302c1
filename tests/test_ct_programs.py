"""The programs that train and judge CT networks, at toy size: what they write, that they go on, what the gate says."""

import dataclasses
import json
import sys
import time
from pathlib import Path

import pytest
import torch
from ct_pairs import disc

from medrecon import weights
from medrecon.datasets.ct.pack import write_ct_pack
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.load import load_ct
from medrecon.networks.ct.space import LatentScale
from medrecon.weights.registry import register

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import codec_gate  # noqa: E402  (benchmarks is a folder of programs, not a package)
import collect_ct_training  # noqa: E402
import register_ct  # noqa: E402
import train_ct  # noqa: E402


@pytest.fixture
def pack(tmp_path, monkeypatch):
    path = tmp_path / "ct.h5"
    write_ct_pack(path, [disc("a", 2, 64), disc("b", 2, 64, split="held-out")])
    monkeypatch.setattr(train_ct, "FEWEST", 0)
    return path


def train(monkeypatch, pack, *options):
    monkeypatch.setattr(train_ct, "BEGAN", time.monotonic(), raising=False)
    quick = ["--toy", "--phantoms", "0", "--realisations", "1", "--slices", "2", "--every", "0.1"]
    monkeypatch.setattr(sys, "argv", ["train_ct.py", str(pack), str(pack.parent / "out"), *options, *quick])
    train_ct.main()


def test_jobs_are_trained_recorded_cut_short_and_gone_on_with(pack, monkeypatch, capsys):
    out, bank = pack.parent / "out", ["--bank", str(pack.parent / "noise.safetensors")]
    train(monkeypatch, pack, "codec:0.6", *bank)
    record = json.loads((out / "codec.json").read_text())
    assert record["finished"]
    assert record["validation_int8"]["rmse_hu_round_trip"] > 0
    assert record["sha256"] == weights.load(out / "codec.safetensors")[2]
    registered(out / "codec.json", monkeypatch)
    train(monkeypatch, pack, "codec:0.6", "cold-latent:3", "ddpm:0.2", "--limit", "1.5", *bank)
    said = capsys.readouterr().out
    assert "cold-latent stopped at" in said
    assert (out / "cold-latent.checkpoint").exists()
    assert not (out / "ddpm.json").exists()
    before = json.loads((out / "cold-latent.json").read_text())["validation"]
    train(monkeypatch, pack, "cold-latent:3", *bank)
    assert "goes on at step" in capsys.readouterr().out
    record = json.loads((out / "cold-latent.json").read_text())
    assert record["validation"][: len(before)] == before
    steps = [row["steps"] for row in record["validation"]]
    assert steps == sorted(set(steps))
    assert {"seconds", "rmse_hu_0.25", "rmse_hu_0.1"} < set(record["validation"][-1])
    assert load_ct(str(out / "cold-latent.safetensors")).codec is not None
    assert not (out / "cold-latent.checkpoint").exists()
    train(monkeypatch, pack, "cold-latent:3", *bank)
    assert "every job is done" in capsys.readouterr().out


def registered(file, monkeypatch):
    """A run becomes a shipped network, loaded by name, and its card says what it is."""
    folder = file.parent / "registry"
    folder.mkdir()
    (folder / "registry.json").write_text("[]")
    monkeypatch.setattr(register_ct, "FOLDER", folder)
    monkeypatch.setattr(weights, "register", lambda found: register(found, folder))
    monkeypatch.setattr(sys, "argv", ["register_ct.py", str(file), "ct-codec", "--ship"])
    register_ct.main()
    assert weights.load("ct-codec", folder)[1]["kind"] == "ct-codec"
    assert "rmse_hu_round_trip" in (folder / "ct-codec.md").read_text()
    monkeypatch.setattr(sys, "argv", ["register_ct.py", str(file), "ct-ddpm"])
    register_ct.main()
    assert weights.record("ct-ddpm", folder).kind == "control"
    later = json.loads(file.read_text()) | {"started_from": weights.record("ct-ddpm", folder).sha256}
    file.with_name("later.json").write_text(json.dumps(later))
    monkeypatch.setattr(sys, "argv", ["register_ct.py", str(file.with_name("later.json")), "ct-ddpm"])
    with pytest.raises(SystemExit):  # it does not say what it went on from
        register_ct.main()
    sys.argv += ["--began", str(file)]
    register_ct.main()
    told = weights.record("ct-ddpm", folder).training["started_from"]
    assert told.startswith("a run of")
    assert told.endswith(later["started_from"])


@pytest.mark.parametrize("name", train_ct.JOBS)
def test_every_job_has_a_recipe_that_can_be(name):
    from medrecon.training.ct.train import check_recipe

    check_recipe(train_ct.JOBS[name])
    check_recipe(train_ct.toy(train_ct.JOBS[name]))


@pytest.mark.parametrize(("job", "name"), [("cold-latent-settled", "ct-latent"), ("one-step-settled", "ct-one-step")])
def test_the_settled_jobs_are_what_the_registered_networks_were_trained_by(job, name):
    recipe, found = train_ct.JOBS[job], weights.record(name).training
    asked = dataclasses.replace(recipe, loop=dataclasses.replace(recipe.loop, seconds=0.0))
    assert json.loads(json.dumps(dataclasses.asdict(asked))) == found["options"]
    assert found["recipe"].endswith(job)


def test_runs_that_went_on_are_collected_with_their_machine(tmp_path, monkeypatch, capsys):
    def record(path, **own):
        run = dict.fromkeys(collect_ct_training.KEPT) | {"finished": True, "versions": {"gpu": "a"}} | own
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(run))

    def collect():
        given = [str(tmp_path / "first"), str(tmp_path / "out.json"), "--after", str(tmp_path / "later")]
        monkeypatch.setattr(sys, "argv", ["collect_ct_training.py", *given])
        collect_ct_training.main()

    record(tmp_path / "first" / "cold-latent.json", sha256="l")
    settled = tmp_path / "later" / "cold-latent-settled.json"
    record(settled, sha256="s", started_from="other", versions={"gpu": "b"})
    with pytest.raises(SystemExit):
        collect()
    assert "cold-latent-settled" in capsys.readouterr().err
    record(settled, sha256="s", started_from="l", versions={"gpu": "b"})
    collect()
    first, second = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert "versions" not in first
    assert (second["started_from"], second["versions"]) == ("l", {"gpu": "b"})


def test_one_step_and_cold_latent_are_of_one_size():
    assert train_ct.JOBS["one-step"].network == train_ct.JOBS["cold-latent"].network
    assert train_ct.JOBS["cold-pixel"].network.network == train_ct.JOBS["ddpm"].network.network


def test_the_gate_fails_an_untrained_codec_and_passes_what_it_may(pack, monkeypatch, capsys):
    options = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=1)
    codec = pack.parent / "codec.safetensors"
    scale = LatentScale(torch.zeros(8, 1, 1), 1.0)
    settings = {"kind": "ct-codec", "options": options.as_dict(), **scale.as_dict()}
    weights.save(codec, CtCodec(options).state_dict(), settings)
    out, shown = pack.parent / "gate.json", pack.parent / "gate.png"
    given = [str(codec), str(pack), str(out), "--picture", str(shown), "--phantoms", "1", "--slices", "1", "--toy"]
    monkeypatch.setattr(sys, "argv", ["codec_gate.py", *given])
    assert codec_gate.main() == 1
    lines = {line["what"]: line for line in json.loads(out.read_text())["rows"]}
    assert lines["latent values over pixels"]["passes"]
    assert not lines["noise-free phantoms, RMSE in HU"]["passes"]
    assert "b at full dose, smoothed over 5 mm, RMSE in HU" in lines
    assert "FAIL  noise-free phantoms" in capsys.readouterr().out
    assert shown.read_bytes().startswith(b"\x89PNG")


def test_contrast_is_the_share_of_an_insert_that_comes_through():
    phantom = codec_gate.textured_phantom(1, 256, 1.5, level="abdomen")
    for share in (1.0, 0.6):
        found = list(codec_gate.contrasts([phantom], share * phantom.contrast[None]))
        assert len(found) > 3
        assert all(slope == pytest.approx(share, abs=1e-4) for _, slope, _ in found)
    assert max(diameter for diameter, *_ in found) == pytest.approx(6, abs=1.5)
