"""`medrecon`: picks the command and turns every mendable error into one line and exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import medrecon
from medrecon.errors import InputError, system_words

COMMANDS = {
    "mri": ("medrecon.cli.mri:run", "reconstruct a scan: medrecon mri scan.h5 -o image.nii.gz --accel 4"),
    "ct": ("medrecon.cli.ct:run", "denoise a low-dose CT volume: medrecon ct chest/ -o denoised/ --dose 0.25"),
    "batch": (
        "medrecon.cli.batch:run",
        "a whole folder of either, to be broken off and resumed: medrecon batch IN_DIR OUT_DIR --method spirit",
    ),
    "info": ("medrecon.cli.info:run", "what a file holds: medrecon info scan.h5"),
    "score": ("medrecon.cli.score:run", "compare two images, or two folders: medrecon score image.h5 reference.h5"),
    "report": ("medrecon.cli.html_report:run", "a folder of results as one HTML page: medrecon report results/"),
    "simulate mri": (
        "medrecon.cli.simulate:run",
        "raw data from a volume: medrecon simulate mri head.nii.gz -o scan.h5",
    ),
    "simulate ct": (
        "medrecon.cli.simulate_ct:run",
        "a CT volume at a lower dose: medrecon simulate ct chest.nii.gz -o low.nii.gz --dose 0.25",
    ),
    "data pack": ("medrecon.cli.data:run_pack", "a folder of volumes for training: medrecon data pack DIR -o pack.h5"),
    "data pack-ct": (
        "medrecon.cli.data_ct:run",
        "a folder of CT volumes for training: medrecon data pack-ct DIR -o ct.h5",
    ),
    "data check": ("medrecon.cli.data:run_check", "a folder against a data set's manifest: data check MANIFEST DIR"),
    "weights list": ("medrecon.cli.weights:run_list", "the trained networks that are at hand"),
    "weights check": ("medrecon.cli.weights:run_check", "compare every weights file with its recorded hash"),
    "weights show": ("medrecon.cli.weights:run_show", "all that is known of one: medrecon weights show NAME"),
    "weights add": ("medrecon.cli.own_weights:run_add", "keep your own: medrecon weights add FILE --name NAME"),
    "weights get": (
        "medrecon.cli.own_weights:run_get",
        "fetch one that is not shipped: medrecon weights get NAME --from FILE|URL",
    ),
    "train mri-image": (
        "medrecon.cli.train:run",
        "train the image prior: medrecon train mri-image --data DIR -o prior.safetensors",
    ),
    "train mri-hfs": (
        "medrecon.cli.train:run_hfs",
        "train the high-band prior: medrecon train mri-hfs --data DIR -o hfs.safetensors",
    ),
    "train mri-ddgan": (
        "medrecon.cli.train:run_ddgan",
        "train the DDGAN prior of fdmr: medrecon train mri-ddgan --data DIR -o ddgan.safetensors",
    ),
    "train mri-ddpm": ("medrecon.cli.train:run_ddpm", "train a DDPM of 1000 steps, a control of fdmr's tables"),
    "train ct-codec": (
        "medrecon.cli.train_ct:run_codec",
        "train the codec of CT slices: medrecon train ct-codec --data ct.h5 -o codec.safetensors",
    ),
    "train ct-cold": (
        "medrecon.cli.train_ct:run_cold",
        "train cold diffusion: medrecon train ct-cold --data ct.h5 --codec codec.safetensors -o cold.safetensors",
    ),
    "train ct-ddpm": ("medrecon.cli.train_ct:run_ddpm", "train a conditional DDPM, a control of the CT tables"),
    "train ct-regression": (
        "medrecon.cli.train_ct:run_regression",
        "train a network that restores in one step, a control of the CT tables",
    ),
    "bench mri": (
        "medrecon.cli.bench:run_mri",
        "measure methods on volumes and k-space: medrecon bench mri --data DIR -o results/NAME",
    ),
    "bench ct": (
        "medrecon.cli.bench_ct:run",
        "measure CT methods on volumes and phantoms: medrecon bench ct --data DIR -o results/NAME",
    ),
    "bench join": (
        "medrecon.cli.bench:run_join",
        "put files of measured rows together: bench join A.json B.json -o C.json",
    ),
}
BAD_INPUT = 2
SPINS = "10000"
"""How often a thread that waits for another looks before it sleeps. With GNU OpenMP's 300 000 another busy program on
two cores makes a reconstruction twenty times slower, with these three times; alone it takes as long with either."""


def main() -> None:
    """Entry point of the `medrecon` program."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read when torch is imported
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str]) -> int:
    """Run one command in this process; the exit code is 0, 2 for bad input, 130 when interrupted."""
    try:
        return _run(list(argv))
    except InputError as error:
        print("medrecon: " + " ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(f"medrecon: {_reason(error)}; check the disk and its permissions, and run it again", file=sys.stderr)
        return BAD_INPUT
    except SystemExit as leaving:  # tyro leaves so after --help
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        print("medrecon: interrupted, nothing was written", file=sys.stderr)
        return 130


def _reason(error: OSError) -> str:
    """What the system refused, in one line."""
    said = system_words(error)
    return f"{error.filename}: {said}" if error.filename else said


def _run(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(_help())
        return 0
    if argv[0] == "--version":
        print(f"medrecon {medrecon.__version__}")
        return 0
    for words in (1, 2):
        name = " ".join(argv[:words])
        if name in COMMANDS:
            return _command(name, argv[words:])
    return _group(argv[0], argv[1:])


def _command(name: str, argv: list[str]) -> int:
    from medrecon.cli.config_file import COMMANDS as CONFIGURED
    from medrecon.cli.config_file import configured

    module, function = COMMANDS[name][0].split(":")
    run_command = getattr(import_module(module), function)
    if name not in CONFIGURED:
        return run_command(argv)
    with configured(argv) as words:
        return run_command(words)


def _group(word: str, rest: list[str]) -> int:
    """The first word alone of a two-word command, or a word that is none."""
    members = [name for name in COMMANDS if name.startswith(word + " ")]
    if members and rest and rest[0] in ("-h", "--help"):
        print(_help(members))
        return 0
    known = members or list(COMMANDS)
    if members and not rest:
        raise InputError(f"'{word}' alone is no command; choose one of {', '.join(known)}")
    raise InputError(f"unknown command '{' '.join([word, *rest[:1]])}'; choose one of {', '.join(known)}")


def _help(names: Sequence[str] = tuple(COMMANDS)) -> str:
    lines = [f"  {name:<19} {COMMANDS[name][1]}" for name in names]
    return "\n".join(
        [
            "medrecon: MRI k-space and low-dose CT into images by fast diffusion (research use, not a medical device)",
            "",
            *lines,
            "",
            "medrecon COMMAND --help shows a command's options; medrecon --version the version.",
            "With no file, medrecon mri and medrecon ct take the scan and the phantom embedded in the package.",
        ]
    )
