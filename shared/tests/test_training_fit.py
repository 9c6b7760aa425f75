"""What ``fit`` promises within one process."""

from __future__ import annotations

import math
from itertools import chain

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from decan.core.errors import TrainingDiverged
from decan.core.training import History, fit, learning_rate_at
from decan.core.training.batches import Rows


def network(dropout=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))


def table(n=150, seed=1):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return {"x": x, "y": torch.sin(2 * x[:, :1]) + x[:, 1:]}


def squared_error(model, batch):
    error = model(batch["x"]) - batch["y"]
    return (error**2).mean(), {"mae": error.abs().mean(), "one": 1.0}


def squared_error_of_pair(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean(), {}


def weights(model):
    return torch.cat([value.reshape(-1) for value in model.state_dict().values()])


def train(model, data=None, loss=squared_error, **settings):
    defaults = {"epochs": 3, "batch_size": 32, "rng": 5, "device": "cpu", "progress": False}
    return fit(model, table() if data is None else data, loss, **defaults | settings)


def test_it_learns_a_known_function():
    model = network()
    history = train(model, epochs=150, learning_rate=5e-2, schedule="one-cycle")
    # The targets have variance 1.5; a hundredth of it is out of reach of a linear fit.
    assert history.records[-1]["loss"] < 0.015
    assert not model.training


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    models = [network(dropout=0.3) for _ in range(3)]
    for model, rng in zip(models, (5, 5, 6), strict=True):
        train(model, rng=rng)
    assert torch.equal(weights(models[0]), weights(models[1]))
    assert not torch.equal(weights(models[0]), weights(models[2]))


def test_the_callers_generators_and_threads_stay_as_they_were():
    torch.manual_seed(11)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    train(network(dropout=0.3), validation=table(seed=2))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_every_row_is_seen_once_an_epoch_in_an_order_that_changes():
    seen = []

    def loss(model, batch):
        seen.append(batch["row"].tolist())
        return squared_error(model, batch)

    train(network(), table() | {"row": torch.arange(150)}, loss, epochs=2)
    first, second = (list(chain(*batches)) for batches in (seen[:5], seen[5:]))
    assert sorted(first) == sorted(second) == list(range(150))
    assert first != second


def test_rows_are_gathered_in_blocks_without_changing_the_batches():
    order = torch.randperm(150)
    whole, blocks = (Rows(table(), 32, torch.device("cpu")) for _ in range(2))
    blocks.block = 64
    for first in (0, 3):
        pairs = zip(whole.batches(order, first), blocks.batches(order, first), strict=True)
        assert all(torch.equal(a["x"], b["x"]) and n == m for (a, n), (b, m) in pairs)


def test_accumulated_batches_equal_the_larger_batch():
    small, large = network(), network()
    # 150 rows: the last step of an epoch has 16 + 6 rows, which must be weighted by rows.
    train(small, batch_size=16, accumulate=2)
    train(large, batch_size=32)
    torch.testing.assert_close(weights(small), weights(large), rtol=0, atol=1e-5)


def test_losses_are_means_over_rows():
    frozen = network()
    history = train(frozen, epochs=1, learning_rate=0.0)
    with torch.no_grad():
        error = frozen(table()["x"]) - table()["y"]
    record = history.records[0]
    assert record["loss"] == pytest.approx(float((error**2).mean()), rel=1e-6)
    assert record["mae"] == pytest.approx(float(error.abs().mean()), rel=1e-6)
    assert record["one"] == 1.0
    assert record["step"] == 5


def test_a_loader_trains_like_its_batches_and_repeats_with_the_seed():
    data = table()
    loader = DataLoader(TensorDataset(data["x"], data["y"]), batch_size=32, shuffle=True)
    models = [network(dropout=0.2), network(dropout=0.2)]
    for model in models:
        history = train(model, loader, squared_error_of_pair, schedule="cosine")
    assert torch.equal(weights(models[0]), weights(models[1]))
    assert history.records[-1]["step"] == 15


def test_an_iterator_that_ends_after_one_epoch_is_refused():
    with pytest.raises(TypeError, match="loader that can be iterated again"):
        train(network(), iter([table()]))


def test_nan_names_step_rows_and_the_last_good_checkpoint(tmp_path):
    data = table()
    data["y"][77] = math.nan
    with pytest.raises(TrainingDiverged, match=r"step \d .*NaN or infinite in rows 77") as caught:
        train(network(), data, checkpoint=tmp_path / "run.pt")
    assert "No good checkpoint had been written" in str(caught.value)
    assert not (tmp_path / "run.pt").exists()


def test_broken_weights_are_never_checkpointed(tmp_path):
    def breaks_in_the_third_epoch(model, batch):
        value, parts = squared_error(model, batch)
        calls.append(1)
        # Finite, with an infinite slope: only the weights show it.
        return value + (torch.sqrt(value - value.detach()) if len(calls) > 14 else 0), parts

    calls = []
    path = tmp_path / "run.pt"
    with pytest.raises(TrainingDiverged, match=r"weights .* step 15 .*run.pt \(after step 10\)"):
        train(network(), None, breaks_in_the_third_epoch, checkpoint=path, checkpoint_every=0)
    state = torch.load(path, weights_only=True)["state"]
    assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_early_stop_restores_the_best_weights():
    held_out = table(seed=2)
    model = network()
    history = train(
        model, table(40), epochs=400, learning_rate=0.05, validation=held_out, patience=4
    )
    assert len(history) == history.best_epoch + 4 < 400
    best = min(record["validation_loss"] for record in history.records)
    with torch.no_grad():
        again = float(squared_error(model, held_out)[0])
    assert again == pytest.approx(best, rel=1e-5)


def test_the_model_ends_with_the_moving_average():
    seen = []

    def loss(model, batch):
        seen.append(weights(model).clone())
        return squared_error(model, batch)

    plain, averaged = network(), network()
    train(plain, None, loss)
    train(averaged, ema=0.5)
    expected = seen[0]
    for step, now in enumerate([*seen[1:], weights(plain)]):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * now
    torch.testing.assert_close(weights(averaged), expected, rtol=0, atol=1e-6)


def test_clipping_bounds_the_gradient():
    model = nn.Linear(2, 1)
    data = table() | {"y": 1000 * table()["y"]}
    original = nn.utils.clip_grad_norm_
    norms = []

    def spy(parameters, limit):
        original(parameters, limit)
        norms.append(float(torch.cat([p.grad.reshape(-1) for p in parameters]).norm()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.utils, "clip_grad_norm_", spy)
        train(model, data, clip=0.1)
    assert max(norms) == pytest.approx(0.1, rel=1e-3)


def test_bfloat16_stays_near_float32():
    full, half = network(), network()
    train(full)
    history = train(half, precision="bfloat16")
    assert weights(half).dtype == torch.float32
    # Eight bits of mantissa: half a percent of each step.
    torch.testing.assert_close(weights(half), weights(full), rtol=0, atol=5e-3)
    assert math.isfinite(history.records[-1]["loss"])


def test_cosine_equals_torchs_closed_form_after_the_warm_up():
    total, rise = 200, 10
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - rise)
    for step in range(rise, total):
        here = learning_rate_at("cosine", step, total, 0.3)
        assert here == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        theirs.step()
    climb = [learning_rate_at("cosine", step, total, 0.3) for step in range(rise)]
    assert climb == pytest.approx([0.03 * (step + 1) for step in range(rise)])


def test_one_cycle_equals_torchs():
    total = 120
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=total)
    for step in range(total):
        here = learning_rate_at("one-cycle", step, total, 0.3)
        assert here == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < total - 1:
            theirs.step()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"schedule": "linear"}, "schedule='linear'"),
        ({"patience": 3}, "patience: needs validation"),
        ({"ema": 1.0}, "ema=1.0"),
        ({"precision": "float16"}, "needs a CUDA device"),
        ({"data": {"x": torch.zeros(3, 2), "y": torch.zeros(2, 1)}}, "same, non-zero number"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        train(network(), **settings)


def test_arrays_that_are_no_tensors_are_named():
    with pytest.raises(TypeError, match=r"data\['y'\]: expected a torch.Tensor, found ndarray"):
        train(network(), {"x": torch.zeros(3, 2), "y": torch.zeros(3, 1).numpy()})


def test_a_loss_that_is_no_loss_is_explained():
    with pytest.raises(TypeError, match="average over the rows"):
        train(network(), None, lambda model, batch: (model(batch["x"]), {}))


def test_the_history_is_a_tidy_table():
    history = train(network(), validation=table(seed=2))
    frame = history.frame()
    assert list(frame["epoch"]) == [1, 2, 3]
    assert {"loss", "mae", "learning_rate", "seconds", "validation_loss"} <= set(frame)
    assert repr(history).startswith("History: 3 epochs, loss ")
    assert "<table" in history._repr_html_()
    assert repr(History()) == "History: no epoch"
