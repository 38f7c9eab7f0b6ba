"""Configs of the commands: every flag with its meaning, unit and default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ssmamba.config import Embedding, MIMConfig, Mixer, Pool

Accelerator = Literal["auto", "cpu", "cuda", "gpu", "mps"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Basis = Literal["auto", "he", "giemsa", "none"]
Split = Literal["train", "val", "test", "all"]


def listed(text: str) -> list[str]:
    """The parts of a flag such as "1e-3,3e-4"."""
    return [part.strip() for part in text.split(",") if part.strip()]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Flags that pre-training and fine-tuning share."""

    data: Path  # folder of images: one folder per class, or with a manifest.csv
    out: Path  # folder of this run
    resume: bool = False  # continue the run in --out where it stopped
    name: str = ""  # readable name, shown in lists; "" = data set and architecture
    # extra tags for the checkpoint's card, {"mixer": "mamba"}
    tags: dict[str, str] = field(default_factory=dict)
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None

    split_seed: int = 0  # which 7:1:2 split; use the same one to pre-train, fine-tune and evaluate
    seed: int = 0  # random seed of initial weights, order and augmentation
    image_size: int = 224  # side of the network input, pixels
    cache_gib: float = 6.0  # most memory for the training images, GiB

    epochs: int = 100  # passes over the training images
    batch_size: int = 64  # images per step, over all devices and passes
    accumulate: int = 1  # forward passes per step; BatchNorm sees one pass at a time
    weight_decay: float = 0.05  # weight decay of AdamW
    warmup_epochs: float = 10.0  # epochs over which the learning rate rises to its peak
    clip_norm: float = 1.0  # largest norm of the gradient; 0 = no limit
    ema_decay: float = 0.0  # decay of the moving average of the weights; 0 = off
    validate_every: int = 1  # epochs between validations

    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    devices: str = "1"  # number of devices; torchrun sets it itself
    # how several processes work together; fsdp splits weights and optimizer of large models
    strategy: Literal["ddp", "fsdp"] = "ddp"
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32
    # CPU threads: all, or auto = as many as other programs leave at each step; results then depend
    # on them in the last digits, and a resumed run is no longer equal to an unbroken one
    threads: Literal["all", "auto"] = "all"

    crop_min: float = 0.5  # smallest share of the image area that a random crop covers
    stain_basis: Basis = "auto"  # axes of the colour changes; auto = as described in the data set
    stain_scale: float = 0.2  # largest change of each stain's concentration, relative
    stain_shift: float = 0.03  # largest shift of each stain's concentration, optical density
    gamma: float = 0.15  # largest change of contrast: exponent 1 ± gamma
    brightness: float = 0.05  # largest change of brightness, optical density
    colour_cast: float = 0.0  # largest shift of each channel (white balance), optical density
    blur: float = 0.15  # share of images that are blurred
    blur_sigma: float = 1.2  # strongest blur, pixels
    noise: float = 0.15  # share of images that get noise
    noise_sigma: float = 8.0  # strongest noise, grey levels of 0 to 255

    # ssmamba | vmamba | vit | swin | resnet (each in four sizes), pixel-mamba-6m |
    # pixel-mamba-21m, or timm:NAME; with --init it is that of the checkpoint
    arch: str = "ssmamba"
    size: str = "tiny"  # nano | tiny | small | base
    baseline_width: float = 1.0  # factor on the channels of vmamba, vit, swin and resnet
    conv_stem: bool = False  # vit, swin: SSMamba's deep stem instead of patch embedding
    mixer: Mixer | None = None  # ablation: token mixer of SSMamba (Table 6)
    embedding: Embedding | None = None  # ablation: what replaces LPR in SSMamba (Table 5)
    local_every_block: bool | None = None  # LPR (or what replaces it) before every block
    act: Literal["silu", "gelu"] | None = None  # activation of the mixer
    pool: Pool | None = None  # what the head reads: mean of the tokens, class token, or both
    drop_path: float | None = None  # rate of stochastic depth in the last block
    overlap: bool | None = None  # overlapping convolutions in stem and downsampling
    deep_stem: bool | None = None  # three 3x3 convolutions and a max-pool before stage 1
    batch_norm: bool | None = None  # BatchNorm in stem and downsampling
    column_scans: bool | None = None  # also scan along the columns
    alternate_scans: bool | None = None  # every other block scans the grid column by column
    scan_norm: bool | None = None  # LayerNorm after the scan of the mixer
    kernels: tuple[int, ...] | None = None  # widths of the mixer's convolutions, '[3, 5]'
    d_state: int | None = None  # states per channel of the scan
    mlp_ratio: float | None = None  # width of an MLP in each block; 0 = none


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(RunConfig):
    """Pre-train an encoder: MAMIM, MAE or contrast (Table 7), or MAMIM with a latent term."""

    method: Literal["mamim", "mamim+", "mae", "contrastive"] = "mamim"  # how to pre-train
    lr: float = 5e-5  # peak of the learning rate
    mask_ratio: float = MIMConfig.mask_ratio  # all but contrastive: share of the squares hidden
    mask_unit: int = MIMConfig.mask_unit  # all but contrastive: side of a hidden square, pixels
    # all but contrastive: normalise each target square by its own mean and variance
    norm_target: bool = MIMConfig.norm_target
    decoder_dim: int = MIMConfig.decoder_dim  # all but contrastive: channels of the decoder
    # all but contrastive: blocks of the decoder per stage
    decoder_depth: int = MIMConfig.decoder_depth
    # mamim, mamim+: change stain and focus of the input, not of the target
    perturb: bool = MIMConfig.perturb
    skips: bool = MIMConfig.skips  # mamim: pass shallow features to the decoder
    decoder_mixer: Literal["dms", "none"] = "dms"  # mamim, mamim+: token mixer of the decoder

    latent_weight: float = 1.0  # mamim+: weight of the latent term beside the error of the pixels
    # mamim+: share of itself that the teacher retains per step
    teacher_momentum: float = 0.99
    # mamim+: what the teacher sees, the same clean crop or another one of the image
    teacher_crop: Literal["same", "other"] = "other"

    temperature: float = 0.2  # contrastive: divisor of the similarities
    key_momentum: float = 0.99  # contrastive: share of itself that the key encoder retains per step
    bank: int = 4096  # contrastive: keys in the bank, at most one per training image
    positives: int = 5  # contrastive: look-alikes in the bank that count as positives

    # epochs between probes of the frozen features, at the next validation; 0 = at the end only
    probe_every: int = 0
    probe_data: Path | None = None  # folder whose labels the probes use; default: --data


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(RunConfig):
    """Train a classifier, from a pre-trained encoder or from scratch."""

    init: Path | None = None  # checkpoint to start from, of training.pretrain, finetune or convert
    freeze: bool = False  # train the head only and leave the encoder of --init unchanged
    batch_size: int = 8  # images per step, over all devices and passes
    lr: float = 1e-3  # peak of the learning rate
    lrs: str = ""  # learning rates to try, "1e-3,3e-4"; the best on validation wins
    mixup: float = 0.8  # alpha of Mixup; 0 = off
    label_smoothing: float = 0.0  # share of each target that is spread over all classes
    # training images a class, drawn by --seed and spread over the groups; 0 = all
    labels_a_class: int = 0
    # share of the validation groups that choose no epoch or rate, for temperature and limits;
    # default: half where validation has 100 images or more, else none
    hold_aside: float | None = None
    class_weights: bool = False  # weight classes in the loss inversely to their image counts
    allow_overlap: bool = False  # accept an --init that was trained on images of the test split

    def rates(self) -> tuple[float, ...]:
        """The learning rates to try."""
        return tuple(float(part) for part in listed(self.lrs)) or (self.lr,)


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """Fit the temperature and the limits of "Not sure" of a classifier again."""

    checkpoint: Path  # a classifier, .safetensors
    data: Path  # data folder that it was trained on
    out: Path  # checkpoint to write; may be the same file
    # images to fit on; test, where the validation images chose the epoch: the test split then says
    # no more about the calibration than its cross-fitted scores in the card
    fit_on: Literal["val", "test"] = "val"
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None


@dataclass(frozen=True, kw_only=True)
class DoubtConfig:
    """Measure what a classifier's rule of "Not sure" refuses: test images, wrong answers, and
    pictures made of test images that show no class, or more than one."""

    checkpoint: Path  # a classifier, .safetensors
    data: Path  # data folder that it was trained on
    out: Path | None = None  # JSON file for the results
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    pictures: int = 200  # most pictures of each kind
    seed: int = 0  # random seed of the pictures


@dataclass(frozen=True, kw_only=True)
class CardConfig:
    """Say in the cards of existing checkpoints how much tissue a training image showed.

    What no flag gives is taken from --dataset-info, or from the bundled description of a data set
    with the same classes. Give a classifier and the checkpoint that it started from together: the
    card of the one names the file of the other.
    """

    checkpoints: tuple[Path, ...]  # .safetensors files, which are changed
    picture: Literal["tissue", "cell"] | None = None  # an image shows tissue, or one centred cell
    field_um: float | None = None  # side of a training image, µm
    magnification: float | None = None  # of the objective, as the data set states it
    published_px: int | None = None  # side of the images as published, pixels
    # YAML file that describes the data set
    dataset_info: Path | None = None


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a checkpoint on a split of a data folder."""

    checkpoint: Path  # a .safetensors file of training.finetune or training.pretrain
    data: Path  # folder of images: one folder per class, or with a manifest.csv
    split: Split = "test"  # images to measure on
    # which 7:1:2 split; default: the one that the checkpoint was trained with
    split_seed: int | None = None
    # YAML file that describes the data set (class names, stain, licence)
    dataset_info: Path | None = None
    out: Path | None = None  # JSON file for the results
    allow_overlap: bool = False  # also measure on images that the model was trained on
    stain_jitter: float = 0.0  # change each stain's concentration at random by up to this share
    stain_basis: Basis = "auto"  # axes of the jitter; auto = as described in the data set
    seed: int = 0  # random seed of jitter, masks and bootstrap
    resamples: int = 1000  # draws of the bootstrap
    against: Literal["none", "forest"] = "none"  # compare with a random forest on colour histograms
    batch_size: int = 32  # images at once
    accelerator: Accelerator = "auto"  # device to compute on; auto = a GPU if there is one
    precision: Precision = "32-true"  # number format of the arithmetic; weights stay in float32


@dataclass(frozen=True, kw_only=True)
class ScanEvaluateConfig:
    """Compare maps of whole slides (ssmamba.scan) with outlines of one class."""

    scans: Path  # folder that ssmamba.scan wrote
    checkpoint: Path  # the model that made them
    truth: Path  # folder of the outlines, SLIDE.geojson or SLIDE-truth.geojson (or .xml)
    positive: str  # class to compare, as the model names it; the outlines name it so or not at all
    out: Path  # folder for scores.json and a picture of each slide
    # folder that the model was trained on, whose validation split sets the threshold
    data: Path | None = None
    threshold: float | None = None  # least probability that counts as the class, instead
    batch_size: int = 32  # images at once
