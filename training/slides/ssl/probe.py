"""Frozen features of a slide encoder on a cohort: measured, probed and drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.checkpoints.checkpoint import Checkpoint, load_slide_model
from ssmamba.errors import DataError
from ssmamba.explain.figure import RESEARCH_USE
from ssmamba.files import keep_json
from ssmamba.models.slides.encoder import RegionEncoder
from training.evaluation.tables import terminal_table
from training.loop.progress import Progress, console
from training.probe.features import embeddings
from training.runs.device import make_fabric
from training.slides.bags import PixelBags, content_hash, readable
from training.slides.cohort import listed, read_cohort, read_folder, tell_left_out
from training.slides.config import SlideProbeConfig
from training.slides.ssl.clusters import kmeans_of, predicted_clusters
from training.slides.ssl.collapse import LEVELS, level_metrics
from training.slides.ssl.latentmim import LatentMIMConfig
from training.slides.ssl.pictures import draw_map, draw_maps, draw_slides, laid_on_grid, tinted
from training.slides.ssl.predictor import PREFIX, Predictor
from training.slides.ssl.probing import labels_of, pooled, probe_rows, probe_scores, useless

CACHE_GIB = 4.0
RESULTS = "probe.json"


def slide_probe(config: SlideProbeConfig) -> None:
    """Write probe.json, and the pictures beside it. Raises DataError."""
    fabric = make_fabric(config.accelerator, "32-true")
    found = load_slide_model(config.checkpoint, fabric.device)
    look = Look(config, found, fabric.device)
    result = look.measured()
    config.out.mkdir(parents=True, exist_ok=True)
    look.draw_clusters()
    predicted = look.draw_predictions()
    if predicted:
        result["predictions"] = predicted
    keep_json(config.out / RESULTS, result)
    console.print(f"Wrote {config.out / RESULTS} and the pictures beside it.")


class Look:
    """An encoder and the slides that it is shown."""

    def __init__(self, config: SlideProbeConfig, found: Checkpoint, device: torch.device) -> None:
        self.config, self.found, self.device = config, found, device
        encoder, spec = getattr(found.model, "encoder", None), found.card.input
        if not isinstance(encoder, RegionEncoder) or not isinstance(spec, SlideSpec):
            raise DataError(
                f"{config.checkpoint} reads features of tiles; give a model that reads pixels."
            )
        self.encoder, self.spec = encoder.eval(), spec
        given = config.cohort
        cohort = read_folder(given) if given.is_dir() else read_cohort(given)
        bags = readable(
            cohort,
            lambda c: PixelBags(c, spec, config.most_regions, CACHE_GIB, config.slide_mpp),
            quiet=False,
        )
        assert isinstance(bags, PixelBags)
        self.bags, self.count = bags, len(bags.cohort.slides)
        self._refuse_seen()
        tell_left_out(bags.cohort)
        spread = np.linspace(0, self.count - 1, min(config.pictures, self.count))
        self.drawn = np.unique(spread.round().astype(int)).tolist()
        self.title = f"{found.card.name}, {given.stem}"

    def measured(self) -> dict[str, Any]:
        """Levels and probes, printed; the maps of the pooled features are drawn."""
        config = self.config
        with Progress("slides", self.count) as progress:
            slides = []
            for number in range(self.count):
                with torch.no_grad():
                    slides.append(self.encoder.forward_slide(self._pixels(number)))
                progress.update(number + 1)
        levels = level_metrics(slides)
        self._tell_levels(levels)
        features = pooled(self.encoder, self.count, self._pixels)
        known = labels_of(self.bags.cohort, np.arange(self.count))
        result: dict[str, Any] = {
            "checkpoint": {"name": self.found.card.name, "sha256": self.found.sha256},
            "pretraining": self.found.card.pretraining,
            "slides": self.count,
            "left_out": [{"slide": n, "why": w} for n, w in self.bags.cohort.left_out],
            "levels": levels,
            "labels": list(known.names),
        }
        why = useless(known, config.folds)
        if why:
            console.print(f"The features are not probed: {why}.")
        else:
            given = (known, config.folds, config.neighbours, config.resamples, config.seed)
            probes = {pool: probe_scores(values, *given) for pool, values in features.items()}
            result["probes"] = {"folds": config.folds, "ordered": known.ordered, **probes}
            head = ("features", "probe", "kappa", "balanced accuracy")
            console.print(terminal_table(head, probe_rows(probes), "Frozen features"))
        self._draw_features(features, known.labels, list(known.names))
        return result

    def draw_clusters(self) -> None:
        """clusters.png: k-means of spatial and of class tokens, laid on slides."""
        panels = []
        for number in self.drawn:
            regions = self.bags[number]
            clusters = kmeans_of(
                self.encoder, self._pixels(number), self.config.clusters, self.config.seed
            )
            layers = (tinted(regions.images, own) for own in clusters)
            pictures = (regions.images, *layers)
            panels.append([laid_on_grid(images, regions.cells) for images in pictures])
        columns = ["slide", "spatial tokens", "class tokens"]
        self._save(draw_slides(panels, columns, f"{self.title}: k-means"), "clusters.png")

    def draw_predictions(self) -> list[dict[str, Any]]:
        """predictions.png of LatentMIM's predictor, and what its clusters are like; [] without."""
        predictor, settings = self._predictor()
        if predictor is None:
            return []
        summaries, drawn = [], []
        for number in self.drawn:
            regions = self.bags[number]
            if len(regions.images) < 2:
                continue
            found = predicted_clusters(
                self.encoder,
                predictor,
                self._pixels(number),
                torch.from_numpy(regions.cells.astype(np.int64)),
                float(self.found.card.training["flags"]["mask_ratio"]),
                self.config.seed,
                settings.predicts == "class",
            )
            summaries.append({"slide": self.bags.file(number).name, **found.summary})
            images = regions.images.copy()
            images[found.rows] = tinted(images[found.rows], found.clusters)
            drawn.append((laid_on_grid(images, regions.cells), found))
        if not drawn:
            return []
        figure = Figure(figsize=(8.4, 3.6 * len(drawn) + 0.8), layout="constrained")
        axes = figure.subplots(len(drawn), 2, squeeze=False)
        for (left, right), (picture, found) in zip(axes, drawn, strict=True):
            right.imshow(picture, interpolation="nearest")
            right.set_axis_off()
            draw_map(left, found.places, found.clusters.flatten(), [])
            count = found.summary["clusters"]
            left.set_title(f"{count} cluster{'' if count == 1 else 's'}", fontsize=8)
        figure.suptitle(f"{self.title}: predictions, DBSCAN and t-SNE\n{RESEARCH_USE}", fontsize=8)
        self._save(figure, "predictions.png")
        whole = np.mean([summary["regions_of_one_cluster"] for summary in summaries])
        console.print(
            f"Predictions: {whole:.0%} of the hidden regions lie in one cluster with all their "
            "tokens (in the thesis, where predictions followed places, all did)."
        )
        return summaries

    def _predictor(self) -> tuple[Predictor | None, LatentMIMConfig]:
        given = self.found.card.training.get("predictor")
        if not given:
            return None, LatentMIMConfig()
        settings = LatentMIMConfig(**given)
        predictor = Predictor(
            self.encoder.num_features,
            settings.width,
            settings.depth,
            settings.position_weight,
            settings.class_positions,
        )
        weights = {k.removeprefix(PREFIX): v for k, v in self.found.extra.items()}
        predictor.load_state_dict(weights)
        return predictor.to(self.device).eval(), settings

    def _pixels(self, number: int) -> Tensor:
        images = torch.from_numpy(self.bags[number].images)
        return self.bags.tensor(images, self.spec).to(self.device)

    def _tell_levels(self, levels: dict[str, float]) -> None:
        rows = [
            (name, f"{levels[f'{level}_cosine']:.3f}", f"{levels[f'{level}_rank']:.1f}")
            for level, name in LEVELS.items()
            if f"{level}_cosine" in levels
        ]
        console.print(terminal_table(("level", "mean cosine", "RankMe"), rows, self.title))

    def _draw_features(
        self, features: dict[str, np.ndarray], labels: np.ndarray, names: list[str]
    ) -> None:
        if self.count < 4:
            console.print("features.png is left out: t-SNE needs four slides.")
            return
        maps = {
            pool: next(iter(embeddings(values, self.config.seed)))[1]
            for pool, values in features.items()
        }
        self._save(draw_maps(maps, labels, names, f"{self.title}: t-SNE"), "features.png")

    def _save(self, figure: Figure, name: str) -> None:
        self.config.out.mkdir(parents=True, exist_ok=True)
        figure.savefig(self.config.out / name, dpi=130)

    def _refuse_seen(self) -> None:
        if self.config.allow_overlap:
            return
        known = set(self.found.card.training_hashes)
        files = [self.bags.file(row) for row in range(self.count)]
        seen = [file.name for file in files if content_hash(file) in known]
        if seen:
            raise DataError(
                f"{self.config.checkpoint} was trained on {len(seen)} of these slides "
                f"({listed(seen)}); leave them out, or give --allow-overlap."
            )
