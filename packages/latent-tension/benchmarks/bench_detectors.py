"""Found, false, misplaced, seconds: this library beside sep, photutils, gammapy, matched filter.

All on the same simulated fields of 96 pixels in three bands; CPU seconds a field, one thread.
"""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from decan.latent_tension import TensionDecomposer, matched_filter, simulate_field
from decan.latent_tension.baselines import gammapy_detect, photutils_detect, sep_detect
from decan.latent_tension.catalogue import score_catalogue

N_FIELDS, SIZE = 3, 96


def main() -> None:
    torch.set_num_threads(1)
    fields = [simulate_field(SIZE, n_points=17, n_extended=1, rng=900 + k) for k in range(N_FIELDS)]
    detectors = {
        "latent tension": lambda image: TensionDecomposer().fit(image).catalogue_,
        "matched filter 5 sigma": matched_filter,
        "photutils 4 rms": photutils_detect,
        "sep 2 sigma": sep_detect,
        "gammapy sqrt(TS) 5": gammapy_detect,
    }
    for name in ("photutils", "sep", "gammapy"):
        try:
            print(f"{name} {version(name)}", end="  ")
        except PackageNotFoundError:
            print(f"{name} not installed, left out", end="  ")
    print(f"torch {torch.__version__}, {N_FIELDS} fields of {SIZE} px")
    print(
        f"{'':24}{'12-30':>7}{'30-100':>8}{'>100':>7}{'false':>7}{'on ext':>8}{'offset':>8}{'s':>8}"
    )
    for name, detect in detectors.items():
        begin = time.process_time()
        try:
            scores = [score_catalogue(detect(f.image), f.truth) for f in fields]
        except ImportError:
            continue
        seconds = (time.process_time() - begin) / N_FIELDS
        found, total = (np.sum([s[k] for s in scores], 0) for k in ("found", "total"))
        bright = np.concatenate([s["matches"].query("counts > 100")["offset"] for s in scores])
        print(
            f"{name:24}{found[0] / total[0]:7.2f}{found[1] / total[1]:8.2f}"
            f"{found[2:].sum() / max(total[2:].sum(), 1):7.2f}"
            f"{np.mean([s['false'] for s in scores]):7.2f}"
            f"{np.mean([s['on_extended'] for s in scores]):8.2f}"
            f"{np.median(bright) if len(bright) else np.nan:8.3f}{seconds:8.2f}"
        )


if __name__ == "__main__":
    main()
