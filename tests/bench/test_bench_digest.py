"""A row's digest follows the code that its method, its suite and all rows rest on, and nothing else."""

import ast
import shutil

import pytest

from medrecon.bench.closure import closure
from medrecon.bench.runners import CONTROL
from medrecon.bench.stale import PACKAGE, _without_words, code_digest, decisive, stale
from medrecon.bench.suites import SUITES
from medrecon.mri import METHODS, method_class

PRIORLESS = [name for name in METHODS if not method_class(name).needs_prior]
ALL = (*METHODS, CONTROL)
WITH_PRIOR = {name for name in METHODS if method_class(name).needs_prior}


@pytest.fixture
def changed(tmp_path):
    """Methods whose digest is another one when code is added to a file of a copy of the package."""

    def names(file, text="\nANOTHER = 1\n", science=(), mask=None):
        copy = tmp_path / file.replace("/", "_") / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.safetensors", "*.h5", "*.pyc"))
        path = copy / file
        path.write_text((path.read_text() if path.exists() else "") + text)
        return {name for name in ALL if code_digest(name, science, mask, copy) != code_digest(name, science, mask)}

    return names


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("diffusion/sampler.py", WITH_PRIOR),
        ("networks/inference.py", {*WITH_PRIOR, CONTROL}),
        ("networks/unrolled.py", {CONTROL}),
        ("networks/ddgan/layers.py", {"fdmr"}),
        ("networks/band_prior.py", {"hfs", "hfs-paper", "hfs-released"}),
        ("weights/quantise.py", {*WITH_PRIOR, CONTROL}),
        ("diffusion/datasteps/self_consistent.py", {"spirit"}),
        ("mri/wavelet.py", {"wavelet"}),
        ("bench/low_band_error.py", {"hfs", "hfs-paper", "hfs-released"}),
        ("optimisation/fista.py", {"wavelet", "tv", "hfs"}),
        ("calibration/noise.py", set(ALL)),
        ("evaluation/metrics.py", set(ALL)),
        ("simulate/scan.py", set(ALL)),
        ("masks/poisson.py", set(ALL)),
        ("mri/__init__.py", set()),
        ("mri/another.py", set()),
        ("cli/main.py", set()),
    ],
)
def test_a_change_reaches_the_methods_that_run_it(changed, file, names) -> None:
    assert changed(file) == names


@pytest.mark.parametrize(
    ("mask", "file", "reached"),
    [
        ("random", "masks/random_lines.py", True),
        ("random", "masks/lines.py", True),
        ("random", "masks/acs.py", True),
        ("random", "masks/equispaced.py", False),
        ("random", "masks/another.py", False),
        ("random", "masks/__init__.py", False),
        ("gaussian2d", "masks/points.py", True),
        ("poisson", "masks/lines.py", False),
        (None, "masks/another.py", True),
    ],
)
def test_a_mask_reaches_the_rows_that_name_it(changed, mask, file, reached) -> None:
    assert changed(file, mask=mask) == (set(ALL) if reached else set())


def test_words_reach_no_method(changed) -> None:
    assert changed("calibration/noise.py", '\n\n"""Another word."""\n') == set()


def test_science_reaches_the_rows_of_its_suite_alone(changed) -> None:
    science = SUITES["holdout"].science
    assert changed("evaluation/holdout.py", science=science) == set(ALL)
    assert code_digest("tv", science) != code_digest("tv")
    assert "evaluation/holdout.py" not in decisive("tv")


@pytest.mark.parametrize("name", PRIORLESS)
@pytest.mark.parametrize("suite", SUITES)
def test_methods_without_a_prior_rest_on_no_network_and_no_other_method(name, suite) -> None:
    files = decisive(name, SUITES[suite].science)
    assert not [file for file in files if file.startswith(("diffusion/", "networks/", "weights/"))]
    own = METHODS[name].split(":")[0].split(".")[-1]
    assert {file for file in files if file.startswith("mri/")} == {"mri/method.py", "mri/deviation.py", f"mri/{own}.py"}


def test_methods_with_a_prior_rest_on_sampler_and_network() -> None:
    assert {"diffusion/sampler.py", "mri/drawing.py", "mri/dds.py", "networks/unet.py"} <= set(decisive("dds"))
    assert "mri/spirit.py" not in decisive("dds")


def test_every_digest_is_of_files_that_exist() -> None:
    for name in (*ALL, "a control from outside"):
        for suite in SUITES.values():
            assert len(code_digest(name, suite.science)) == 12
            assert all((PACKAGE / file).is_file() for file in decisive(name, suite.science))


def test_rows_are_held_to_the_digest_of_their_own_method() -> None:
    rows = [{"method": name, "mask": "random", "code": code_digest("tv", mask="random")} for name in ("tv", "dds")]
    assert [found.row["method"] for found in stale(rows, (), {})] == ["dds"]


def test_rows_are_held_to_the_digest_of_their_own_mask() -> None:
    rows = [{"method": "tv", "mask": m, "code": code_digest("tv", mask="random")} for m in ("random", "poisson")]
    assert [found.row["mask"] for found in stale(rows, (), {})] == ["poisson"]


def test_closure_follows_names_to_where_they_are_defined(tmp_path) -> None:
    files = {
        "__init__.py": "",
        "a.py": "from typing import TYPE_CHECKING\nfrom own.room import f, h\n\n"
        "if TYPE_CHECKING:\n    from own import types\nelse:\n    from own import g\n",
        "room/__init__.py": "from own.room.deep import f\nfrom own.room.other import k\nh = 1\n",
        "room/deep.py": "def f():\n    import own.late\n",
        "g.py": "import own.outside",
        **dict.fromkeys(("room/other.py", "types.py", "late.py", "outside.py"), ""),
    }
    package = tmp_path / "own"
    (package / "room").mkdir(parents=True)
    for file, text in files.items():
        (package / file).write_text(text)
    rooms = ("room", "g.py", "late.py", "types.py")
    deep = ["a.py", "g.py", "late.py", "room/__init__.py", "room/deep.py", "room/other.py"]
    assert closure(package, ["a.py"], rooms) == deep  # `h` is the room's own, and with it all that the room imports
    (package / "b.py").write_text("from own.room import f")
    assert closure(package, ["b.py"], rooms) == ["b.py", "late.py", "room/deep.py"]


def test_the_package_imports_by_full_names() -> None:
    for path in PACKAGE.rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        assert not any(node.level for node in nodes if isinstance(node, ast.ImportFrom)), path


def test_words_do_not_make_rows_stale_and_code_does():
    source = '"""A."""\nSTART = 1  # sigma\n"""First level."""\n\n\ndef f(x):\n    """Twice."""\n    return 2 * x\n'
    other = source.replace("First level.", "The first of all\nlevels.").replace('    """Twice."""\n', "")
    assert _without_words(source) == _without_words(other)
    assert _without_words(source) != _without_words(source.replace("2 * x", "3 * x"))
