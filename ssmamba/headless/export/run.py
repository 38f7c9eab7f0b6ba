"""All files of a request, each compared with the checkpoint before it is kept."""

from __future__ import annotations

import sys
from pathlib import Path

from ssmamba.checkpoints.card import Card, read_card, require_classes
from ssmamba.checkpoints.wsinfer import CONFIG, WEIGHTS, config_of
from ssmamba.errors import CheckpointError, InputError
from ssmamba.files import refuse_unwritable, unwritten, write_json, written_whole
from ssmamba.headless.export.request import ExportRequest

PROGRAM = "model.pt2"


def export(request: ExportRequest) -> None:
    """Write a model in each format that was asked for.

    Raises SSMambaError, and a file that does not answer as the checkpoint is not kept.
    """
    card = require_classes(read_card(request.model), request.model)
    if card.is_torchscript:
        raise CheckpointError(
            f"{request.model} is a TorchScript model already; give a checkpoint (.safetensors)."
        )
    mpp = _mpp_of(card, request)
    from ssmamba.checkpoints.torchscript import load_network
    from ssmamba.headless.export import files
    from ssmamba.headless.export.network import Truth, plain_network

    out, side = request.out, card.input.window_px
    try:
        out.mkdir(parents=True, exist_ok=True)
        refuse_unwritable(out, needed=2 * Path(request.model).stat().st_size)
        truth = Truth(request.model)
        network = plain_network(request.model, card)
        if "wsinfer" in request.formats:
            with written_whole(out / WEIGHTS) as partial:
                files.write_torchscript(partial, network, side)
                found = load_network(partial, len(card.classes), side)
                _told(out / WEIGHTS, truth.compare(found, str(out / WEIGHTS)))
        if "torch-export" in request.formats:
            with written_whole(out / PROGRAM) as partial:
                files.write_program(partial, network, side)
                found_program = files.read_program(partial)
                _told(out / PROGRAM, truth.compare(found_program, str(out / PROGRAM)))
        write_json(out / CONFIG, _config(card, mpp))
    except OSError as error:
        raise unwritten(out, error) from error
    if card.input.icc:
        print("Note: the model was trained on colours corrected by the slides' ICC profiles, which "
              "other programs may not do.", file=sys.stderr)  # fmt: skip


def _told(path: Path, difference: float) -> None:
    print(f"Wrote {path}; its probabilities differ by {difference:.1g} at most.", file=sys.stderr)


def _mpp_of(card: Card, request: ExportRequest) -> float:
    """µm per network pixel. Raises InputError where nobody knows."""
    mpp = request.target_mpp or card.input.known_mpp
    if mpp is None:
        raise InputError(
            f"{request.model} does not know its µm/px, which other programs read slides by; give "
            f"that of its window of {card.input.window_px} px with --target-mpp."
        )
    return mpp


def _config(card: Card, mpp: float) -> dict[str, object]:
    """The card in WSInfer's terms; a patch is as sharp as the training images were."""
    spec = card.input
    names = card.class_names
    return config_of(
        architecture=card.arch,
        classes=names if len(set(names)) == len(names) else [c.key for c in card.classes],
        patch_px=spec.source_px,
        spacing=mpp * spec.window_px / spec.source_px,
        window_px=spec.window_px,
        mean=spec.mean,
        std=spec.std,
    )
