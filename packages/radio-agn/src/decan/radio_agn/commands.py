"""The command ``decan radio-agn``: classify cutouts, pre-train, train the shipped weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from decan.core.errors import DecanError, SchemaError
from decan.core.library import Library

__all__ = ["library"]

commands = typer.Typer(help="Morphology of radio galaxies.")

library = Library(
    name="radio-agn",
    title="Radio galaxies classified the same whichever way they are turned",
    paper="Hossain et al. 2025, RGC (arXiv 2510.22190)",
    try_it="decan radio-agn classify CUTOUT.fits ...",
    commands=commands,
)
"""What this library tells the house about itself."""


@commands.command()
def classify(
    source: Annotated[
        list[Path], typer.Argument(help="FITS cutouts, or one table with columns ra and dec.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("morphology"),
    survey: Annotated[str, typer.Option(help="FIRST, LoTSS or VLASS, for a table.")] = "FIRST",
    ra_unit: Annotated[
        str | None, typer.Option(help="Unit of ra where it is text: deg or hourangle.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps fetched cutouts.")] = None,
) -> None:
    """Classify cutouts or positions: a table, a page with the reasons, a wall of pictures."""
    from decan.core.data.tables import write_table

    from .classifier import RadioMorphologyClassifier
    from .cutouts import CutoutSet
    from .pages import classification_page, thumbnail_wall

    if all(_holds_image(path) for path in source):
        cutouts = CutoutSet.from_fits(source)
    elif len(source) == 1:
        cutouts = _fetched(source[0], survey, ra_unit, cache)
    else:
        raise DecanError(f"{len(source)} files: expected FITS cutouts, or one table")
    classifier = RadioMorphologyClassifier.pretrained()
    table = classifier.classify(cutouts)
    write_table(table, out / "classes.csv")
    typer.echo(table.iloc[:20, :6].to_string(index=False))
    page = classification_page(classifier, cutouts, table).save(out / "page.html")
    wall = thumbnail_wall(cutouts, table).save(out / "wall.html")
    for file in (out / "classes.csv", page, wall):
        typer.echo(f"written: {file.resolve()}")


@commands.command()
def pretrain(
    source: Annotated[Path, typer.Argument(help="Batch archive or folder, or .npz with images.")],
    out: Annotated[Path, typer.Option(help="Folder for the encoder.")] = Path("byol"),
    epochs: Annotated[int, typer.Option(help="Passes over the images.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
) -> None:
    """Pre-train an encoder on unlabelled cutouts; an interrupted run goes on."""
    import numpy as np

    from decan.core.files import reading

    from .byol import BYOL
    from .cutouts import CutoutSet
    from .stamps import network_stamps

    if source.suffix == ".npz":
        with reading(source, "npz"), np.load(source, allow_pickle=False) as archive:
            images = CutoutSet.from_arrays(archive["images"]).images
    else:
        images = CutoutSet.from_batches(source).images
    out.mkdir(parents=True, exist_ok=True)
    byol = BYOL(random_state=seed).fit(
        network_stamps(images), epochs=epochs, checkpoint=out / "run.ckpt", progress=True
    )
    training = {"images": len(images), "source": source.name, "epochs": epochs, "seed": seed}
    typer.echo(f"written: {byol.save(out / 'encoder', training=training).resolve()}")


@commands.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("radio-agn-weights"),
    preset: Annotated[str, typer.Option(help="shipped (an hour) or quick.")] = "shipped",
) -> None:
    """Train the weights that are shipped; interrupted training goes on where it stopped."""
    from .shipped import train_shipped

    typer.echo(f"written: {train_shipped(out, preset=preset)}")


def _holds_image(path: Path) -> bool:
    """Whether a file is a FITS image, and no table."""
    from .fits_images import is_table

    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".fits", ".fit", ".fts", ".fz")) and not is_table(path)


def _fetched(path: Path, survey: str, ra_unit: str | None, cache: Path | None):  # type: ignore[no-untyped-def]
    from decan.core.data.tables import read_table

    from .queries import fetch_cutouts

    frame = read_table(path, required=["ra", "dec"])
    # Sexagesimal text has no unit to convert from.
    angles = {name: "deg" for name in ("ra", "dec") if frame[name].dtype.kind in "iuf"}
    frame = read_table(path, required={"ra": None, "dec": None, **angles})
    names = frame["name"].astype(str).tolist() if "name" in frame else None
    try:
        return fetch_cutouts(
            frame["ra"].to_numpy(),
            frame["dec"].to_numpy(),
            survey=survey,
            names=names,
            ra_unit=ra_unit,
            cache=cache,
        )
    except ValueError as error:
        raise SchemaError(f"{path}: {error}") from error
