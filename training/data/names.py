"""Names of classes, groups and columns that look alike: one name, or one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ssmamba.names import composed, folded

NO_GROUP = frozenset({"na", "n/a", "<na>", "nan", "none", "null"})  # as R and pandas write it
PATIENTS = ("patient", "patientid", "subject", "subjectid", "donor", "donorid", "case", "caseid",
            "slide", "slideid")  # fmt: skip


def group_of(name: str) -> str:
    """The group that a manifest's cell names; "" for none."""
    return "" if folded(name) in NO_GROUP else composed(name)


def group_column(columns: Iterable[str]) -> str:
    """The column that names patients where none is called `group`; "" if there is none."""
    plain = {"".join(filter(str.isalnum, name.lower())): name for name in columns}
    return next((plain[name] for name in ("group", *PATIENTS) if name in plain), "")


def spelled_twice(places: Mapping[str, str]) -> list[str]:
    """A problem for each class that is written in several ways; places: {class: where first}."""
    ways: dict[str, list[str]] = {}
    for name in places:
        ways.setdefault(folded(name), []).append(name)
    return [
        f"one class is written in {len(names)} ways, "
        + " and ".join(f"'{name}' ({places[name]})" for name in names)
        + "; write it in one way"
        for names in ways.values()
        if len(names) > 1
    ]
