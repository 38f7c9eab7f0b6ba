"""Probes of a run's encoder on the slides kept aside, beside the untrained one."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ssmamba.files import read_json, write_json
from ssmamba.models.slides.encoder import RegionEncoder
from training.evaluation.tables import terminal_table
from training.loop.progress import console
from training.slides.config import SlidePretrainConfig
from training.slides.ssl.probing import (
    POOLS,
    PROBES,
    labels_of,
    pooled,
    probe_rows,
    probe_scores,
    useless,
)
from training.slides.ssl.task import SlidePretraining

FILE = "probes.json"


class ValProbe:
    """Linear probe and nearest neighbours of the slides kept aside, where they have labels.

    Says once why where they cannot be probed. ``history``: (epoch, scores), epoch 0 untrained; it
    is in the run's folder as probes.json.
    """

    def __init__(self, config: SlidePretrainConfig, work: SlidePretraining, leads: bool) -> None:
        self.config, self.work = config, work
        self.known = labels_of(work.bags.cohort, work.val)
        why = useless(self.known, config.folds)
        self.works = leads and not why
        if leads and why:
            console.print(f"Features are not probed with labels: {why} (of the slides kept aside).")
        self.path = config.out / FILE
        before = read_json(self.path) if config.resume and self.works else None
        self.history: list[dict[str, Any]] = (before or {}).get("probes", [])

    def look(self, encoder: RegionEncoder, epoch: int) -> None:
        """Probe after an epoch, where it is due; epoch 0 is."""
        if not self.works:
            return
        self.history = [found for found in self.history if found["epoch"] < max(epoch, 1)]
        last = self.history[-1]["epoch"] if self.history else 0
        every = self.config.probe_every
        if (epoch == 0 and not self.history) or (every and epoch // every > last // every):
            self._probe(encoder, epoch)

    def final(self, encoder: RegionEncoder, epoch: int) -> dict[str, Any]:
        """The card's entry about the kept weights, printed beside the untrained ones; {} where
        nothing can be probed."""
        if not self.works:
            return {}
        known = [found for found in self.history if found["epoch"] == epoch]
        found = known[-1] if known else self._probe(encoder, epoch)
        untrained = self.history[0]
        rows = [("untrained: " + pool, *rest) for pool, *rest in probe_rows(_scores(untrained))]
        rows += [(pool, *rest) for pool, *rest in probe_rows(_scores(found))]
        title = f"Frozen features of {len(self.known.labels)} slides kept aside"
        console.print(
            terminal_table(("features", "probe", "kappa", "balanced accuracy"), rows, title)
        )
        return {"untrained": _scores(untrained), "kept": _scores(found)}

    def _probe(self, encoder: RegionEncoder, epoch: int) -> dict[str, Any]:
        config = self.config
        features = pooled(encoder, len(self.work.val), self._pixels)
        given = (self.known, config.folds, config.neighbours, config.resamples, config.seed)
        scores = {pool: probe_scores(values, *given) for pool, values in features.items()}
        found = {"epoch": epoch, **scores}
        self.history = sorted([*self.history, found], key=lambda each: each["epoch"])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, {"probes": self.history})
        first = scores[POOLS[0]]
        told = ", ".join(
            f"{title} kappa {first[probe]['kappa']:.3f}, balanced accuracy "
            f"{first[probe]['balanced_accuracy']:.3f}"
            for probe, title in PROBES.items()
        )
        console.print(
            f"Frozen features {'untrained' if not epoch else f'of epoch {epoch}'}: {told}"
        )
        return found

    def _pixels(self, number: int) -> Tensor:
        return self.work.whole(int(self.work.val[number]))


def _scores(found: dict[str, Any]) -> dict[str, Any]:
    return {pool: found[pool] for pool in POOLS}
