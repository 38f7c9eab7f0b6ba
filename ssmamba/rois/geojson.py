"""ROI files in QuPath's GeoJSON: read leniently, written without loss."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssmamba.errors import RoiError
from ssmamba.files import written_whole
from ssmamba.rois import json_stream, region_file
from ssmamba.rois.geojson_features import FeatureReader, Offset, rois_from_geojson, with_own_id
from ssmamba.rois.geojson_values import encodable, kept
from ssmamba.rois.geojson_writing import rois_to_geojson
from ssmamba.rois.region_file import RegionFile, check_size
from ssmamba.rois.roi import Roi

__all__ = [
    "RegionFile",
    "read_region_file",
    "read_rois",
    "rois_from_geojson",
    "rois_to_geojson",
    "with_own_id",
    "write_rois",
]

PROGRESS_EVERY = 500  # features
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError)  # of an archive


def read_region_file(
    path: Path | str,
    bounds_offset: Offset = (0.0, 0.0),
    progress: Callable[[int], object] = lambda _: None,
) -> RegionFile:
    """Read .geojson, .json, .geojson.gz or .zip; coordinates become level-0 pixels.

    ``bounds_offset`` is ``SlideInfo.bounds_offset``, the origin of QuPath's coordinates; HALO and
    ASAP count from the slide's corner, which is no offset. Ids are the same at every reading. A
    feature that cannot be read, or whose area encloses nothing, is skipped and told; one without a
    geometry is left out. ``progress`` is
    called with the number of regions so far after every PROGRESS_EVERY features. Raises RoiError
    for a file without any that can be read, though not for an empty one.
    """
    path = Path(path)
    reader = FeatureReader(bounds_offset, flat_too=False)
    for name, text in _texts(path):
        around: dict[str, Any] = {}
        first = len(reader.rois)
        try:
            for number, item in enumerate(json_stream.features(text, around), start=1):
                reader.add(item)
                if number % PROGRESS_EVERY == 0:
                    progress(len(reader.rois))
        except (ValueError, RecursionError) as error:
            raise RoiError(
                "{name} is not valid GeoJSON ({error}); export the regions again.",
                name=name,
                error=error,
            ) from error
        if around.get("crs") is not None and kept({"crs": around["crs"]}, []):
            reader.rois[first:] = [_in_system(roi, around["crs"]) for roi in reader.rois[first:]]
    if reader.skipped and not reader.rois:
        raise RoiError(
            "{path} has no region that can be read ({why}); export the regions again.",
            path=path,
            why=reader.skipped[0],
        )
    return RegionFile(reader.rois, tuple(reader.notes()), len(reader.skipped))


def read_rois(path: Path | str, bounds_offset: Offset = (0.0, 0.0)) -> list[Roi]:
    """The regions of ``read_region_file``."""
    return read_region_file(path, bounds_offset).rois


def _in_system(roi: Roi, system: Any) -> Roi:
    """A region that remembers its file's coordinate reference system."""
    feature = {"crs": system, **roi.extra.get("feature", {})}
    return replace(roi, extra={**roi.extra, "feature": feature})


def write_rois(path: Path | str, rois: Iterable[Roi], bounds_offset: Offset = (0.0, 0.0)) -> None:
    """Write a FeatureCollection; an existing file is replaced only once the new one is complete.

    Raises RoiError if the file cannot be written.
    """
    path = Path(path)
    text = _dumped(rois_to_geojson(rois, bounds_offset))
    data = _packed(path, encodable(text).encode())
    try:
        with written_whole(path) as partial, partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RoiError(
            "Could not write the regions to {path} ({strerror}); choose another folder.",
            path=path,
            strerror=error.strerror,
        ) from error


def _dumped(collection: dict[str, Any]) -> str:
    """JSON text, one line per feature: a single call for all would block every other thread."""
    lines = (
        json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in collection["features"]
    )
    crs = f'"crs":{json.dumps(collection["crs"])},' if "crs" in collection else ""
    return f'{{"type":"FeatureCollection",{crs}"features":[\n' + ",\n".join(lines) + "\n]}\n"


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """(name for messages, text) of each GeoJSON document in a file."""
    try:
        check_size(path, path.stat().st_size)
        data = path.read_bytes()
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = [f for f in archive.infolist()
                         if f.filename.lower().endswith((".geojson", ".json"))]  # fmt: skip
                check_size(path, sum(file.file_size for file in files))
                for file in files:
                    yield f"{path}:{file.filename}", archive.read(file).decode("utf-8-sig")
            if not files:
                raise RoiError(
                    "{path} contains no .geojson file; export the regions again.", path=path
                )
            return
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(region_file.MAX_BYTES + 1)
            check_size(path, len(data))
        yield str(path), data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RoiError("There is no region file {path}; check the path.", path=path) from error
    except (*DAMAGED, OSError, RuntimeError) as error:  # RuntimeError: encrypted
        raise RoiError(
            "{path} cannot be read as a region file ({error}); export the regions again.",
            path=path,
            error=error,
        ) from error


def _packed(path: Path, data: bytes) -> bytes:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return gzip.compress(data)
    if suffix == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem.removesuffix(".geojson") + ".geojson", data)
        return buffer.getvalue()
    return data
