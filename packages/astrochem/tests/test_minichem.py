"""MiniChem: invariants, the Jacobian, and the ends that chemistry must reach."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from decan.astrochem import DATASETS, Cloud, MiniChem, read_dali_network
from decan.astrochem.small_network import small_network
from decan.core.errors import SchemaError
from decan.core.testing import needs_data

network = needs_data(DATASETS, "network")


def drift(chemistry: MiniChem, cloud: Cloud, abundances: pd.DataFrame) -> float:
    """Largest relative change of an element, and charge over electrons."""
    start = pd.DataFrame([chemistry.initial(cloud)], columns=chemistry.species, index=[0.0])
    first, later = chemistry.nuclei(start).iloc[0], chemistry.nuclei(abundances)
    present = [name for name in chemistry.elements if first[name] > 0]
    elements = (later[present] / first[present] - 1).abs().to_numpy().max()
    return max(elements, (later["charge"] / abundances["E-"]).abs().max())


def test_the_small_network_conserves_elements_and_charge():
    chemistry, cloud = MiniChem(), Cloud(T_K=15)
    assert drift(chemistry, cloud, chemistry.run(cloud)) < 1e-8


def test_the_jacobian_is_the_derivative_of_the_slopes():
    chemistry, cloud = MiniChem(), Cloud(T_K=30)
    slopes, jacobian = chemistry._system(cloud)
    x = chemistry.initial(cloud) + 1e-6
    exact = jacobian(0.0, x)
    for j in (0, 5, 9):
        step = np.zeros_like(x)
        step[j] = 1e-9
        # Rates are at most quadratic, so a central difference is exact but for rounding.
        numeric = (slopes(0.0, x + step) - slopes(0.0, x - step)) / 2e-9
        assert np.allclose(exact[:, j], numeric, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


def test_every_reaction_of_the_small_network_balances():
    chemistry = MiniChem()
    for reactants, products, *_ in chemistry._kept:
        left, right = (
            chemistry.nuclei(pd.DataFrame([np.ones(len(side))], columns=list(side)))
            if len(set(side)) == len(side)
            else None
            for side in (reactants, products)
        )
        if left is not None and right is not None:
            assert np.allclose(left, right), (reactants, products)
    assert len(small_network()) == 80


def test_rate_laws_are_those_of_the_tables():
    table = small_network()
    chemistry = MiniChem()
    one, strong = (chemistry.rates(cloud) for cloud in (Cloud(), Cloud(zeta_1p3e17=10)))
    kinds = [kind for *_, kind, _ in chemistry._kept]
    ionised = np.array([kind in ("CRP", "CRPHOT") for kind in kinds])
    assert np.allclose(strong[ionised], 10 * one[ionised])
    assert np.allclose(strong[~ionised], one[~ionised])
    photon = kinds.index("PHOTON")
    bright = chemistry.rates(Cloud(G0_habing=3.0, Av_mag=0.0))[photon]
    alpha = table[(table[["Reactant 1", "Reactant 2"]] == "PHOTON").any(axis=1)]["Alpha"].iloc[0]
    assert bright == pytest.approx(alpha * 3.0 / 1.7)


def test_what_cannot_be_run_is_refused():
    with pytest.raises(ValueError, match="increasing positive times"):
        MiniChem().run(Cloud(), [1e5, 1e4])
    with pytest.raises(ValueError, match="none of the gas phase among FE"):
        MiniChem(elements=("FE",))


@network
def test_a_hundred_species_reach_a_million_years_with_all_checks():
    _, reactions = DATASETS.load("network")
    chemistry, cloud = MiniChem(reactions), Cloud(T_K=15)
    assert 80 <= len(chemistry.species) <= 110
    begin = time.process_time()
    abundances = chemistry.run(cloud)
    # Goal of the library: 2 s on one core.
    assert time.process_time() - begin < 2.0
    assert drift(chemistry, cloud, abundances) < 1e-8
    last = abundances.iloc[-1]
    assert 0.3 < last["CO"] / min(cloud.fC, cloud.fO) < 1.0
    assert 0.5 < last["HNC"] / last["HCN"] < 1.5


def dali(path, lines, count=None):
    """A network of DALI with some lines of names and numbers."""
    rows = ["".join(f"{name:14}" for name in names) + end for names, end in lines]
    path.write_text("\n".join(["! n_reactions", str(count or len(rows)), "!", *rows]) + "\n")
    return path


def line(names, numbers):
    return ([*names, *[""] * (8 - len(names))], numbers)


CARBON = [
    line(["C", "OH", "", "CO", "H"], "1 20 1e-10 0 0 0 300"),
    line(["He", "CRP", "", "He+", "e-"], "2 40 6.5e-18 0 0 0 41000"),
    line(["CO", "PHOTON", "", "C", "O"], "3 32 2.6e-10 0.5 3.2 0 41000"),
    line(["O", "H", "", "OH"], "4 20 4e-18 0 -500 200 -300"),
    line(["JCO", "", "", "CO"], "5 80 1 855 0 0 41000"),
]


def test_a_network_of_dali_runs_in_minichem_and_what_is_left_out_is_counted(tmp_path):
    table = read_dali_network(dali(tmp_path / "net.dat", CARBON))
    assert table.attrs["left_out"] == {80: 1}
    assert len(table) == 4
    chemistry = MiniChem(table)
    assert set(chemistry.species) == {"C", "CO", "E-", "H", "HE", "HE+", "O", "OH"}
    rates = dict(zip((kept[1][0] for kept in chemistry._kept), chemistry.rates(Cloud(T_K=20.0)),
                     strict=True))  # fmt: skip
    # Per 1.35e-17 s⁻¹ there, per 1.3e-17 here.
    assert rates["HE+"] == pytest.approx(6.5e-18 * 1.3 / 1.35)
    # The second number of a photoreaction scales the first.
    assert rates["C"] == pytest.approx(0.5 * 2.6e-10 * np.exp(-3.2 * 10) / 1.7)
    # A negative barrier does not explode below the range of its fit: exp(500 / 200), not / 20.
    assert rates["OH"] == pytest.approx(4e-18 * np.exp(500 / 200))


@needs_data(DATASETS, "keyte2023_network")
def test_the_network_of_keyte_conserves_elements_and_charge():
    chemistry, cloud = MiniChem(DATASETS.load("keyte2023_network")), Cloud(T_K=15)
    assert len(chemistry.species) == 87
    assert drift(chemistry, cloud, chemistry.run(cloud)) < 1e-8


@pytest.mark.parametrize(
    ("lines", "count", "found"),
    [
        (CARBON, 6, "announces 6 reactions and holds 5"),
        ([line(["C", "OH", "", "CO"], "1 20 abc 0 0 0 300")], None, "line 4: expected number"),
        ([line(["C", "OH"], "1 20")], None, "line 4: expected number, type, three coefficients"),
    ],
)
def test_a_spoilt_network_is_named_with_its_line(tmp_path, lines, count, found):
    with pytest.raises(SchemaError, match=found):
        read_dali_network(dali(tmp_path / "net.dat", lines, count))


def test_another_text_is_no_network(tmp_path):
    (tmp_path / "net.dat").write_text("species,mass\nCO,28\n")
    with pytest.raises(SchemaError, match="no network of DALI or SIMBA"):
        read_dali_network(tmp_path / "net.dat")
