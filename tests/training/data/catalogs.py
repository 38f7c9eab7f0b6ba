"""Data folders as the commands read them: problems become one error."""

from __future__ import annotations

from pathlib import Path

from training.data.catalog import Catalog, report, survey_folder
from training.data.scan import Scan, examine_images


def read_catalog(root: Path | str) -> Catalog:
    survey = survey_folder(root)
    if survey.problems:
        raise report(survey.catalog.root, [survey.problems])
    return survey.catalog


def scan_images(catalog: Catalog) -> Scan:
    found = examine_images(catalog)
    if found.unreadable or found.conflicts or found.scan is None:
        raise report(catalog.root, [found.unreadable, found.conflicts])
    return found.scan
