"""Priors of a campaign meet the methods that can use them, and no others."""

import dataclasses
import re

import pytest
import torch
from phantom import gaussian, head

from medrecon.bench.runners import ADAPTING, made, methods, usable
from medrecon.cli.main import run
from medrecon.datasets.pack import write_pack
from medrecon.datasets.volume import TrainingVolume
from medrecon.diffusion.path import VP
from medrecon.diffusion.prior import Prior
from medrecon.errors import InputError
from medrecon.mri import METHODS, method_class
from medrecon.networks.ddgan.denoiser import DdganDenoiser

WITH_BAND = ("hfs", "hfs-paper", "hfs-released")
WITHOUT = ("dds", "spirit", "spirit-paper")


def image_prior(name="image"):
    return dataclasses.replace(gaussian(), name=name)


def band_prior(name="band"):
    def of_band(fractions):
        return (lambda high, low, sigma: high * 0.05 / (0.05 + sigma[..., None, None] ** 2)), 0.05

    return Prior(lambda x, t: x, VP(), 0.05, (0.001, 5.0), name, of_band=of_band)


def names(method, priors, **options):
    return [runner.weights["name"] for runner in made(methods(priors), method, options)]


def test_every_method_with_a_prior_is_of_one_kind_or_the_other() -> None:
    assert {name for name in METHODS if method_class(name).needs_prior} == {*WITH_BAND, *WITHOUT, *ADAPTING}


@pytest.mark.parametrize("method", ADAPTING)
def test_a_method_that_adapts_a_generator_takes_no_other_network(method) -> None:
    generator = dataclasses.replace(image_prior("generator"), denoise=object.__new__(DdganDenoiser))
    priors = [image_prior(), generator, band_prior()]
    assert usable(method, priors, {}) == [generator]
    assert usable("dds", priors, {}) == [priors[0]]
    assert usable("hfs", priors, {}) == [priors[2]]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ADAPTING])
def test_a_method_is_run_with_the_priors_that_it_can_use(method) -> None:
    priors = [image_prior("one"), band_prior("two"), image_prior("three"), band_prior("four")]
    runners = made(methods(priors), method, {})
    if method in (*WITH_BAND, *WITHOUT):
        expected = ["two", "four"] if method in WITH_BAND else ["one", "three"]
        assert [runner.weights["name"] for runner in runners] == expected
    else:
        assert [runner.weights for runner in runners] == [None]


@pytest.mark.parametrize("method", WITH_BAND)
def test_priors_of_whole_images_are_for_a_low_band_where_there_are_no_others(method) -> None:
    assert names(method, [image_prior()]) == ["image"]
    assert names(method, [image_prior(), band_prior()], width=0) == ["image"]
    assert names(method, [image_prior(), band_prior()], width=4) == ["band"]


@pytest.mark.parametrize(("method", "options"), [*((name, {}) for name in WITHOUT), ("hfs", {"width": 0})])
def test_a_method_that_no_prior_is_for_is_one_line(method, options) -> None:
    with pytest.raises(InputError, match=rf"^method '{method}' needs .*, and band knows the high band alone") as caught:
        made(methods([band_prior()]), method, options)
    assert "\n" not in str(caught.value)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """The command on a small pack; priors are those whose names say what they are."""

    def load(name, device):
        assert device == torch.device("cpu")
        return band_prior(name) if "hfs" in name else image_prior(name)

    monkeypatch.setattr("medrecon.networks.load_prior", load)
    values = torch.from_numpy(head(8, 48, 48)).float()
    write_pack(tmp_path / "pack.h5", [TrainingVolume(values, (5.0, 2.0, 2.0), "nobody", "head")])
    argv = ["bench", "mri", "--data", str(tmp_path / "pack.h5"), "-o", str(tmp_path / "b"), "--device", "cpu"]
    argv += ["--accel", "2", "--slices", "1", "--coils", "4", "--snr", "40", "--seeds", "0", "--samples", "1"]
    argv += ["--steps", "2"]
    return lambda *further: run([*argv, *further])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {"dds": "mri-image-small", "hfs": "mri-hfs"}),
        (("mine",), {"dds": "mine", "hfs": "mine"}),
        (("mine", "my-hfs"), {"dds": "mine", "hfs": "my-hfs"}),
    ],
)
def test_each_method_takes_its_own_prior_unless_one_is_given(bench, capsys, given, expected) -> None:
    assert bench("--methods", "dds", "hfs", "zero-filled", *(["--prior", *given] if given else [])) == 0
    lines = capsys.readouterr().out.splitlines()
    used = [found.groups() for line in lines if (found := re.search(r" s0 (\S+) \{.*\} (\S*) foreground", line))]
    assert len(used) == 3
    assert dict(used) == {**expected, "zero-filled": ""}


def test_a_chosen_method_without_a_prior_ends_the_command_with_one_line(bench, capsys) -> None:
    assert bench("--methods", "hfs", "spirit", "--prior", "my-hfs") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "method 'spirit' needs a prior of whole images" in line
    assert bench("--methods", "hfs", "--prior", "my-hfs") == 0
