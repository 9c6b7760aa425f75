"""The command ``decan gcm-emulator``: fit a grid, predict a planet, diagnose a field."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decan.core.errors import DecanError
from decan.core.library import Library

if TYPE_CHECKING:
    import pandas as pd

    from .emulator import FieldEmulator
    from .opacity import GreyOpacity, KTables

__all__ = ["library"]

commands = typer.Typer(help="Emulation of 3D climates of hot Jupiters.")

library = Library(
    name="gcm-emulator",
    title="The 3D climate of any hot Jupiter in milliseconds, with an honest error",
    paper="Plaschzug et al. 2025 (arXiv 2508.10827)",
    try_it="decan gcm-emulator predict --period 1.27 --star 6459 1.458 1.353 --out planet.html",
    commands=commands,
)
"""What this library tells the house about itself."""

Star = Annotated[
    tuple[float, float, float],
    typer.Option(help="The star: temperature (K), radius and mass (solar)."),
]
Emulator = Annotated[
    Path | None, typer.Option(help="Folder of a fitted emulator; the shipped one by default.")
]
Page = Annotated[Path | None, typer.Option(help="Page (HTML) to write.")]


@commands.command()
def fit(
    folder: Annotated[Path, typer.Argument(help="Folder of fields, one file a planet.")],
    pattern: Annotated[str, typer.Option(help="Which files.")] = "*",
    backend: Annotated[str, typer.Option(help="basis-gp, or a back end to compare.")] = "basis-gp",
    out: Annotated[Path, typer.Option(help="Folder for the emulator.")] = Path("emulator"),
) -> None:
    """Fit an emulator to the climates in a folder: NetCDF, or the text files of Roth et al."""
    from .emulator import FieldEmulator
    from .grid import PlanetGrid

    grid = PlanetGrid.from_dir(folder, pattern)
    emulator = FieldEmulator(backend, fields=grid.names).fit(grid)
    typer.echo(f"{grid}")
    where = emulator.save(out, training={"data": str(folder.name), "planets": len(grid)})
    typer.echo(f"{emulator}\nwritten: {where.resolve()}")


@commands.command()
def predict(
    period: Annotated[float, typer.Option(help="Orbital period, days.")],
    star: Star = (5660.0, 0.977, 0.98),
    gravity: Annotated[float, typer.Option(help="Surface gravity, m/s2.")] = 10.0,
    radius: Annotated[float, typer.Option(help="Radius, Jupiter radii.")] = 1.35,
    name: Annotated[str, typer.Option(help="What to call it.")] = "the planet",
    emulator: Emulator = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to extrapolate.")] = False,
    netcdf: Annotated[Path | None, typer.Option(help="NetCDF file to write.")] = None,
    out: Page = None,
) -> None:
    """Predict the climate of a planet from its orbit and star, with its errors."""
    from .planets import Planet

    planet = Planet.on_orbit(
        period, t_star_k=star[0], r_star_rsun=star[1], m_star_msun=star[2], gravity_ms2=gravity,
        radius_rjup=radius, name=name,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is extrapolated is printed below
        prediction = _emulator(emulator).predict(planet, strict=strict)
    typer.echo(repr(prediction))
    typer.echo(_table(prediction.characteristics()))
    if netcdf is not None:
        typer.echo(f"written: {prediction.field.to_netcdf(netcdf).resolve()}")
    if out is not None:
        from .pages import prediction_page

        typer.echo(f"written: {prediction_page(prediction).save(out).resolve()}")


@commands.command()
def diagnose(
    file: Annotated[Path, typer.Argument(help="A field: NetCDF, or text of a known code.")],
    pressure: Annotated[float, typer.Option(help="Pressure of the contrasts, bar.")] = 0.1,
    substellar: Annotated[float, typer.Option(help="Longitude of the substellar point.")] = 0.0,
    out: Page = None,
) -> None:
    """Check a field, and give its climate in a few numbers."""
    from .characteristics import climate_characteristics
    from .readers import read_field

    field = read_field(file, substellar_lon=substellar)
    typer.echo(repr(field))
    typer.echo(_table(climate_characteristics(field, pressure * 1e5).to_frame()))
    if out is not None:
        from .pages import field_page

        typer.echo(f"written: {field_page(field).save(out).resolve()}")


@commands.command()
def spectrum(
    file: Annotated[Path, typer.Argument(help="A field with its planet (NetCDF).")],
    out: Annotated[Path, typer.Option(help="Table to write (CSV, Parquet, ECSV, FITS).")] = Path(
        "spectrum.csv"
    ),
    grey: Annotated[bool, typer.Option("--grey", help="Five grey bands, no table.")] = False,
) -> None:
    """Write the transmission of both limbs and the emission at eight phases."""
    from decan.core.data.tables import writable, write_table

    from .emission import EmissionModel
    from .readers import read_field
    from .transmission import TransmissionModel

    out = writable(out)
    field = read_field(file)
    opacity = _opacity(grey)
    limbs = TransmissionModel(opacity).limb_spectra(field).to_frame()
    curve = EmissionModel(opacity).phase_curve(field, [0, 45, 90, 135, 180, 225, 270, 315])
    for phase, row in zip(curve.phase_deg, curve.ppm, strict=True):
        limbs[f"emission_{phase:.0f}_deg_ppm"] = row
    typer.echo(f"written: {write_table(limbs, out).resolve()} ({len(limbs)} bands)")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(
        "gcm-emulator-weights"
    ),
    preset: Annotated[str, typer.Option(help="shipped or quick.")] = "shipped",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Make the emulator that is shipped, from the grid of sixty simulated planets."""
    from .shipped import train_shipped

    typer.echo(f"written: {train_shipped(out, preset=preset, seed=seed)}")


def _table(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format="{:.4g}".format)


def _emulator(folder: Path | None) -> FieldEmulator:
    from .emulator import FieldEmulator

    return FieldEmulator.pretrained() if folder is None else FieldEmulator.load(folder)


def _opacity(grey: bool) -> KTables | GreyOpacity:
    from .archive import DATASETS
    from .opacity import GreyOpacity

    if not grey:
        try:
            tables: KTables = DATASETS.load("wasp43b_opacities")[0]
            return tables
        except DecanError as error:
            typer.echo(f"grey bands instead of k tables: {error}", err=True)
    return GreyOpacity()
