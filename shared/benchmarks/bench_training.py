"""Time of a training step, ours against the peers, one thread, interleaved in one run.

The task is the one of the design notes: an MLP 20-64-64-1 on batches of 64. Every
contender trains the same network on the same rows with the same loss. Times are
processor time, the smallest of several rounds: a busy machine only ever adds.

    python shared/benchmarks/bench_training.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from decan.core.benchmark import Benchmark, installed
from decan.core.training import fit, fit_ensemble

ROWS, BATCH, EPOCHS, MEMBERS = 6400, 64, 3, 10
STEPS = ROWS // BATCH * EPOCHS


def network():
    return nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )


def squared_error(model, batch):
    x, y = batch
    return ((model(x) - y) ** 2).mean(), {}


def index_loop(x, y):
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss = ((model(x[rows]) - y[rows]) ** 2).mean()
            loss.backward()
            optimizer.step()


def data_loader(x, y):
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    for _ in range(EPOCHS):
        for a, b in loader:
            optimizer.zero_grad()
            ((model(a) - b) ** 2).mean().backward()
            optimizer.step()


def ours(x, y):
    fit(network(), (x, y), squared_error, epochs=EPOCHS, batch_size=BATCH, device="cpu",
        progress=False, rng=1)  # fmt: skip


def ours_ten_times(x, y):
    for _ in range(MEMBERS):
        ours(x, y)


def ours_ensemble(x, y):
    fit_ensemble([network() for _ in range(MEMBERS)], (x, y), squared_error, epochs=EPOCHS,
                 batch_size=BATCH, device="cpu", progress=False, rng=1)  # fmt: skip


def skorch_peer(x, y):
    from skorch import NeuralNetRegressor

    net = NeuralNetRegressor(
        network, max_epochs=EPOCHS, batch_size=BATCH, optimizer=torch.optim.Adam, lr=1e-3,
        train_split=None, iterator_train__shuffle=True, verbose=0,
    )  # fmt: skip
    net.fit(x, y)


def lightning_peer(x, y):
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network()

        def training_step(self, batch, index):
            return squared_error(self.net, batch)[0]

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Module(), DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.randn(ROWS, 20)
    y = x[:, :1].sin() + 0.1 * torch.randn(ROWS, 1)
    contenders = {
        "fit": ours, "index loop": index_loop, "DataLoader": data_loader,
        "ten fits": ours_ten_times, "fit_ensemble": ours_ensemble,
    }  # fmt: skip
    if installed("skorch"):
        contenders["skorch"] = skorch_peer
    if installed("lightning"):
        contenders["Lightning"] = lightning_peer
    best = dict.fromkeys(contenders, float("inf"))
    for contender in contenders.values():
        contender(x[: 4 * BATCH], y[: 4 * BATCH])
    for _ in range(rounds):
        for name, contender in contenders.items():
            began = time.process_time()
            contender(x, y)
            best[name] = min(best[name], time.process_time() - began)
    bench = Benchmark("core")
    step = {name: seconds / STEPS for name, seconds in best.items()}
    job = f"a training step, MLP 20-64-64-1, batch {BATCH}"
    bench.ratio(job, step["fit"], step["index loop"], peer="loop over indices")
    bench.ratio(job, step["fit"], step["DataLoader"], peer="loop over a DataLoader")
    for peer, name in (("skorch", "skorch"), ("lightning", "Lightning")):
        if name in step:
            bench.ratio(job, step["fit"], step[name], peer=peer)
        else:
            bench.absent(job, peer)
    together = f"a step of {MEMBERS} networks together"
    bench.ratio(together, step["fit_ensemble"], step["ten fits"], peer="one after the other")


if __name__ == "__main__":
    main()
