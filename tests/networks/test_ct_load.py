"""CT networks from their files: each kind, the codec that a latent one names, and what is refused."""

import pytest
import torch

from medrecon import weights
from medrecon.errors import InputError
from medrecon.networks.ct.codec import CodecOptions, CtCodec
from medrecon.networks.ct.cold import ColdNet, ColdOptions
from medrecon.networks.ct.ddpm import CtDdpm, DdpmOptions
from medrecon.networks.ct.load import CtPrior, load_ct
from medrecon.networks.ct.red_cnn import RedCnn
from medrecon.networks.unet import UNet, UNetOptions

TINY = UNetOptions((8, 8), (1, 1), (1, 1), embedding=8)
SMALL = CodecOptions(width=8, encoder_blocks=1, decoder_blocks=1)
SCALE = {"latent_mean": [0.5] + [0.0] * 7, "latent_std": 0.25}


@pytest.fixture(autouse=True)
def single_precision(monkeypatch):
    monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.float32)
    monkeypatch.setattr("medrecon.networks.ct.load.network_dtype", lambda _: torch.float32)


def codec_file(folder, name="codec", seed=0):
    network = CtCodec(SMALL)
    state = {k: seed + torch.zeros_like(v) for k, v in network.state_dict().items()}
    path = folder / f"{name}.safetensors"
    return path, weights.save(path, state, {"kind": "ct-codec", "options": SMALL.as_dict(), **SCALE})


def cold_file(folder, digest, name="cold", space="latent", kind="ct-cold", **more):
    options = ColdOptions(space, network=TINY)
    settings = {"kind": kind, "options": options.as_dict(), **more}
    if space == "latent":
        settings["codec"] = {"name": "codec", "sha256": digest}
    path = folder / f"{name}.safetensors"
    weights.save(path, UNet(options.architecture).state_dict(), settings)
    return path


def test_a_latent_network_finds_its_codec_beside_it_and_scales(tmp_path):
    _, digest = codec_file(tmp_path)
    prior = load_ct(str(cold_file(tmp_path, digest)))
    assert isinstance(prior, CtPrior)
    assert (prior.kind, prior.name, prior.multiple) == ("ct-cold", "cold.safetensors", 8)
    assert isinstance(prior.network, ColdNet)
    assert prior.sha256 is not None
    u = torch.randn(1, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    z = prior.encode(u)
    assert z.shape == (1, 8, 4, 6)
    assert prior.codec is not None
    mean = torch.tensor(SCALE["latent_mean"])[:, None, None]
    torch.testing.assert_close(z, (prior.codec.encode(u) - mean) / 0.25)
    torch.testing.assert_close(prior.decode(z), prior.codec.decode(prior.codec.encode(u)), atol=1e-5, rtol=1e-4)


def test_another_codec_is_refused_by_its_hash(tmp_path):
    _, digest = codec_file(tmp_path)
    cold = str(cold_file(tmp_path, digest))
    other, _ = codec_file(tmp_path, "other", seed=1)
    with pytest.raises(InputError, match="give the codec that it was trained with"):
        load_ct(cold, codec=str(other))
    other.replace(tmp_path / "codec.safetensors")
    with pytest.raises(InputError, match="give the codec that it was trained with") as error:
        load_ct(cold)
    assert "\n" not in str(error.value)


def test_a_codec_that_is_nowhere_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"needs the codec 'codec'.*neither registered nor beside it"):
        load_ct(str(cold_file(tmp_path, "0" * 64)))


def test_a_registered_codec_is_found_by_hash_under_any_name(tmp_path, own_folder):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path, digest = codec_file(elsewhere)
    from medrecon.weights.add import described, keep

    data = path.read_bytes()
    keep(data, described("my-codec", data), replacing=True)
    assert load_ct(str(cold_file(tmp_path, digest))).codec is not None


def test_every_other_kind_loads(tmp_path):
    path, _ = codec_file(tmp_path)
    codec = load_ct(str(path))
    assert isinstance(codec.network, CtCodec)
    assert (codec.kind, codec.multiple, codec.codec is codec.network) == ("ct-codec", 4, True)
    u = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert codec.encode(u).shape == (1, 8, 4, 4)
    for space, shape in {"pixel": (1, 1, 16, 16), "unshuffle": (1, 16, 4, 4)}.items():
        prior = load_ct(str(cold_file(tmp_path, None, space, space)))
        assert prior.codec is None
        assert prior.encode(u).shape == shape
        assert torch.equal(prior.decode(prior.encode(u)), u)
    ddpm = DdpmOptions(network=TINY)
    weights.save(
        tmp_path / "d.safetensors", UNet(ddpm.architecture).state_dict(), {"kind": "ct-ddpm", "options": ddpm.as_dict()}
    )
    assert isinstance(load_ct(str(tmp_path / "d.safetensors")).network, CtDdpm)
    red = {"kind": "ct-regression", "architecture": "red-cnn", "options": {"width": 96}}
    weights.save(tmp_path / "r.safetensors", RedCnn().state_dict(), red)
    assert isinstance(load_ct(str(tmp_path / "r.safetensors")).network, RedCnn)
    one = load_ct(str(cold_file(tmp_path, None, "one", "pixel", "ct-regression", architecture="one-step")))
    assert isinstance(one.network, ColdNet)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_says_what_the_cpu_says_to_half_precision(tmp_path, monkeypatch):
    _, digest = codec_file(tmp_path)
    cold, u = str(cold_file(tmp_path, digest)), torch.randn(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))
    said = []
    for device in ("cpu", "cuda"):
        if device == "cuda":
            monkeypatch.setattr("medrecon.networks.ready.network_dtype", lambda _: torch.bfloat16)
            monkeypatch.setattr("medrecon.networks.ct.load.network_dtype", lambda _: torch.bfloat16)
        prior = load_ct(cold, device)
        end = prior.encode(u.to(device))
        one = torch.ones(2, device=device)
        said.append(prior.decode(prior.network(end, end, one, 0.25 * one)).cpu())
    assert (said[0] - said[1]).norm() < 0.02 * said[0].norm()


def test_what_is_no_ct_network_or_does_not_fit_is_one_line(tmp_path):
    weights.save(tmp_path / "m.safetensors", {"a": torch.zeros(2)}, {"kind": "mri-image"})
    with pytest.raises(InputError, match="weights of kind 'mri-image'; a CT network is of kind ct-codec"):
        load_ct(str(tmp_path / "m.safetensors"))
    weights.save(
        tmp_path / "b.safetensors", {"a": torch.zeros(2)}, {"kind": "ct-ddpm", "options": DdpmOptions().as_dict()}
    )
    with pytest.raises(InputError, match="make no network of kind ct-ddpm"):
        load_ct(str(tmp_path / "b.safetensors"))
    _, digest = codec_file(tmp_path)
    wrong = cold_file(tmp_path, digest)
    tensors, settings, _ = weights.load(wrong)
    weights.save(wrong, tensors, {**settings, "codec": {"name": "cold", "sha256": "0" * 64}})
    with pytest.raises(InputError, match="give the codec that it was trained with"):
        load_ct(str(wrong))
