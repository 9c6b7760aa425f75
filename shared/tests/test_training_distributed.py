"""Two processes under torchrun train the model that one would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from decan.core.training import fit


def run(folder):
    """Train with this process's part and leave the results of each rank in the folder."""
    torch.manual_seed(int(os.environ.get("RANK", "0")))  # each rank builds other weights
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    if "RANK" not in os.environ or os.environ["RANK"] == "0":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for parameter in model.parameters():
                nn.init.normal_(parameter, std=0.3)
    x = torch.randn(97, 2, generator=torch.Generator().manual_seed(1))
    data = {"x": x, "y": torch.sin(2 * x[:, :1]) + x[:, 1:]}

    def squared_error(model, batch):
        error = model(batch["x"]) - batch["y"]
        return (error**2).mean(), {"mae": error.abs().mean()}

    # 97 rows in batches of 16: the last one is a single row, so one rank has none.
    history = fit(
        model, data, squared_error, epochs=4, batch_size=16, rng=5, device="cpu", progress=False,
        validation=data, clip=1.0, ema=0.9, accumulate=2, checkpoint=Path(folder) / "run.pt",
    )  # fmt: skip
    rank = os.environ.get("RANK", "alone")
    weights = torch.cat([value.reshape(-1) for value in model.state_dict().values()])
    torch.save({"weights": weights, "records": history.records}, Path(folder) / f"{rank}.pt")


@pytest.mark.slow
def test_two_processes_train_the_same_model_as_one(tmp_path):
    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    run(alone)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
         __file__, str(together)],
        check=True, env=environment, timeout=300, capture_output=True,
    )  # fmt: skip
    one = torch.load(alone / "alone.pt")
    first, second = (torch.load(together / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first["weights"], second["weights"])
    torch.testing.assert_close(first["weights"], one["weights"], rtol=0, atol=1e-5)
    for ours, theirs in zip(first["records"], one["records"], strict=True):
        for key in set(theirs) - {"seconds"}:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-4)
    # One writer: the checkpoint, the two results, and nothing left behind.
    assert sorted(path.name for path in together.iterdir()) == ["0.pt", "1.pt", "run.pt"]


if __name__ == "__main__":
    run(sys.argv[1])
