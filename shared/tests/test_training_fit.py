"""What ``fit`` promises in one process."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from decan.core.training import fit


def network(seed=0, dropout=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))


def table(n=150, seed=1):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return {"x": x, "y": torch.sin(2 * x[:, :1]) + x[:, 1:]}


def squared_error(model, batch):
    error = model(batch["x"]) - batch["y"]
    return (error**2).mean(), {"mae": error.abs().mean(), "one": 1.0}


def digest(model):
    values = b"".join(v.detach().numpy().tobytes() for v in model.state_dict().values())
    return hashlib.sha256(values).hexdigest()


def train(model, data=None, **settings):
    settings = {
        "epochs": 3,
        "batch_size": 32,
        "rng": 5,
        "device": "cpu",
        "progress": False,
    } | settings
    return fit(
        model, table() if data is None else data, settings.pop("loss", squared_error), **settings
    )


def largest_difference(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return max(float((x - y).abs().max()) for x, y in pairs)


def test_it_learns_a_known_function():
    model = network()
    history = train(model, epochs=150, learning_rate=5e-2, schedule="one-cycle")
    # The targets have variance near 1.5; a hundredth of it is out of reach of a linear fit.
    assert history.records[-1]["loss"] < 0.015
    assert not model.training


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    models = [network(dropout=0.3) for _ in range(3)]
    for model, rng in zip(models, (5, 5, 6), strict=True):
        train(model, rng=rng)
    assert digest(models[0]) == digest(models[1]) != digest(models[2])


def test_the_callers_generators_and_threads_stay_as_they_were():
    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train(network(dropout=0.3), validation=table(seed=2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
