"""Work that takes no time and needs no scan: texts become upper case, and some words bring a worker into trouble."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from medrecon.atomic import whole_file
from medrecon.batch.file_work import FileSteps, FileWork
from medrecon.batch.plan import FileItem
from medrecon.batch.work import Written
from medrecon.errors import InputError


@dataclass(frozen=True)
class Shout(FileWork):
    """ "bad" fails, "kill" kills its worker each time, "once" the first time; `refused` cannot begin.

    together : letters of several texts that are shouted at once, which shows in what is written.
    """

    refused: bool = False
    together: int = 0

    @property
    def command(self):
        return "shout"

    @property
    def options(self):
        return {"refused": self.refused}

    def weights(self, device):
        return None

    def on(self, device):
        if self.refused:
            raise InputError("no voice; give one")
        return Loud(self.together)


class Loud(FileSteps):
    def __init__(self, together):
        self.together = together

    def slices(self, given):
        return len(given[1])

    def read(self, path):
        text = path.read_text()
        if text == "bad":
            raise InputError(f"{path}: is bad, Roe; write it again")
        if text == "odd":
            raise ValueError("Roe was born in 1970")
        return path, text

    def reconstruct(self, given):
        shouts = [self.shouted(*each) for each in given]
        return [f"{shout} of {len(given)}" for shout in shouts] if self.together else shouts

    def shouted(self, path, text):
        mark = path.with_suffix(".mark")
        if text == "kill" or (text == "once" and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if text == "hoarse":
            raise InputError("no voice is left; rest it")
        return text.upper()

    def write(self, given, made, out):
        with whole_file(out) as temporary:
            temporary.write_text(made)
        return Written(len(made))


def items(folder: Path, out: Path, *texts: str) -> list[FileItem]:
    """An item for each text."""
    folder.mkdir(exist_ok=True)
    found = []
    for i, text in enumerate(texts):
        path = folder / f"{i}.txt"
        path.write_text(text)
        found.append(FileItem(path.name, path, out / path.name, 1, ("Roe",)))
    return found
