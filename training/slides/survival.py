"""Discrete-time survival (Pixel-Mamba Eq. 2): bins, likelihood, risk, and how good it is.

h hazard of each bin, F probability to outlive it: F(t) = Π_{s ≤ t} (1 - h(s)), F(-1) = 1.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ssmamba.errors import DataError


def bin_edges(times: np.ndarray, events: np.ndarray, bins: int) -> np.ndarray:
    """Inner edges (bins - 1,) of the bins: quantiles of the times at which something happened.

    Bin t holds edges[t - 1] < time <= edges[t], and the last one all later times. Raises DataError
    where fewer different times than bins have an event.
    """
    happened = times[events]
    if len(np.unique(happened)) < bins:
        raise DataError(
            f"Only {len(np.unique(happened))} different times end with an event in the training "
            f"slides, too few for {bins} bins; give fewer --bins, or more patients."
        )
    edges = np.quantile(happened, np.arange(1, bins) / bins, method="inverted_cdf")
    if len(np.unique(edges)) < bins - 1:  # many events at one time
        edges = np.sort(np.unique(happened))[: bins - 1]
    return edges


def bin_of(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each time, (n,) int64."""
    return np.searchsorted(edges, times, side="left")


def likelihood_loss(logits: Tensor, bin_at: int, event: bool) -> Tensor:
    """Negative log-likelihood of one patient (Eq. 2); logits (bins,) of the hazards.

    Censored (c = 1): -log F(t). Else: -log F(t - 1) - log h(t).
    """
    outlived = logsigmoid(-logits.float())  # log(1 - h)
    if not event:
        return -outlived[: bin_at + 1].sum()
    return -outlived[:bin_at].sum() - logsigmoid(logits[bin_at].float())


def outliving(logits: np.ndarray) -> np.ndarray:
    """F of each bin, (n, bins) float64, from the logits of the hazards (n, bins)."""
    hazards = torch.from_numpy(np.asarray(logits, np.float64)).sigmoid().numpy()
    return np.cumprod(1 - hazards, axis=1)


def risk(logits: np.ndarray) -> np.ndarray:
    """(n, bins) -> (n,): minus the expected number of bins that are outlived."""
    return -outliving(logits).sum(1)


def c_index(times: np.ndarray, risks: np.ndarray, events: np.ndarray) -> float:
    """Harrell's concordance of risks with times; NaN where no two patients can be compared."""
    from lifelines.utils import concordance_index

    try:
        return float(concordance_index(times, -risks, events))
    except ZeroDivisionError:
        return float("nan")


def kaplan_meier(times: np.ndarray, events: np.ndarray) -> dict[str, list[float]]:
    """The cohort's curve: ``times`` and the share ``alive`` from each of them on."""
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(times, events).survival_function_
    return {
        "times": [float(t) for t in fitted.index],
        "alive": [float(v) for v in fitted.iloc[:, 0]],
    }


def log_rank(times: np.ndarray, risks: np.ndarray, events: np.ndarray) -> float:
    """p of a difference in survival between the halves above and below the median risk.

    NaN where one half is empty.
    """
    from lifelines.statistics import logrank_test

    high = risks > np.median(risks)
    if high.all() or not high.any():
        return float("nan")
    return float(logrank_test(times[high], times[~high], events[high], events[~high]).p_value)


def require_lifelines() -> None:
    """Raise DataError where the package that measures survival is not installed."""
    try:
        import lifelines  # noqa: F401
    except ImportError as error:
        raise DataError(
            'Survival is measured with lifelines: pip install "lifelines>=0.30".'
        ) from error
