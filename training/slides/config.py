"""Flags of training.slide_pretrain, slide_probe, slide_finetune and slide_evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ssmamba.models.slides.config import PixelMambaConfig
from training.config import Accelerator, Precision
from training.slides.cohort import Question

# by method: peak of the learning rate, weight decay at the start and at the end
METHOD_DEFAULTS = {"latentmim": (1.5e-4, 0.05, 0.05), "dino": (5e-4, 0.04, 0.4)}


@dataclass(frozen=True, kw_only=True)
class SlidePretrainConfig:
    """Train a slide encoder without labels: LatentMIM or DINO (thesis §3.2 and §3.3)."""

    # CSV: slide[,patient][,label][,mpp][,split], or a folder of slides or images (with folders in
    # it, their names are labels); labels are for probes alone
    cohort: Path
    out: Path  # folder of this run
    method: Literal["latentmim", "dino"] = "latentmim"  # how to pre-train
    resume: bool = False  # continue the run in --out where it stopped
    name: str = ""  # readable name, shown in lists; "" = cohort, model and method

    model: str = "pixel-mamba-6m"  # pixel-mamba-6m | pixel-mamba-21m | vim-ti
    init: Path | None = None  # slide model, or Pixel-Mamba of training.finetune, to start from
    tokens: tuple[int, ...] = (16,)  # vim-ti: sides of its patches, pixels
    window: int = 224  # side of a region, pixels
    mpp: float = 4.0  # µm per pixel of the regions; 4 = 2.5×, 2 = 5×, 1 = 10×
    slide_mpp: float | None = None  # µm per level-0 pixel of slides and images that do not say it
    foreground: float = 0.5  # smallest share of tissue in a region that is read
    alpha: float = PixelMambaConfig.alpha  # strength of region fusion; 0 = none
    # of a slide in a step, grown around a random one (thesis §4.3); 0 = all
    most_regions: int = 0
    recompute: int = 0  # first layers that are computed again in the backward pass, to save memory
    teacher_momentum: float = 0.996  # share of itself that the teacher retains at first; rises to 1
    flips: bool = True  # mirror slides, or views, at random, with their regions' places

    mask_ratio: float = 0.75  # latentmim: share of the regions that are hidden
    # latentmim: tokens in the loss: spatial ones, class tokens too, or class tokens alone
    predicts: Literal["spatial", "all", "class"] = "spatial"
    temperature: float = 0.2  # latentmim: divisor of the similarities (Eq. 3.1)
    predictor_dim: int = 512  # latentmim: channels of the predictor, a multiple of 32
    predictor_depth: int = 3  # latentmim: its blocks; more is the thesis's first remedy
    position_weight: float = 1.0  # latentmim: factor on its positions; below 1 is the second
    # latentmim: penalty on predictions that are more like positions than targets are, the third
    position_penalty: float = 0.0
    class_positions: bool = True  # latentmim: queries for class tokens know their place

    local_views: int = 6  # dino: small views of a slide, beside two large ones
    prototypes: int = 65_536  # dino: outputs of its head
    head_dim: int = 2048  # dino: channels inside its head
    student_temperature: float = 0.1  # dino: divisor of the student's logits
    teacher_temperature: float = 0.04  # dino: divisor of the teacher's logits
    centre_momentum: float = 0.9  # dino: share of itself that the centre retains per step
    freeze_epochs: float = 1.0  # dino: first epochs in which the prototypes stay as they are
    colours: bool = True  # dino: change the colours of views

    val_share: float = 0.1  # share of the patients that is kept aside; a column split replaces it
    split_seed: int = 0  # which patients
    seed: int = 0  # random seed of initial weights, order, masks and views
    epochs: int = 200  # passes over the training slides
    batch_size: int = 256  # slides per step, over all devices; one slide is read at a time
    lr: float | None = None  # peak of the learning rate; default: latentmim 1.5e-4, dino 5e-4
    weight_decay: float | None = None  # of AdamW; default: latentmim 0.05, dino 0.04
    weight_decay_end: float | None = None  # in the last step; default: latentmim 0.05, dino 0.4
    warmup_epochs: float = 10.0  # epochs over which the learning rate rises to its peak
    clip_norm: float = 3.0  # largest norm of the gradient; 0 = no limit
    validate_every: int = 1  # epochs between validations, where collapse is looked for
    probe_every: int = 0  # epochs between probes with the labels; 0 = at the end only
    folds: int = 5  # of the probes
    neighbours: int = 20  # of the nearest-neighbour probe
    resamples: int = 1000  # draws of the bootstrap, by patient
    cache_gib: float = 6.0  # most memory for the slides' regions, GiB; the rest is read again

    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    devices: str = "1"  # number of devices; torchrun sets it itself
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32

    @property
    def rate(self) -> float:
        """The peak of the learning rate."""
        return METHOD_DEFAULTS[self.method][0] if self.lr is None else self.lr

    @property
    def decays(self) -> tuple[float, float]:
        """Weight decay at the start and at the end."""
        _, start, end = METHOD_DEFAULTS[self.method]
        given = self.weight_decay
        start, end = (start, end) if given is None else (given, given)
        return start, end if self.weight_decay_end is None else self.weight_decay_end


@dataclass(frozen=True, kw_only=True)
class SlideProbeConfig:
    """Measure and draw what a slide encoder's frozen features are worth."""

    checkpoint: Path  # a slide model that reads pixels, .safetensors
    # CSV: slide[,patient][,label][,mpp], or a folder of slides or images, as of slide_pretrain
    cohort: Path
    out: Path  # folder for probe.json and the pictures
    slide_mpp: float | None = None  # µm per level-0 pixel of slides and images that do not say it
    most_regions: int = 0  # of a slide, spread evenly over it; 0 = all
    allow_overlap: bool = False  # also measure on slides that the model was trained on
    folds: int = 5  # of the probes, with patients kept whole
    neighbours: int = 20  # of the nearest-neighbour probe
    clusters: int = 3  # of k-means
    pictures: int = 4  # slides that are drawn with their clusters
    resamples: int = 1000  # draws of the bootstrap, by patient
    seed: int = 0  # random seed of folds, clusters, masks and t-SNE
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one


@dataclass(frozen=True, kw_only=True)
class SlideFinetuneConfig:
    """Train a model that reads whole slides, and measure it on patients it has not seen."""

    cohort: Path  # CSV: slide[,patient][,label | time,event][,mpp][,split]
    out: Path  # folder of this run; each fold has one of its own in it
    resume: bool = False  # continue the run in --out where it stopped
    name: str = ""  # readable name, shown in lists; "" = cohort and model
    question: Question = "classes"  # what is asked of a slide
    bins: int = 4  # survival: parts of the time axis, of equally many events

    # of pixels: pixel-mamba-6m | pixel-mamba-21m | pixel-mamba-mini | vim-ti | longvit-s; of
    # features: meanmil | maxmil | abmil | transmil | ilramil | mambamil | gigapath-slide | hipt |
    # torchmil:NAME
    model: str = "pixel-mamba-6m"
    features: Path | None = None  # folder of feature files, named as the slides are
    # of features: channels inside the model, a multiple of 8; published ones have their own
    hidden: int = 512
    # abmil, mambamil, hipt, some of torchmil's: share of the embedded tiles' values that is dropped
    dropout: float = 0.25
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


@dataclass(frozen=True, kw_only=True)
class CohortConfig:
    """Make a cohort for slide models from a folder of labelled patches.

    bags: a patient's patches become one bag of features; the answer is whether the share of one
    class is above the median. patients: the same patients and answers, but each a slide with its
    patches at their published places. montages: made slides of one composition, whose grade and
    survival time depend on how the tissues are arranged, and on nothing else.
    """

    kind: Literal["bags", "patients", "montages"]  # what to make
    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder for cohort.csv and the bags or slides
    # bags, patients: class whose share is the answer; montages: tissue that is arranged
    positive: str
    encoder: str = ""  # bags: checkpoint, or timm:NAME
    other: str = ""  # montages: the tissue around it
    # µm per pixel of the patches as published (bags, patients), or of the slides (montages)
    mpp: float = 4.0
    # bags, patients: column split, the parts that training.finetune makes of the data folder with
    # this --split-seed, so that a model of the patches can be an --init; default: no column
    split_seed: int | None = None
    count: int = 60  # montages: slides
    side: int = 12  # montages: patches along a slide
    patch_px: int = 32  # montages: side that a patch is reduced to, pixels
    censored: float = 0.3  # montages: share of the patients that are last seen alive
    seed: int = 0  # random seed of arrangement, patches and times
    accelerator: Accelerator = "auto"  # bags: device to compute on; auto = a GPU if there is one
