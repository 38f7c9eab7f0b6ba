"""Files that the programs bring along: models, icons, style, recipes, data set descriptions."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
