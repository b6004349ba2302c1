"""`medrecon --help` is quick because it imports almost nothing."""

import os
import subprocess
import sys

import pytest

from medrecon.cli import main as main_module
from medrecon.cli.main import COMMANDS, run

HEAVY = ("torch", "monai", "sigpy", "matplotlib", "numpy", "scipy", "h5py", "fastmri", "nibabel", "tyro", "rich")
PROBE = f"""
import sys, time
from medrecon.cli.main import run
assert run(["--help"]) == 0
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
print(time.process_time(), file=sys.stderr)
"""


def test_help_imports_nothing_heavy_and_takes_well_under_a_second() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    loaded, seconds = done.stderr.splitlines()
    assert loaded == "[]"
    assert float(seconds) < 0.5
    for name in COMMANDS:
        assert name in done.stdout


def test_no_arguments_show_the_help(capsys) -> None:
    assert run([]) == 0
    assert "medrecon mri" in capsys.readouterr().out


def test_version(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("medrecon 0.")


def test_every_command_explains_itself(capsys) -> None:
    for name in COMMANDS:
        assert run([*name.split(), "--help"]) == 0, name
        assert f"medrecon {name}" in capsys.readouterr().out


def test_methods_bring_their_own_options(capsys) -> None:
    run(["mri", "--method", "spirit", "--help"])
    spirit = capsys.readouterr().out
    run(["mri", "--method=zero-filled", "--help"])
    plain = capsys.readouterr().out
    assert "--steps" in spirit
    assert "--steps" not in plain
    assert "--accel" in plain


def test_options_of_methods_are_explained_by_their_docstrings(capsys) -> None:
    run(["mri", "--method", "dds", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    image = "the image is their mean, their spread the uncertainty. (default: 1)"
    assert f"--samples INT Draws a slice, in antithetic pairs; {image}" in said
    assert "--cg NUMBER Conjugate-gradient iterations of a data step; unless given 5, and 10 for draws" in said
    assert "--draws estimate|posterior" in said
    assert "{None}" not in said
    assert "default: None" not in said


def test_weights_list_fits_a_narrow_terminal(capsys) -> None:
    from medrecon.weights import records

    assert run(["weights", "list"]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    for record in records():
        for fact in (record.name, record.sha256, record.licence, *map(str, record.attribution.split())):
            assert fact in said


def test_group_help_lists_its_commands(capsys) -> None:
    assert run(["weights", "--help"]) == 0
    out = capsys.readouterr().out
    assert "weights check" in out
    assert "simulate" not in out


def test_unknown_command_is_one_line(capsys) -> None:
    assert run(["recon"]) == 2
    assert run(["weights", "lst"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2
    assert "choose one of" in err[0]
    assert "weights list" in err[1]


@pytest.mark.parametrize(("given", "used"), [(None, main_module.SPINS), ("5", "5")])
def test_threads_do_not_wait_busily_unless_the_user_says_so(given, used, monkeypatch):
    """Beside another busy program a reconstruction would be many times slower."""
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if given is not None:
        monkeypatch.setenv("GOMP_SPINCOUNT", given)
    monkeypatch.setattr(main_module.sys, "argv", ["medrecon", "--help"])
    with pytest.raises(SystemExit):
        main_module.main()
    assert os.environ["GOMP_SPINCOUNT"] == used
