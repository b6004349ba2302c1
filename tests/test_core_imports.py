"""The core, scan to score and training, runs on torch, numpy, scipy, h5py, safetensors and scikit-image alone."""

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


class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"the core may not import {{name}}", name=name)


for module in [m for m in sys.modules if m.split(".")[0] in blocked]:
    del sys.modules[module]
sys.meta_path.insert(0, Block())
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

TRAINING = """
import medrecon.networks
import medrecon.training.mri_image
print("training")
"""


def run_blocked(script: str, folder: str) -> list[str]:
    program = f"import sys\nsys.path.insert(0, {folder!r})\n{BLOCK}{script}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_scan_to_score(pytestconfig) -> None:
    helpers = pytestconfig.rootpath / "tests" / "helpers"
    assert run_blocked(WHOLE_WAY, str(helpers)) == ["zero-filled", "wavelet", "spirit"]


def test_training() -> None:
    assert run_blocked(TRAINING, "") == ["training"]
