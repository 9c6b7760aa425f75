"""How fast: training beside e2cnn in the same run, inference, masks."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from decan.core.experiment import Run, experiment
from decan.core.experiment.claims import SIMULATED, Claim

from ..classifier import RadioMorphologyClassifier
from ..crossval import build_network
from ..e2cnn_today import load_e2cnn
from ..masking import SourceMasker
from ..networks import EquivariantEncoder, MorphologyNetwork
from ..paper import PaperNetwork
from ..simulate import simulate_bent_sources
from ..stamps import network_stamps

__all__ = ["e2cnn_twin", "seconds_each", "speed"]


@experiment(
    title="Speed beside e2cnn",
    claims=[
        Claim("training step, e2cnn D16 at 151 px over ours", goal=15.0, provenance=SIMULATED,
              headline=True),
        Claim("training step, ours over e2cnn at equal size", goal=1.3, better="lower",
              provenance=SIMULATED),
        Claim("inference of a network", goal=15.0, better="lower", provenance=SIMULATED),
        Claim("inference of the whole classifier", goal=15.0, better="lower",
              provenance=SIMULATED),
        Claim("masks a second", goal=50.0, provenance=SIMULATED),
    ],
)  # fmt: skip
def speed(run: Run) -> None:
    """Processor time of one thread; ours and e2cnn's take turns in one process.

    The training step is that of the whole network on its own input: four channels of 65 px
    here, one of 151 px in the paper. "Equal size" is one D4 network of four layers with the
    same fields, channels, strides and pictures in both codes. The whole classifier takes a
    raw cutout of 150 px apart, measures it, and asks trees, ten networks and their blend.
    """
    quick = run.preset == "quick"
    made = simulate_bent_sources(24 if quick else 64, rng=run.seed)
    run.used(f"{len(made)} simulated sources", provenance=SIMULATED, n=len(made))
    batch, repeats = (2, 1) if quick else (4, 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ours = build_network(2)
        small = torch.rand(batch, 4, 65, 65)
        large = torch.rand(batch, 1, 65 if quick else 151, 65 if quick else 151)
        paper = PaperNetwork(2, "D4" if quick else "D16", large.shape[-1])
        equal, twin = _equal_pair()
        once = {
            "ours": _step(ours, small),
            "paper": _step(paper, large),
            "equal": _step(equal, small),
            "twin": _step(twin, small),
        }
        times = seconds_each(once, repeats)
        ours.eval()
        stamps = network_stamps(made.images)
        looks = {"inference": lambda: _infer(ours, stamps)}
        looking = seconds_each(looks, repeats)["inference"] / len(stamps)
        shipped = RadioMorphologyClassifier.pretrained()
        bright = made.images[made.table["snr"].to_numpy() > 20]
        whole: dict[str, Callable[[], object]] = {"whole": lambda: shipped.predict_proba(bright)}
        judging = seconds_each(whole, repeats)["whole"] / len(bright)
    finally:
        torch.set_num_threads(threads)
    masker = SourceMasker("central")
    masking = seconds_each({"masks": lambda: masker.transform(made.images)}, repeats)["masks"]
    facts: dict[str, Any] = {"provenance": SIMULATED, "n": repeats}
    what = "e2cnn D4 at 65 px" if quick else "e2cnn D16 at 151 px"
    name = f"training step, {what} over ours"
    run.record(name, times["paper"] / times["ours"], note=f"batch of {batch}", **facts)
    run.record(
        "training step, ours over e2cnn at equal size", times["equal"] / times["twin"], **facts
    )
    run.record("training step of ours", 1e3 * times["ours"] / batch, unit="ms an image", **facts)
    run.record("inference of a network", 1e3 * looking, unit="ms an image", **facts)
    run.record("inference of the whole classifier", 1e3 * judging, unit="ms an image",
               note=f"{len(shipped.networks_)} networks and {len(shipped.specialists_)} "
               "specialists, trees and masks", **facts)  # fmt: skip
    run.record("masks a second", len(made) / masking, unit="1/s", **facts)


def seconds_each(jobs: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median processor time of jobs that take turns, after one round to warm up.

    Parameters
    ----------
    jobs : dict of str to callable
        What to time.
    repeats : int
        Rounds.

    Returns
    -------
    dict of str to float
        Seconds.

    Examples
    --------
    >>> seconds_each({"sum": lambda: sum(range(1000))}, 2)["sum"] >= 0
    True
    """
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if turn:
                taken[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def e2cnn_twin(group_turns: int, fields: tuple[int, ...], in_channels: int) -> nn.Module:
    """The encoder of this library written with e2cnn: same group, fields and strides.

    Parameters
    ----------
    group_turns : int
        N of D_N.
    fields : tuple of int
        Fields of each layer.
    in_channels : int
        Channels of the picture.

    Returns
    -------
    torch.nn.Module

    Examples
    --------
    >>> e2cnn_twin(4, (2,), 1)(torch.zeros(1, 1, 9, 9)).shape
    torch.Size([1, 2])
    """
    e2cnn = load_e2cnn()
    space = e2cnn.gspaces.FlipRot2dOnR2(group_turns)
    first = before = e2cnn.nn.FieldType(space, in_channels * [space.trivial_repr])
    layers: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for width in fields:
            after = e2cnn.nn.FieldType(space, width * [space.regular_repr])
            layers += [
                e2cnn.nn.R2Conv(before, after, kernel_size=5, padding=2, stride=2, bias=False),
                e2cnn.nn.InnerBatchNorm(after),
                e2cnn.nn.ReLU(after),
            ]
            before = after
        layers.append(e2cnn.nn.GroupPooling(before))
        body = e2cnn.nn.SequentialModule(*layers)
    return _Twin(first, body)


class _Twin(nn.Module):
    def __init__(self, kind: Any, body: Any) -> None:
        super().__init__()
        self.kind, self.body = kind, body

    def forward(self, x: Tensor) -> Tensor:
        wrapped = load_e2cnn().nn.GeometricTensor(x, self.kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            maps: Tensor = self.body(wrapped).tensor
        return maps.mean(dim=(-2, -1))


def _equal_pair() -> tuple[nn.Module, nn.Module]:
    fields = (4, 8, 12, 16)
    return EquivariantEncoder("D4", fields, in_channels=4), e2cnn_twin(4, fields, 4)


def _step(network: nn.Module, batch: Tensor) -> Callable[[], object]:
    network.train()

    def once() -> None:
        network(batch).square().mean().backward()
        network.zero_grad(set_to_none=True)

    return once


@torch.no_grad()
def _infer(network: MorphologyNetwork, stamps: Any) -> Any:
    return network(torch.from_numpy(np.asarray(stamps, dtype=np.float32)))
