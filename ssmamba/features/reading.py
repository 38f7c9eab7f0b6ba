"""One door for tiles and features, ours and those of other programs."""

from __future__ import annotations

from pathlib import Path

from ssmamba.errors import DataError
from ssmamba.features.values import TileFile

ENDINGS = (".h5", ".hdf5", ".npz", ".pt", ".csv", ".tsv", ".zarr")


def read_tiles(path: Path | str) -> TileFile:
    """The tiles of a file, by its kind and content.

    HDF5 of TRIDENT, CLAM, atlas-patch, WSInfer, STAMP and of our own; hs2p's and slide2vec's
    ``.npz`` and ``.pt``; CSV tables; wsidata's folders. Raises DataError.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if path.is_dir():
        from ssmamba.features.wsidata import is_wsidata, read_wsidata

        if is_wsidata(path):
            return read_wsidata(path)
    elif ending in (".h5", ".hdf5"):
        from ssmamba.features.hdf5 import read_hdf5

        return read_hdf5(path)
    elif ending in (".npz", ".pt"):
        from ssmamba.features.hs2p import PLACES, read_hs2p, read_slide2vec

        return read_hs2p(path) if path.name.endswith(PLACES) else read_slide2vec(path)
    elif ending in (".csv", ".tsv"):
        from ssmamba.features.tables import read_tile_table

        return read_tile_table(path)
    elif not path.exists():
        raise DataError("There is no file {path}; check the path.", path=path)
    raise DataError(
        "{path} is no feature file of a known kind; give one that ends in "
        "{names}, or a folder of wsidata.",
        path=path,
        names=", ".join(ENDINGS[:-1]),
    )
