"""What is written and said of a cohort: N slides in, N accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from ssmamba.names import folded
from training.data.describe import plain_classes
from training.evaluation.written import write_csv
from training.prepare.annotated.maps import RGB
from training.prepare.annotated.outcome import Outcome, surveys_of
from training.prepare.annotated.rules import Rules

MAPS, TABLE = "maps", "slides.csv"
NAMED = 5  # slides named in a note


def write_table(outcomes: Sequence[Outcome], classes: Sequence[str], path: Path) -> None:
    """A row for each slide: its patches, or why there are none, and what became of its windows."""
    rows = []
    for outcome in outcomes:
        survey, listed = outcome.survey, outcome.listed
        counts = survey.counts if survey is not None else {}
        own = Counter(taken.label for taken in outcome.taken)
        rows.append(
            {
                "slide": listed.path.name,
                "name": listed.name,
                "patient": listed.patient,
                "patches": len(outcome.taken),
                "why_not": outcome.why_not,
                "mpp": "" if survey is None else f"{survey.mpp:.5g}",
                "window_px": "" if survey is None else survey.side,
                "windows": counts.get("grid", ""),
                "with_tissue": counts.get("tissue", ""),
                "outside_annotations": counts.get("free", ""),
                "too_little_inside": counts.get("short", ""),
                "several_classes": counts.get("several", ""),
                "not_chosen": "" if survey is None else len(survey.windows) - len(outcome.taken),
                **{f"patches of {name}": own[name] for name in classes},
                "notes": "; ".join([] if survey is None else survey.notes),
            }
        )
    write_csv(path, rows)


def description(colors: Mapping[str, RGB], rules: Rules) -> str:
    """Text of the dataset.yaml: the classes as drawn, and the µm/px of the patches."""
    described = {
        "name": "Annotated slides",
        "mpp": rules.mpp,
        "classes": {
            plain.key: {"name": plain.key, "color": list(colors[plain.key])}
            for plain in plain_classes(tuple(colors))
        },
    }
    return yaml.safe_dump(described, sort_keys=False, allow_unicode=True)


def notes_on(outcomes: Sequence[Outcome], spelled: Mapping[str, str]) -> list[str]:
    """A sentence for each thing that a person should know; like ones in one."""
    used = [outcome for outcome in outcomes if outcome.taken]
    notes = [
        f"{len(used)} of {len(outcomes)} slides gave patches ({TABLE} and {MAPS}/ say which and "
        "where)."
    ]
    notes += missing(outcomes)
    told: dict[str, list[str]] = {}
    for outcome in outcomes:
        for note in outcome.survey.notes if outcome.survey is not None else ():
            told.setdefault(note, []).append(outcome.listed.path.name)
    notes += [f"{_named(names)} {note.rstrip('.')}." for note, names in told.items()]
    left: Counter[str] = Counter()
    for survey in surveys_of(outcomes):
        left.update({name: count for name, count in survey.left.items() if name})
    if left:
        listed = ", ".join(f"{name} ({count})" for name, count in left.most_common())
        notes.append(f"Annotations of classes that are not used: {listed}.")
    written = {name for survey in surveys_of(outcomes) for name in survey.classes}
    several = [sorted(name for name in written if folded(name) == key) for key in sorted(spelled)]
    notes += [f"Read as one class: {', '.join(names)}." for names in several if len(names) > 1]
    return notes


def missing(outcomes: Sequence[Outcome]) -> list[str]:
    """A sentence for each reason for which slides gave no patches."""
    whys: dict[str, list[str]] = {}
    for outcome in outcomes:
        if not outcome.taken:
            why = outcome.why_not or "has windows, of which none was chosen (--per-class)"
            general = why.split(":")[0] if why.startswith("has no annotations:") else why
            whys.setdefault(general, []).append(outcome.listed.path.name)
    return [f"Missing: {_named(names)} {why.rstrip('.')}." for why, names in whys.items()]


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} slides ({', '.join(names[:NAMED])}{more}): each"
