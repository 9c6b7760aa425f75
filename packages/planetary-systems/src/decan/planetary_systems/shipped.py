"""How the shipped weights are made: ``decan planetary-systems train --preset shipped``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .archive import BERN_POPULATIONS, DATASETS, disc_split, load_bern
from .generator import SystemGenerator
from .presets import BERN_CONTEXT
from .systems import Systems

__all__ = ["bern_parts", "bern_training", "train_shipped"]

_AGES = dict.fromkeys(("ng96", "ng74", "ng75"), (0.02, 5.0, 10.0)) | {
    "ng76": (9.0, 10.0),
    **{name: (10.0,) for name in BERN_POPULATIONS if name.startswith("ngm")},
}


def bern_training(populations: tuple[str, ...] = tuple(BERN_POPULATIONS)) -> Systems:
    """The Bern systems that the shipped generator learns from and stops on.

    Parameters
    ----------
    populations : tuple of str
        Of ``BERN_POPULATIONS``.

    Returns
    -------
    Systems
        Ages that hardly differ from another (0.1 Gyr; the second one of the M dwarfs) are
        left out. Discs of the test part are in it: take :func:`bern_parts`.

    Examples
    --------
    >>> bern_training(("ng99",))
    Traceback (most recent call last):
    ...
    KeyError: 'ng99'
    """
    return Systems.concatenate([load_bern(name, _AGES[name]) for name in populations])


def bern_parts(systems: Systems) -> dict[str, Systems]:
    """Training, validation and test systems by disc, over all populations and ages.

    Parameters
    ----------
    systems : Systems
        With ``disc_id``.

    Returns
    -------
    dict of str to Systems
        Validation holds old systems only (5 and 9 Gyr, 10 where there is no other).

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"disc_id": [1, 2], "age_gyr": 5.0, "population": "ng74"})
    >>> systems = Systems.from_planets([([1.0], [1.0]), ([2.0], [3.0])], context=table)
    >>> {name: len(part) for name, part in bern_parts(systems).items()}
    {'train': 1, 'validation': 0, 'test': 1}
    """
    disc = systems.context["disc_id"].to_numpy()
    parts = {name: systems[disc_split(disc, name)] for name in ("train", "validation", "test")}
    age = parts["validation"].context["age_gyr"].to_numpy()
    dwarf = parts["validation"].context["population"].str.startswith("ngm").to_numpy()
    old = np.isin(age, (5.0, 9.0)) | (dwarf & (age == 10))
    parts["validation"] = parts["validation"][old]
    return parts


def train_shipped(
    out: str | os.PathLike[str], *, preset: str = "shipped", seed: int = 0, progress: bool = True
) -> list[Path]:
    """Train and save the generators that the library ships.

    Parameters
    ----------
    out : path-like
        Folder; each generator gets one of its own in it.
    preset : {"shipped", "quick"}
        ``"quick"`` shows that everything works, in a minute.
    seed : int
        Seed.
    progress : bool
        Whether to show bars.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    ValueError
        If there is no such preset.

    Examples
    --------
    >>> train_shipped("weights", preset="large")
    Traceback (most recent call last):
    ...
    ValueError: preset: found 'large', expected 'shipped' or 'quick'
    """
    if preset not in ("shipped", "quick"):
        raise ValueError(f"preset: found {preset!r}, expected 'shipped' or 'quick'")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    quick = preset == "quick"
    everything = bern_parts(bern_training(("ng74",) if quick else tuple(BERN_POPULATIONS)))
    written = []
    for name, (settings, suns_only) in _generators(quick).items():
        parts = {k: _old_suns(v) for k, v in everything.items()} if suns_only else everything
        generator = SystemGenerator(context=BERN_CONTEXT, random_state=seed, **settings)
        generator.fit(
            parts["train"],
            validation=parts["validation"],
            checkpoint=str(folder / f"{name}.checkpoint"),
            progress=progress,
        )
        written.append(
            generator.save(
                folder / name,
                metrics=measured(generator, parts["test"]),
                training=_how(preset, seed),
            )
        )
    return written


def _old_suns(systems: Systems) -> Systems:
    """Systems around one solar mass, not younger than 5 Gyr: those of the benchmarks on a grid."""
    about = systems.context
    return systems[((about["star_mass"] == 1) & (about["age_gyr"] >= 5)).to_numpy()]


def measured(generator: SystemGenerator, test: Systems) -> dict[str, Any]:
    """Nats a token on test discs with planets, each population, disc unknown and known."""
    found = {}
    measure = "density" if generator.tokens == "gaps" else "grid"
    for name, age in (("ng96", 5.0), ("ng74", 5.0), ("ng75", 5.0), ("ng76", 9.0)):
        about = test.context
        rows = (about["population"] == name) & (about["age_gyr"] == age) & (test.counts > 0)
        some = test[rows.to_numpy()]
        if not len(some):
            continue
        for words, without in (("disc unknown", ("disc",)), ("disc known", ())):
            logs = generator.log_prob(some, measure=measure, without=without)
            tokens = some.n_planets + len(some)
            found[f"{name} {age:g} Gyr, {words}"] = round(float(-logs.sum() / tokens), 4)
    return found


def _generators(quick: bool) -> dict[str, tuple[dict[str, Any], bool]]:
    """Settings of each generator, and whether it learns old systems around one Sun only."""
    gaps: dict[str, Any] = {"tokens": "gaps", "epochs": 30, "batch_tokens": 900}
    grid: dict[str, Any] = {"tokens": "factored", "epochs": 20, "batch_tokens": 600}
    for settings in (gaps, grid):
        settings |= {"learning_rate": 3e-3, "dropout": 0.1, "augment": 0.1}
        if quick:
            settings |= {"width": 32, "layers": 2, "epochs": 3, "batch_tokens": 2000}
    return {"bern-grid": (grid, True), "bern": (gaps, False)}


def _how(preset: str, seed: int) -> dict[str, Any]:
    used = [DATASETS[name] for name in ("bern_10gyr", "bern_other_ages", "bern_discs")]
    return {
        "data": [one.title for one in used],
        "licence": used[0].licence,
        "citation": used[0].citation,
        "discs": "650 to train, 99 to stop on, 151 to test, about 100 never seen, by a hash",
        "command": f"decan planetary-systems train --preset {preset} --seed {seed}",
        "seed": seed,
    }
