"""MiniChem: invariants, the Jacobian, and the ends that chemistry must reach."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from decan.astrochem import DATASETS, Cloud, MiniChem
from decan.astrochem.small_network import small_network
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
