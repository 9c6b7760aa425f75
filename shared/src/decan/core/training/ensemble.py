"""``fit_ensemble``: many small networks of one architecture in one vectorised loop."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from tqdm.auto import tqdm

from .adamw import MemberAdamW
from .batches import Rows, epoch_order, noise_kept, seed_noise, seed_of
from .checkpoint import how_to_go_on, read_checkpoint, shapes_of, write_checkpoint
from .checks import check_settings, divergence
from .distributed import choose_device
from .history import History
from .interrupt import Interrupt, catching_interrupt
from .members import member_batches, recognised, row_sets_of
from .schedule import learning_rate_at
from .stack import Stack
from .step import EVALUATION_NOISE, Loss, average_weight

__all__ = ["fit_ensemble", "member_seeds"]

_READ_STEPS = 50
_READ_SECONDS = 0.5
_KEPT_BYTES = 24 * 2**20


def member_seeds(rng: np.random.Generator | int | None, n: int) -> list[int]:
    """Seeds of the members of an ensemble.

    ``fit(models[k], rows_of_member_k, ..., rng=member_seeds(rng, n)[k])`` sees
    the batches that member ``k`` sees in ``fit_ensemble(..., rng=rng)``.

    Parameters
    ----------
    rng : numpy.random.Generator, int or None
        As in :func:`fit_ensemble`.
    n : int
        Number of members.

    Returns
    -------
    list of int
        One seed a member.

    Examples
    --------
    >>> len(set(member_seeds(1, 10)))
    10
    """
    return [int(seed) for seed in np.random.default_rng(rng).integers(2**63, size=n)]


def fit_ensemble(
    models: Sequence[nn.Module],
    data: Any,
    loss: Loss,
    *,
    rows: Sequence[ArrayLike] | None = None,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: str = "constant",
    clip: float | None = None,
    ema: float | None = None,
    validation: Any = None,
    validation_rows: Sequence[ArrayLike] | None = None,
    patience: int | None = None,
    precision: str = "float32",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    resume: bool = True,
    device: str | torch.device = "auto",
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
) -> History:
    """Train K networks of one architecture in one vectorised loop, each in place.

    Each member has its own rows, its own shuffling and its own early stop, and
    ends with the weights that :func:`fit` alone would have given it, up to
    rounding (see :func:`member_seeds`). Meant for small networks, where the
    cost of a step is not arithmetic.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        K networks of one architecture with their own initial weights. Layers
        with running statistics (BatchNorm) and recurrent layers are refused;
        other buffers are taken as constants.
    data : torch.Tensor, mapping or tuple of tensors
        Shared by the members; first dimension: rows.
    loss : callable
        As in :func:`fit`. It runs under :func:`torch.func.vmap`, so it may not
        branch on the value of a tensor or call ``item``.
    rows : sequence of K integer arrays, optional
        Rows of ``data`` on which each member trains; all of them by default.
        Lengths may differ.
    validation : same as data, optional
        Validation data shared by the members.
    validation_rows : sequence of K integer arrays, optional
        Instead: rows of ``data`` on which each member is validated.
    patience : int, optional
        As in :func:`fit`, for each member on its own.
    rng : numpy.random.Generator or int, optional
        Order and noise of the run (SPEC 7).
    epochs, batch_size, learning_rate, weight_decay, schedule, clip, ema
        As in :func:`fit`, for each member.
    precision : {"float32", "bfloat16"}
        Type of the forward pass.
    checkpoint, checkpoint_every, resume, device, progress
        As in :func:`fit`.

    Returns
    -------
    History
        One record for each epoch and member; ``history.members[k]`` is that of
        member ``k``.

    Raises
    ------
    TrainingDiverged
        If a member's loss or weights become NaN or infinite.
    ValueError
        If arguments contradict each other, architectures differ or cannot be
        vectorised, or the checkpoint is another run's.
    CorruptFile
        If the checkpoint cannot be read.
    KeyboardInterrupt
        On Ctrl-C, after the checkpoint is saved.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> lines = [torch.nn.Linear(1, 1) for _ in range(3)]
    >>> def squared_error(model, batch):
    ...     return ((model(batch["x"]) - batch["y"]) ** 2).mean(), {}
    >>> history = fit_ensemble(lines, {"x": x, "y": 3 * x + 1}, squared_error, epochs=50,
    ...                        batch_size=8, learning_rate=0.05, device="cpu", rng=1,
    ...                        rows=[range(0, 40), range(20, 64), range(64)], progress=False)
    >>> [round(line.weight.item(), 1) for line in lines]
    [3.0, 3.0, 3.0]
    """
    check_settings(
        epochs=epochs, batch_size=batch_size, schedule=schedule, ema=ema, patience=patience,
        validation=validation is not None or validation_rows is not None, accumulate=1,
        precision=precision,
    )  # fmt: skip
    if precision == "float16":
        raise ValueError("precision='float16': an ensemble takes 'float32' or 'bfloat16'")
    if validation is not None and validation_rows is not None:
        raise ValueError("validation and validation_rows: give one of them")
    chosen = choose_device(device)
    source = Rows(data, batch_size, chosen)
    stack = Stack(models, loss, chosen, precision)
    held_out = source if validation is None else Rows(validation, batch_size, chosen)
    run = _Run(stack, source, row_sets_of("rows", rows, source.n, len(models)))
    run.held_out = held_out
    if validation is not None or validation_rows is not None:
        run.held_sets = row_sets_of("validation_rows", validation_rows, held_out.n, len(models))
    seeds = member_seeds(rng, len(models))
    run.seeds = [seed_of(seed) for seed in seeds]
    run.settings = {
        "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "weight_decay": weight_decay, "schedule": schedule, "clip": clip, "ema": ema,
        "patience": patience, "precision": precision, "rng": "fresh" if rng is None else seeds[0],
        "rows": recognised(run.row_sets), "validation_rows": recognised(run.held_sets),
        "data": shapes_of({str(i): t for i, t in enumerate(source.tensors)}),
        "models": len(models), "model": shapes_of(dict(models[0].state_dict())),
    }  # fmt: skip
    run.path = None if checkpoint is None else Path(checkpoint)
    run.checkpoint_every = checkpoint_every
    run.prepare()
    with noise_kept(chosen), catching_interrupt() as interrupt:
        if run.path is not None and resume and run.path.exists():
            run.restore(read_checkpoint(run.path, run.settings, chosen))
        run.train(interrupt, progress)
    stack.write_back(models, run.final)
    return run.history


class _Run:
    """Where the training of an ensemble stands, and how it goes on from there."""

    path: Path | None
    settings: dict[str, Any]
    seeds: list[int]
    held_out: Rows
    checkpoint_every: float

    def __init__(self, stack: Stack, source: Rows, row_sets: list[Tensor]) -> None:
        self.stack, self.source, self.row_sets = stack, source, row_sets
        self.held_sets: list[Tensor] | None = None
        self.count = len(row_sets)
        self.steps = [-(-len(rows) // source.batch_size) for rows in row_sets]
        self.history = History()
        self.epoch, self.done, self.finished = 1, 0, False
        self.active = list(range(self.count))
        self.saved_step: int | None = None
        self.best_losses, self.stale = [math.inf] * self.count, [0] * self.count
        self._pending: list[tuple[int, list[int], int, Tensor, dict[str, Tensor]]] = []
        self._start_epoch()

    def prepare(self) -> None:
        """Make what depends on the settings."""
        weights = self.stack.weights
        self.optimizer = MemberAdamW(weights, self.settings["weight_decay"])
        self.averages = None if self.settings["ema"] is None else weights.clone()
        self.final = weights.clone()

    def train(self, interrupt: Interrupt, progress: bool) -> None:
        """Every epoch that is left."""
        # glibc gives freed blocks back to the system above a size that grows with the largest
        # one it saw freed. The activations of K members lie above its first value, and asking
        # for them anew costs about 8 % of each step (measured on two shared cores).
        torch.empty(_KEPT_BYTES, dtype=torch.uint8)
        self.saved_at = time.perf_counter()
        longest, epochs = max(self.steps), self.settings["epochs"]
        with tqdm(
            total=longest * epochs, initial=(self.epoch - 1) * longest + self.done, leave=False,
            disable=not progress or self.finished, unit="step", desc=f"fit {self.count} members",
        ) as bar:  # fmt: skip
            while not self.finished:
                self._train_epoch(interrupt, bar)

    def _train_epoch(self, interrupt: Interrupt, bar: Any) -> None:
        began = self.read_at = time.perf_counter()
        self.stack.skeleton.train()
        orders = self._orders()
        read = self.done
        for groups in member_batches(self.source, orders, self.active, self.done):
            self._step(groups)
            self.done += 1
            if (
                self.done - read >= _READ_STEPS
                or interrupt.pressed
                or time.perf_counter() - self.read_at > _READ_SECONDS
            ):
                bar.update(self.done - read)
                read = self.done
                self._look(interrupt)
        bar.update(self.done - read)
        self._read()
        self._close_epoch(time.perf_counter() - began)
        self._look(interrupt)

    def _orders(self) -> list[Tensor]:
        """Rows of each member in the order of this epoch."""
        return [
            rows[epoch_order(len(rows), seed, self.epoch)]
            for rows, seed in zip(self.row_sets, self.seeds, strict=True)
        ]

    def _step(self, groups: list[tuple[list[int], int, Any]]) -> None:
        """One optimiser step of every member that has a batch."""
        clip, stack = self.settings["clip"], self.stack
        seed_noise(stack.device, self.seeds[0] + (self.epoch - 1) * max(self.steps) + self.done)
        for members, n, batch in groups:
            values, parts, gradients = stack.gradients(members, batch)
            self._pending.append((self.done, members, n, values, parts))
            if clip is not None:
                norms = gradients.norm(dim=1, keepdim=True)
                gradients.mul_((clip / (norms + 1e-6)).clamp_(max=1.0))
            rates = {steps: self._rate(steps) for steps in {self.steps[k] for k in members}}
            self.optimizer.step(members, gradients, [rates[self.steps[k]] for k in members])
            if self.averages is not None:
                self._average(members)

    def _rate(self, steps: int) -> float:
        """Learning rate of the members that take so many steps an epoch."""
        settings = self.settings
        step = (self.epoch - 1) * steps + min(self.done, steps - 1)
        return learning_rate_at(
            settings["schedule"], step, settings["epochs"] * steps, settings["learning_rate"]
        )

    def _average(self, members: list[int]) -> None:
        assert self.averages is not None
        steps = [(self.epoch - 1) * self.steps[k] + self.done for k in members]
        weight = [[average_weight(self.settings["ema"], step)] for step in steps]
        new, old = self.stack.weights[members], self.averages[members]
        self.averages[members] = old.lerp(new, torch.tensor(weight).to(old))

    def _look(self, interrupt: Interrupt) -> None:
        """Read the losses, save if it is time, stop if Ctrl-C was pressed."""
        self._read()
        due = self.finished or interrupt.pressed
        if self.path is not None and (
            due or time.perf_counter() - self.saved_at >= self.checkpoint_every
        ):
            self.save()
        if interrupt.pressed:
            print(how_to_go_on(self.path, self._total_steps()), file=sys.stderr)
            raise KeyboardInterrupt

    def _total_steps(self) -> int:
        return (self.epoch - 1) * max(self.steps) + self.done

    def _read(self) -> None:
        """Read the losses since the last time and refuse any that is not finite."""
        self.read_at = time.perf_counter()
        for step, members, n, values, parts in self._pending:
            columns = {"loss": values} | parts
            for name, column in columns.items():
                for k, value in zip(members, column.tolist(), strict=True):
                    if name == "loss" and not math.isfinite(value):
                        self._diverge(f"member {k}: loss became {value}", k, step)
                    sums = self.sums[k]
                    sums[name] = sums.get(name, 0.0) + value * n
            for k in members:
                self.rows[k] += n
        self._pending = []

    def _diverge(self, what: str, member: int, step: int) -> None:
        size = self.source.batch_size
        rows = self._orders()[member][step * size : (step + 1) * size]
        place = f"step {(self.epoch - 1) * self.steps[member] + step + 1} (epoch {self.epoch})"
        raise divergence(what, place, rows, self.source.tensors, self.path, self.saved_step)

    def _refuse_broken(self) -> None:
        finite = torch.isfinite(self.stack.weights).all(1).tolist()
        for k in self.active:
            if not finite[k]:
                last = min(self.done, self.steps[k]) - 1
                self._diverge(f"member {k}: weights became NaN or infinite", k, last)

    def _close_epoch(self, seconds: float) -> None:
        """Record the epoch, validate, and decide which members go on."""
        self._refuse_broken()
        held = self._validate()
        weights = self.stack.weights if self.averages is None else self.averages
        patience, ended = self.settings["patience"], self.epoch == self.settings["epochs"]
        for k in list(self.active):
            record: dict[str, Any] = {
                "member": k,
                "epoch": self.epoch,
                "step": self.epoch * self.steps[k],
            }
            record |= {name: total / self.rows[k] for name, total in self.sums[k].items()}
            record |= {"learning_rate": self._rate(self.steps[k]), "seconds": seconds, **held[k]}
            self.history.records.append(record)
            if patience is None:
                self.final[k] = weights[k]
                continue
            value = record["validation_loss"]
            self.stale[k] += 1
            if value < self.best_losses[k] or self.epoch == 1:
                self.best_losses[k] = value if math.isfinite(value) else math.inf
                self.stale[k] = 0
                self.final[k] = weights[k]
            if self.stale[k] == patience:
                self.active.remove(k)
        self.epoch, self.done = self.epoch + 1, 0
        self.finished = ended or not self.active
        self._start_epoch()

    def _start_epoch(self) -> None:
        self.sums: list[dict[str, float]] = [{} for _ in range(self.count)]
        self.rows = [0] * self.count

    def _validate(self) -> list[dict[str, float]]:
        """Mean loss and parts of each member on its validation rows."""
        sums: list[dict[str, float]] = [{} for _ in range(self.count)]
        if self.held_sets is None:
            return sums
        stack = self.stack
        stack.skeleton.eval()
        weights = stack.weights if self.averages is None else self.averages
        batches = member_batches(self.held_out, self.held_sets, self.active, 0)
        for index, groups in enumerate(batches):
            seed_noise(stack.device, self.seeds[0] + EVALUATION_NOISE + index)
            for members, n, batch in groups:
                with torch.no_grad():
                    values, parts = stack.losses(weights[members], members, batch)
                for name, column in ({"loss": values} | parts).items():
                    for k, value in zip(members, column.tolist(), strict=True):
                        share = value * n / len(self.held_sets[k])
                        key = f"validation_{name}"
                        sums[k][key] = sums[k].get(key, 0.0) + share
        return sums

    def save(self) -> None:
        """Write the checkpoint, never with broken weights."""
        self._refuse_broken()
        assert self.path is not None
        state = {name: getattr(self, name) for name in _STATE}
        state |= {
            "weights": self.stack.weights, "optimizer": self.optimizer.state(),
            "records": self.history.records,
        }  # fmt: skip
        write_checkpoint(self.path, self.settings, state)
        self.saved_step, self.saved_at = self._total_steps(), time.perf_counter()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was written."""
        for name in _STATE:
            setattr(self, name, state[name])
        # In place: the optimiser holds the same matrix.
        self.stack.weights.copy_(state["weights"])
        self.optimizer.restore(state["optimizer"])
        self.history.records = state["records"]
        self.saved_step = self._total_steps()


_STATE = (
    "epoch", "done", "finished", "active", "best_losses", "stale", "seeds", "sums", "rows",
    "averages", "final",
)  # fmt: skip
