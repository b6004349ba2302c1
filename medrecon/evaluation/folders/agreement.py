"""What saved results say of themselves must agree before their scores stand in one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medrecon.errors import InputError
from medrecon.evaluation.ct_protocols import CT_PROTOCOLS
from medrecon.io.records import Record, is_ct

UNKNOWN = "unknown"


def check_agreement(records: Mapping[str, Record | None], kinds: Mapping[str, str], protocol: str) -> None:
    """Raise InputError where the targets are references of two `kinds`, where the results state two protocols or two
    references, or where one is of MR and `protocol` of CT, or the other way; all by the name of the volume.

    A result that states nothing agrees with all.
    """
    _check_one(kinds, "targets are references", "give a folder of one kind, or name it with --dataset")
    said = {name: record for name, record in records.items() if record is not None}
    for name, record in said.items():
        if is_ct(record) != (protocol in CT_PROTOCOLS):
            which = "CT" if is_ct(record) else "MR"
            raise InputError(f"{name} is {which}, by {record['method']}, and '{protocol}' is no protocol of {which}")
    for key in ("protocol", "reference"):
        stated = {name: _stated(record, key) for name, record in said.items()}
        _check_one(
            {name: value for name, value in stated.items() if value is not None},
            f"results were saved with scores of {key}",
            f"score those of one {key} in a folder of their own",
        )


def methods(records: Iterable[Record | None]) -> tuple[str, ...]:
    """What made the results, each once; "unknown" where nothing tells."""
    return tuple(sorted({str(record["method"]) if record else UNKNOWN for record in records}))


def _stated(record: Record, key: str) -> Any:
    return (record.get("scores") or {}).get(key)


def _check_one(values: Mapping[str, str], what: str, cure: str) -> None:
    first: dict[str, str] = {}
    for name, value in values.items():
        first.setdefault(value, name)
    if len(first) > 1:
        (a, one), (b, other) = list(first.items())[:2]
        raise InputError(f"the {what} '{a}' ({one}) and '{b}' ({other}), which do not compare; {cure}")
