"""Cells of a grid: the paper's, and the user's own encoders as more rows of Table 4."""

from __future__ import annotations

from ssmamba.checkpoints.card import read_card
from ssmamba.errors import DataError
from ssmamba.models.foundation import ADAPTERS
from training.ablate.config import AblateConfig
from training.ablate.paper import PAPER
from training.ablate.tables import CELLS, Cell, Row


def all_cells(config: AblateConfig) -> dict[str, Cell]:
    """The paper's cells and those of --encoders, by name."""
    return {**CELLS, **encoder_cells(config)}


def encoder_cells(config: AblateConfig) -> dict[str, Cell]:
    """A cell for each file of --encoders, named as the file; fine-tuned whole, as the others.

    An encoder with a fixed window size keeps it, whatever the grid's is. Raises DataError for a
    missing file or a name that is taken, CheckpointError for a file that is not a checkpoint.
    """
    found: dict[str, Cell] = {}
    for path in config.encoder_list():
        if not path.is_file():
            raise DataError(
                f"--encoders: {path} does not exist; make it with training.convert, or "
                "correct the path."
            )
        if path.stem in found or path.stem in CELLS:
            raise DataError(f"--encoders: the name of {path} is taken; rename the file.")
        card = read_card(path)
        flags = ["--init", str(path.resolve())]
        if "img_size" in card.config:
            flags += ["--image-size", str(card.input.window_px)]
        found[path.stem] = Cell(card.name or path.stem, flags=tuple(flags))
    return found


def encoder_rows(config: AblateConfig) -> tuple[Row, ...]:
    """Rows of Table 4 for --encoders, with the paper's figures where it has any."""
    cells = encoder_cells(config)
    archs = {path.stem: read_card(path).arch for path in config.encoder_list()}
    return tuple(
        Row(cell.label, name, PAPER[archs[name]] if archs[name] in ADAPTERS else {})
        for name, cell in cells.items()
    )
