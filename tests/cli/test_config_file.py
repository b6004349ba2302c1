"""`--config FILE.toml` of every command: the command line wins, and what is wrong with the file is one line."""

from pathlib import Path

import pytest

from medrecon.cli import batch, bench, mri
from medrecon.cli.config_file import COMMANDS, with_config
from medrecon.cli.main import COMMANDS as ALL
from medrecon.cli.main import run
from medrecon.cli.parse import method_name, parse, parse_both
from medrecon.mri import method_class

CONFIGS = Path(__file__).parents[2] / "configs"
SCAN = ["--device", "cpu", "--threads", "1"]


@pytest.fixture
def config(tmp_path):
    """A file with the text that it is called with."""

    def write(text: str) -> str:
        path = tmp_path / "own.toml"
        path.write_text(text)
        return str(path)

    return write


def test_options_of_the_file_come_after_those_given_which_win(config) -> None:
    file = config('accel = 2\nout_put = "a b"\nflag = true\nno = false\nmany = [1, "x"]\nnone = []\nout = "y.h5"\n')
    found = with_config(["scan.h5", "--accel", "3", "-o", "x.h5", f"--config={file}"])
    assert found == [
        "scan.h5", "--accel", "3", "-o", "x.h5", "--out-put=a b", "--flag", "--many", "1", "x", "--none",
    ]  # fmt: skip


NEEDED = {
    "batch": ["a", "b"], "bench mri": ["--data", "d", "-o", "x"], "bench ct": ["-o", "x"],
    "simulate mri": ["v.nii", "-o", "x.h5"], "simulate ct": ["v.nii", "-o", "x.nii"], "score": ["a", "b"],
    "info": ["a"], "report": ["a"], "data pack": ["d", "-o", "x.h5"], "data pack-ct": ["d", "-o", "x.h5"],
    "data check": ["m.json", "d"], "weights show": ["n"],
    "weights get": ["n", "--from", "f"], "bench join": ["a", "-o", "x.json"],
}  # fmt: skip


def test_no_command_with_options_is_left_out() -> None:
    bare = {"weights list", "weights check", "weights add"}  # the last takes the recipe of bare weights
    assert set(COMMANDS) == {name for name in ALL if not name.startswith("train ")} - bare


def test_options_of_report_come_from_the_file(tmp_path, config, capsys) -> None:
    assert run(["report", str(tmp_path), "--config", config("limit = 0")]) == 2
    assert "own.toml: --limit is 0" in capsys.readouterr().err


def test_every_command_takes_one_and_its_help_says_so(config, capsys) -> None:
    for name in COMMANDS:
        assert run([*name.split(), "--help", "--config", config("seed = 1")]) == 0
        assert "--config FILE.toml" in capsys.readouterr().out
        assert run([*name.split(), "--config", config("sed = 1"), *NEEDED.get(name, [])]) == 2
        err = capsys.readouterr().err
        assert "own.toml: unknown option --sed; see medrecon" in err, name
        assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accel = ", "own.toml is not valid TOML"),
        ("[mri]\naccel = 2", "own.toml: 'mri' is {'accel': 2}; give a number"),
        ('accel = "four"', "own.toml: --accel is 'four'; give a number"),
        ("accel = 0.5", "own.toml: --accel is 0.5; give a finite number of at least 1"),
        ('method = "best"', "unknown method 'best'"),
        ('config = "other.toml"', "a config cannot name another one"),
        ("accel = nan", "'accel' is nan; give a number"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(config, capsys, text, said) -> None:
    assert run(["mri", "--config", config(text), *SCAN]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_mistake_on_the_command_line_is_not_blamed_on_the_file(config, capsys) -> None:
    assert run(["mri", "--config", config("acs = 12"), "--accel", "0.5", *SCAN]) == 2
    assert capsys.readouterr().err.startswith("medrecon: --accel is 0.5")


def test_the_same_image_as_with_options_on_the_command_line(config, tmp_path, capsys) -> None:
    images = [tmp_path / "a.npy", tmp_path / "b.npy"]
    file = config('method = "sense"\naccel = 3\niterations = 2\nslices = "0:1"\n')
    assert run(["mri", "-o", str(images[0]), "--config", file, *SCAN]) == 0
    words = ["--method", "sense", "--accel", "3", "--iterations", "2", "--slices", "0:1"]
    assert run(["mri", "-o", str(images[1]), *words, *SCAN]) == 0
    assert images[0].read_bytes() == images[1].read_bytes()


def test_the_examples_fit() -> None:
    words = with_config(["in", "out", "--config", str(CONFIGS / "batch-mri.toml")])
    options, work = batch._asked(words)
    assert (options.in_dir, options.pattern, work.options["accel"]) == (Path("in"), "*.h5", 4.0)
    words = with_config(["scan.h5", "--config", str(CONFIGS / "mri.toml")])
    name = method_name(words, "spirit")
    common, method = parse_both(mri.Mri, method_class(name), words, "mri", "")
    assert (name, common.input, common.holdout, method.samples) == ("dds", Path("scan.h5"), False, 4)
    words = with_config(["--data", "d", "-o", "x", "--config", str(CONFIGS / "bench-mri.toml")])
    assert parse(bench.BenchMri, words, "bench mri", "").accel == (4.0, 8.0)
