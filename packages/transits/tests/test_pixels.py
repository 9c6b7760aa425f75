import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from typer.testing import CliRunner

from decan.core.errors import CorruptFile, SchemaError
from decan.transits import TargetPixels, TransitSignal, simulate_pixels
from decan.transits.commands import commands


def measured(**scene):
    made = simulate_pixels(**scene)
    return made, made.pixels.difference_image(made.signal).source_offset()


@pytest.mark.parametrize("eclipsed", ["star", "neighbour"])
def test_the_offset_of_a_source_at_a_known_place_is_found_within_its_error(eclipsed):
    pull = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        distance, angle = rng.uniform(4, 12), rng.uniform(0, 2 * np.pi)
        place = (distance * np.cos(angle), distance * np.sin(angle))
        made, offset = measured(neighbour_arcsec=place, eclipsed=eclipsed, depth=0.001, rng=rng)
        step = np.array([offset.east - made.east, offset.north - made.north])
        pull.append(step @ np.linalg.solve(offset.covariance, step))
        assert offset.error < 0.5
    # Chi-squared of two degrees of freedom: 32 draws have a mean of 2 +- 0.5.
    assert np.mean(pull) == pytest.approx(2.0, abs=1.2)
    assert np.max(pull) < 18


def test_an_eclipsed_neighbour_lies_off_and_a_transited_star_does_not():
    neighbour = measured(neighbour_arcsec=(6.0, -4.0), eclipsed="neighbour", rng=3)[1]
    star = measured(neighbour_arcsec=(6.0, -4.0), eclipsed="star", rng=3)[1]
    assert neighbour.sigma > 10
    assert star.sigma < 4
    assert neighbour.arcsec == pytest.approx(np.hypot(6, 4), abs=4 * neighbour.error)
    assert neighbour.quality < 2


def test_tess_pixels_give_arcseconds_as_well():
    made, offset = measured(mission="tess", magnitude=9.0, depth=0.01,
                            neighbour_arcsec=(30.0, 10.0), eclipsed="neighbour", rng=2)  # fmt: skip
    assert offset.east == pytest.approx(made.east, abs=4 * np.sqrt(offset.covariance[0, 0]))
    assert offset.north == pytest.approx(made.north, abs=4 * np.sqrt(offset.covariance[1, 1]))


def test_right_ascension_is_measured_on_the_sky():
    # At declination 37 to 52 an offset without the cosine would be 25 to 60 per cent too long.
    made, offset = measured(neighbour_arcsec=(8.0, 0.0), eclipsed="neighbour", rng=5)
    assert offset.east == pytest.approx(8.0, abs=0.3)
    star = made.pixels.wcs.all_pix2world([[offset.column, offset.row]], 0)[0]
    apart = (star[0] - made.pixels.ra_deg) * np.cos(np.radians(made.pixels.dec_deg))
    assert 3600 * apart == pytest.approx(offset.east, abs=0.01)


def test_a_signal_without_transits_in_the_images_is_refused():
    made = simulate_pixels(rng=0)
    with pytest.raises(ValueError, match="no transit has images"):
        made.pixels.difference_image(TransitSignal(100.0, 60.0, 3.0))


def test_a_star_outside_the_images_and_a_flat_cube_are_refused():
    pixels = simulate_pixels(rng=0).pixels
    with pytest.raises(ValueError, match="outside the images"):
        TargetPixels(pixels.time, pixels.flux, pixels.wcs, pixels.ra_deg + 1.0, pixels.dec_deg)
    with pytest.raises(ValueError, match="n_rows, n_columns"):
        TargetPixels(pixels.time, pixels.flux[:, 0], pixels.wcs, pixels.ra_deg, pixels.dec_deg)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mission": "plato"}, "kepler, tess"),
        ({"eclipsed": "moon"}, "'star' or 'neighbour'"),
        ({"eclipsed": "neighbour"}, "needs neighbour_arcsec"),
        ({"eclipsed": "neighbour", "neighbour_arcsec": (5, 0), "depth": 0.5}, "more than"),
    ],
)
def test_impossible_scenes_are_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        simulate_pixels(**wrong)


def pixel_file(path, made):
    pixels = made.pixels
    n, rows, columns = pixels.flux.shape
    quality = np.zeros(n, dtype=np.int32)
    quality[7] = 8
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("TIME", "D", array=pixels.time),
            fits.Column("FLUX", f"{rows * columns}E", dim=f"({columns},{rows})",
                        array=pixels.flux.astype(np.float32)),
            fits.Column("QUALITY", "J", array=quality),
        ]
    )  # fmt: skip
    primary = fits.PrimaryHDU()
    primary.header.update(TELESCOP="Kepler", RA_OBJ=pixels.ra_deg, DEC_OBJ=pixels.dec_deg)
    aperture = fits.ImageHDU(np.ones((rows, columns), dtype=np.int32), pixels.wcs.to_header())
    fits.HDUList([primary, table, aperture]).writeto(path)
    return path


def test_a_target_pixel_file_is_read_without_flagged_images(tmp_path):
    made = simulate_pixels(neighbour_arcsec=(8.0, 0.0), eclipsed="neighbour", rng=1)
    pixels = TargetPixels.read(pixel_file(tmp_path / "targ.fits", made))
    assert len(pixels) == len(made.pixels) - 1
    assert pixels.time_format == "bkjd"
    offset = pixels.difference_image(made.signal).source_offset()
    assert offset.east == pytest.approx(8.0, abs=4 * offset.error)


def test_other_and_truncated_files_are_refused_by_name(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("TIME", "D", array=np.arange(3.0))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "lc.fits")
    with pytest.raises(SchemaError, match=r"lc\.fits.*target-pixel"):
        TargetPixels.read(tmp_path / "lc.fits")
    path = pixel_file(tmp_path / "targ.fits", simulate_pixels(rng=1))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises((CorruptFile, SchemaError), match=r"targ\.fits"):
        TargetPixels.read(path)


def test_the_command_takes_pixels_and_shows_what_is_missing(tmp_path):
    made = simulate_pixels(neighbour_arcsec=(8.0, 0.0), eclipsed="neighbour", rng=1)
    flux = made.pixels.flux.sum(axis=(1, 2))
    table = tmp_path / "star.csv"
    rows = zip(made.pixels.time, flux / np.median(flux), strict=True)
    table.write_text("time,flux\n" + "\n".join(f"{t:.6f},{f:.8f}" for t, f in rows))
    arguments = ["vet", str(table), "--period", str(made.signal.period_day),
                 "--epoch", str(made.signal.epoch), "--duration", str(made.signal.duration_hour),
                 "--pixels", str(pixel_file(tmp_path / "targ.fits", made)),
                 "--out", str(tmp_path / "page.html")]  # fmt: skip
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 0, result.output
    assert "source offset, pixels" in result.output
    assert (tmp_path / "page.html").read_text().count("data:image/png") == 2


def test_masked_pixels_and_pixels_never_read_say_nothing():
    made = simulate_pixels(neighbour_arcsec=(6.0, -4.0), eclipsed="neighbour", rng=3)
    seen = made.pixels
    truth = seen.difference_image(made.signal).source_offset()
    hot = np.arange(seen.flux.size).reshape(seen.flux.shape) % 977 == 0
    corner = np.zeros_like(hot)
    corner[:, 0, 0] = True
    for spoilt in (
        np.ma.array(np.where(hot, 1e9, seen.flux), mask=hot),
        np.where(corner, np.nan, seen.flux),
    ):
        cube = TargetPixels(seen.time * u.d, spoilt, seen.wcs, seen.ra_deg * u.deg, seen.dec_deg)
        offset = cube.difference_image(made.signal).source_offset()
        assert offset.arcsec == pytest.approx(truth.arcsec, abs=5 * truth.error)
