"""Reading OGIP files."""

import gzip
import warnings
from dataclasses import replace

import numpy as np
import pytest

from decan.core.errors import CorruptFile, DataNotAvailable
from decan.core.testing import needs_data
from decan.xray_spectra import (
    DATASETS,
    InvalidSpectrumError,
    MissingResponseError,
    Spectrum,
    UnsupportedInstrumentError,
    read_response,
    read_spectra,
)
from decan.xray_spectra.experiments.speed import row_loop
from decan.xray_spectra.models import power_law
from decan.xray_spectra.response_files import read_rmf

EDGES = np.round(np.linspace(0.2, 10.2, 1001), 6)
LOW, HIGH = EDGES[:-1], EDGES[1:]


@needs_data(DATASETS, "csc_1575_r0085", "ogip_3c273", "ogip_g21p5")
@pytest.mark.parametrize(
    "name", ["fits/acisf01575_001N001_r0085_rmf3.fits.gz", "fits/3c273.rmf.gz",
             "fits/rmf_1024.fits.gz"],
)  # fmt: skip
def test_a_real_matrix_is_that_of_a_loop_over_rows(name):
    folder = DATASETS.where("csc_1575_r0085")[0].parent
    path = folder / name.removeprefix("fits/")
    np.testing.assert_allclose(read_rmf(path).matrix.toarray(), row_loop(path), atol=1e-7)


@needs_data(DATASETS, "csc_1575_r0085", "acis_1575_r0085")
def test_catalogue_products_hold_source_and_background_and_agree_with_the_packed_ones():
    spectrum, packed = DATASETS.load("csc_1575_r0085"), DATASETS.load("acis_1575_r0085")
    assert spectrum.counts.sum() == packed.counts.sum() == 855
    assert spectrum.background.counts.sum() == 303
    assert spectrum.background_ratio == pytest.approx(2.24265526e-06 / 5.38132434e-05)
    flux = 1e-4 * spectrum.response.energy**-1.7
    ours, theirs = spectrum.response.fold(flux), packed.response.fold(flux)
    # The packed matrix was rounded to 10 bits and cut at 3e-5.
    used = spectrum.band(0.3, 9.0)
    np.testing.assert_allclose(ours[used], theirs[used], atol=1e-3 * ours.max())


@needs_data(DATASETS, "ogip_3c273")
def test_what_a_spectrum_names_is_found_beside_it_though_gzipped():
    spectrum = DATASETS.load("ogip_3c273")
    assert spectrum.response.n_channels == 1024
    assert spectrum.background.counts.sum() > 0
    assert spectrum.notes == ()


@pytest.mark.bad_input(2)
@needs_data(DATASETS, "ogip_g21p5")
def test_an_area_on_other_energies_is_interpolated_with_one_warning():
    with pytest.warns(UserWarning, match="495 energies and rmf_1024.fits.gz 198") as record:
        spectrum = DATASETS.load("ogip_g21p5")
    assert len(record) == 1
    assert "interpolated" in spectrum.notes[0]
    assert spectrum.response.area.size == 198


@pytest.mark.bad_input(1, 7)
@needs_data(DATASETS, "ogip_q1127")
def test_without_response_channels_serve_and_grouping_is_kept_apart():
    with pytest.warns(UserWarning, match="ANCRFILE") as record:
        spectrum = DATASETS.load("ogip_q1127")
    assert len(record) == 1
    assert spectrum.response is None
    assert spectrum.grouping is not None
    assert spectrum.counts.sum() == 66_686
    with pytest.raises(MissingResponseError, match="RESPFILE and ANCRFILE"):
        spectrum.require_response()


@pytest.mark.bad_input(3)
@needs_data(DATASETS, "acis_CDFS4Ms_179")
def test_a_background_scale_that_gives_minus_6000_net_is_not_used():
    with pytest.warns(UserWarning, match="background scale implausible: net -6"):
        spectrum = DATASETS.load("acis_CDFS4Ms_179")
    assert spectrum.net_counts() == spectrum.counts[spectrum.band(0.5, 8)].sum() > 2400
    assert "no background is subtracted" in spectrum.notes[-1]


@pytest.mark.bad_input(3)
@pytest.mark.parametrize("backscal", [0.0, float("nan")])
def test_a_scale_of_zero_is_named(tmp_path, write_pha, backscal):
    keyword = {} if np.isnan(backscal) else {"BACKSCAL": backscal}
    back = write_pha(tmp_path / "back.pi", np.full(1024, 4), **keyword)
    source = write_pha(tmp_path / "src.pi", np.full(1024, 1), BACKSCAL=0.0, BACKFILE="back.pi")
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        spectrum = Spectrum.from_ogip(source)
    assert back.exists()
    assert any("BACKSCAL or AREASCAL is 0" in str(one.message) for one in record)
    assert spectrum.background_ratio == 0.0


@pytest.mark.bad_input(4)
@pytest.mark.parametrize(
    ("keywords", "columns", "words"),
    [
        ({"INSTRUME": "HRC-S"}, (), "HRC"),
        ({"HDUCLAS4": "TYPE:II"}, (), "grating order"),
        ({}, (("TG_PART", "I", np.ones(1024), None),), "grating order"),
        ({"INSTRUME": None, "DETNAM": "HRC-I"}, (), "HRC"),
        ({"TG_M": -1, "GRATING": "HETG"}, (), "grating order"),
    ],
    ids=["HRC", "type II", "TG_PART", "HRC by DETNAM", "TG_M"],
)
def test_instruments_without_such_spectra_are_refused_by_name(
    tmp_path, write_pha, keywords, columns, words
):
    path = write_pha(tmp_path / "x.pha", np.ones(1024), columns=columns, **keywords)
    with pytest.raises(UnsupportedInstrumentError, match=words):
        Spectrum.from_ogip(path)


@pytest.mark.bad_input(4)
def test_the_channels_of_a_grating_are_refused_and_its_zeroth_order_is_read(tmp_path, write_pha):
    path = write_pha(tmp_path / "order.pha", np.ones(8192), GRATING="LETG")
    with pytest.raises(UnsupportedInstrumentError, match="grating order"):
        Spectrum.from_ogip(path)
    path = write_pha(tmp_path / "zeroth.pha", np.ones(1024), GRATING="LETG")
    with pytest.warns(UserWarning, match="RESPFILE"):
        assert Spectrum.from_ogip(path).counts.sum() == 1024


@pytest.mark.bad_input(1)
def test_a_spectrum_without_response_names_both_keywords_and_is_encoded(
    tmp_path, write_pha, channel_model
):
    path = write_pha(tmp_path / "bare.pha", np.full(1024, 2), RESPFILE=None, ANCRFILE=None)
    with pytest.warns(UserWarning, match="RESPFILE and ANCRFILE"):
        spectrum = Spectrum.from_ogip(path)
    assert channel_model.encode(spectrum).encoded.all()


@pytest.mark.bad_input(2)
def test_an_area_on_fewer_energies_gives_the_folding_of_one_on_all(tmp_path, write_response):
    (tmp_path / "fine").mkdir()
    coarse, _ = write_response(tmp_path, LOW[::2], HIGH[1::2], area=70.0)
    fine, rmf = write_response(tmp_path / "fine", LOW, HIGH, area=70.0)
    with pytest.warns(UserWarning, match="has 500 energies and test.rmf 1000") as record:
        response = read_response(coarse, rmf)
    assert len(record) == 1
    assert "interpolated" in response.notes[0]
    # A flat area stays flat between the middles of the first and the last coarse bin.
    np.testing.assert_allclose(response.area[1:-1], read_response(fine, rmf).area[1:-1])


@pytest.mark.bad_input(3)
def test_with_a_scale_set_by_the_user_the_background_counts_again(
    tmp_path, write_pha, write_response
):
    from decan.xray_spectra.fit import fit_spectrum

    write_response(tmp_path, LOW, HIGH)
    write_pha(tmp_path / "back.pi", np.full(1000, 9))
    named = {"BACKFILE": "back.pi", "RESPFILE": "test.rmf", "ANCRFILE": "test.arf"}
    source = write_pha(tmp_path / "src.pi", np.full(1000, 2), **named)
    with pytest.warns(UserWarning, match="background scale implausible: net -5"):
        spectrum = Spectrum.from_ogip(source)
    assert spectrum.background_ratio == 0.0
    scaled = spectrum.using(backscal=0.1)
    assert scaled.background_ratio == pytest.approx(0.1)
    assert fit_spectrum(scaled, power_law()).kind == "wstat"


@pytest.mark.bad_input(7)
def test_grouping_changes_nothing_and_bad_quality_is_masked(tmp_path, write_pha):
    group = np.where(np.arange(1024) % 20 == 0, 1, -1)
    quality = np.where(np.arange(1024) < 100, 2, 0)
    columns = {
        "GROUPING": ("GROUPING", "I", group, None),
        "QUALITY": ("QUALITY", "I", quality, None),
    }
    totals = {}
    for names in ((), ("GROUPING",), ("GROUPING", "QUALITY")):
        path = write_pha(
            tmp_path / "x.pha", np.full(1024, 2), columns=[columns[name] for name in names]
        )
        with pytest.warns(UserWarning, match="RESPFILE"):
            totals[names] = Spectrum.from_ogip(path).binned()[0]
    np.testing.assert_array_equal(totals[()], totals["GROUPING",])
    lost = totals[()] - totals["GROUPING", "QUALITY"]
    # Channels 35 to 100 lie in the band; two counts each.
    assert lost.sum() == 2 * 66


@pytest.mark.bad_input(13)
@pytest.mark.parametrize("order", [("TOTAL", "BKG"), ("BKG", "TOTAL")], ids="-".join)
def test_source_and_background_are_told_by_keyword_wherever_they_stand(tmp_path, write_pha3, order):
    path = write_pha3(tmp_path / "both.pha3", {"TOTAL": 5, "BKG": 1}, order)
    with pytest.warns(UserWarning, match="RESPFILE"):
        spectrum = Spectrum.from_ogip(path)
    assert spectrum.counts[0] == 5
    assert spectrum.background.counts[0] == 1


@pytest.mark.bad_input(6)
def test_rates_become_counts_or_are_called_gaussian(tmp_path, write_pha):
    from decan.xray_spectra.spectrum import Spectrum as Direct  # the class itself, not a copy

    n = 1024
    counts = np.random.default_rng(0).poisson(3.0, n)
    path = tmp_path / "rate.pha"
    write_pha(path, counts)
    _as_rate(path, counts / 1e4)
    with pytest.warns(UserWarning, match="RESPFILE"):
        whole = Direct.from_ogip(path)
    np.testing.assert_array_equal(whole.counts, counts)
    assert not whole.meta["gaussian"]
    _as_rate(path, (counts + 0.37) / 1e4)
    with pytest.warns(UserWarning, match="RESPFILE"):
        broken = Direct.from_ogip(path)
    assert broken.meta["gaussian"]
    assert any("Gaussian" in note for note in broken.notes)


def _as_rate(path, rate):
    from astropy.io import fits

    with fits.open(path) as hdus:
        header = hdus[1].header
        columns = [fits.Column("CHANNEL", "J", array=hdus[1].data["CHANNEL"].copy()),
                   fits.Column("RATE", "D", array=rate, unit="count/s")]  # fmt: skip
        keep = {k: header[k] for k in ("HDUCLAS1", "HDUCLAS2", "EXPOSURE", "INSTRUME")}
        new = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
        new.header.update(keep)
    fits.HDUList([fits.PrimaryHDU(), new]).writeto(path, overwrite=True)


@pytest.mark.bad_input(8, 13)
@pytest.mark.parametrize("first", [0, 1], ids=["first channel 0", "first channel 1"])
@pytest.mark.parametrize("tlmin", [True, False], ids=["TLMIN", "no TLMIN"])
@pytest.mark.parametrize("name", ["MATRIX", "SPECRESP MATRIX", "RSP_MATRIX"])
def test_a_line_comes_out_in_its_own_channel(tmp_path, write_response, first, tlmin, name):
    arf, rmf = write_response(tmp_path, LOW, HIGH, first=first, tlmin=tlmin, name=name)
    if tlmin:
        response = read_response(arf, rmf)
    else:
        with pytest.warns(UserWarning, match="TLMIN"):
            response = read_response(arf, rmf)
    line = np.zeros(1000)
    line[400] = 1.0
    rates = response.fold(line)
    assert rates.argmax() == 400
    assert response.channels[400] == first + 400
    assert response.channel_low[400] == pytest.approx(LOW[400], abs=1e-5)


def test_rows_without_groups_stay_zero(tmp_path, write_response):
    _, rmf = write_response(tmp_path, LOW, HIGH, groups=False)
    matrix = read_rmf(rmf).matrix.toarray()
    assert matrix[0].sum() == 0
    assert matrix[1:].sum() == 999


@pytest.mark.bad_input(10)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.__setitem__(7, -3), "channel 8 has -3 counts"),
        (lambda c: c.__setitem__(2, np.nan), "channel 3 has nan counts"),
        (lambda c: c.__setitem__(2, np.inf), "channel 3 has inf counts"),
    ],
    ids=["negative", "NaN", "infinite"],
)
def test_impossible_counts_name_file_extension_and_channel(tmp_path, write_pha, change, words):
    counts = np.ones(1024)
    change(counts)
    path = write_pha(tmp_path / "bad.pha", counts)
    with pytest.raises(InvalidSpectrumError, match=f"bad.pha, SPECTRUM: {words}"):
        Spectrum.from_ogip(path)


@pytest.mark.bad_input(10)
def test_exposure_and_energies_that_cannot_be(tmp_path, write_pha, write_response):
    path = write_pha(tmp_path / "dark.pha", np.ones(1024), EXPOSURE=0.0)
    with pytest.raises(InvalidSpectrumError, match="EXPOSURE is 0 s"):
        Spectrum.from_ogip(path)
    low = LOW.copy()
    low[5] = low[3]
    arf, rmf = write_response(tmp_path, low, HIGH)
    with pytest.raises(InvalidSpectrumError, match=r"energies do not rise at row 6"):
        read_response(arf, rmf)


@pytest.mark.bad_input(12)
def test_one_bad_file_of_many_is_a_row_with_its_reason(tmp_path, write_pha):
    good = write_pha(tmp_path / "good.pha", np.ones(1024))
    page = tmp_path / "page.fits"
    page.write_text("<html><body>503 Service Unavailable</body></html>")
    cut = tmp_path / "cut.fits.gz"
    cut.write_bytes(gzip.compress(good.read_bytes())[:-400])
    short = tmp_path / "short.fits"
    short.write_bytes(good.read_bytes()[:-6000])
    batch = read_spectra([good, page, cut, short, tmp_path / "absent.pha"])
    assert batch.total.tolist() == [512, 0, 0, 0, 0]
    assert batch.reasons[0] == ""
    assert "503 Service Unavailable" in batch.reasons[1]
    assert "gzip" in batch.reasons[2]
    assert "cut off at byte" in batch.reasons[3]
    assert "no such file" in batch.reasons[4]
    with pytest.raises(CorruptFile, match="503"):
        Spectrum.from_ogip(page)
    with pytest.raises(DataNotAvailable):
        Spectrum.from_ogip(tmp_path / "absent.pha")


@pytest.mark.bad_input(15)
def test_a_response_that_begins_at_zero_energy_gives_finite_counts(tmp_path, write_response):
    """sherpa/sherpa#332: a power law integrates to infinity in a first bin from 0 keV."""
    edges = np.round(np.linspace(0.0, 10.0, 1001), 6)
    arf, rmf = write_response(tmp_path, edges[:-1], edges[1:])
    with pytest.warns(UserWarning, match=r"test.rmf: row 1 begins at 0 keV") as record:
        response = read_response(arf, rmf)
    assert len(record) == 1
    shifted = edges[:-1].copy()
    shifted[0] = 1e-4
    arf, rmf = write_response(tmp_path, shifted, edges[1:])
    other = read_response(arf, rmf)

    def counts(one):
        photons = power_law()(one.energy_low, one.energy_high, photon_index=2.0, norm=1e-3)
        return one.fold(photons) * 1e4

    found, expected = counts(response), counts(other)
    assert np.isfinite(found).all()
    above = other.channel_low >= 0.5
    np.testing.assert_allclose(found[above], expected[above], rtol=1e-6)


def test_an_area_is_never_applied_twice(tmp_path, write_response):
    from decan.xray_spectra.response_files import joined, read_arf

    arf, rmf = write_response(tmp_path, LOW, HIGH, area=50.0)
    plain = read_rmf(rmf)
    whole = replace(plain, matrix=plain.matrix * 50.0)
    with pytest.warns(UserWarning, match="rows sum to 50, so that it holds an area of its own"):
        response = joined(read_arf(arf), whole)
    flux = np.full(1000, 1e-3)
    np.testing.assert_allclose(response.fold(flux), read_response(arf, rmf).fold(flux))


def test_a_matrix_without_area_says_so(tmp_path, write_response):
    _, rmf = write_response(tmp_path, LOW, HIGH)
    with pytest.warns(UserWarning, match="an area of 1 cm2 is taken"):
        response = read_response(None, rmf)
    assert (response.area == 1).all()


def test_groups_of_channels_land_where_a_row_says(tmp_path, write_fits):
    """Variable lengths, none to two groups a row, first channels 0 and 1."""
    n = 4
    edges = np.linspace(1.0, 5.0, n + 1)
    for first in (0, 1):
        starts = np.empty(n, dtype=object)
        lengths, cells = np.empty(n, dtype=object), np.empty(n, dtype=object)
        groups = [[(0, 2, [0.1, 0.2]), (3, 1, [0.3])], [], [(1, 3, [0.4, 0.5, 0.6])],
                  [(3, 1, [0.7])]]  # fmt: skip
        expected = np.zeros((n, n))
        for row, group in enumerate(groups):
            starts[row] = np.array([g[0] + first for g in group], dtype=np.int16)
            lengths[row] = np.array([g[1] for g in group], dtype=np.int16)
            cells[row] = np.array([v for g in group for v in g[2]], dtype=np.float32)
            for begin, length, values in group:
                expected[row, begin : begin + length] = values
        resp = {"HDUCLAS1": "RESPONSE"}
        path = write_fits(tmp_path / f"{first}.rmf", [
            ("MATRIX", resp | {"HDUCLAS2": "RSP_MATRIX", "TLMIN4": first}, [
                ("ENERG_LO", "E", edges[:-1], "keV"), ("ENERG_HI", "E", edges[1:], "keV"),
                ("N_GRP", "I", [len(g) for g in groups], None), ("F_CHAN", "PI()", starts, None),
                ("N_CHAN", "PI()", lengths, None), ("MATRIX", "PE()", cells, None)]),
            ("EBOUNDS", resp | {"HDUCLAS2": "EBOUNDS"}, [
                ("CHANNEL", "J", np.arange(first, first + n), None),
                ("E_MIN", "E", edges[:-1], "keV"), ("E_MAX", "E", edges[1:], "keV")]),
        ])  # fmt: skip
        found = read_rmf(path)
        np.testing.assert_allclose(found.matrix.toarray(), expected, rtol=1e-6)
        assert found.first_channel == first


def test_a_spectrum_whose_background_was_subtracted_is_gaussian_with_its_own_errors(
    tmp_path, write_pha, write_response
):
    from decan.xray_spectra.fit import fit_spectrum

    write_response(tmp_path, LOW, HIGH)
    write_pha(tmp_path / "back.pi", np.full(1000, 5))
    named = {"BACKFILE": "back.pi", "RESPFILE": "test.rmf", "ANCRFILE": "test.arf"}
    error = ("STAT_ERR", "E", np.full(1000, 3.0), "count")
    path = write_pha(
        tmp_path / "net.pi", np.full(1000, 2.5), columns=[error], HDUCLAS2="NET", **named
    )
    spectrum = Spectrum.from_ogip(path)
    assert spectrum.background is None
    assert "background was subtracted" in spectrum.notes[0]
    assert spectrum.counts[0] == 2.5
    fit = fit_spectrum(spectrum, power_law(), n_starts=1)
    assert fit.kind == "chi2"
    # Errors three times too large: chi2 of a good fit is far below one a channel.
    assert fit.statistic < 0.2 * fit.n_channels


def test_channels_below_zero_are_no_error_where_a_background_was_subtracted(
    tmp_path, write_pha, write_response, channel_model
):
    from decan.xray_spectra.fit import fit_spectrum

    arf, rmf = write_response(tmp_path, LOW, HIGH)
    rng = np.random.default_rng(4)
    flux = power_law()(LOW, HIGH, photon_index=1.5, norm=2e-3)
    expected = read_response(arf, rmf).fold(flux) * 1e4
    error = ("STAT_ERR", "E", np.full(1000, 3.0), "count")
    named = {"RESPFILE": "test.rmf", "ANCRFILE": "test.arf", "HDUCLAS2": "NET"}
    path = write_pha(
        tmp_path / "net.pi", expected + rng.normal(0, 3, 1000), columns=[error], **named
    )
    spectrum = Spectrum.from_ogip(path)
    assert spectrum.counts.min() < 0
    fit = fit_spectrum(spectrum, power_law(), n_starts=1)
    assert fit.values["photon_index"] == pytest.approx(1.5, abs=0.1)
    # The errors are right, so that chi-square has the distribution of its name.
    assert 0.005 < fit.p_value < 0.995
    assert channel_model.encode(spectrum).encoded.all()


def test_counts_that_are_no_whole_numbers_are_kept_and_called_gaussian(tmp_path, write_pha):
    path = write_pha(tmp_path / "scaled.pha", np.full(1024, 0.4))
    with pytest.warns(UserWarning, match="RESPFILE"):
        spectrum = Spectrum.from_ogip(path)
    assert spectrum.counts.sum() == pytest.approx(0.4 * 1024)
    assert spectrum.meta["gaussian"]
    assert "COUNTS are no whole numbers" in spectrum.notes[-1]


@pytest.mark.bad_input(1)
def test_a_matrix_whose_area_is_missing_is_no_response(tmp_path, write_pha, write_response, model):
    write_response(tmp_path, LOW, HIGH)
    named = {"RESPFILE": "test.rmf", "ANCRFILE": "gone.arf"}
    path = write_pha(tmp_path / "src.pi", np.full(1000, 3), **named)
    with pytest.warns(UserWarning, match=r"src.pi: no ARF \(ANCRFILE\), and the matrix test.rmf"):
        spectrum = Spectrum.from_ogip(path)
    assert spectrum.response is None
    assert any("gone.arf, which is not beside it" in note for note in spectrum.notes)
    assert model.encode(read_spectra([path])).flags == ("NO_RESPONSE",)


@pytest.mark.parametrize("form", ["cal/test.{}", "./cal/test.{}", "{folder}/cal/test.{}",
                                  "test.{}[1]"])  # fmt: skip
def test_a_response_is_found_where_the_keyword_says(tmp_path, write_pha, write_response, form):
    folder = tmp_path if form.endswith("]") else tmp_path / "cal"
    folder.mkdir(exist_ok=True)
    write_response(folder, LOW, HIGH)
    names = [form.format(kind, folder="..") for kind in ("rmf", "arf")]
    (tmp_path / "data").mkdir()
    place = tmp_path / "data" if names[0].startswith("..") else tmp_path
    path = write_pha(place / "s.pi", np.ones(1000), RESPFILE=names[0], ANCRFILE=names[1])
    assert Spectrum.from_ogip(path).response is not None


def test_responses_of_one_name_in_two_folders_are_two(tmp_path, write_pha, write_response):
    paths = []
    for folder, first in (("a", 0.2), ("b", 0.4)):
        (tmp_path / folder).mkdir()
        edges = np.round(np.linspace(first, 10.2, 1001), 6)
        write_response(tmp_path / folder, edges[:-1], edges[1:])
        named = {"RESPFILE": "test.rmf", "ANCRFILE": "test.arf"}
        paths.append(write_pha(tmp_path / folder / "s.pi", np.full(1000, 3), **named))
    again = write_pha(tmp_path / "a" / "t.pi", np.full(1000, 2), **named)
    batch = read_spectra([*paths, again])
    assert batch.which.tolist() == [0, 1, 0]
    assert len(batch.matrices) == 2
    assert len(read_spectra(str(paths[0]))) == 1


def test_a_matrix_that_changed_is_read_again(tmp_path, write_pha, write_response):
    write_response(tmp_path, LOW, HIGH)
    named = {"RESPFILE": "test.rmf", "ANCRFILE": "test.arf"}
    path = write_pha(tmp_path / "s.pi", np.ones(1000), **named)
    first, same = Spectrum.from_ogip(path).response, Spectrum.from_ogip(path).response
    assert first.blocks is same.blocks
    write_response(tmp_path, LOW + 0.1, HIGH + 0.1)
    other = Spectrum.from_ogip(path).response
    np.testing.assert_allclose(other.energy, first.energy + 0.1, rtol=1e-5)


@pytest.mark.bad_input(8)
def test_channel_energies_may_be_in_ev_and_in_any_order(tmp_path, write_response):
    from astropy.io import fits

    arf, rmf = write_response(tmp_path, LOW, HIGH)
    with fits.open(rmf) as hdus:
        bounds = hdus["EBOUNDS"].data[::-1].copy()
        columns = [fits.Column("CHANNEL", "J", array=bounds["CHANNEL"])]
        for name in ("E_MIN", "E_MAX"):
            columns.append(fits.Column(name, "E", array=bounds[name] * 1000, unit="eV"))
        new = fits.BinTableHDU.from_columns(columns, name="EBOUNDS")
        new.header.update(HDUCLAS1="RESPONSE", HDUCLAS2="EBOUNDS")
        fits.HDUList([fits.PrimaryHDU(), hdus[1].copy(), new]).writeto(tmp_path / "ev.rmf")
    np.testing.assert_allclose(
        read_response(arf, tmp_path / "ev.rmf").channel_energy,
        read_response(arf, rmf).channel_energy, rtol=1e-5,
    )  # fmt: skip


def test_exposure_and_bands_may_have_units():
    from astropy import units as u

    spectrum = Spectrum(np.full(1024, 2), exposure_s=10 * u.ks)
    assert spectrum.exposure_s == 1e4
    assert spectrum.band(500 * u.eV, 8 * u.keV).sum() == spectrum.band(0.5, 8.0).sum()
