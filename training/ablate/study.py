"""The report of finished runs: budgets checked, costs and CAMs measured, figures drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.errors import CheckpointError
from ssmamba.explain.methods import find_method
from ssmamba.explain.reconstruct import mamim_of, reconstruct
from ssmamba.runtime.device import choose_device
from training.ablate.answers import Answers, differences
from training.ablate.cells import all_cells, encoder_cells, encoder_rows
from training.ablate.config import AblateConfig
from training.ablate.cost import measure_costs, where_measured
from training.ablate.evidence import EvidenceScores, read_masks
from training.ablate.jobs import Job, chosen_cells
from training.ablate.pictures import (
    EvidenceRow,
    evidence_figure,
    reconstruction_figure,
    save_figure,
)
from training.ablate.record import GridRecord
from training.ablate.report import Scores, Study, write_report
from training.ablate.results import Result, assert_equal_budgets, read_results
from training.ablate.tables import CELLS, FIGURE_2, FIGURE_4, FULL
from training.data.catalog import SPLITS
from training.data.dataset import Dataset
from training.evaluation.cams import class_maps
from training.evaluation.matching import class_order
from training.evaluation.mosaics import Mosaics, centre_tiles, make_mosaics
from training.loop.progress import Progress, console

Picture = tuple[np.ndarray, np.ndarray | None, int]  # image, truth, class number


def write_study(
    config: AblateConfig,
    jobs: list[Job],
    record: GridRecord,
    dataset: Dataset,
    command: str,
    folder: Path,
) -> Path:
    """Write the report of the finished runs. Raises DataError when budgets differ."""
    results = read_results(jobs, record)
    assert_equal_budgets(results, encoder_cells(config))
    asked = choose_device(config.accelerator)
    device = torch.device(asked.name)
    firsts = {cell: runs[0].path for cell, runs in results.items()}
    folder.mkdir(parents=True, exist_ok=True)
    console.print("Measuring parameters, MACs and images/s")
    costs = measure_costs(firsts, device)
    artist = _Artist(config, results, jobs, record, dataset, device, folder)
    mosaics, masks = artist.scores()
    study = Study(
        dataset=dataset.info.name,
        images={split: len(dataset.indices(split)) for split in SPLITS},
        command=command,
        tables=config.table_list(),
        more_rows={"4": encoder_rows(config)},
        results={cell: results[cell] for cell in chosen_cells(config) if cell in results},
        costs=costs,
        device=where_measured(asked),
        failures={job.key: record.why_failed(job) for job in jobs if not record.done(job)},
        mosaics=mosaics,
        masks=masks,
        differences=differences(results, Answers(folder / "answers.json", dataset, device)),
        titles={name: cell.in_lists for name, cell in all_cells(config).items()},
        figures=tuple(artist.figures()),
    )
    return write_report(study, folder)


class _Artist:
    """CAMs and reconstructions of a grid's models on test images."""

    def __init__(
        self,
        config: AblateConfig,
        results: dict[str, list[Result]],
        jobs: list[Job],
        record: GridRecord,
        dataset: Dataset,
        device: torch.device,
        folder: Path,
    ) -> None:
        self.config, self.results, self.dataset = config, results, dataset
        self.pretrained = [j for j in jobs if j.kind == "pretrain" and record.done(j)]
        self.device, self.folder = device, folder
        self.method = find_method(config.cam).name
        self.labels = dataset.labels("test")
        self.kept = EvidenceScores(folder / "cam_scores.json", dataset, device)
        self.mosaics = self._mosaics()

    def _window(self) -> int:
        runs = next(iter(self.results.values()), None)
        return runs[0].card.input.window_px if runs else 0

    def _mosaics(self) -> Mosaics | None:
        if not self.config.mosaics or not self.results:
            return None
        tiles = centre_tiles(self.dataset.images("test", self._window()))
        return make_mosaics(tiles, self.labels, self.config.mosaics, seed=0)

    def scores(self) -> tuple[Scores, Scores]:
        """Localisation scores by cell on mosaics and against masks."""
        config, runs = self.config, [r for cell in self.results.values() for r in cell]
        on_mosaics: dict[str, list[dict[str, float]]] = {}
        on_masks: dict[str, list[dict[str, float]]] = {}
        with Progress("Scoring CAMs", len(runs)) as progress:
            for number, run in enumerate(runs, start=1):
                at = (self.method, self._stage(run.path))
                if self.mosaics and (found := self.kept.on_mosaics(run.path, self.mosaics, *at)):
                    on_mosaics.setdefault(run.cell, []).append(found)
                if config.masks and (found := self.kept.on_masks(run.path, config.masks, *at)):
                    on_masks.setdefault(run.cell, []).append(found)
                progress.update(number)
        return on_mosaics, on_masks

    def figures(self) -> Iterator[Path]:
        """Draw Figures 2, 3 and 4 of the finished models; yields the PNG files."""
        tables = self.config.table_list()
        own = tuple(row.cell for row in encoder_rows(self.config))
        wanted = [("figure2", (*own, *FIGURE_2), "4"), ("figure4", FIGURE_4, "567")]
        for name, cells, numbers in wanted:
            present = [cell for cell in cells if cell in self.results]
            if not present or not any(number in tables for number in numbers):
                continue
            yield self._draw(name, self._image_rows(present), present)
            if self.mosaics is not None:
                yield self._draw(f"{name}_mosaics", self._mosaic_rows(present), present)
        for job in self.pretrained:
            if job.seed == self.config.seed_list()[0] and (path := self._reconstructions(job)):
                yield path

    def _draw(self, name: str, rows: Sequence[EvidenceRow], cells: list[str]) -> Path:
        seed = self.results[cells[0]][0].seed
        stage = self.config.cam_stage
        where = (
            f"stage {stage}"
            if stage
            else "at the coarsest stage within .05 of the best pointing (validation)"
        )
        caption = (
            f"{self.dataset.info.name}, test split, seed {seed}. {self.method} of the row's class, "
            f"{where}; each map has its own colour scale from zero."
        )
        figure = evidence_figure(
            rows, [all_cells(self.config)[cell].label for cell in cells], caption
        )
        return save_figure(figure, self.folder / name)[0]

    def _image_rows(self, cells: list[str]) -> list[EvidenceRow]:
        """One test image of each class, drawn by a fixed seed."""
        picks = self._picks()
        images = self.dataset.images("test", self._window())
        truths = None
        if self.config.masks is not None:
            truths = read_masks(self.config.masks, self.dataset, "test", self._window())
        return self._rows(
            [(images[row], None if truths is None else truths[row], k) for k, row in picks], cells
        )

    def _mosaic_rows(self, cells: list[str]) -> list[EvidenceRow]:
        """The first mosaic with each class."""
        mosaics = self.mosaics
        assert mosaics is not None
        rows = []
        for number in range(len(self.dataset.classes)):
            holding = np.flatnonzero((mosaics.classes == number).any(axis=1))
            if len(holding):
                first = int(holding[0])
                rows.append((mosaics.images[first], mosaics.truth(first, number), number))
        return self._rows(rows, cells)

    def _rows(self, pictures: Sequence[Picture], cells: list[str]) -> list[EvidenceRow]:
        maps = [self._maps(cell, pictures) for cell in cells]
        names = [info.name for info in self.dataset.info.classes]
        return [
            EvidenceRow(names[number], image, truth, tuple(of_cell[index] for of_cell in maps))
            for index, (image, truth, number) in enumerate(pictures)
        ]

    def _maps(self, cell: str, pictures: Sequence[Picture]) -> list[np.ndarray | None]:
        path = self.results[cell][0].path
        found = checkpoint.load(path, self.device)
        order, stage = class_order(found.card, self.dataset), self._stage(path)
        maps: list[np.ndarray | None] = []
        for image, _, number in pictures:
            at = (found.card.input, self.method, int(order[number]), stage)
            try:
                maps.append(class_maps(found.model, image[None], *at)[0])
            except CheckpointError:
                maps.append(None)
        return maps

    def _stage(self, path: Path) -> int:
        """The stage at which a model's CAMs are read."""
        return self.config.cam_stage or self.kept.best_stage(path)

    def _picks(self) -> list[tuple[int, int]]:
        """(class number, row of the test split), one for each class."""
        rng = np.random.default_rng(0)
        return [
            (int(k), int(rng.choice(np.flatnonzero(self.labels == k))))
            for k in np.unique(self.labels)
        ]

    def _reconstructions(self, job: Job) -> Path | None:
        """Figure 3 of one pre-training; None for one without a decoder."""
        found = checkpoint.load(job.checkpoint, self.device)
        try:
            model = mamim_of(found)
        except CheckpointError:
            return None
        names = [info.name for info in self.dataset.info.classes]
        images = self.dataset.images("test", found.card.input.window_px)
        rows = [
            (names[k], reconstruct(model, images[row], found.card.input, seed=0))
            for k, row in self._picks()
        ]
        owner = next(c for c in all_cells(self.config).values() if c.pretraining == job.cell)
        caption = (
            f"{self.dataset.info.name}, test split, {owner.in_lists}, "
            f"{model.config.mask_ratio:.0%} hidden; scores on hidden pixels only."
        )
        figure = reconstruction_figure(rows, caption)
        main = CELLS[FULL].pretraining == job.cell
        name = "figure3" if main else f"figure3_{job.cell}"
        return save_figure(figure, self.folder / name)[0]
