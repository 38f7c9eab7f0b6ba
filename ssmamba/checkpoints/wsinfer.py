"""Model folders of WSInfer's zoo: ``config.json`` beside ``torchscript_model.pt``.

Read from wsinfer-zoo 0.6.2 (its schema 1.0) and WSInfer 0.6.1. A patch covers
``patch_size_pixels`` x ``spacing_um_px`` µm and goes through ``transform`` (Resize, ToTensor,
Normalize); the network's outputs are logits, or one logit of one class. No torch here.
"""

from __future__ import annotations

import colorsys
import json
import math
from pathlib import Path
from typing import Any

from ssmamba.errors import CheckpointError
from ssmamba.wording import words

CONFIG, WEIGHTS = "config.json", "torchscript_model.pt"
TORCHSCRIPT = "torchscript"  # Card.arch of such a model
SPEC_VERSION = "1.0"
ONE_LOGIT = "one_logit"  # in Card.config: the network has one output, for one class
MOST_CONFIG_BYTES = 1 << 20
MOST_CLASSES = 10_000
GET_AGAIN = words("download the folder again, or ask its author.")


def folder_of(path: Path | str) -> Path | None:
    """The model folder that a path names: itself, or by one of its two files; else None."""
    path = Path(path)
    if path.name in (CONFIG, WEIGHTS) and not path.is_dir():
        return path.parent if (path.parent / WEIGHTS).is_file() else None
    return path if any((path / name).is_file() for name in (CONFIG, WEIGHTS)) else None


def is_model(path: Path | str) -> bool:
    """Whether a path is, by its name or what lies there, a checkpoint or a model folder."""
    return str(path).lower().endswith(".safetensors") or folder_of(path) is not None


def model_files(path: Path | str) -> tuple[Path, ...]:
    """The files that a model consists of: a checkpoint is one, a folder of WSInfer's has two."""
    folder = folder_of(path)
    return (Path(path),) if folder is None else (folder / CONFIG, folder / WEIGHTS)


def models_in(folder: Path) -> list[Path]:
    """The checkpoints and the model folders that lie in a folder, by name. Raises OSError."""
    inside = sorted(folder.iterdir())
    return [p for p in inside if p.suffix == ".safetensors" or (p.is_dir() and folder_of(p))]


def card_of(folder: Path) -> dict[str, Any]:
    """A model folder's card, as the JSON object of a checkpoint's. Raises CheckpointError."""
    config = _read(folder)
    classes = config["class_names"]
    side, spacing = config["patch_size_pixels"], config["spacing_um_px"]
    window, mean, std = _input_of(config["transform"], side, folder)
    one = len(classes) == 1
    names = [f"No {classes[0]}", classes[0]] if one else classes
    return {
        "format_version": 1,
        "kind": "baseline",
        "name": folder.resolve().name,
        "arch": TORCHSCRIPT,
        "config": {"architecture": str(config["architecture"]), ONE_LOGIT: one},
        "classes": [
            {"key": name, "name": name, "color": _colour(at)} for at, name in enumerate(names)
        ],
        "input": {
            "window_px": window,
            "source_px": side,
            "mpp": spacing * side / window,
            "mean": mean,
            "std": std,
        },
    }


def config_of(
    architecture: str,
    classes: list[str],
    patch_px: int,
    spacing: float,
    window_px: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> dict[str, Any]:
    """The ``config.json`` of a model: the other side of ``card_of``.

    patch_px: side of a patch before it is resized to ``window_px``; spacing: µm per its pixel.
    """
    return {
        "spec_version": SPEC_VERSION,
        "architecture": architecture,
        "num_classes": len(classes),
        "class_names": classes,
        "patch_size_pixels": patch_px,
        "spacing_um_px": spacing,
        "transform": [
            {"name": "Resize", "arguments": {"size": window_px}},
            {"name": "ToTensor"},
            {"name": "Normalize", "arguments": {"mean": list(mean), "std": list(std)}},
        ],
    }


def _read(folder: Path) -> dict[str, Any]:
    """The checked configuration of a folder that has both files."""
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(
                "{folder} has no {name}; {get_again}", folder=folder, name=name, get_again=GET_AGAIN
            )
    path = folder / CONFIG
    try:
        if path.stat().st_size > MOST_CONFIG_BYTES:
            raise ValueError("too large")
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            "{path} cannot be read ({error}); {get_again}",
            path=path,
            error=_short(error),
            get_again=GET_AGAIN,
        ) from error
    why = _fault(config)
    if why:
        raise CheckpointError(
            "{path} describes no model of WSInfer's ({why}); {get_again}",
            path=path,
            why=why,
            get_again=GET_AGAIN,
        )
    return config


def _fault(config: Any) -> str:
    """What is wrong with a configuration, in a few words; "" = nothing."""
    if not isinstance(config, dict):
        return "it is no object"
    missing = [k for k in ("spec_version", "architecture", "num_classes", "class_names",
                           "patch_size_pixels", "spacing_um_px", "transform")
               if k not in config]  # fmt: skip
    if missing:
        return f"{missing[0]} is missing"
    if config["spec_version"] != SPEC_VERSION:
        return f"its version is {config['spec_version']!s:.20}, not {SPEC_VERSION}"
    names, side, spacing = (config[k] for k in ("class_names", "patch_size_pixels",
                                                "spacing_um_px"))  # fmt: skip
    if not _is_list_of(names, str) or not 1 <= len(names) <= MOST_CLASSES:
        return "class_names is no list of names"
    if config["num_classes"] != len(names):
        return f"num_classes is {config['num_classes']!s:.20}, with {len(names)} class_names"
    if type(side) is not int or side < 1:
        return "patch_size_pixels is no whole number"
    if type(spacing) not in (int, float) or not 0 < spacing < math.inf:
        return "spacing_um_px is no number above 0"
    steps = config["transform"]
    if not _is_list_of(steps, dict) or any(not isinstance(s.get("name"), str) for s in steps):
        return "transform is no list of steps"
    return ""


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _input_of(
    steps: list[dict[str, Any]], side: int, folder: Path
) -> tuple[int, list[float], list[float]]:
    """Side, mean and standard deviation of the network's input. Raises CheckpointError."""
    window, mean, std = side, [0.0] * 3, [1.0] * 3
    names = [step["name"] for step in steps]
    if "ToTensor" not in names or len(set(names)) < len(names) or (
        "Normalize" in names and names.index("Normalize") < names.index("ToTensor")
    ):  # fmt: skip
        raise CheckpointError(
            "{path}: its transform ({names}) is not at most one Resize, "
            "ToTensor and at most one Normalize; {get_again}",
            path=folder / CONFIG,
            names=", ".join(names),
            get_again=GET_AGAIN,
        )
    for step in steps:
        given = step.get("arguments") or {}
        try:
            if step["name"] == "Resize":
                size = given["size"]
                window = size if type(size) is int else _square(size)
            elif step["name"] == "Normalize":
                mean, std = ([float(n) for n in given[key]] for key in ("mean", "std"))
                if len(mean) != 3 or len(std) != 3:
                    raise ValueError("not three numbers")
            elif step["name"] != "ToTensor":
                raise ValueError("unknown")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                "{path}: the step {step} of its transform cannot be done "
                "as it is given ({error}); {get_again}",
                path=folder / CONFIG,
                step=step["name"][:30],
                error=_short(error),
                get_again=GET_AGAIN,
            ) from error
    if window < 1:
        raise CheckpointError(
            "{path}: it resizes to {window} pixels; {get_again}",
            path=folder / CONFIG,
            window=window,
            get_again=GET_AGAIN,
        )
    return window, mean, std


def _square(size: Any) -> int:
    height, width = size
    if type(height) is not int or height != width:
        raise ValueError("not square")
    return height


def _short(error: Exception) -> str:
    return f"{error!s:.60}" or type(error).__name__


def _colour(at: int) -> tuple[int, int, int]:
    """Hues by the golden ratio: neighbours in the list differ, however many there are."""
    red, green, blue = colorsys.hsv_to_rgb((0.58 + at * 0.618034) % 1.0, 0.65, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)
