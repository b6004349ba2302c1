"""Who is held out: whole subjects, drawn by a seed or named, so that nobody stands in both parts of a pack."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256

from medrecon.errors import InputError

DEFAULT_SHARE = 0.1


def drawn_subjects(subjects: Collection[str], share: float | None, seed: int) -> frozenset[str]:
    """`share` of the subjects, to the nearest number; at least one where a share above 0 was asked for.

    A subject's place in the draw follows from the seed and itself alone: more data move only those at the border.
    None is `DEFAULT_SHARE`, and nobody among four subjects or fewer. Raises InputError if nobody were left to train on.
    """
    people = sorted(set(subjects), key=lambda who: sha256(f"{seed}:{who}".encode()).digest())
    count = round((DEFAULT_SHARE if share is None else share) * len(people))
    count = max(count, 1) if share else count
    if people and count >= len(people):
        raise InputError(
            f"{len(people)} subject(s) cannot be split with {share:g} of them held out; give a smaller --held-out, or 0"
        )
    return frozenset(people[:count])


def named_subjects(keys: Mapping[str, Collection[str]], names: Collection[str]) -> frozenset[str]:
    """The subjects that `names` mean; `keys` maps each subject to the words by which it may be called.

    Raises InputError for a name that means nobody, and if nobody were left to train on.
    """
    for name in names:
        if not any(name in words for words in keys.values()):
            raise InputError(f"--held-out {name} is no subject, file or folder here; give names of such, or a share")
    chosen = frozenset(who for who, words in keys.items() if set(words) & set(names))
    if len(chosen) == len(keys):
        raise InputError(f"--held-out {' '.join(names)} holds out every subject; leave some to train on")
    return chosen
