"""What names a patient stays out of names and messages: folders of exported series are often called after them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medrecon.io.dicom import UNREADABLE, is_dicom, quietly

if TYPE_CHECKING:
    from pydicom import Dataset

IDENTITY = (
    "PatientName", "PatientID", "PatientBirthDate", "OtherPatientNames", "PatientBirthName", "AccessionNumber",
)  # fmt: skip
UIDS = ("SeriesInstanceUID", "SOPInstanceUID")
SHORTEST = 2
WHOLE_WORDS = 4
"""Shorter words than this are looked for as words only: they occur within others by chance."""
HIDDEN = "***"


def patient_words(path: Path) -> tuple[str, ...]:
    """The words of name, number and birth date in the first DICOM file of `path`, none where it is not readable."""
    header = _header(path)
    if header is None:
        return ()
    found = [plain for tag in IDENTITY for plain in _words(header.get(tag))]
    return tuple(sorted(set(found), key=lambda word: (-len(word), word)))


def names_patient(text: str, private: Iterable[str]) -> bool:
    """Whether one of the words stands in `text`."""
    folded = _folded(text)
    return any(_pattern(word).search(folded) for word in private)


def series_label(path: Path) -> str:
    """A name for a series whose folder has to lose its own: a hash of its UIDs, the same on every day."""
    header = _header(path)
    uids = [] if header is None else [str(header.get(tag, "")) for tag in UIDS]
    return "series-" + hashlib.blake2b("/".join(uids).encode(), digest_size=4).hexdigest()


def hidden(text: str, private: Sequence[str]) -> str:
    """`text` in one line, without these words."""
    line = " ".join(text.split())
    for word in private:
        line = _pattern(word).sub(HIDDEN, line)
    return line


def _header(path: Path) -> Dataset | None:
    import pydicom

    files = sorted(path.iterdir()) if path.is_dir() else [path]
    with quietly():
        for file in files:
            try:
                if file.is_file() and is_dicom(file):
                    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[*IDENTITY, *UIDS])
            except UNREADABLE:
                continue
    return None


def _words(value: object) -> list[str]:
    """Words of a name or number as they are written in paths; a number with marks also in one piece."""
    text = "" if value is None else str(value)
    parts = [*re.split(r"[\W_]+", text), "".join(re.findall(r"\w", text))]
    both = {form for part in parts for form in (part, _folded(part))}
    return [word for word in both if len(word) >= SHORTEST]


def _folded(text: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _pattern(word: str) -> re.Pattern[str]:
    inside = re.escape(word)
    edges = (r"(?<![^\W_])", r"(?![^\W_])") if len(word) < WHOLE_WORDS else ("", "")
    return re.compile(edges[0] + inside + edges[1], re.IGNORECASE)
