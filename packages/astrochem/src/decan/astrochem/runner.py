"""More models of the same design, computed with UCLCHEM where it is installed.

UCLCHEM can stall, crash, or return what no cloud can be. So every model runs in a process
of its own with a limit on CPU time, every outcome is a row, and what breaks conservation is
kept apart and never trained on.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decan.core.data.tables import read_table
from decan.core.errors import DataNotAvailable, DecanError
from decan.core.files import replacing

from .grid import LIMITS, ModelGrid
from .space import CLOUD, ParameterSpace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UCLCHEMRunner", "cloud_parameters"]

TIMES_YR = (1e3, 1e4, 3e4, 1e5, 3e5, 1e6)
_PARSEC_CM = 3.0857e18
_COLUMN_PER_MAG = 1.6e21
_INSTALL = (
    "UCLCHEM is not installed. It is not on the package index: git clone "
    "https://github.com/uclchem/UCLCHEM, git checkout v3.5.5, pip install . (needs gfortran)"
)
_STATUS_COLUMNS = ("model_id", "status", "cpu_s", "message")


def cloud_parameters(row: dict[str, float], *, final_time_yr: float = 1e6) -> dict[str, Any]:
    """UCLCHEM's parameters of a static cloud, as the given grid was computed.

    All extinction is in the column (``rout``), so that H₂ and CO shield themselves by the
    same matter as the dust. Silicon is lowered because its ions do not freeze.

    Parameters
    ----------
    row : dict of str to float
        The seven parameters.
    final_time_yr : float
        Time of the last output, yr.

    Returns
    -------
    dict

    Examples
    --------
    >>> point = dict(T_K=10, nH_cm3=1e4, zeta_1p3e17=1, G0_habing=1, Av_mag=10, fC=1e-4, fO=3e-4)
    >>> round(cloud_parameters(point)["rout"], 3)
    0.519
    """
    return {
        "initialTemp": row["T_K"],
        "initialDens": row["nH_cm3"],
        "finalDens": row["nH_cm3"],
        "zeta": row["zeta_1p3e17"],
        "radfield": row["G0_habing"],
        "baseAv": 0.0,
        "rout": row["Av_mag"] * _COLUMN_PER_MAG / row["nH_cm3"] / _PARSEC_CM,
        "fc": row["fC"],
        "fo": row["fO"],
        "fsi": 1.78e-9,
        "metallicity": 1.0,
        "freefall": False,
        "endAtFinalDensity": False,
        "finalTime": final_time_yr,
        "reltol": 1e-6,
        "abstol_factor": 1e-8,
        "abstol_min": 1e-20,
    }


class UCLCHEMRunner:
    """Runs points of a design with UCLCHEM, in blocks that can be resumed.

    Parameters
    ----------
    out : path-like
        Folder: ``block-*.parquet`` for good models, ``unphysical-*.parquet``, and
        ``status.csv`` with a row for every model that was tried.
    space : ParameterSpace
        The seven parameters of a cloud.
    n_jobs : int
        Models at a time, through joblib: in a ``joblib.parallel_config`` of Dask or Ray they
        run on that cluster.
    cpu_limit_s : float
        CPU seconds after which a model is stopped.
    block_size : int
        Models a file. An interruption loses at most one block.
    resume : bool
        Whether models that ``status.csv`` knows are left alone.
    module : str
        Import name of UCLCHEM.

    Examples
    --------
    >>> import tempfile
    >>> runner = UCLCHEMRunner(out=tempfile.mkdtemp(), module="no_such_uclchem")
    >>> runner.run(4)
    Traceback (most recent call last):
    ...
    decan.core.errors.DataNotAvailable: UCLCHEM is not installed. ...
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        space: ParameterSpace = CLOUD,
        n_jobs: int = 1,
        cpu_limit_s: float = 8.0,
        block_size: int = 32,
        resume: bool = True,
        module: str = "uclchem",
    ) -> None:
        self.out = Path(out)
        self.space = space
        self.n_jobs = n_jobs
        self.cpu_limit_s = cpu_limit_s
        self.block_size = block_size
        self.resume = resume
        self.module = module

    def run(self, n: int, *, skip: Any = (), progress: bool = True) -> pd.Series:
        """Compute the points of the design up to number ``n`` that are not there yet.

        Parameters
        ----------
        n : int
            Models to have in all, those in ``skip`` and those of earlier calls included.
        skip : iterable of int
            Models that exist elsewhere, failed ones too.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        pandas.Series
            Status of every model of this folder: ``good``, ``unphysical``, ``stopped``
            (CPU limit), ``flag`` (UCLCHEM says it failed) or ``error``.

        Raises
        ------
        DataNotAvailable
            If UCLCHEM is not installed.
        DecanError
            If the folder holds results and ``resume`` is off.
        """
        import joblib
        from tqdm.auto import tqdm

        if importlib.util.find_spec(self.module) is None:
            raise DataNotAvailable(_INSTALL)
        self.out.mkdir(parents=True, exist_ok=True)
        known = self._known()
        if len(known) and not self.resume:
            raise DecanError(f"{self.out}: holds results; pass resume=True, or another folder")
        design = self.space.sobol(n)
        missing = [i for i in design.index if i not in set(skip) and i not in set(known.index)]
        blocks = [missing[i : i + self.block_size] for i in range(0, len(missing), self.block_size)]
        # Threads wait for processes of their own: on one machine nothing else is needed.
        pool = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")
        for block in tqdm(blocks, desc="blocks", disable=None if progress else True):
            done = pool(
                joblib.delayed(run_one)(i, design.loc[i].to_dict(), self.cpu_limit_s, self.module)
                for i in block
            )
            self._keep(block[0], judged(done))
        return self._known()

    def grid(self) -> ModelGrid:
        """The models that were computed, with their status.

        Raises
        ------
        DataNotAvailable
            If there is no good model yet.
        """
        import pandas as pd

        good = [read_table(path).assign(status="good") for path in sorted(self.out.glob("block-*"))]
        bad = [
            read_table(path).assign(status="unphysical")
            for path in sorted(self.out.glob("unphysical-*"))
        ]
        if not good:
            raise DataNotAvailable(f"{self.out}: no good models yet; run() computes some")
        status = self._known()
        lost = status.index[~status.isin(["good", "unphysical"])]
        design = self.space.sobol(int(status.index.max()) + 1)
        return ModelGrid.from_table(
            pd.concat([*good, *bad]), scale="log10", stopped=design.loc[lost], name=self.out.name
        )

    def _known(self) -> pd.Series:
        import pandas as pd

        path = self.out / "status.csv"
        if not path.exists():
            return pd.Series(dtype=str, name="status", index=pd.Index([], name="model_id"))
        return pd.read_csv(path).set_index("model_id")["status"]

    def _keep(self, first: int, done: list[tuple[dict[str, Any], pd.DataFrame | None]]) -> None:
        """Write a block: tables first, the status last, so that a cut block is run again."""
        import pandas as pd

        for prefix, word in (("block", "good"), ("unphysical", "unphysical")):
            tables = [table for row, table in done if table is not None and row["status"] == word]
            if tables:
                with replacing(self.out / f"{prefix}-{first:06d}.parquet") as path:
                    pd.concat(tables, ignore_index=True).to_parquet(path, index=False)
        rows = pd.DataFrame([row for row, _ in done], columns=list(_STATUS_COLUMNS))
        path = self.out / "status.csv"
        if path.exists():
            rows = pd.concat([pd.read_csv(path), rows])
        with replacing(path) as temporary:
            rows.sort_values("model_id").to_csv(temporary, index=False)


def run_one(
    model_id: int, row: dict[str, float], cpu_limit_s: float, module: str
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """One model in a process of its own: its status row, and its table where it finished.

    UCLCHEM is loaded here, once, so that the processes of all models have it from the start.
    """
    import multiprocessing

    try:
        importlib.import_module(module)
    except Exception as error:  # a broken installation is told by every row, and stops nothing
        why = f"{type(error).__name__}: {error}"
        return {"model_id": model_id, "status": "error", "cpu_s": 0.0, "message": why}, None
    context: Any = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(sender, row, cpu_limit_s, module))
    process.start()
    sender.close()
    status: dict[str, Any] = {"model_id": model_id, "cpu_s": cpu_limit_s, "message": ""}
    try:
        # Twice the CPU limit by the clock, for a process that waits instead of working.
        if receiver.poll(2 * cpu_limit_s + 60):
            word, cpu, result = receiver.recv()
        else:
            word, cpu, result = "stopped", cpu_limit_s, "no answer"
    except EOFError:
        word, cpu, result = "stopped", cpu_limit_s, "killed (CPU limit or crash)"
    finally:
        if process.is_alive() and not receiver.poll(0):
            process.join(1)
        if process.is_alive():
            process.kill()
        process.join()
        receiver.close()
    status["cpu_s"] = round(float(cpu), 4)
    if word != "done":
        return {**status, "status": word, "message": str(result)}, None
    return {**status, "status": "done"}, _table(model_id, row, result, status["cpu_s"])


def judged(
    done: list[tuple[dict[str, Any], pd.DataFrame | None]],
) -> list[tuple[dict[str, Any], pd.DataFrame | None]]:
    """Models that finished, called good or unphysical by what they conserve.

    A block at a time: the check costs as much for thirty models as for one.
    """
    import pandas as pd

    tables = [table for _, table in done if table is not None]
    if not tables:
        return done
    errors = ModelGrid.from_table(
        pd.concat(tables, ignore_index=True), scale="log10"
    ).conservation()
    found = []
    for row, table in done:
        if table is not None:
            mine = errors.xs(row["model_id"], level=0)
            worst = mine.max()
            broken = [
                f"{name} {worst[name]:.2g}" for name, limit in LIMITS.items() if worst[name] > limit
            ]
            table = table.assign(**{name: mine[name].to_numpy() for name in LIMITS})
            word = "unphysical" if broken else "good"
            row = {**row, "status": word, "message": ", ".join(broken)}
        found.append((row, table))
    return found


def _child(sender: Any, row: dict[str, float], cpu_limit_s: float, module: str) -> None:
    """In the new process: limit the CPU, call UCLCHEM, send what it gives."""
    begin = time.process_time()
    try:
        import resource

        used = int(np.ceil(time.process_time()))
        hard = int(np.ceil(used + cpu_limit_s)) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (max(1, hard - 1), hard))
    except (ImportError, ValueError):  # no such limits on this system: the clock must do
        pass
    try:
        word, result = _call(importlib.import_module(module), row)
    except Exception as error:  # UCLCHEM's own failures are results here, not crashes
        word, result = "error", f"{type(error).__name__}: {error}"
    sender.send((word, time.process_time() - begin, result))
    sender.close()


def _call(uclchem: Any, row: dict[str, float]) -> tuple[str, Any]:
    """Abundances by time from UCLCHEM 3 (functions) or 4 (classes)."""
    parameters = cloud_parameters(row)
    model = uclchem.model
    if hasattr(model, "Cloud"):
        parameters["enforceChargeConservation"] = True
        run = model.Cloud(param_dict=parameters)
        flag = int(getattr(run, "success_flag", 0) or 0)
        if flag < 0:
            return "flag", _said(uclchem, flag)
        physics, chemistry = run.get_dataframes(joined=False)[:2]
    else:
        _keep_neutral(uclchem)
        physics, chemistry, *_, flag = model.cloud(
            param_dict=parameters, return_dataframe=True, timepoints=600
        )
        if int(flag) < 0:
            return "flag", _said(uclchem, int(flag))
    times = np.asarray(physics["Time"], dtype=float)
    rows = [int(np.argmin(np.abs(np.log(np.maximum(times, 1e-9) / t)))) for t in TIMES_YR]
    off = [t for t, i in zip(TIMES_YR, rows, strict=True) if not np.isclose(times[i], t, rtol=1e-3)]
    if off:
        return "stopped", f"no output at {off[0]:g} yr; it ended at {times.max():.3g} yr"
    chosen = chemistry.iloc[rows]
    return "done", (
        [str(name).strip() for name in chosen.columns],
        chosen.to_numpy(dtype=float),
        np.asarray(physics["Av"], dtype=float)[rows],
    )


def _keep_neutral(uclchem: Any) -> None:
    """Set the charge switch of UCLCHEM 3, which its parameter dictionary does not take."""
    try:
        wrap = importlib.import_module("uclchemwrap").uclchemwrap
        wrap.defaultparameters.enforcechargeconservation = 1
    except (ImportError, AttributeError):
        # A build without the switch: the charge error of the status row then says so.
        del uclchem


def _said(uclchem: Any, flag: int) -> str:
    try:
        return f"flag {flag}: {uclchem.utils.check_error(flag)}"
    except Exception:  # the words are a courtesy of UCLCHEM, the flag is the fact
        return f"flag {flag}"


def _table(model_id: int, row: dict[str, float], result: Any, cpu_s: float) -> pd.DataFrame:
    import pandas as pd

    names, abundances, extinction = result
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.maximum(np.log10(np.maximum(abundances, 0.0)), -30.0)
    head = pd.DataFrame(
        {"model_id": model_id, **row, "Av_eff_mag": extinction, "cpu_s": cpu_s, "time_yr": TIMES_YR}
    )
    return pd.concat([head, pd.DataFrame(logs, columns=names)], axis=1)
