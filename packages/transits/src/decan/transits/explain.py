"""Why a score is what it is: inputs taken away, inputs moved, and gradients along the way.

Taking an input away uses the same "absent" state that the networks met in training, so that
an explanation never shows them something they have not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .features import KNOWN_SCALARS, SCALARS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .classifier import SignalClassifier

__all__ = ["ablate", "integrated_gradients", "sweep"]

VIEWS = ("global", "local", "secondary")


def ablate(
    classifier: SignalClassifier, views: Mapping[str, NDArray[Any]], scalars: NDArray[Any]
) -> pd.DataFrame:
    """What each input is worth to each signal: the score with it and without it.

    Parameters
    ----------
    classifier : SignalClassifier
        Fitted.
    views : mapping of str to ndarray
        As :meth:`SignalClassifier.predict` takes them.
    scalars : ndarray of float, shape (n, 15)
        As :meth:`SignalClassifier.predict` takes them.

    Returns
    -------
    DataFrame
        One row a signal and input: ``signal`` (row), ``input``, ``event`` and ``planet``
        (probabilities) with ``event_spread`` and ``planet_spread`` over the members,
        ``event_without``, ``planet_without``, and ``event_log_odds``, ``planet_log_odds``:
        how much the input adds to the log-odds.

    Examples
    --------
    >>> from decan.transits import SignalClassifier, ViewBuilder, simulate_signal
    >>> from decan.transits.features import scalar_features
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal).values
    >>> scalars = scalar_features(period_day=[found.signal.period_day],
    ...     duration_hour=[found.signal.duration_hour], depth_ppm=[found.signal.depth_ppm],
    ...     snr=[30.0], n_transits=[5])
    >>> classifier = SignalClassifier.pretrained()
    >>> ablate(classifier, views, scalars)["input"].tolist()
    ['global', 'local', 'secondary', 'star and aperture']
    """
    import pandas as pd

    n = len(scalars)
    bare = scalars.copy()
    bare[:, len(KNOWN_SCALARS) :] = np.nan
    variants: dict[str, tuple[Mapping[str, Any], NDArray[Any]]] = {"": (views, scalars)}
    for name in VIEWS:
        variants[name] = ({**views, name: np.full_like(views[name], np.nan)}, scalars)
    variants["star and aperture"] = (views, bare)
    stacked = {name: np.concatenate([one[0][name] for one in variants.values()]) for name in VIEWS}
    score = classifier.predict(stacked, np.concatenate([one[1] for one in variants.values()]))
    parts = {
        name: (score.event[i * n : (i + 1) * n], score.planet[i * n : (i + 1) * n])
        for i, name in enumerate(variants)
    }
    event, planet = parts.pop("")
    rows = [
        pd.DataFrame(
            {
                "signal": np.arange(n),
                "input": name,
                "event": event,
                "event_spread": score.event_spread[:n],
                "event_without": without[0],
                "event_log_odds": _log_odds(event) - _log_odds(without[0]),
                "planet": planet,
                "planet_spread": score.planet_spread[:n],
                "planet_without": without[1],
                "planet_log_odds": _log_odds(planet) - _log_odds(without[1]),
            }
        )
        for name, without in parts.items()
    ]
    return pd.concat(rows, ignore_index=True)


def sweep(
    classifier: SignalClassifier,
    views: Mapping[str, NDArray[Any]],
    scalars: NDArray[Any],
    *,
    n_steps: int = 9,
) -> pd.DataFrame:
    """How the scores of one signal move when one scalar moves through its training range.

    Parameters
    ----------
    classifier : SignalClassifier
        Fitted.
    views : mapping of str to ndarray
        Of one signal.
    scalars : ndarray of float, shape (1, 15)
        Of the same signal.
    n_steps : int
        Values tried for each scalar.

    Returns
    -------
    DataFrame
        ``scalar``, ``value`` (as in :data:`~decan.transits.features.SCALARS`), ``event`` and
        ``planet``.

    Raises
    ------
    ValueError
        If more than one signal is given.

    Examples
    --------
    >>> from decan.transits import SignalClassifier, ViewBuilder, simulate_signal
    >>> from decan.transits.features import scalar_features
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal).values
    >>> scalars = scalar_features(period_day=[found.signal.period_day],
    ...     duration_hour=[found.signal.duration_hour], depth_ppm=[found.signal.depth_ppm],
    ...     snr=[30.0], n_transits=[5])
    >>> classifier = SignalClassifier.pretrained()
    >>> sweep(classifier, views, scalars).columns.tolist()
    ['scalar', 'value', 'event', 'planet']
    """
    import pandas as pd

    if len(scalars) != 1:
        raise ValueError(f"scalars: expected one signal, found {len(scalars)}")
    low, high = classifier.range_
    frames = []
    for i, name in enumerate(SCALARS):
        if not np.isfinite([low[i], high[i]]).all():
            continue
        values = np.linspace(low[i], high[i], n_steps)
        moved = np.repeat(scalars, n_steps, axis=0)
        moved[:, i] = values
        repeated = {key: np.repeat(view, n_steps, axis=0) for key, view in views.items()}
        score = classifier.predict(repeated, moved)
        frames.append(
            pd.DataFrame(
                {"scalar": name, "value": values, "event": score.event, "planet": score.planet}
            )
        )
    return pd.concat(frames, ignore_index=True)


def integrated_gradients(
    classifier: SignalClassifier,
    views: Mapping[str, NDArray[Any]],
    scalars: NDArray[Any],
    *,
    n_steps: int = 32,
) -> dict[str, NDArray[np.float64]]:
    """Which bins of which view raise or lower the networks' log-odds of an event.

    Gradients are summed along the straight line from flat views to the views given, and
    averaged over the ten networks. They add up to the difference of the log-odds.

    Parameters
    ----------
    classifier : SignalClassifier
        Fitted.
    views : mapping of str to ndarray
        Without missing views.
    scalars : ndarray of float, shape (n, 15)
        Kept as they are along the line.
    n_steps : int
        Points on the line.

    Returns
    -------
    dict of str to ndarray, shape (n, n_bins)
        Contribution of each bin, log-odds.

    References
    ----------
    Sundararajan et al. 2017, arXiv 1703.01365.

    Examples
    --------
    >>> from decan.transits import SignalClassifier, ViewBuilder, simulate_signal
    >>> from decan.transits.features import scalar_features
    >>> found = simulate_signal("planet", span_day=27.0, rng=1)
    >>> views = ViewBuilder("yu2019").transform(found.lightcurve, found.signal).values
    >>> scalars = scalar_features(period_day=[found.signal.period_day],
    ...     duration_hour=[found.signal.duration_hour], depth_ppm=[found.signal.depth_ppm],
    ...     snr=[30.0], n_transits=[5])
    >>> classifier = SignalClassifier.pretrained()
    >>> integrated_gradients(classifier, views, scalars, n_steps=4)["local"].shape
    (1, 61)
    """
    import torch

    batch = classifier.tensors(views, scalars)
    total = {name: torch.zeros_like(batch[name]) for name in VIEWS}
    for network in classifier.networks_:
        # Midpoints: the error of the sum falls with the square of the step.
        for step in (np.arange(n_steps) + 0.5) / n_steps:
            moved = {name: (batch[name] * float(step)).requires_grad_() for name in VIEWS}
            logits = network({**moved, "scalars": batch["scalars"]})
            odds = torch.logsumexp(logits[:, 1:], dim=1) - logits[:, 0]
            gradients = torch.autograd.grad(odds.sum(), list(moved.values()))
            for name, gradient in zip(moved, gradients, strict=True):
                total[name] += gradient
    weight = 1.0 / (n_steps * len(classifier.networks_))
    return {name: (total[name] * batch[name] * weight).double().numpy() for name in VIEWS}


def _log_odds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)))
