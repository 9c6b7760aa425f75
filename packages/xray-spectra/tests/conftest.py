import numpy as np
import pytest

from decan.xray_spectra import SpectralAutoencoder, simulate_spectra


@pytest.fixture(scope="session")
def model():
    return SpectralAutoencoder.pretrained()


@pytest.fixture(scope="session")
def channel_model():
    return SpectralAutoencoder.pretrained("channels")


@pytest.fixture(scope="session")
def simulated():
    return simulate_spectra(400, net_counts=np.geomspace(40, 4000, 400), rng=1)


def fits_file(path, tables):
    """A FITS file of binary tables; columns are (name, format, array or list of arrays, unit)."""
    from astropy.io import fits

    hdus = [fits.PrimaryHDU()]
    for name, keywords, columns in tables:
        made = [fits.Column(name=n, format=f, array=a, unit=u) for n, f, a, u in columns]
        hdu = fits.BinTableHDU.from_columns(made, name=name)
        hdu.header.update(keywords)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


@pytest.fixture
def write_fits():
    """Write binary tables: (name, keywords, columns) each."""
    return fits_file


@pytest.fixture
def write_pha():
    """Write a PHA file; keywords and columns can be changed."""

    def write(path, counts, *, columns=(), first=1, **keywords):
        n = len(counts)
        standard = {
            "HDUCLAS1": "SPECTRUM", "HDUCLAS2": "TOTAL", "EXPOSURE": 1e4, "BACKSCAL": 1.0,
            "AREASCAL": 1.0, "TELESCOP": "CHANDRA", "INSTRUME": "ACIS", "RESPFILE": "none",
            "ANCRFILE": "none", "BACKFILE": "none", "CHANTYPE": "PI", "DETCHANS": n,
        }  # fmt: skip
        table = [("CHANNEL", "J", np.arange(first, first + n), None),
                 ("COUNTS", "E", np.asarray(counts, dtype=float), "count"), *columns]  # fmt: skip
        held = {k: v for k, v in (standard | keywords).items() if v is not None}
        return fits_file(path, [("SPECTRUM", held, table)])

    return write


@pytest.fixture
def write_pha3():
    """Write source and background into one file, in the order asked for."""

    def write(path, counts, order=("TOTAL", "BKG")):
        table = [("CHANNEL", "J", np.arange(1, 1025), None)]
        common = {"HDUCLAS1": "SPECTRUM", "EXPOSURE": 1e4, "BACKSCAL": 1.0, "BACKFILE": path.name}
        return fits_file(
            path,
            [("SPECTRUM", common | {"HDUCLAS2": kind},
              [*table, ("COUNTS", "J", np.full(1024, counts[kind]), "count")])
             for kind in order],
        )  # fmt: skip

    return write


@pytest.fixture
def write_response():
    """Write an ARF and an RMF with a diagonal matrix."""

    def write(folder, low, high, area=100.0, *, first=1, tlmin=True, name="MATRIX", groups=True):
        n = len(low)
        resp = {"HDUCLAS1": "RESPONSE"}
        arf = fits_file(
            folder / "test.arf",
            [("SPECRESP", resp | {"HDUCLAS2": "SPECRESP"}, [
                ("ENERG_LO", "E", low, "keV"), ("ENERG_HI", "E", high, "keV"),
                ("SPECRESP", "E", np.full(n, area), "cm**2")])],
        )  # fmt: skip
        channels = np.arange(first, first + n)
        n_grp = np.ones(n, dtype=int)
        if not groups:
            n_grp[0] = 0
        keywords = resp | {"HDUCLAS2": "RSP_MATRIX", "DETCHANS": n}
        if tlmin:
            keywords["TLMIN4"] = first
        rmf = fits_file(
            folder / "test.rmf",
            [
                (name, keywords, [
                    ("ENERG_LO", "E", low, "keV"), ("ENERG_HI", "E", high, "keV"),
                    ("N_GRP", "I", n_grp, None), ("F_CHAN", "I", channels, None),
                    ("N_CHAN", "I", np.ones(n, dtype=int), None),
                    ("MATRIX", "1E", np.ones(n), None),
                ]),
                ("EBOUNDS", resp | {"HDUCLAS2": "EBOUNDS"}, [
                    ("CHANNEL", "J", channels, None), ("E_MIN", "E", low, "keV"),
                    ("E_MAX", "E", high, "keV"),
                ]),
            ],
        )  # fmt: skip
        return arf, rmf

    return write
