"""The core, to a score and training, runs on torch, numpy, scipy, h5py, safetensors and scikit-image alone."""

import subprocess
import sys

CORE = ["torch", "numpy", "scipy", "h5py", "safetensors", "scikit-image"]

BLOCK = f"""
import sys
from importlib.metadata import distributions, packages_distributions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

installed = {{canonicalize_name(d.name): d for d in distributions()}}
allowed, waiting = set(), [canonicalize_name(name) for name in {CORE}]
while waiting:
    name = waiting.pop()
    if name in allowed or name not in installed:
        continue
    allowed.add(name)
    for text in installed[name].requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({{"extra": ""}}):
            waiting.append(canonicalize_name(requirement.name))
allowed.add("medrecon")
owners = {{module: {{canonicalize_name(o) for o in own}} for module, own in packages_distributions().items()}}
blocked = {{module for module, own in owners.items() if not own & allowed}}
assert {{"monai", "sigpy", "fastmri", "tyro", "rich", "nibabel", "matplotlib"}} <= blocked
assert not {{"torch", "numpy", "skimage"}} & blocked


class Without:
    # a finder to which the blocked packages are not installed: libraries may ask whether they are, as torch does

    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in blocked else self.finder.find_spec(name, path, target)


for module in [m for m in sys.modules if m.split(".")[0] in blocked]:
    del sys.modules[module]
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""

WHOLE_WAY = """
import torch
torch.set_num_threads(1)
import medrecon
from phantom import gaussian, head
from medrecon.simulate.scan import simulate_scan

scan = simulate_scan(head(1), (3.0, 3.0), slice_mm=5.0, coils=4)
fast = scan.undersample(medrecon.masks.pattern("random", 2.0, 12))
options = {"zero-filled": {}, "wavelet": {"iterations": 20}, "spirit": {"steps": 4, "prior": gaussian()}}
for name, chosen in options.items():
    result = medrecon.reconstruct(fast, name, **chosen)
    assert result.scores["method"]["mean"]["psnr"] > 10, name
    print(name)
"""

VOLUME_TO_SCORE = """
import tempfile
from pathlib import Path
import numpy as np
import torch
torch.set_num_threads(1)
import medrecon
from ct_networks import cold_file

generator = torch.Generator().manual_seed(0)
truth = torch.zeros(2, 32, 40)
affine = np.diag([3.0, 0.8, 0.8, 1.0])
low = medrecon.Volume(truth + 20 * torch.randn(truth.shape, generator=generator), affine)
with tempfile.TemporaryDirectory() as folder:
    network = str(cold_file(Path(folder) / "latent.safetensors", "latent"))
    reference = medrecon.Volume(truth, affine)
    for name, chosen in {"cold-latent": {"steps": 2, "prior": network}, "nlm": {}, "tv": {}}.items():
        result = medrecon.denoise(low, name, dose=0.25, reference=reference, **chosen)
        assert result.scores["method"]["mean"]["rmse"] > 0
        print(name)
"""

TRAINING = """
import torch
torch.set_num_threads(1)
import medrecon
from phantom import head
from medrecon.datasets.volume import TrainingVolume
from medrecon.networks import UNetOptions
from medrecon.networks.load import image_prior
from medrecon.simulate.scan import simulate_scan
from medrecon.training import mri_image
from medrecon.training.loop import LoopOptions
from medrecon.training.mri_image import train_mri_image
from medrecon.training.mri_image_options import NETWORKS, MriImageOptions

mri_image.measured_deviation = lambda augmentation, options: 0.3  # of 128 images: seconds
NETWORKS["small"] = UNetOptions(widths=(8, 8), encoder_blocks=(1, 1), decoder_blocks=(1, 1), embedding=8)
volume = TrainingVolume(torch.from_numpy(head(24, 24, 24)).float(), (4.0, 4.0, 4.0), "nobody", "head")
options = MriImageOptions(network="small", size=32, batch=2, loop=LoopOptions(seconds=0.2, warm_up=2))
trained = train_mri_image([volume], options, torch.device("cpu"))
prior = image_prior(trained.weights, trained.settings, torch.device("cpu"), "tiny", None)
scan = simulate_scan(head(1), (3.0, 3.0), slice_mm=5.0, coils=4)
fast = scan.undersample(medrecon.masks.pattern("random", 2.0, 12))
assert medrecon.reconstruct(fast, "spirit", prior=prior, steps=2).provenance["weights"]["name"] == "tiny"
print("trained")
"""

CT = """
import runpy
from pathlib import Path
import torch
torch.set_num_threads(1)
from ct_bodies import VOXEL, bodies
from ct_weights import cold_latent_file
from medrecon.ct_pipeline import denoise
from medrecon.datasets.ct.pack import write_ct_pack
from medrecon.datasets.ct.volume import CtVolume

folder = Path(FOLDER)
write_ct_pack(folder / "val.h5", [CtVolume(bodies(4).short(), VOXEL, "nobody", "chest_a", "held-out")])
network = cold_latent_file(folder / "tiny.safetensors")
sys.argv = ["bench_ct.py", str(folder / "mine"), "--data", str(folder / "val.h5"), "--phantoms", "--slices", "1"]
sys.argv += ["--doses", "0.25", "--methods", "input", "tv", "cold-latent", "--steps", "2", "--device", "cpu"]
sys.argv += ["--prior", f"cold-latent={network}"]
runpy.run_path(BENCH, run_name="__main__")
print((folder / "mine.json").exists())
"""


def run_blocked(script: str, folder: str) -> list[str]:
    program = f"import sys\nsys.path.insert(0, {folder!r})\n{BLOCK}{script}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_scan_to_score(pytestconfig) -> None:
    helpers = pytestconfig.rootpath / "tests" / "helpers"
    assert run_blocked(WHOLE_WAY, str(helpers)) == ["zero-filled", "wavelet", "spirit"]


def test_volume_to_score(pytestconfig) -> None:
    helpers = pytestconfig.rootpath / "tests" / "helpers"
    assert run_blocked(VOLUME_TO_SCORE, str(helpers)) == ["cold-latent", "nlm", "tv"]


def test_training_and_the_trained_prior(pytestconfig) -> None:
    helpers = pytestconfig.rootpath / "tests" / "helpers"
    assert run_blocked(TRAINING, str(helpers)) == ["trained"]


def test_ct_from_pack_to_rows(pytestconfig, tmp_path) -> None:
    helpers, bench = (pytestconfig.rootpath / name for name in ("tests/helpers", "benchmarks/bench_ct.py"))
    said = run_blocked(f"FOLDER, BENCH = {str(tmp_path)!r}, {str(bench)!r}\n{CT}", str(helpers))
    assert said[-1] == "True"
    assert said.count("RMSE") == 9
