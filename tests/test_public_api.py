"""The names that users build on."""

import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import medrecon

SURFACE = {
    "CT_METHODS", "METHODS", "Denoised", "InputError", "Problem", "Reconstruction", "Scan", "Volume", "calibration",
    "demo_path", "denoise", "load", "load_volume", "masks", "operators", "reconstruct", "save", "save_picture",
    "save_volume",
}  # fmt: skip


def test_surface_is_what_it_was() -> None:
    assert set(medrecon.__all__) == SURFACE
    assert set(dir(medrecon)) >= SURFACE


@pytest.mark.parametrize("name", sorted(SURFACE))
def test_every_name_resolves_and_is_documented(name: str) -> None:
    found = getattr(medrecon, name)
    assert name.endswith("METHODS") or inspect.getdoc(found)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        medrecon.nothing  # noqa: B018 - the access is the test


def test_version_is_the_installed_one() -> None:
    assert medrecon.__version__ == version("medrecon")


def test_import_loads_nothing() -> None:
    probe = "import sys, medrecon; print([m for m in ('torch', 'numpy', 'h5py') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_method_has_a_class_of_its_name() -> None:
    from medrecon.mri import method_class

    for name in medrecon.METHODS:
        assert method_class(name).name == name


def test_every_ct_method_has_a_class_of_its_name() -> None:
    from medrecon.ct import ct_method_class

    for name in medrecon.CT_METHODS:
        assert ct_method_class(name).name == name
