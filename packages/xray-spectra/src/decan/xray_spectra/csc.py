"""The Chandra Source Catalog: queries, file names, and retrieval of every file asked for.

A detection is an observation's region: ``obsid.obi.region``. Products come as tars of many
detections; names are parsed as a whole, so that long numbers and interleaved exposures
(``e1``, ``e2``) are no trap, and what the archive did not send is said.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decan.core.data import remote
from decan.core.errors import CorruptFile, DataNotAvailable
from decan.core.files import replacing

from .errors import UnsupportedInstrumentError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSCClient", "Product", "detection_query", "parse_name"]

TAP = "http://cda.cfa.harvard.edu/csc21tap/sync"
RETRIEVE = "http://cda.cfa.harvard.edu/csccli/retrieve"
_TYPES = {"spectrum": "pha3", "arf": "arf3", "rmf": "rmf3"}
_NAME = re.compile(
    r"(?P<instrument>acis|hrc)f(?P<obsid>\d+)_(?P<obi>\d+)(?P<exposure>e\d)?N(?P<version>\d+)_"
    r"(?:(?P<exposure_after>e\d)_)?r(?P<region>\d+)(?P<suffix>[a-z]?)_"
    r"(?P<kind>pha|arf|rmf)3\.fits(?:\.gz)?"
)


@dataclass(frozen=True)
class Product:
    """What a product's file name says.

    Parameters
    ----------
    obsid, obi, region : int
        The detection.
    kind : {'pha', 'arf', 'rmf'}
        Type of file.
    exposure : str
        ``e1`` or ``e2`` for interleaved exposures, empty otherwise.
    version : int
        Version of the processing.
    suffix : str
        Letter after the region.

    Examples
    --------
    >>> parse_name("acisf01575_001N001_r0085_pha3.fits.gz").detection
    '1575.1.85'
    """

    obsid: int
    obi: int
    region: int
    kind: str
    exposure: str
    version: int
    suffix: str

    @property
    def detection(self) -> str:
        """``obsid.obi.region`` without leading zeros."""
        return f"{self.obsid}.{self.obi}.{self.region}"


def parse_name(name: str) -> Product:
    """What the name of a product of the catalogue says.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    Product

    Raises
    ------
    UnsupportedInstrumentError
        For HRC, which has no spectra.
    ValueError
        If it is no such name.

    Examples
    --------
    >>> parse_name("acisf123456_002N003_e2_r0007b_rmf3.fits").obsid
    123456
    """
    found = _NAME.fullmatch(Path(name).name)
    if found is None:
        raise ValueError(f"{Path(name).name!r} is not the name of a pha3, arf3 or rmf3 file")
    if found["instrument"] == "hrc":
        raise UnsupportedInstrumentError(f"{name}: HRC has no energy resolution to speak of")
    return Product(
        int(found["obsid"]), int(found["obi"]), int(found["region"]), found["kind"],
        found["exposure"] or found["exposure_after"] or "", int(found["version"]),
        found["suffix"],
    )  # fmt: skip


def detection_query(
    *, min_counts: float = 40, min_significance: float = 4, max_theta_arcmin: float = 10,
    where: str = "", top: int | None = None,
) -> str:  # fmt: skip
    """ADQL for detections of the catalogue that have a spectrum worth encoding.

    Parameters
    ----------
    min_counts : float
        Source counts in the broad band.
    min_significance : float
        Significance of the flux.
    max_theta_arcmin : float
        Angle from the axis, arcmin.
    where : str
        Further condition, with ``m`` the master source and ``o`` the observation.
    top : int, optional
        At most so many rows.

    Returns
    -------
    str

    Examples
    --------
    >>> "o.theta < 10" in detection_query()
    True
    """
    first = f"TOP {top} " if top else ""
    further = f" AND ({where})" if where else ""
    return (
        f"SELECT {first}m.name, m.ra, m.dec, o.obsid, o.obi, o.region_id, o.src_cnts_aper_b, "
        "o.flux_significance_b, o.flux_aper_b, o.theta, o.gti_mjd_obs, o.hard_hm, o.hard_hs, "
        "o.hard_ms, o.var_prob_b, o.var_index_b, o.powlaw_gamma, o.powlaw_nh, o.bb_kt, "
        "o.instrument FROM csc21.master_source m, csc21.master_stack_assoc a, "
        "csc21.observation_source o, csc21.stack_observation_assoc b, csc21.stack_source s "
        f"WHERE a.match_type = 'u' AND o.src_cnts_aper_b > {min_counts:g} "
        f"AND o.flux_significance_b > {min_significance:g} AND o.theta < {max_theta_arcmin:g} "
        "AND m.name = a.name AND s.detect_stack_id = a.detect_stack_id "
        "AND s.region_id = a.region_id AND s.detect_stack_id = b.detect_stack_id "
        "AND s.region_id = b.region_id AND o.obsid = b.obsid AND o.obi = b.obi "
        f"AND o.region_id = b.region_id{further} ORDER BY m.name"
    )


class CSCClient:
    """Detections and products of the Chandra Source Catalog.

    Parameters
    ----------
    tap, retrieve : str
        Addresses of the services.
    batch_size : int
        Detections of one request.

    Examples
    --------
    >>> client = CSCClient()
    >>> client.batches(["1.1.1"] * 51)[1]
    ['1.1.1']
    """

    def __init__(self, *, tap: str = TAP, retrieve: str = RETRIEVE, batch_size: int = 50) -> None:
        self.tap = tap
        self.address = retrieve
        self.batch_size = batch_size

    def detections(self, **settings: Any) -> pd.DataFrame:
        """Detections with the catalogue's columns.

        Parameters
        ----------
        **settings : object
            As of :func:`detection_query`.

        Returns
        -------
        pandas.DataFrame
            With a column ``detection``.

        Raises
        ------
        DataNotAvailable
            If the service does not answer.
        """
        table = remote.tap_query(self.tap, detection_query(**settings))
        ids = zip(table["obsid"], table["obi"], table["region_id"], strict=True)
        table["detection"] = [f"{obsid}.{obi}.{region}" for obsid, obi, region in ids]
        return table

    def batches(self, detections: Sequence[str]) -> list[list[str]]:
        """Detections in the portions of the requests; the last may be smaller, none is lost.

        Parameters
        ----------
        detections : sequence of str
            ``obsid.obi.region``.

        Returns
        -------
        list of list of str
        """
        held = list(detections)
        return [held[i : i + self.batch_size] for i in range(0, len(held), self.batch_size)]

    def retrieve(
        self,
        detections: Iterable[str],
        folder: str | os.PathLike[str],
        *,
        kinds: Sequence[str] = ("spectrum", "arf", "rmf"),
        progress: bool = True,
    ) -> dict[str, dict[str, Path]]:
        """Files of detections; what is there already is not asked for again.

        Equal RMFs are kept once: they are by far the largest files, and all detections of one
        place on a chip share them.

        Parameters
        ----------
        detections : iterable of str
            ``obsid.obi.region``.
        folder : path-like
            Where they go.
        kinds : sequence of {'spectrum', 'arf', 'rmf'}
            What to fetch.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        dict of str to dict
            For each detection, ``pha``, ``arf`` and ``rmf`` to paths.

        Raises
        ------
        DataNotAvailable
            If the archive sent fewer files than were asked for; the message names the first.
        CorruptFile
            If an answer is no tar.
        """
        from tqdm.auto import tqdm

        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        wanted = [_plain(one) for one in detections]
        short = [_TYPES[kind][:3] for kind in kinds]
        held = _held(root)
        missing = [d for d in dict.fromkeys(wanted) if set(short) - set(held.get(d, {}))]
        for batch in tqdm(self.batches(missing), desc="detections", disable=not progress):
            packages = ",".join(f"{one}/{kind}/b" for one in batch for kind in kinds)
            body = remote.request(self.address, params={"version": "cur", "packageset": packages})
            _unpack(body, root)
        held = _held(root)
        lost = [d for d in wanted if set(short) - set(held.get(d, {}))]
        if lost:
            some = ", ".join(sorted(set(short) - set(held.get(lost[0], {}))))
            raise DataNotAvailable(
                f"the archive sent no {some} for {len(lost)} of {len(wanted)} detections, the "
                f"first is {lost[0]}; the others are in {root.name}, repeat the call to try again"
            )
        return {d: held[d] for d in wanted}


def _plain(detection: str) -> str:
    """Without leading zeros; regions may carry a letter that names nothing else."""
    parts = str(detection).split(".")
    if len(parts) != 3 or not all(re.fullmatch(r"\d+", part) for part in parts):
        raise ValueError(f"detections: {detection!r} is not obsid.obi.region")
    return ".".join(str(int(part)) for part in parts)


def _held(root: Path) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(root.iterdir()):
        try:
            product = parse_name(path.name)
        except ValueError:
            continue
        # Of interleaved exposures the first is taken; both stay in the folder.
        found.setdefault(product.detection, {}).setdefault(product.kind, path)
    return found


def _unpack(body: bytes, root: Path) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            for member in tar:
                name = Path(member.name).name
                handle = tar.extractfile(member)
                if handle is None or _NAME.fullmatch(name) is None:
                    continue
                content = handle.read()
                if "_rmf3" in name:
                    _link_equal(content, root, name)
                    continue
                with replacing(root / name) as path:
                    path.write_bytes(content)
    except tarfile.TarError as error:
        raise CorruptFile(
            f"the archive's answer is no tar ({error}); it begins {body[:80]!r}"
        ) from error


def _link_equal(content: bytes, root: Path, name: str) -> None:
    """Write an RMF once for all detections that share its bytes."""
    cache = root / "rmf"
    cache.mkdir(exist_ok=True)
    kept = cache / f"{hashlib.sha256(content).hexdigest()[:20]}{''.join(Path(name).suffixes)}"
    if not kept.exists():
        with replacing(kept) as path:
            path.write_bytes(content)
    target = root / name
    target.unlink(missing_ok=True)
    try:
        os.link(kept, target)
    except OSError:  # a file system without hard links
        with replacing(target) as path:
            path.write_bytes(content)
