"""The one place that may reach out to the network, and only because a user has named the address."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import urlopen

from medrecon.errors import InputError
from medrecon.weights.files import read, sha256

SECONDS = 60


def fetch(source: str, expected: str) -> bytes:
    """The bytes of a file or of an http(s) address, held to `expected`, their sha256 in hexadecimal digits.

    Raises InputError where nothing can be read, or where it is something else.
    """
    remote = urlparse(source).scheme in ("http", "https")
    data = _download(source) if remote else read(Path(source))
    found = sha256(data)
    if found != expected.lower():
        raise InputError(
            f"{source} has sha256 {found[:12]}, expected {expected[:12].lower()}; nothing was kept: "
            "look for the file that the record names"
        )
    return data


def _download(url: str) -> bytes:
    try:
        with urlopen(url, timeout=SECONDS) as answer:
            return answer.read()
    except (OSError, HTTPException, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{url} cannot be fetched ({reason}); check the address, or give a file") from None
