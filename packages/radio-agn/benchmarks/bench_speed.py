"""Group convolutions beside e2cnn, masks beside photutils, inference; processor time, one run.

The published network of D16 on 151 pixels is timed by the experiment ``speed``: minutes.
Usage: OMP_NUM_THREADS=1 python packages/radio-agn/benchmarks/bench_speed.py
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

from decan.core.benchmark import Benchmark, best_of, installed
from decan.radio_agn import (
    RadioMorphologyClassifier,
    SourceMasker,
    network_stamps,
    simulate_bent_sources,
)
from decan.radio_agn.crossval import build_network
from decan.radio_agn.experiments.speed import e2cnn_twin
from decan.radio_agn.networks import EquivariantEncoder

BATCH, FIELDS = 16, (4, 8, 12, 16)


def main() -> None:
    torch.set_num_threads(1)
    bench = Benchmark("radio-agn")
    _training(bench)
    sky = simulate_bent_sources(64, rng=0)
    _masks(bench, sky.images)
    classifier = RadioMorphologyClassifier.pretrained()
    stamps = torch.from_numpy(network_stamps(sky.images))
    network = classifier.networks_[0].eval()
    with torch.no_grad():
        look = best_of(lambda: network(stamps)) / len(stamps)
    bench.value("one network, one look, an image", look)
    bench.value("stamps of an image", best_of(lambda: network_stamps(sky.images)) / len(stamps))
    few = sky.images[:16]
    whole = best_of(lambda: classifier.classify(few), 1) / len(few)
    bench.value("classify an image, all networks and turns", whole)


def _training(bench: Benchmark) -> None:
    small = torch.rand(BATCH, 4, 65, 65)
    alone = _step(EquivariantEncoder("D4", FIELDS, in_channels=4), small)
    whole = _step(build_network(2), small)
    bench.value("training step of the network, an image of 65 px", whole)
    equal = "training step of an equal D4 encoder, an image of 65 px"
    if not installed("e2cnn"):
        bench.absent(equal, "e2cnn")
        return
    bench.ratio(equal, alone, _step(e2cnn_twin(4, FIELDS, 4), small), peer="e2cnn")


def _step(network: torch.nn.Module, pictures: torch.Tensor) -> float:
    """Processor time of forward and backward, seconds an image."""
    network.train()

    def once() -> None:
        network(pictures).square().mean().backward()
        network.zero_grad(set_to_none=True)

    return best_of(once) / len(pictures)


def _masks(bench: Benchmark, images: Any) -> None:
    from decan.radio_agn.peers import photutils_central

    job = "mask of the central source of 64 cutouts"
    ours = best_of(lambda: SourceMasker("central").transform(images))
    if not installed("photutils"):
        bench.absent(job, "photutils")
        return
    bench.ratio(
        job, ours, best_of(lambda: photutils_central(images.astype(float))), peer="photutils"
    )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
