"""What ``fit_ensemble`` promises: the members that ``fit`` would have made."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from decan.core.errors import TrainingDiverged
from decan.core.training import fit, fit_ensemble, member_seeds

COMMON = {"epochs": 12, "batch_size": 32, "device": "cpu", "progress": False}
ROWS = [np.arange(0, 120), np.arange(50, 200), np.arange(0, 200, 2), np.arange(37)]
HELD = [np.arange(120, 200), np.arange(0, 50), np.arange(1, 200, 2), np.arange(40, 111)]


def network(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.LayerNorm(16), nn.Linear(16, 1))


def table():
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(1))
    return {"x": x, "y": torch.sin(2 * x[:, :1]) + x[:, 1:]}


def squared_error(model, batch):
    error = model(batch["x"]) - batch["y"]
    return (error**2).mean(), {"mae": error.abs().mean(), "one": 1.0}


def weights(model):
    return torch.cat([value.reshape(-1) for value in model.state_dict().values()])


def some(data, rows):
    return {name: values[torch.as_tensor(rows)] for name, values in data.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"schedule": "cosine", "clip": 0.5, "ema": 0.9, "weight_decay": 0.1},
        {"schedule": "one-cycle", "learning_rate": 0.02},
        {"patience": 2, "learning_rate": 0.05},
    ],
    ids=["plain", "cosine-clip-ema-decay", "one-cycle", "early-stop"],
)
def test_members_equal_separately_trained_ones(settings):
    together, alone = ([network(k) for k in range(4)] for _ in range(2))
    watched = "patience" in settings
    history = fit_ensemble(
        together, table(), squared_error, rows=ROWS, validation_rows=HELD if watched else None,
        rng=3, **COMMON | settings,
    )  # fmt: skip
    seeds = member_seeds(3, 4)
    for k in range(4):
        own = fit(
            alone[k], some(table(), ROWS[k]), squared_error, rng=seeds[k],
            validation=some(table(), HELD[k]) if watched else None, **COMMON | settings,
        )  # fmt: skip
        # Rounding of float32, carried through up to 60 steps.
        torch.testing.assert_close(weights(together[k]), weights(alone[k]), rtol=0, atol=2e-5)
        member = history.members[k]
        assert member.best_epoch == own.best_epoch
        assert len(member) == len(own)
        for key in set(own.records[-1]) - {"seconds"}:
            assert member.records[-1][key] == pytest.approx(own.records[-1][key], rel=1e-3)


def test_all_rows_and_shared_validation_by_default():
    models = [network(k) for k in range(2)]
    history = fit_ensemble(
        models, table(), squared_error, validation=some(table(), HELD[0]), rng=3, **COMMON
    )
    with torch.no_grad():
        values = [float(squared_error(model, some(table(), HELD[0]))[0]) for model in models]
    last = [member.records[-1]["validation_loss"] for member in history.members]
    assert last == pytest.approx(values, rel=1e-5)
    assert history.members[0].records[-1]["step"] == 12 * 7
    assert {"member", "epoch", "loss", "mae"} <= set(history.frame())
    assert "2 members, 12 epochs" in repr(history)


def test_dropout_differs_between_members_and_repeats_with_the_seed():
    def noisy():
        first = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.Linear(16, 1))
        second = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.Linear(16, 1))
        for model in (first, second):
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.fill_(0.1)
        return [first, second]

    runs = [noisy(), noisy()]
    before = torch.get_rng_state()
    for models in runs:
        # A batch as large as the data: without dropout the members would be equal.
        fit_ensemble(models, table(), squared_error, rng=3, **COMMON | {"batch_size": 200})
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.allclose(weights(runs[0][0]), weights(runs[0][1]), atol=1e-4)
    assert torch.equal(weights(runs[0][0]), weights(runs[1][0]))


def test_a_broken_member_is_named_with_its_rows():
    data = table()
    data["y"][130] = math.nan
    with pytest.raises(TrainingDiverged, match=r"member 1: loss .* NaN or infinite in rows 130"):
        fit_ensemble([network(k) for k in range(4)], data, squared_error, rows=ROWS[:1] + [ROWS[1]]
                     + [ROWS[0]] * 2, rng=3, **COMMON)  # fmt: skip


def test_weights_that_are_not_trained_keep_their_values_and_count():
    together, alone = ([network(k) for k in range(2)] for _ in range(2))
    for model in together + alone:
        model[0].weight.requires_grad_(False)
    fit_ensemble(together, table(), squared_error, rng=3, **COMMON)
    for k, seed in enumerate(member_seeds(3, 2)):
        fit(alone[k], table(), squared_error, rng=seed, **COMMON)
        torch.testing.assert_close(weights(together[k]), weights(alone[k]), rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.BatchNorm1d(2), "layer 0 is a BatchNorm1d.*use GroupNorm or LayerNorm"),
        (nn.GRU(2, 2), "layer 0 is a GRU, which cannot be vectorised"),
    ],
)
def test_layers_that_cannot_be_vectorised_are_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        fit_ensemble([nn.Sequential(layer)], table(), squared_error, **COMMON)


def test_arguments_that_contradict_each_other_are_refused():
    models = [network(0), network(1)]
    with pytest.raises(ValueError, match="rows: expected 2 arrays"):
        fit_ensemble(models, table(), squared_error, rows=[ROWS[0]], **COMMON)
    with pytest.raises(ValueError, match=r"rows\[1\]: row numbers must lie in 0 ... 199"):
        fit_ensemble(models, table(), squared_error, rows=[[1], [200]], **COMMON)
    with pytest.raises(ValueError, match="member 1 is built differently"):
        fit_ensemble([network(0), nn.Linear(2, 1)], table(), squared_error, **COMMON)
    with pytest.raises(ValueError, match="give one of them"):
        fit_ensemble(models, table(), squared_error, validation=table(),
                     validation_rows=HELD[:2], **COMMON)  # fmt: skip
