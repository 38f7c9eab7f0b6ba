"""Names of classes, groups and columns that look alike: one name, or one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ssmamba.names import composed, fault_of, folded

NO_VALUE = frozenset({  # as R, pandas, spreadsheets and people write it
    "na", "n/a", "n.a.", "<na>", "#n/a", "nan", "null", "nil", "-", "--", ".", "?",
})  # fmt: skip
NO_GROUP = NO_VALUE | {"none", "unknown", "missing"}  # which may be names of classes
# Letters of other alphabets that look like ours.
LOOKS = str.maketrans(
    "АВЕКМНОРСТХЅІЈаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    "ABEKMHOPCTXSIJaeopcyxsijABEZHIKMNOPTYXo",
)
USED = {"path", "label", "split", "x", "y"}  # columns beside that of the groups
PATIENTS = ("patient", "patientid", "subject", "subjectid", "donor", "donorid", "case", "caseid",
            "slide", "slideid")  # fmt: skip


def label_problems(path: str, label: str) -> list[str]:
    """A problem where a table's cell names no class, by being empty or in words."""
    if label and folded(label) not in NO_VALUE:
        return []
    return [f"{path} has no label" + f" ('{label}'; rename the class if it is one)" * bool(label)]


class Groups:
    """The groups of a table, each as it was first spelled."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def of(self, cell: str) -> str:
        """The group that a cell names; "" for none."""
        name = group_of(cell)
        return self._first.setdefault(folded(name), name)


def group_of(name: str) -> str:
    """The group that a manifest's cell names; "" for none."""
    return "" if folded(name) in NO_GROUP else composed(name)


def group_column(columns: Iterable[str]) -> str:
    """The column that names patients where none is called `group`; "" if there is none."""
    plain = {_plain(name): name for name in columns}
    return next((plain[name] for name in ("group", *PATIENTS) if name in plain), "")


def column_notes(columns: Iterable[str], groups: str, used: Iterable[str] = ()) -> list[str]:
    """Which column the groups come from, and which ones are not used.

    used: columns that are, besides the usual ones.
    """
    if groups not in ("", "group"):
        return [f"Groups come from the column {groups}."]
    others = [name for name in columns if name and name not in {*USED, *used, groups}]
    if groups:  # what else could be the patient
        others = [name for name in others if _plain(name) in PATIENTS]
    if not others:
        return []
    many = len(others) > 1
    return [
        f"The column{'s' * many} {', '.join(others)} {'are' if many else 'is'} not used; call the "
        "one that names the patient 'group' to keep patients whole."
    ]


def _plain(column: str) -> str:
    return "".join(filter(str.isalnum, column.lower()))


def class_problems(places: Mapping[str, str]) -> list[str]:
    """A problem for each class with a name that cannot be, or is written in several ways.

    places: {class: where first}.
    """
    odd = [(name, fault_of(name)) for name in places]
    problems = [
        f"the class {name[:40]!r} ({places[name]}) has {fault}" for name, fault in odd if fault
    ]
    ways: dict[str, list[str]] = {}
    for name in places:
        alike = folded(name), folded(name.translate(LOOKS).replace("_", " "))
        same = next((ways[way] for way in alike if way in ways), [])
        same.append(name)
        ways.update(dict.fromkeys(alike, same))
    groups = {id(names): names for names in ways.values()}
    return problems + [
        f"one class is written in {len(names)} ways, "
        + " and ".join(f"'{name}' ({places[name]})" for name in names)
        + "; write it in one way"
        for names in groups.values()
        if len(names) > 1
    ]
