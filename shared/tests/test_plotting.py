"""Figures of the house, where users draw them."""

import matplotlib as mpl
import pytest

from decan.core.plotting import style


def test_the_style_leaves_what_others_set_inside_it():
    # The backend of notebooks turns interactive with the first figure, inside our style.
    before = mpl.rcParams["axes.spines.top"], mpl.rcParams["interactive"]
    try:
        with style():
            mpl.interactive(True)
        assert mpl.is_interactive()
        assert mpl.rcParams["axes.spines.top"] == before[0]
    finally:
        mpl.interactive(before[1])


@pytest.mark.filterwarnings("ignore")
def test_every_cell_of_a_notebook_shows_its_figure():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    drawing = ["from decan.core.plotting import new_axes", "ax = new_axes()", "ax = new_axes()"]
    cells = [nbformat.v4.new_code_cell("\n".join(drawing[:2])),
             *map(nbformat.v4.new_code_cell, drawing[1:])]  # fmt: skip
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    for cell in notebook.cells:
        shown = [one for one in cell.outputs if "image/png" in one.get("data", {})]
        assert len(shown) == 1, cell.source
