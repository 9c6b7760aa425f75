"""Runs that are stopped go on as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from decan.core.errors import CorruptFile
from decan.core.training import fit, fit_ensemble

SETTINGS = {
    "epochs": 4, "batch_size": 16, "schedule": "cosine", "ema": 0.9, "patience": 3, "rng": 5,
    "device": "cpu", "progress": False, "learning_rate": 0.02,
}  # fmt: skip


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 1))


def table(seed=1):
    x = torch.randn(150, 2, generator=torch.Generator().manual_seed(seed))
    return x, torch.sin(2 * x[:, :1]) + x[:, 1:]


def squared_error(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean(), {}


class Stopped(Exception):
    pass


def stopping_after(batches):
    calls = []

    def loss(model, batch):
        if len(calls) == batches:
            raise Stopped
        calls.append(1)
        return squared_error(model, batch)

    return loss


def interrupting_after(batches):
    calls = []

    def loss(model, batch):
        calls.append(1)
        if len(calls) == batches:
            os.kill(os.getpid(), signal.SIGINT)
        return squared_error(model, batch)

    return loss


def run(loss=squared_error, **settings):
    """Final weights of a run; what is given as data may be a loader."""
    data = settings.pop("data", table())
    model = network()
    history = fit(model, data, loss, validation=table(seed=2), **SETTINGS | settings)
    return torch.cat([value.reshape(-1) for value in model.state_dict().values()]), history


def run_ensemble(loss=squared_error, **settings):
    models = [network(seed) for seed in range(3)]
    folds = {"rows": [range(100), range(40, 150), range(23)], "validation_rows": [range(100, 150)]}
    folds["validation_rows"] = folds["validation_rows"] + [range(40), range(30, 90)]
    fit_ensemble(models, table(), loss, **folds, **SETTINGS | settings)
    return torch.cat([value.reshape(-1) for m in models for value in m.state_dict().values()])


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("batches", [3, 17, 30])
def test_an_interrupted_run_ends_with_the_same_bytes(tmp_path, capsys, batches, accumulate):
    path = tmp_path / "run.pt"
    undisturbed, history = run(accumulate=accumulate)
    with pytest.raises(KeyboardInterrupt):
        run(interrupting_after(batches), checkpoint=path, accumulate=accumulate)
    assert f"saved in {path}. Run the same call again to go on." in capsys.readouterr().err
    resumed, again = run(checkpoint=path, accumulate=accumulate)
    assert torch.equal(resumed, undisturbed)
    compared = [key for key in history.records[0] if key != "seconds"]
    assert [[r[key] for key in compared] for r in again.records] == [
        [r[key] for key in compared] for r in history.records
    ]


def test_a_shuffling_loader_resumes_in_the_same_order(tmp_path):
    pairs = list(zip(*table(), strict=True))
    path, loader = tmp_path / "run.pt", DataLoader(pairs, batch_size=16, shuffle=True)
    undisturbed, _ = run(data=loader)
    with pytest.raises(KeyboardInterrupt):
        run(interrupting_after(17), data=loader, checkpoint=path)
    assert torch.equal(run(data=loader, checkpoint=path)[0], undisturbed)


@pytest.mark.parametrize("calls", [4, 40])
def test_an_interrupted_ensemble_ends_with_the_same_bytes(tmp_path, calls):
    path = tmp_path / "run.pt"
    undisturbed = run_ensemble()
    with pytest.raises(KeyboardInterrupt):
        run_ensemble(interrupting_after(calls), checkpoint=path)
    assert torch.equal(run_ensemble(checkpoint=path), undisturbed)


def test_without_a_fixed_seed_a_run_goes_on_with_its_own(tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        run(interrupting_after(7), checkpoint=path, rng=None)
    first = path.read_bytes()
    resumed, _ = run(checkpoint=path, rng=None)
    path.write_bytes(first)
    assert torch.equal(run(checkpoint=path, rng=None)[0], resumed)


def test_a_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "run.pt"
    finished, history = run(checkpoint=path)
    again, same = run(stopping_after(0), checkpoint=path)
    assert torch.equal(again, finished)
    assert same.records == history.records


def test_resume_can_be_declined(tmp_path):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    with pytest.raises(Stopped):
        run(stopping_after(0), checkpoint=path, resume=False)


def test_a_checkpoint_of_another_run_is_refused_by_name(tmp_path):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    with pytest.raises(ValueError, match=r"run.pt: .* batch_size is 16 there and 8 here"):
        run(checkpoint=path, batch_size=8)
    with pytest.raises(ValueError, match=r"data\.0 is float32 \(150, 2\) there and float32 \(99,"):
        run(checkpoint=path, data=tuple(column[:99] for column in table()))


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:length])
        with pytest.raises(CorruptFile, match=r"run\.pt: not a readable checkpoint"):
            run(checkpoint=path)


def test_a_write_that_fails_half_way_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        run(interrupting_after(7), checkpoint=path)
    before = path.read_bytes()

    def half(content, target):
        Path(target).write_bytes(before[: len(before) // 2])
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half)
        with pytest.raises(OSError, match="No space left"):
            run(checkpoint=path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


PROGRAM = """
import hashlib, sys, time, torch
sys.path.insert(0, {folder!r})
import test_training_resume as t
def slow(model, batch):
    time.sleep(0.002)
    return t.squared_error(model, batch)
torch.set_num_threads(1)
weights, _ = t.run(slow, epochs=30, patience=None, checkpoint=sys.argv[1], checkpoint_every=0.02)
print(hashlib.sha256(weights.numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_a_run_killed_at_a_random_step_ends_with_the_same_sha256(tmp_path):
    program = PROGRAM.format(folder=str(Path(__file__).parent))

    def start(name):
        return subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / name)], stdout=subprocess.PIPE, text=True
        )

    undisturbed, _ = start("whole.pt").communicate(timeout=300)
    victim = start("killed.pt")
    while not (tmp_path / "killed.pt").exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.4))
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL
    resumed, _ = start("killed.pt").communicate(timeout=300)
    assert resumed == undisturbed
    assert len(resumed.strip()) == 64
