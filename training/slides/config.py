"""Flags of training.cohort, training.slide_finetune and training.slide_evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssmamba.models.slides.config import PixelMambaConfig
from training.config import Accelerator, Precision
from training.slides.cohort import Question


@dataclass(frozen=True, kw_only=True)
class SlideFinetuneConfig:
    """Train a model that reads whole slides, and measure it on patients it has not seen."""

    cohort: Path  # CSV: slide[,patient][,label | time,event][,mpp][,split]
    out: Path  # folder of this run; each fold has one of its own in it
    resume: bool = False  # continue the run in --out where it stopped
    name: str = ""  # readable name, shown in lists; "" = cohort and model
    question: Question = "classes"  # what is asked of a slide
    bins: int = 4  # survival: parts of the time axis, of equally many events

    # of pixels: pixel-mamba-6m | pixel-mamba-21m | vim-ti; of features: meanmil | maxmil | abmil |
    # transmil | ilramil | mambamil
    model: str = "pixel-mamba-6m"
    features: Path | None = None  # folder of feature files, named as the slides are
    hidden: int = 512  # of features: channels inside the model, a multiple of 8
    dropout: float = 0.25  # abmil, mambamil: share of the embedded tiles' values that is dropped
    # slide model, or --arch pixel-mamba-6m of training.finetune, whose encoder training starts from
    init: Path | None = None
    tokens: tuple[int, ...] = (16,)  # vim-ti: sides of its patches, pixels (Table 4)
    window: int = 224  # side of a region, pixels (Table 5)
    # µm per pixel; default: the features' own, of pixels 4 = 2.5×; 10 = 1×, 16 = 0.6× (Table 6)
    mpp: float | None = None
    foreground: float = 0.5  # smallest share of tissue in a region that is read
    alpha: float = PixelMambaConfig.alpha  # strength of region fusion; 0 = none (Table 9)
    most_regions: int = 0  # of a slide, spread evenly over it; 0 = all
    recompute: int = 0  # first layers that are computed again in the backward pass, to save memory

    folds: int = 5  # parts of the cohort, with patients kept whole; each tests once
    only_fold: int | None = None  # train this fold only, counted from 0
    split_seed: int = 0  # which folds
    seed: int = 0  # random seed of initial weights, order and fusion
    epochs: int = 100  # passes over the training slides
    batch_size: int = 8  # slides per step, over all devices; one slide is read at a time
    lr: float = 4e-4  # peak of the learning rate
    weight_decay: float = 0.05  # weight decay of AdamW
    warmup_epochs: float = 10.0  # epochs over which the learning rate rises to its peak
    clip_norm: float = 1.0  # largest norm of the gradient; 0 = no limit
    ema_decay: float = 0.0  # decay of the moving average of the weights; 0 = off
    validate_every: int = 1  # epochs between validations
    flips: bool = True  # mirror slides at random, with their regions' places
    resamples: int = 1000  # draws of the bootstrap, by patient
    cache_gib: float = 6.0  # most memory for the slides' regions, GiB; the rest is read again

    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    devices: str = "1"  # number of devices; torchrun sets it itself
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32


@dataclass(frozen=True, kw_only=True)
class SlideEvaluateConfig:
    """Measure a slide model on a cohort that its training has not seen."""

    checkpoint: Path  # a slide model, .safetensors
    cohort: Path  # CSV: slide[,patient][,label | time,event][,mpp]
    out: Path  # folder for results.json and predictions.csv
    features: Path | None = None  # folder of feature files, for a model that reads them
    contributions: bool = False  # of features: also write what each tile adds to the answer
    allow_overlap: bool = False  # also measure on slides that the model was trained on
    most_regions: int = 0  # of a slide, spread evenly over it; 0 = all
    resamples: int = 1000  # draws of the bootstrap, by patient
    seed: int = 0  # random seed of the bootstrap
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
