"""One door for region files: QuPath's GeoJSON, ASAP's XML and ImageScope's XML."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ssmamba.errors import RoiError
from ssmamba.rois import asap, imagescope
from ssmamba.rois.asap import regions_of_asap
from ssmamba.rois.geojson import read_region_file
from ssmamba.rois.geojson_features import Offset
from ssmamba.rois.imagescope import regions_of_imagescope
from ssmamba.rois.region_file import RegionFile
from ssmamba.rois.xml_places import parse_xml

READERS = {asap.ROOT: regions_of_asap, imagescope.ROOT: regions_of_imagescope}


def read_regions(
    path: Path | str,
    bounds_offset: Offset = (0.0, 0.0),
    progress: Callable[[int], object] = lambda _: None,
) -> RegionFile:
    """The regions of a file, (x, y) level-0 pixels; what is odd or left out is told in its notes.

    ``bounds_offset`` and ``progress`` are those of ``read_region_file``; XML counts from the
    slide's corner and takes no offset. Raises RoiError for a file of another format, or of which
    nothing can be read.
    """
    path = Path(path)
    if path.suffix.lower() != ".xml":
        return read_region_file(path, bounds_offset, progress)
    root = parse_xml(path)
    if root.tag not in READERS:
        raise RoiError(
            "{path} is neither ASAP's nor ImageScope's XML (its root is {tag}); export the "
            "regions from one of them, or as GeoJSON.",
            path=path,
            tag=root.tag,
        )
    found = READERS[root.tag](root, path)
    if found.skipped and not found.rois:
        raise RoiError(
            "{path} has no region that can be read: {why}", path=path, why=found.notes[0]
        )
    return found
