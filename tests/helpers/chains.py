"""Items that go on, and work that says what it was given."""

from dataclasses import dataclass, replace

from medrecon.batch.item import Item
from medrecon.batch.work import Steps, Work, Written
from medrecon.errors import InputError


@dataclass(frozen=True)
class Chain(Item):
    """A word, one letter after the other; all letters of a run are to differ."""

    name: str
    letters: str
    slices: int | None = None

    @property
    def rest(self):
        return replace(self, name=self.letters[1], letters=self.letters[1:]) if len(self.letters) > 1 else None


def chains(*words):
    return [Chain(word[0], word) for word in words]


@dataclass(frozen=True)
class Spell(Work):
    """Says a letter's number; "x" fails, "?" as an error that nobody expects."""

    def on(self, device):
        return Spelling()


class Spelling(Steps):
    def begin(self, item):
        if item.name == "x":
            raise InputError("x is no\nletter; leave it out")
        return item.name

    def reconstruct(self, given):
        if given == ["?"]:
            raise ValueError("a secret")
        return [ord(letter) for letter in given]

    def end(self, item, given, made):
        return Written(found=made)
