"""ROI files in QuPath's GeoJSON: read leniently, written without loss."""

from __future__ import annotations

import gzip
import io
import json
import os
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssmamba.errors import RoiError
from ssmamba.files import written_whole
from ssmamba.rois import json_stream
from ssmamba.rois.geojson_features import Offset, rois_from_geojson, rois_to_geojson, with_own_id
from ssmamba.rois.roi import Roi

__all__ = ["read_rois", "rois_from_geojson", "rois_to_geojson", "with_own_id", "write_rois"]

DAMAGED = (EOFError, zlib.error, zipfile.BadZipFile)  # raised by gzip and zipfile for a bad archive


def read_rois(path: Path | str, bounds_offset: Offset = (0.0, 0.0)) -> list[Roi]:
    """Read .geojson, .json, .geojson.gz or .zip; coordinates become level-0 pixels.

    ``bounds_offset`` is ``SlideInfo.bounds_offset``, the origin of QuPath's coordinates.
    Features without a geometry are skipped. Raises RoiError.
    """
    path = Path(path)
    rois: list[Roi] = []
    for name, text in _texts(path):
        try:
            for item in json_stream.features(text):
                rois += rois_from_geojson(item, bounds_offset, name)
        except (ValueError, RecursionError) as error:
            raise RoiError(
                f"{name} is not valid GeoJSON ({error}); export the regions again."
            ) from error
    return _with_unique_ids(rois)


def write_rois(path: Path | str, rois: Iterable[Roi], bounds_offset: Offset = (0.0, 0.0)) -> None:
    """Write a FeatureCollection; an existing file is replaced only once the new one is complete.

    Raises RoiError if the file cannot be written.
    """
    path = Path(path)
    text = _dumped(rois_to_geojson(rois, bounds_offset))
    data = _packed(path, _encoded(text))
    try:
        with written_whole(path) as partial, partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RoiError(
            f"Could not write the regions to {path} ({error.strerror}); choose another folder."
        ) from error


def _dumped(collection: dict[str, Any]) -> str:
    """JSON text, one line per feature: a single call for all would block every other thread."""
    lines = (
        json.dumps(f, ensure_ascii=False, separators=(",", ":")) for f in collection["features"]
    )
    return '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"


def _encoded(text: str) -> bytes:
    """UTF-8; a lone surrogate, which JSON can hold and UTF-8 cannot, becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """(name for messages, text) of each GeoJSON document in a file."""
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [n for n in archive.namelist() if n.lower().endswith((".geojson", ".json"))]
                for name in names:
                    yield f"{path}:{name}", archive.read(name).decode("utf-8-sig")
            if not names:
                raise RoiError(f"{path} contains no .geojson file; export the regions again.")
            return
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        yield str(path), data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RoiError(f"There is no region file {path}; check the path.") from error
    except (*DAMAGED, OSError, RuntimeError, UnicodeDecodeError) as error:  # Runtime: encrypted
        raise RoiError(
            f"{path} cannot be read as a region file ({error}); export the regions again."
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


def _with_unique_ids(rois: list[Roi]) -> list[Roi]:
    seen: set[str] = set()
    result = []
    for roi in rois:
        fresh = with_own_id(roi) if roi.id in seen else roi
        if fresh.id in seen:
            fresh = replace(roi, id=str(uuid.uuid4()))
        seen.add(fresh.id)
        result.append(fresh)
    return result
