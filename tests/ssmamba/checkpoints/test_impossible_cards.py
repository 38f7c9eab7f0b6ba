"""Cards with numbers that cannot be, gigantic networks, and weights that are not numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, card_from_json
from ssmamba.errors import CheckpointError
from ssmamba.inference.judge import NO_NUMBER, Judge
from ssmamba.inference.predictor import Predictor
from ssmamba.predict import main as predict
from tests.slides import grainy, tissue_like
from tests.ssmamba.checkpoints.made import CLASSES, SPEC, save_classifier, tiny_config, tiny_model


def classes(*keys: str, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Classes as a card has them."""
    told = names or [f"Class {at}" for at in range(len(keys))]
    return [{"key": k, "name": n, "color": [1, 2, 3]} for k, n in zip(keys, told, strict=True)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"calibration": {"temperature": 0.0}}, "temperature is 0, not above 0"),
        ({"calibration": {"temperature": -1.5}}, "temperature is -1.5"),
        ({"calibration": {"temperature": float("nan")}}, "temperature is nan"),
        ({"calibration": {"temperature": 1e-9}}, "temperature is 1e-09, not within 0.01 to 100"),
        ({"calibration": {"temperature": 1e9}}, "temperature is 1e.09, not within 0.01 to 100"),
        ({"calibration": {"entropy_limit": 2.0}}, "entropy_limit is 2, not within 0 to 1"),
        ({"calibration": {"entropy_limit": float("nan")}}, "entropy_limit is nan"),
        ({"calibration": {"distance_limit": -1.0}}, "distance_limit is -1"),
        ({"input": {"std": [0.2, 0.0, 0.2]}}, r"std\[1\] is 0"),
        ({"input": {"mean": [0.2, float("inf"), 0.2]}}, r"input.mean\[1\] is inf"),
        ({"input": {"mean": [0.2, float("nan"), 0.2]}}, r"input.mean\[1\] is nan"),
        ({"input": {"mean": [123.7, 116.3, 103.5]}}, r"mean\[0\] is 123.7, not within 0 to 1"),
        ({"input": {"std": [58.4, 57.1, 57.4]}}, r"std\[0\] is 58.4, not within 0 to 1"),
        ({"input": {"std": [1e-9, 0.2, 0.2]}}, r"std\[0\] is 1e-09, below 0.001"),
        ({"input": {"mpp": "0.5"}}, "mpp is '0.5', not a number"),
        ({"input": {"mpp": 1e-9}}, "mpp is 1e-09, below 0.01 µm/px"),
        ({"input": {"mpp": None, "field_um": 1e-9}}, "field_um is 1e-09, below 0.1 µm"),
        ({"input": {"mpp": 25_000.0}}, "mpp is 25000, not up to 1000"),
        ({"input": {"mpp": -0.5}}, "mpp is -0.5"),
        ({"input": {"mpp": float("inf")}}, "mpp is inf"),
        ({"input": {"window_px": 60_000}}, "window_px is 60000, not within 1 to 4096"),
        ({"input": {"window_px": 0}}, "window_px is 0"),
        ({"input": {"source_px": 10**9}}, "source_px is 1000000000"),
        ({"input": {"published_px": 0}}, "published_px is 0"),
        ({"input": {"picture": "portrait"}}, "picture is 'portrait', not tissue or cell"),
        ({"input": {"field_um": -3.0}}, "field_um is -3, not above 0"),
        ({"input": {"magnification": float("nan")}}, "magnification is nan"),
        ({"input": {"mpp": 1.0, "field_um": 128.0}}, "field_um is 128, and .* window 64 µm wide"),
        ({"cam_stage": 5}, "cam_stage is 5"),
        ({"classes": [asdict(CLASSES[0])] * 2}, "two classes have the key 'tumor'"),
        ({"classes": classes("", "b")}, r"classes\[0\].key is empty"),
        ({"classes": classes("a", " \u200b")}, r"classes\[1\].key is empty"),
        ({"classes": classes("Tumor", "tumor")}, "look alike, 'Tumor' and 'tumor'"),
        ({"classes": classes("caf\u00e9", "cafe\u0301")}, "keys of two classes look alike"),
        ({"classes": classes("a" * 300, "b")}, "key has 300 letters, more than 255"),
        ({"classes": classes("a\n", "b")}, r"key has a sign that cannot be shown, U\+000A"),
        ({"classes": classes("a\u202eb", "b")}, r"key has a sign that cannot be shown, U\+202E"),
        ({"format_version": 0}, "model card is unreadable"),
        ({"training_hashes": "abc"}, "training_hashes is no list"),
    ],
)
def test_numbers_that_cannot_be_are_named(changes: dict[str, Any], named: str) -> None:
    sound = json.loads(Card(classes=CLASSES, input=SPEC).to_json())
    assert card_from_json(json.dumps(sound)).classes == CLASSES
    for part, values in changes.items():
        sound[part] = {**sound[part], **values} if isinstance(values, dict) else values
    with pytest.raises(CheckpointError, match=named):
        card_from_json(json.dumps(sound))


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("Tumour", "TUMOUR", "Benign"), ["Tumour (a)", "TUMOUR (b)", "Benign"]),
        (("", " \u200b", "Benign"), ["a", "b", "Benign"]),
        (("A\nB\x1b", "\u202eruomuT", "\ud800C"), ["A B", "ruomuT", "C"]),
        (("x" * 5000, "B", "C"), ["x" * 255, "B", "C"]),
    ],
    ids=["alike", "empty", "signs that are not shown", "long"],
)
def test_names_fit_on_a_line_and_can_be_told_apart(
    names: tuple[str, ...], shown: list[str]
) -> None:
    sound = json.loads(Card(classes=CLASSES, input=SPEC).to_json())
    sound["classes"], sound["name"] = classes("a", "b", "c", names=names), names[0]
    card = card_from_json(json.dumps(sound))
    assert card.class_names == shown and [info.key for info in card.classes] == ["a", "b", "c"]
    assert card_from_json(card.to_json()) == card and "\n" not in card.name


@pytest.mark.parametrize(
    "changes",
    [
        {"depths": [10_000_000, 1, 1, 1]},
        {"dims": [20_000, 40_000, 80_000, 90_000]},
        {"d_state": 100_000_000},
        {"embedding": "linear", "grid": 90_000},
        {"kernels": [1_000_000_001]},
        {"dims": [8, 8, 12, float("inf")]},
    ],
)
def test_a_small_file_whose_card_asks_for_a_gigantic_network(
    tmp_path: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    real = checkpoint.build_model

    def spy(card: Card) -> torch.nn.Module:
        model = real(card)
        built.append({weight.device.type for weight in model.parameters()})
        return model

    monkeypatch.setattr(checkpoint, "build_model", spy)
    card = Card(config={**asdict(tiny_config()), **changes}, classes=CLASSES, input=SPEC)
    path = tmp_path / "big.safetensors"
    checkpoint.save_tensors(path, {"x": torch.zeros(0, dtype=torch.uint8)}, card)
    with pytest.raises(CheckpointError, match=r"do not fit its card|and the most is"):
        checkpoint.load(path)
    assert built in ([], [{"meta"}])  # never with memory for its weights


def test_arguments_that_no_constructor_takes_are_one_sentence(tmp_path: Path) -> None:
    card = Card(arch="timm:resnet10t", config={"layers": "many"}, classes=CLASSES)
    path = tmp_path / "odd.safetensors"
    checkpoint.save_tensors(path, {"x": torch.zeros(1)}, card)
    with pytest.raises(CheckpointError, match="describes no network that can be built"):
        checkpoint.load(path)


def test_a_window_that_the_network_does_not_take_is_one_sentence(tmp_path: Path) -> None:
    card = Card(kind="baseline", arch="timm:vit_tiny_patch16_224", classes=CLASSES)
    card = card.with_(config={"img_size": 32, "depth": 1}, input=replace(SPEC, window_px=32))
    model, path = checkpoint.build_model(card), tmp_path / "vit.safetensors"
    checkpoint.save(path, model, card)
    assert checkpoint.load(path).card.input.window_px == 32
    checkpoint.save(path, model, card.with_(input=replace(SPEC, window_px=48)))
    with pytest.raises(CheckpointError, match=r"says windows of 48 px, .* takes 32 × 32 px alone"):
        checkpoint.load(path)


def test_shared_tensors_are_written_each_for_itself(tmp_path: Path) -> None:
    path, one = tmp_path / "shared.safetensors", torch.arange(4.0)
    checkpoint.save_tensors(path, {"a": one, "b": one, "c": one[:2]}, Card(), {"d": one})
    from safetensors.torch import load_file

    found = load_file(path)
    assert set(found) == {"a", "b", "c", "extra.d"}
    assert torch.equal(found["b"], one) and torch.equal(found["c"], one[:2])


SMEAR = replace(SPEC, stain="smear")  # in which no glass or ink is looked for


def broken(path: Path, tensor: str, value: float = float("nan")) -> Path:
    """A classifier in one of whose tensors nothing is a number."""
    model = tiny_model()
    with torch.no_grad():
        model.state_dict()[tensor].fill_(value)
    card = Card(name="Broken", config=asdict(model.config), classes=CLASSES, input=SMEAR)
    checkpoint.save(path, model, card.with_(calibration=Calibration(entropy_limit=1.0)))
    return path


@pytest.mark.parametrize("tensor", ["head.weight", "head.bias", "norm.weight"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_answer_that_is_not_a_number_is_not_sure(
    tmp_path: Path, tensor: str, value: float
) -> None:
    predictor = Predictor(broken(tmp_path / "nan.safetensors", tensor, value), device="cpu")
    image = tissue_like(64, 64)[None]
    found = predictor.predict(image)
    assert found.probabilities == pytest.approx(np.full((1, 3), 1 / 3))
    judge = Judge(predictor.card, {})
    judge.add(image, found.features, found.logits)
    trust = judge.verdict(found.probabilities[0].tolist())
    assert not trust.sure and trust.reasons == (NO_NUMBER,)


def test_features_that_are_not_numbers_are_not_sure_either() -> None:
    judge = Judge(Card(input=replace(SPEC, stain="")), {})
    judge.add(tissue_like(64, 64)[None], np.full((1, 4), np.nan, np.float32))
    assert judge.verdict([0.98, 0.01, 0.01]).reasons == (NO_NUMBER,)


def test_predict_says_not_sure_and_keeps_the_other_models_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssmamba.engine.jobs import classify

    names = ("a", "failing", "z")
    paths = [save_classifier(tmp_path / f"{n}.safetensors", SMEAR, name=n) for n in names]
    paths.append(broken(tmp_path / "nan.safetensors", "head.weight"))
    Image.fromarray(grainy(64, 64)).save(tmp_path / "patch.png")
    real = classify.answer

    def answer(request: Any, bench: Any, spent: Any, path: str) -> Any:
        if "failing" in path:
            raise ZeroDivisionError("odd weights")
        return real(request, bench, spent, path)

    monkeypatch.setattr(classify, "answer", answer)
    out = tmp_path / "out"
    models = [str(path) for path in paths]
    status = predict([str(tmp_path / "patch.png"), "--model", *models, "--out", str(out)])
    told = capsys.readouterr().err
    assert status == 2 and "ZeroDivisionError: odd weights" in told
    assert "Model damaged. The model's answer is not a number" in told
    text = (out / "results.json").read_text()
    assert "NaN" not in text and "nan %" not in told
    assert text.count('"probabilities"') == 3


def test_a_cam_that_fails_does_not_lose_the_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ssmamba.engine.jobs import explain

    def evidence(*_: Any) -> Any:
        raise CheckpointError("No CAM is known for this network; choose another.")

    monkeypatch.setattr(explain, "evidence", evidence)
    path = save_classifier(tmp_path / "a.safetensors", SMEAR)
    Image.fromarray(grainy(64, 64)).save(tmp_path / "patch.png")
    out = tmp_path / "out"
    asked = [str(tmp_path / "patch.png"), "--model", str(path), "--cam", "GradCAM"]
    assert predict([*asked, "--out", str(out)]) == 2
    assert "No CAM is known" in capsys.readouterr().err
    assert (out / "results.json").is_file()
