"""When an answer for a slide is to be doubted: limits fitted on the validation slides."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ssmamba.checkpoints.card import Calibration
from ssmamba.inference.appearance import appearance
from ssmamba.inference.distance import fit_feature_statistics, mahalanobis
from training.metrics.calibration import distance_limit, entropy_limit, softmax
from training.slides.bags import AnyBags, PixelBags
from training.slides.folds import Fold
from training.slides.questions import Classes, SlideQuestion

MEAN, PRECISION = "trust.mean", "trust.precision"  # names of the tensors in the checkpoint


def trust_of(
    bags: AnyBags, fold: Fold, question: SlideQuestion, val_logits: np.ndarray
) -> tuple[Calibration, dict[str, Tensor]]:
    """Limits of a fold's model, and the tensors to be kept beside its weights.

    Of models of pixels, how far the median region of a slide may look from the regions of the
    training slides; of classes, the entropy up to which an answer is sure. val_logits: (n, K), of
    the validation slides.
    """
    unsure = None
    if isinstance(question, Classes):
        unsure = entropy_limit(softmax(val_logits), question.labels[fold.val])
    if not isinstance(bags, PixelBags):
        return Calibration(entropy_limit=unsure), {}
    known = torch.from_numpy(np.concatenate([appearance(bags[r].images) for r in fold.train]))
    mean, precision = fit_feature_statistics(known, torch.zeros(len(known), dtype=torch.int64))
    medians = [
        float(mahalanobis(torch.from_numpy(appearance(bags[r].images)), mean, precision).median())
        for r in fold.val
    ]
    limit = distance_limit(np.array(medians))
    return Calibration(1.0, unsure, limit), {MEAN: mean, PRECISION: precision}
