"""Speed as ratios of processor time within one run, and rates on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.experiment import SIMULATED, Claim, Run, experiment

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "peer_information",
    "speed",
    "time_cutouts",
    "time_images",
    "time_neighbours",
    "time_scan",
]


@experiment(
    title="Speed",
    claims=[
        Claim("neighbours, row loop over ours", goal=8.0, provenance=SIMULATED),
        Claim("conditional information, ours over ennemi", goal=1.0, better="lower",
              provenance=SIMULATED),
        Claim("scan, one fit at a time over ours", goal=4.0, provenance=SIMULATED),
        Claim("five-band cutouts a second and core", goal=2000.0, provenance=SIMULATED),
        Claim("training on 20,000 cutouts of 32 pixels, one core", goal=5.0, better="lower",
              provenance=SIMULATED),
    ],
)  # fmt: skip
def speed(run: Run) -> None:
    """Each job beside the obvious way to do it, in one run; processor time, one thread.

    A machine shared with others runs every job slower, so that rates are lower limits; ratios
    hardly change.
    """
    run.used("Random numbers of the sizes named", provenance=SIMULATED, n=20_000)
    ours, loop = time_neighbours(100 if run.preset == "quick" else 500)
    run.record("neighbours, row loop over ours", loop / ours, n=20_000, provenance=SIMULATED,
               note=f"20,000 x 16, k = 100; {1e3 * ours:.2f} ms a query")  # fmt: skip
    for kind, conditional in (("conditional information", True), ("information", False)):
        times = peer_information(conditional)
        if times is not None:
            run.record(f"{kind}, ours over ennemi", times[0] / times[1], n=3000,
                       provenance=SIMULATED, note="KSG, 3,000 rows")  # fmt: skip
        else:
            run.note("ennemi is not installed; nothing to compare the information with.")
    together, alone = time_scan(4 if run.preset == "quick" else 20)
    run.record("scan, one fit at a time over ours", alone / together, n=600, provenance=SIMULATED,
               note="the paper's 29 tuples, 59 sets of columns, five folds")  # fmt: skip
    run.record("five-band cutouts a second and core", time_cutouts(), n=400,
               provenance=SIMULATED, unit="1/s", note="64 pixels, with noise")  # fmt: skip
    n = 640 if run.preset == "quick" else 20_000
    minutes, scatter = time_images(n)
    run.record("training on 20,000 cutouts of 32 pixels, one core", minutes * 20_000 / n, n=n,
               provenance=SIMULATED, unit="min",
               note=f"eight passes and the simulation, {n:,} cutouts; sigma_MAD of others "
               f"{scatter:.3f} dex")  # fmt: skip


def time_neighbours(queries: int) -> tuple[float, float]:
    """Seconds a query among 20,000 points of 16 numbers: blocked, and by a loop with a full sort.

    Parameters
    ----------
    queries : int
        How many to time; the loop does a tenth.

    Returns
    -------
    ours, loop : float

    Examples
    --------
    >>> ours, loop = time_neighbours(20)
    >>> loop > ours
    True
    """
    from ..neighbours import nearest_neighbours

    points = np.random.default_rng(0).normal(size=(20_000, 16))
    begin = time.process_time()
    found, _ = nearest_neighbours(points[:queries], points, 100, own=np.arange(queries))
    ours = (time.process_time() - begin) / queries
    few = max(queries // 10, 5)
    begin = time.process_time()
    plain = [np.argsort(((points - points[i]) ** 2).sum(1))[1:101] for i in range(few)]
    loop = (time.process_time() - begin) / few
    assert all((a == b).all() for a, b in zip(plain, found, strict=False))
    return ours, loop


def peer_information(conditional: bool) -> tuple[float, float] | None:
    """Seconds of one KSG estimate on 3,000 rows, ours and ennemi's; None without ennemi.

    Parameters
    ----------
    conditional : bool
        Whether a third variable is fixed.

    Returns
    -------
    (float, float) or None

    Examples
    --------
    >>> found = peer_information(False)
    >>> found is None or len(found) == 2
    True
    """
    from ..information import conditional_mutual_information, mutual_information

    try:
        import ennemi
    except ImportError:
        return None
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 3000))
    y = 0.8 * x + 0.6 * rng.normal(size=3000)
    best = [np.inf, np.inf]
    for _ in range(5):
        begin = time.process_time()
        if conditional:
            conditional_mutual_information(x, y, z, method="ksg")
        else:
            mutual_information(x, y, method="ksg")
        middle = time.process_time()
        ennemi.estimate_mi(y, x, cond=z if conditional else None)
        best = [min(best[0], middle - begin), min(best[1], time.process_time() - middle)]
    return best[0], best[1]


def time_scan(epochs: int) -> tuple[float, float]:
    """Seconds of the paper's 29 tuples: one vectorised ensemble, and one fit at a time.

    Parameters
    ----------
    epochs : int
        Passes over the data.

    Returns
    -------
    together, alone : float
        The second is that of one set, times the sets (each shared one once) and the folds.

    Examples
    --------
    >>> time_scan.__name__
    'time_scan'
    """
    from ..bands import band_scan, paper_tuples

    rng = np.random.default_rng(0)
    tuples = paper_tuples()
    names = sorted({name for pair in tuples for one in pair for name in one})
    # A magnitude and a redshift are one number; of an image or a shape there are a few.
    blocks = {
        name: rng.normal(size=(600, 1 if name[0] == "M" or name == "z" else 4)) for name in names
    }
    y = np.sum([block[:, 0] for block in blocks.values()], axis=0)
    begin = time.process_time()
    band_scan(blocks, y, sets=tuples, epochs=epochs, n_boot=0, rng=0)
    together = time.process_time() - begin
    sets = {frozenset(one) for a, b in tuples for one in (a, b, a + b)}
    alone = _one_fit(np.concatenate(list(blocks.values()), axis=1), y, epochs)
    return together, alone * 5 * len(sets)


def time_cutouts() -> float:
    """Five-band cutouts of 64 pixels with noise that one core makes in a second.

    Returns
    -------
    float

    Examples
    --------
    >>> time_cutouts() > 100
    True
    """
    from ..cutouts import simulate_cutouts
    from ..simulate import simulate_galaxies

    galaxies = simulate_galaxies(400, rng=0)
    simulate_cutouts(galaxies.iloc[:32], rng=0)
    best = 0.0
    for _ in range(3):
        begin = time.process_time()
        simulate_cutouts(galaxies, rng=0)
        best = max(best, 400 / (time.process_time() - begin))
    return best


def time_images(n: int) -> tuple[float, float]:
    """Minutes to simulate cutouts of 32 pixels and train the small image network on them.

    Parameters
    ----------
    n : int
        Cutouts; as many as an eighth of them are simulated for the test.

    Returns
    -------
    minutes, sigma_mad : float
        Processor time of eight passes, and scatter of the masses of the others, dex.

    Examples
    --------
    >>> time_images.__name__
    'time_images'
    """
    from ..shipped import train_images

    begin = time.process_time()
    _, metrics = train_images(n, epochs=8, progress=False)
    return (time.process_time() - begin) / 60, float(metrics["sigma_mad"])


def _one_fit(columns: NDArray[np.float64], y: NDArray[np.float64], epochs: int) -> float:
    """Seconds of one network of the scan trained alone, with the same batches and validation."""
    import torch

    from decan.core.training import fit

    from ..networks import PhotometryNetwork

    x = torch.from_numpy(columns.astype(np.float32))
    target = torch.from_numpy(((y - y.mean()) / y.std()).astype(np.float32))

    def loss(model: Any, batch: Any) -> Any:
        return model.head.loss(model(batch["x"]), batch["y"]), {}

    network = PhotometryNetwork(columns.shape[1], hidden=24)
    train, held = ({"x": x[s], "y": target[s]} for s in (slice(0, 320), slice(320, 480)))
    begin = 0.0
    for passes in (1, epochs):  # the first call pays for what torch loads
        begin = time.process_time()
        fit(network, train, loss, epochs=passes, batch_size=64, learning_rate=5e-3,
            weight_decay=0.1, schedule="cosine", clip=1.0, validation=held, patience=passes,
            device="cpu", rng=0, progress=False)  # fmt: skip
    return time.process_time() - begin
