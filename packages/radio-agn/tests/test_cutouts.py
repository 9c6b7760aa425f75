"""Cutouts from every source."""

import pickle
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.utils.masked import Masked

from decan.core.errors import CorruptFile, IntegrityError, SchemaError
from decan.core.testing import needs_data
from decan.radio_agn import DATASETS, CutoutSet, SourceMasker, positions, read_batches


def _write(path, data, *, scale_arcsec=1.8, **cards):
    header = fits.Header()
    if scale_arcsec:
        for axis, (kind, sign) in enumerate((("RA---SIN", -1), ("DEC--SIN", 1)), 1):
            header[f"CTYPE{axis}"] = kind
            header[f"CDELT{axis}"] = sign * scale_arcsec / 3600
            header[f"CRPIX{axis}"] = (data.shape[-1] + 1) / 2
            header[f"CRVAL{axis}"] = (180.0, 30.0)[axis - 1]
            header[f"CUNIT{axis}"] = "deg"
    for name, value in cards.items():
        header[name] = value
    fits.writeto(path, data, header)
    return path


_BEAM = {"BMAJ": 0.0015, "BMIN": 0.0015, "BPA": 0.0}


def test_position_beam_and_name_come_from_the_header(tmp_path, blob):
    file = _write(tmp_path / "a.fits", blob, OBJECT="J1200+3000", **_BEAM)
    cutouts = CutoutSet.from_fits(file)
    assert cutouts.names == ["J1200+3000"]
    assert cutouts.ra[0] == pytest.approx(180.0, abs=1e-6)
    assert cutouts.dec[0] == pytest.approx(30.0, abs=1e-6)
    assert cutouts.beam_arcsec[0, 0] == pytest.approx(5.4)
    assert cutouts.status == ["ok"]


@pytest.mark.bad_input(3)
def test_axes_of_length_one_are_dropped_and_a_cube_names_its_axis(tmp_path, blob):
    file = _write(tmp_path / "four.fits", blob[None, None], **_BEAM)
    assert CutoutSet.from_fits(file).images.shape == (1, 150, 150)
    cube = _write(tmp_path / "cube.fits", np.stack([blob, blob])[None], CTYPE3="FREQ", **_BEAM)
    with pytest.raises(ValueError, match=r"axis 3 \(FREQ\) has 2 planes"):
        CutoutSet.from_fits(cube)


@pytest.mark.bad_input(4)
def test_other_pixels_are_resampled_and_unknown_ones_are_said(tmp_path, blob):
    lotss = CutoutSet.from_fits(_write(tmp_path / "l.fits", blob, scale_arcsec=1.5, **_BEAM))
    assert lotss.images.shape == (1, 125, 125)
    assert lotss.notes == ["resampled from 1.5 arcsec/px"]
    # Brightness per beam is kept, up to the smoothing over the larger pixel.
    assert float(lotss.images.max()) == pytest.approx(float(blob.max()), rel=0.2)
    bare = _write(tmp_path / "bare.fits", blob, scale_arcsec=None, **_BEAM)
    with pytest.warns(UserWarning, match="pixel scale unknown, 1.8 arcsec assumed"):
        CutoutSet.from_fits(bare)


@pytest.mark.bad_input(24)
def test_case_24_a_beam_of_zero_is_the_assumed_beam_and_nothing_else_changes(tmp_path, blob):
    """BMAJ = 0 is a placeholder (flint-crew/flint#417), a missing keyword the same."""
    zero = _write(tmp_path / "zero.fits", blob, BMAJ=0.0, BMIN=0.0, BPA=0.0)
    none = _write(tmp_path / "none.fits", blob)
    good = _write(tmp_path / "good.fits", blob, **_BEAM)
    found = []
    for file in (zero, none):
        with pytest.warns(UserWarning, match=r"beam unknown, 5.4 arcsec assumed") as told:
            found.append(CutoutSet.from_fits(file))
        assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.append(CutoutSet.from_fits(good))
    masks = []
    for cutouts in found:
        masker = SourceMasker("central")
        assert np.isfinite(masker.transform(cutouts.images)).all()
        masks.append(masker.masks_)
        assert np.isfinite(cutouts.beam_arcsec).all()
    assert (masks[0] == masks[2]).all()
    assert (masks[1] == masks[2]).all()


@pytest.mark.bad_input(10)
def test_types_byte_orders_and_grey_pictures_mean_the_same(blob):
    levels = np.clip(blob / blob.max() * 255, 0, 255).round()
    kinds = [levels.astype(np.uint8), levels / 255, levels.astype(">f4"), levels.astype(">i2")]
    kinds.append(np.repeat(levels[..., None], 3, axis=-1)[None])
    masks = []
    for kind in kinds:
        masker = SourceMasker("central")
        masker.transform(CutoutSet.from_arrays(kind).images)
        masks.append(masker.masks_)
    assert all((mask == masks[0]).all() for mask in masks)


@pytest.mark.bad_input(10)
def test_a_coloured_picture_is_refused_with_its_number(blob):
    picture = np.repeat(blob[None, ..., None], 3, axis=-1).copy()
    picture[0, 5, 5, 1] += 1
    with pytest.raises(ValueError, match="picture 0 is coloured"):
        CutoutSet.from_arrays(picture)


@pytest.mark.bad_input(1, 2)
def test_blank_and_half_observed_cutouts_have_a_status(blob):
    edge = blob.copy()
    edge[:, :60] = np.nan
    stack = np.stack([np.full_like(blob, np.nan), np.ones_like(blob), edge, blob])
    assert CutoutSet.from_arrays(stack).status == ["blank", "blank", "edge", "ok"]


def test_a_file_that_is_no_image_is_named(tmp_path):
    bad = tmp_path / "page.fits"
    bad.write_text("<html>busy</html>")
    with pytest.raises(CorruptFile, match=r"page\.fits"):
        CutoutSet.from_fits(bad)


@pytest.mark.bad_input(11)
def test_a_pickle_with_a_foreign_class_is_refused_by_its_name(tmp_path):
    class Harmless:
        def __reduce__(self):
            return (print, ("this must never be printed",))

    batch = {"data": np.zeros((1, 16), np.uint8), "labels": Harmless()}
    file = tmp_path / "data_batch_1"
    file.write_bytes(pickle.dumps(batch))
    with pytest.raises(CorruptFile, match=r"builtins\.print"):
        read_batches(file)


@pytest.mark.bad_input(11)
def test_a_cut_batch_is_refused(tmp_path):
    file = tmp_path / "data_batch_1"
    file.write_bytes(pickle.dumps({"data": np.zeros((9, 16), np.uint8)})[:-40])
    with pytest.raises(CorruptFile, match="data_batch_1"):
        read_batches(file)


@pytest.mark.bad_input(11)
def test_another_md5_is_refused(tmp_path):
    file = tmp_path / "test_batch"
    file.write_bytes(pickle.dumps({"data": np.zeros((1, 16), np.uint8)}))
    with pytest.raises(IntegrityError, match="MD5"):
        read_batches(file, md5="0" * 32)


def test_batches_in_an_archive_are_read_in_their_order(tmp_path):
    import tarfile

    folder = tmp_path / "batches"
    folder.mkdir()
    for k, name in enumerate(("data_batch_0", "data_batch_1", "test_batch")):
        batch = {"data": np.full((2, 25), k, np.uint8), "labels": ["100", "200"],
                 "filenames": [f"{name}-{j}" for j in range(2)]}  # fmt: skip
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(folder, "batches")
    for source in (folder, tmp_path / "all.tar.gz"):
        found = read_batches(source)
        assert found["images"][:, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
        assert found["batch"][-1] == "test_batch"
    assert CutoutSet.from_batches(folder).names[0] == "data_batch_0-0"


@pytest.mark.bad_input(13)
def test_minus_zero_degrees_keep_their_sign_and_hours_are_never_guessed():
    ra, dec = positions("12 00 00", "-00 12 30", ra_unit="hourangle")
    assert ra[0] == pytest.approx(180.0)
    assert dec[0] == pytest.approx(-0.2083, abs=1e-4)
    with pytest.raises(ValueError, match="say ra_unit"):
        positions("12 00 00", "-00 12 30")


@needs_data(DATASETS, "first_example")
def test_a_real_cutout_of_first_is_read():
    cutouts = DATASETS.load("first_example")
    assert cutouts.images.shape[1:] == (33, 33)
    assert np.isfinite(cutouts.ra).all()


def test_a_sharper_survey_is_seen_through_the_beam_of_first_and_keeps_its_flux(tmp_path):
    y, x = np.mgrid[:201, :201] - 100.0

    def gaussian(beam_arcsec):
        return np.exp(-4 * np.log(2) * (x**2 + y**2) / beam_arcsec**2)

    for beam in (2.5, 6.0):
        header = fits.Header({"CDELT1": -1 / 3600, "CDELT2": 1 / 3600, "BMAJ": beam / 3600})
        header["BMIN"] = beam / 3600
        fits.writeto(tmp_path / f"{beam}.fits", gaussian(beam), header)
    sharp = CutoutSet.from_fits(tmp_path / "2.5.fits")
    blunt = CutoutSet.from_fits(tmp_path / "6.0.fits")
    # A point source of 1 Jy peaks at 1 Jy a beam whatever the beam; pixels blur it a bit.
    assert sharp.images.max() == pytest.approx(1.0, abs=0.12)
    assert sharp.beam_arcsec[0, 0] == 5.4
    assert "smoothed from a beam of 2.5" in sharp.notes[0]
    assert blunt.beam_arcsec[0, 0] == pytest.approx(6.0)


_STEP = 1.8 / 3600
_TURNED = _STEP / np.sqrt(2)


@pytest.mark.parametrize(
    "cards",
    [
        {"CD1_1": -_TURNED, "CD1_2": _TURNED, "CD2_1": _TURNED, "CD2_2": _TURNED},
        {"CD1_1": 0.0, "CD1_2": _STEP, "CD2_1": _STEP, "CD2_2": 0.0},
        {"CDELT1": 1.0, "CDELT2": 1.0, "PC1_1": -_STEP, "PC1_2": 0.0, "PC2_1": 0.0, "PC2_2": _STEP},
        {"CDELT1": -1.8, "CDELT2": 1.8, "CUNIT1": "arcsec", "CUNIT2": "arcsec"},
        {"CDELT1": str(-_STEP), "CDELT2": str(_STEP)},
    ],
    ids=["turned", "on its side", "PC", "arcsec", "text"],
)
def test_pixels_have_their_size_however_the_header_says_it(tmp_path, blob, cards):
    header = fits.Header({"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRPIX1": 75.5,
                          "CRPIX2": 75.5, **_BEAM, **cards})  # fmt: skip
    fits.writeto(tmp_path / "a.fits", blob, header)
    found = CutoutSet.from_fits(tmp_path / "a.fits")
    assert found.notes == [""]
    np.testing.assert_array_equal(found.images[0], blob)


def test_pixels_that_are_not_square_are_refused(tmp_path, blob):
    file = _write(tmp_path / "a.fits", blob, **_BEAM)
    fits.setval(file, "CDELT1", value=-2 * _STEP)
    with pytest.raises(SchemaError, match=r"3\.6 by 1\.8 arcsec, expected square"):
        CutoutSet.from_fits(file)


@pytest.mark.parametrize(
    ("cards", "beam"),
    [({"HISTORY": "AIPS   CLEAN BMAJ=  1.7778E-03 BMIN=  1.5000E-03 BPA=   0.00"}, (6.4, 5.4)),
     ({"BMAJ": "0.0015", "BMIN": "1.5D-3"}, (5.4, 5.4))],
    ids=["history", "text"],
)  # fmt: skip
def test_a_beam_in_the_history_or_as_text_is_read(tmp_path, blob, cards, beam):
    found = CutoutSet.from_fits(_write(tmp_path / "a.fits", blob, **cards))
    assert found.beam_arcsec[0, :2] == pytest.approx(beam, abs=1e-3)


def test_arrays_of_other_pixels_and_sharper_beams_are_seen_as_first_would():
    y, x = np.mgrid[:300, :300] - 149.5
    fine = np.exp(-4 * np.log(2) * (x**2 + y**2) / 6.0**2)  # 5.4 arcsec wide
    found = CutoutSet.from_arrays(fine, pixel_arcsec=0.9)
    assert found.images.shape == (1, 150, 150)
    assert found.notes == ["resampled from 0.9 arcsec/px"]
    same = CutoutSet.from_arrays(fine, pixel_arcsec=0.015 * u.arcmin, beam_arcsec=5.4 * u.arcsec)
    np.testing.assert_allclose(same.images, found.images, atol=1e-6)
    sharp = CutoutSet.from_arrays(fine, pixel_arcsec=0.9, beam_arcsec=2.5)
    assert sharp.beam_arcsec[0, 0] == pytest.approx(5.4)
    assert "smoothed" in sharp.notes[0]


@pytest.mark.parametrize("kind", [lambda x, m: np.ma.array(x, mask=m), lambda x, m: Masked(x, m)])
def test_masked_pixels_are_unobserved(blob, kind):
    mask = np.zeros(blob.shape, dtype=bool)
    mask[:40] = True
    spoilt = kind(np.where(mask, 1e6, blob), mask)
    assert np.isnan(CutoutSet.from_arrays(spoilt).images[0, :40]).all()
    assert SourceMasker().transform(spoilt[None]).max() < 10


def test_one_colour_picture_and_one_channel_mean_the_same(blob):
    grey = np.clip(255 * blob / blob.max(), 0, 255).astype(np.uint8)
    for picture in (np.stack([grey] * 3, axis=-1), grey[None, None], grey[None, ..., None]):
        np.testing.assert_array_equal(CutoutSet.from_arrays(picture).images[0], grey)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"pixel_arcsec": 0}, "^pixel_arcsec: found 0"), ({"beam_arcsec": np.nan}, "^beam_arcsec"),
     ({"names": ["a", "b"]}, "^names: found 2"), ({"ra": [1, 2], "dec": [3, 4]}, "^ra: found 2"),
     ({"images": "a.fits"}, "from_fits takes"), ({"images": np.ones((1, 9, 9)) + 1j}, "complex")],
)  # fmt: skip
def test_arrays_that_are_no_cutouts_are_refused_by_name(blob, given, words):
    with pytest.raises(ValueError, match=words):
        CutoutSet.from_arrays(**{"images": blob, **given})


def test_angles_that_say_their_unit_are_read_and_those_that_are_none_are_named():
    right, up = positions(["12h00m00s"], ["-00d12m30s"])
    assert (right[0], up[0]) == pytest.approx((180.0, -0.208333), abs=1e-6)
    for ra, dec, words in (
        (["12 00 00", "x"], ["1", "1"], "ra: row 1: 'x' is no angle"),
        ([1.0, 2.0], [1.0], "ra has 2 positions, dec 1"),
        (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, 2.0], "row 1: ra=nan"),
    ):
        with pytest.raises(ValueError, match=words):
            positions(ra, dec, ra_unit="hourangle")
