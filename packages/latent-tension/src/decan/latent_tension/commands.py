"""The command ``decan latent-tension``: decompose an image, simulate one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decan.core.library import Library

__all__ = ["library"]

commands = typer.Typer(help="Photon images that find their own components.")

library = Library(
    name="latent-tension",
    title="Photon images decomposed into diffuse, point and extended emission by latent tension",
    paper="Guardiani et al. 2025 (arXiv 2506.20758)",
    try_it="decan latent-tension decompose IMAGE.fits --psf PSF.fits --exposure EXPOSURE.fits",
    commands=commands,
)
"""What this library tells the house about itself."""


@commands.command()
def decompose(
    image: Annotated[list[Path], typer.Argument(help="FITS image or cube; several see one sky.")],
    psf: Annotated[
        list[Path] | None,
        typer.Option(help="FITS image of the PSF, one for all or one an image; else their own."),
    ] = None,
    exposure: Annotated[
        list[Path] | None, typer.Option(help="FITS exposure map, one for all or one an image.")
    ] = None,
    threshold: Annotated[
        str, typer.Option(help="Least significance of a source (sigma), or 'fdr'.")
    ] = "3.9",
    loops: Annotated[int, typer.Option(help="Most rounds of adding components.")] = 5,
    extended: Annotated[bool, typer.Option(help="Look for extended objects too.")] = True,
    allow_float: Annotated[
        bool, typer.Option(help="Take counts that are not whole numbers.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("decomposition"),
) -> None:
    """Decompose counts into components; write skies, catalogue and a page."""
    from decan.core.data.tables import write_table

    from .decomposer import TensionDecomposer
    from .image import PhotonImage

    more = {"allow_float": True} if allow_float else {}
    images = [
        PhotonImage.read(path, psf=one, exposure=seconds, **more)
        for path, one, seconds in zip(
            image, _each(psf, image, "--psf"), _each(exposure, image, "--exposure"), strict=True
        )
    ]
    fitted = TensionDecomposer(
        threshold=_sigma(threshold),
        max_loops=loops,
        fit_extended=extended,
        random_state=seed,
        progress=True,
    ).fit(images)
    typer.echo(str(fitted))
    skies = fitted.to_fits(out / "components.fits")
    table = write_table(fitted.catalogue_, out / "catalogue.ecsv")
    write_table(fitted.catalogue_, out / "catalogue.parquet")
    page = fitted.page().save(out / "index.html")
    for path in (skies, table, page):
        typer.echo(f"written: {path.resolve()}")


@commands.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="FITS file to write; the truth goes beside it.")],
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 128,
    points: Annotated[int, typer.Option(help="Point sources.")] = 30,
    extended: Annotated[int, typer.Option(help="Extended objects.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Write a simulated field with its truth."""
    from decan.core.data.tables import write_table

    from .simulate import simulate_field

    field = simulate_field(size, n_points=points, n_extended=extended, rng=seed)
    field.image.to_fits(out)
    truth = write_table(field.truth, out.with_suffix(".truth.csv"))
    typer.echo(repr(field))
    for path in (out, truth):
        typer.echo(f"written: {path.resolve()}")


def _each(given: list[Path] | None, images: list[Path], option: str) -> list[Path | None]:
    """One file an image, of an option that may be given once for all."""
    if not given:
        return [None] * len(images)
    if len(given) not in (1, len(images)):
        raise typer.BadParameter(
            f"give one for all or one an image, found {len(given)} for {len(images)} images",
            param_hint=option,
        )
    return [*given] if len(given) > 1 else [given[0]] * len(images)


def _sigma(threshold: str) -> float | str:
    if threshold == "fdr":
        return threshold
    try:
        return float(threshold)
    except ValueError:
        raise typer.BadParameter(
            f"must be a number or 'fdr', found {threshold!r}", param_hint="--threshold"
        ) from None
