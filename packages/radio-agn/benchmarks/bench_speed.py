"""Group convolutions beside e2cnn, masks beside photutils, inference; processor time, one run.

OMP_NUM_THREADS=1 python packages/radio-agn/benchmarks/bench_speed.py
"""

from __future__ import annotations

import warnings
from importlib.metadata import version

import numpy as np
import torch

from decan.radio_agn import (
    PaperNetwork,
    RadioMorphologyClassifier,
    SourceMasker,
    network_stamps,
    simulate_bent_sources,
)
from decan.radio_agn.crossval import build_network
from decan.radio_agn.experiments.speed import e2cnn_twin, seconds_each
from decan.radio_agn.networks import EquivariantEncoder
from decan.radio_agn.peers import photutils_central

BATCH, REPEATS = 16, 3


def step(network, pictures):
    network.train()

    def once():
        network(pictures).square().mean().backward()
        network.zero_grad(set_to_none=True)

    return once


def main():
    torch.set_num_threads(1)
    names = ("numpy", "torch", "e2cnn", "photutils")
    print(", ".join(f"{name} {version(name)}" for name in names))
    small, large = torch.rand(BATCH, 4, 65, 65), torch.rand(BATCH, 1, 151, 151)
    fields = (4, 8, 12, 16)
    steps = seconds_each(
        {
            "ours, D4, 65 px": step(build_network(2), small),
            "ours, encoder alone": step(EquivariantEncoder("D4", fields, in_channels=4), small),
            "e2cnn, the same encoder": step(e2cnn_twin(4, fields, 4), small),
            "e2cnn, published D16, 151 px": step(PaperNetwork(2), large),
        },
        REPEATS,
    )
    first = steps["ours, D4, 65 px"]
    print("training step, ms an image, and relative to ours")
    for name, seconds in steps.items():
        print(f"  {name:32s} {1e3 * seconds / BATCH:8.2f} {seconds / first:8.2f}")

    sky = simulate_bent_sources(64, rng=0)
    masks = seconds_each(
        {
            "ours": lambda: SourceMasker("central").transform(sky.images),
            "photutils": lambda: photutils_central(sky.images.astype(float)),
        },
        REPEATS,
    )
    print("masks, cutouts a second")
    for name, seconds in masks.items():
        print(f"  {name:32s} {64 / seconds:8.0f}")

    classifier = RadioMorphologyClassifier.pretrained()
    stamps = torch.from_numpy(network_stamps(sky.images))
    network = classifier.networks_[0].eval()
    with torch.no_grad():
        looks = seconds_each(
            {
                "one network, one look": lambda: network(stamps),
                "stamps": lambda: network_stamps(sky.images),
            },
            REPEATS,
        )
    whole = seconds_each({"classify": lambda: classifier.classify(np.array(sky.images))}, 1)
    print("inference, ms an image")
    for name, seconds in {**looks, **whole}.items():
        print(f"  {name:32s} {1e3 * seconds / 64:8.2f}")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
