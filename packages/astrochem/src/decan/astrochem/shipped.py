"""How the shipped emulators are made."""

from __future__ import annotations

import os
from pathlib import Path

from .archive import DATASETS
from .emulators import EmulatorSet
from .ratios import NINE_RATIOS

__all__ = ["train_shipped"]


def train_shipped(out: str | os.PathLike[str], *, preset: str = "shipped", seed: int = 0) -> Path:
    """Train the emulators of the nine ratios on the given grid, and write them.

    Parameters
    ----------
    out : path-like
        Folder for the artifact.
    preset : {'shipped', 'quick'}
        ``quick`` trains on simulated ratios, to try the command.
    seed : int
        Seed.

    Returns
    -------
    pathlib.Path
        The artifact.

    Raises
    ------
    ValueError
        If the preset is not known.

    Examples
    --------
    >>> train_shipped("somewhere", preset="large")
    Traceback (most recent call last):
    ...
    ValueError: preset: 'large' is neither 'shipped' nor 'quick'
    """
    if preset not in ("shipped", "quick"):
        raise ValueError(f"preset: {preset!r} is neither 'shipped' nor 'quick'")
    if preset == "quick":
        from .simulate import simulate_grid

        table = simulate_grid(96, rng=seed).ratios(NINE_RATIOS[:2])
        emulators = EmulatorSet("gp", n_folds=2, random_state=seed).fit(table)
        training = {"data": ["simulated"], "seed": seed}
    else:
        dataset = DATASETS["uclchem_grid"]
        table = DATASETS.load("uclchem_grid").ratios()
        emulators = EmulatorSet(random_state=seed).fit(table)
        training = {
            "data": [dataset.name],
            "licence": dataset.licence,
            "citation": dataset.citation,
            "models": len(table),
            "time_yr": table.time_yr,
            "floor": table.floor,
            "command": "decan astrochem train --preset shipped",
            "seed": seed,
        }
    scores = emulators.scores(n_boot=100).set_index("ratio")
    metrics = {
        "mean held-out R2": float(scores["R2"].mean()),
        "mean held-out RMSE [dex]": float(scores["RMSE [dex]"].mean()),
        "held-out R2": scores["R2"].round(4).to_dict(),
        "held-out RMSE [dex]": scores["RMSE [dex]"].round(4).to_dict(),
    }
    return emulators.save(Path(out), metrics=metrics, training=training)
