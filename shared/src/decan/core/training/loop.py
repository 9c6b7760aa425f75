"""``fit``: the one training loop of these libraries."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .batches import Loader, Rows, epoch_order, noise_kept, seed_noise, seed_of, source_of
from .checkpoint import how_to_go_on, read_checkpoint, shapes_of, write_checkpoint
from .checks import check_settings, divergence
from .distributed import Processes, choose_device
from .history import History, StepLog
from .interrupt import Interrupt, catching_interrupt
from .schedule import learning_rate_at
from .step import Loss, Stepper

__all__ = ["fit"]

# Losses are read this often: reading one waits for the device. Also after half a
# second, so that slow steps show progress and answer Ctrl-C.
_READ_STEPS = 50
_READ_SECONDS = 0.5
_FETCH_NOISE = 2**30


def fit(
    model: nn.Module,
    data: Any,
    loss: Loss,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    schedule: str = "constant",
    clip: float | None = None,
    ema: float | None = None,
    validation: Any = None,
    patience: int | None = None,
    accumulate: int = 1,
    precision: str = "float32",
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    resume: bool = True,
    device: str | torch.device = "auto",
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
) -> History:
    """Train a network in place with AdamW.

    A run that was killed and is started again with the same call goes on from
    its checkpoint and ends with the same weights, bit for bit, as one that was
    never disturbed. Under ``torchrun`` each process takes its part of every
    batch and all end with the same weights.

    Parameters
    ----------
    model : torch.nn.Module
        Trained in place; moved to the device, left there and in ``eval`` mode.
    data : torch.Tensor, mapping or tuple of tensors, or iterable of batches
        Tensors share their first dimension (rows), are shuffled once an epoch
        and cut into batches. A loader decides on its batches itself; under
        ``torchrun`` every process must be given the same one.
    loss : callable
        ``loss(model, batch) -> (scalar tensor, dict of named scalars)``, a mean
        over the rows of a batch that has the structure of the data. What it
        draws at random from torch is repeatable.
    epochs : int
        Passes over the data.
    batch_size : int
        Rows of a batch over all processes; the last of an epoch may be smaller.
    learning_rate : float
        The largest learning rate.
    weight_decay : float
        Decoupled weight decay of AdamW.
    schedule : {"constant", "cosine", "one-cycle"}
        See :func:`~decan.core.training.learning_rate_at`.
    clip : float, optional
        Largest norm of the gradient.
    ema : float, optional
        Decay of a moving average of the weights, with which the model is
        validated and ends.
    validation : same as data, optional
        Evaluated after each epoch in ``eval`` mode, with the same noise each time.
    patience : int, optional
        Stop after so many epochs without a lower validation loss. The model
        ends with the weights of the best epoch.
    accumulate : int
        Batches that make one optimiser step.
    precision : {"float32", "bfloat16", "float16"}
        Type of the forward pass; ``"float16"`` scales the loss and needs CUDA.
    checkpoint : path-like, optional
        File to keep the run in.
    checkpoint_every : float
        Seconds between two checkpoints.
    resume : bool
        Whether to go on from an existing checkpoint.
    device : str or torch.device
        ``"auto"`` takes CUDA or MPS where present.
    rng : numpy.random.Generator or int, optional
        Order and noise of the run (SPEC 7). torch's global generators are left
        as they were.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    History
        One record an epoch.

    Raises
    ------
    TrainingDiverged
        If loss or weights become NaN or infinite; the message names step, rows
        and the last good checkpoint. The model then holds the broken weights.
    ValueError
        If arguments contradict each other, or the checkpoint is another run's.
    CorruptFile
        If the checkpoint cannot be read.
    KeyboardInterrupt
        On Ctrl-C, after the checkpoint is saved.

    References
    ----------
    Loshchilov & Hutter 2019, Decoupled weight decay regularization (ICLR).

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> line = torch.nn.Linear(1, 1)
    >>> def squared_error(model, batch):
    ...     return ((model(batch["x"]) - batch["y"]) ** 2).mean(), {}
    >>> history = fit(line, {"x": x, "y": 3 * x + 1}, squared_error, epochs=50,
    ...               batch_size=8, learning_rate=0.05, device="cpu", rng=1, progress=False)
    >>> round(line.weight.item(), 2), round(line.bias.item(), 2)
    (3.0, 1.0)
    """
    check_settings(
        epochs=epochs, batch_size=batch_size, schedule=schedule, validation=validation is not None,
        ema=ema, patience=patience, accumulate=accumulate, precision=precision,
    )  # fmt: skip
    chosen = choose_device(device)
    processes = Processes(chosen)
    seed = processes.agree(seed_of(rng), chosen)
    source = source_of(data, batch_size, chosen)
    held_out = None if validation is None else source_of(validation, batch_size, chosen)
    if schedule != "constant" and not len(source):
        raise ValueError(f"schedule={schedule!r} needs a loader that knows its length (len)")
    model.to(chosen)
    processes.share([*model.parameters(), *model.buffers()])
    stepper = Stepper(
        model, loss, chosen, processes, learning_rate=learning_rate, weight_decay=weight_decay,
        clip=clip, ema=ema, accumulate=accumulate, precision=precision, seed=seed,
    )  # fmt: skip
    settings = {
        "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "weight_decay": weight_decay, "schedule": schedule, "clip": clip, "ema": ema,
        "patience": patience, "accumulate": accumulate, "precision": precision,
        "rng": "fresh" if rng is None else seed, "data": _recognised(source),
        "validation": None if held_out is None else _recognised(held_out),
        "model": shapes_of(dict(model.state_dict())),
    }  # fmt: skip
    run = _Run(stepper, source, held_out, settings, checkpoint_every)
    run.path = None if checkpoint is None else Path(checkpoint)
    with noise_kept(chosen), catching_interrupt() as interrupt:
        if run.path is not None and resume and run.path.exists():
            run.restore(read_checkpoint(run.path, settings, chosen))
        run.train(interrupt, progress)
    return run.history


class _Run:
    """Where a training run stands, and how it goes on from there."""

    def __init__(
        self,
        stepper: Stepper,
        source: Rows | Loader,
        held_out: Rows | Loader | None,
        settings: dict[str, Any],
        checkpoint_every: float,
    ) -> None:
        self.stepper, self.source, self.held_out = stepper, source, held_out
        self.settings, self.checkpoint_every = settings, checkpoint_every
        self.path: Path | None = None
        self.seed, self.history, self.log = stepper.seed, History(), StepLog()
        self.epoch, self.done, self.before, self.step = 1, 0, 0, 0
        self.finished, self.stale = False, 0
        self.best_loss = math.inf
        self.best_weights: dict[str, Tensor] | None = None
        self.saved_step: int | None = None
        self.total = settings["epochs"] * -(-len(source) // settings["accumulate"])

    def train(self, interrupt: Interrupt, progress: bool) -> None:
        """Every epoch that is left."""
        batches = len(self.source) * self.settings["epochs"] or None
        hidden = not progress or self.stepper.processes.rank > 0 or self.finished
        self.read_at = self.saved_at = time.perf_counter()
        with tqdm(
            total=batches, initial=self.before + self.done, disable=hidden, leave=False,
            unit="batch", desc="fit",
        ) as bar:  # fmt: skip
            while not self.finished:
                self._train_epoch(interrupt, bar)
        self.stepper.model.eval()

    def _train_epoch(self, interrupt: Interrupt, bar: Any) -> None:
        stepper, log, accumulate = self.stepper, self.log, self.settings["accumulate"]
        single = stepper.processes.count == 1
        began = time.perf_counter()
        stepper.model.train()
        pending = 0
        for batch, n in self._batches():
            value, parts, own = stepper.backward(batch, n, self.before + self.done)
            log.add(value, parts, own)
            self.done += 1
            pending += 1
            if pending < accumulate:
                continue
            pending = 0
            stepper.update(self.step, self._rate())
            self.step += 1
            if len(log) >= _READ_STEPS or (
                single and (interrupt.pressed or time.perf_counter() - self.read_at > _READ_SECONDS)
            ):
                self._look(interrupt, bar)
        if pending:
            stepper.update(self.step, self._rate())
            self.step += 1
        self._read(bar)
        self._close_epoch(time.perf_counter() - began)
        self._look(interrupt, bar)

    def _batches(self) -> Iterator[tuple[Any, int]]:
        if isinstance(self.source, Rows):
            order = epoch_order(self.source.n, self.seed, self.epoch)
            return self.source.batches(order, self.done)
        before, device, seed = self.before, self.stepper.device, self.seed + _FETCH_NOISE
        return self.source.batches(lambda i: seed_noise(device, seed + before + i), self.done)

    def _rate(self) -> float:
        peak = self.settings["learning_rate"]
        return learning_rate_at(self.settings["schedule"], self.step, self.total, peak)

    def _look(self, interrupt: Interrupt, bar: Any) -> None:
        """Read the losses, save if it is time, stop if Ctrl-C was pressed."""
        self._read(bar)
        processes, device = self.stepper.processes, self.stepper.device
        pressed = processes.totals([float(interrupt.pressed)], device)[0] > 0
        due = self.finished or pressed
        due = due or time.perf_counter() - self.saved_at >= self.checkpoint_every
        if self.path is not None and processes.agree(int(due), device):
            self.save()
        if pressed:
            if processes.rank == 0:
                print(how_to_go_on(self.path, self.step), file=sys.stderr)
            raise KeyboardInterrupt

    def _read(self, bar: Any) -> None:
        """Read the losses since the last time and refuse any that is not finite."""
        processes = self.stepper.processes
        first = self.done - len(self.log)
        many = processes.count > 1
        losses = self.log.read(
            (lambda values: processes.totals(values, self.stepper.device)) if many else None
        )
        self.read_at = time.perf_counter()
        for position, value in enumerate(losses):
            if not math.isfinite(value):
                self._diverge(f"loss became {value}", first + position)
        if losses:
            bar.update(len(losses))
            bar.set_postfix(epoch=self.epoch, loss=f"{losses[-1]:.4g}", refresh=False)

    def _diverge(self, what: str, batch: int) -> None:
        accumulate = self.settings["accumulate"]
        begun = self.step - -(-self.done // accumulate)
        step = begun + batch // accumulate + 1
        rows = None
        if isinstance(self.source, Rows):
            size = self.source.batch_size
            order = epoch_order(self.source.n, self.seed, self.epoch)
            rows = order[batch * size : (batch + 1) * size]
        tensors = self.source.tensors if isinstance(self.source, Rows) else []
        place = f"step {step} (epoch {self.epoch}, batch {batch + 1})"
        raise divergence(what, place, rows, tensors, self.path, self.saved_step)

    def _close_epoch(self, seconds: float) -> None:
        """Record the epoch, validate, and decide whether it was the last."""
        stepper, settings = self.stepper, self.settings
        if not stepper.finite():
            self._diverge("weights became NaN or infinite", self.done - 1)
        self.step -= 1
        rate = self._rate()
        self.step += 1
        record = {"epoch": self.epoch, "step": self.step, **self.log.means()}
        record |= {"learning_rate": rate, "seconds": seconds}
        stepper.processes.share(list(stepper.model.buffers()))
        if self.held_out is not None:
            with stepper.averaged():
                record |= self._validate()
                self._keep_best(record["validation_loss"])
        self.history.records.append(record)
        self.log.start_epoch()
        self.before, self.done = self.before + self.done, 0
        self.finished = self.epoch == settings["epochs"] or self.stale == settings["patience"]
        self.epoch += 1
        if self.finished and self.best_weights is not None:
            stepper.model.load_state_dict(self.best_weights)
        elif self.finished:
            stepper.keep_average()

    def _validate(self) -> dict[str, float]:
        stepper, log = self.stepper, StepLog()
        stepper.model.eval()
        source = self.held_out
        assert source is not None
        if isinstance(source, Rows):
            batches = source.batches(None)
        else:
            seed = self.seed + _FETCH_NOISE
            batches = source.batches(lambda i: seed_noise(stepper.device, seed + i))
        for index, (batch, n) in enumerate(batches):
            log.add(*stepper.evaluate(batch, n, index))
        processes = stepper.processes
        many = processes.count > 1
        log.read((lambda values: processes.totals(values, stepper.device)) if many else None)
        return {f"validation_{name}": value for name, value in log.means().items()}

    def _keep_best(self, value: float) -> None:
        if self.settings["patience"] is None:
            return
        self.stale += 1
        # The first epoch counts even if its loss is NaN: there must be weights to restore.
        if value < self.best_loss or self.best_weights is None:
            state = self.stepper.model.state_dict()
            self.best_weights = {name: tensor.clone() for name, tensor in state.items()}
            self.best_loss = value if math.isfinite(value) else math.inf
            self.stale = 0

    def save(self) -> None:
        """Write the checkpoint, by one process, never with broken weights."""
        stepper = self.stepper
        if not stepper.finite():
            self._diverge("weights became NaN or infinite", self.done - 1)
        if stepper.processes.rank == 0 and self.path is not None:
            names = ("epoch", "done", "before", "step", "finished", "stale", "best_loss")
            state = {name: getattr(self, name) for name in names}
            state |= stepper.state() | {
                "seed": self.seed, "best_weights": self.best_weights,
                "records": self.history.records, "sums": self.log.sums, "rows": self.log.rows,
            }  # fmt: skip
            write_checkpoint(self.path, self.settings, state)
        stepper.processes.wait()
        self.saved_step, self.saved_at = self.step, time.perf_counter()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint was written."""
        for name in ("epoch", "done", "before", "step", "finished", "stale", "best_loss"):
            setattr(self, name, state[name])
        self.best_weights, self.seed = state["best_weights"], state["seed"]
        self.history.records = state["records"]
        self.log.sums, self.log.rows = state["sums"], state["rows"]
        self.stepper.seed, self.saved_step = self.seed, self.step
        self.stepper.restore(state)


def _recognised(source: Rows | Loader) -> dict[str, str]:
    if isinstance(source, Loader):
        return {"loader": f"{len(source)} batches"}
    return shapes_of({str(i): t for i, t in enumerate(source.tensors)})
