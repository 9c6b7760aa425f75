"""Grids: reading, units, names, masks, conservation, splits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from decan.astrochem import CLOUD, DATASETS, ModelGrid, Param, ParameterSpace, simulate_grid
from decan.astrochem.chemistry import atoms_in, charge_of, find_species, parse_pair
from decan.core.errors import CorruptFile, DataNotAvailable, SchemaError
from decan.core.testing import needs_data

real = needs_data(DATASETS, "uclchem_grid")


def table_of(**species: list[float]) -> pd.DataFrame:
    """A linear table of two models at one time."""
    n = len(next(iter(species.values())))
    inputs = CLOUD.sobol(n).reset_index()
    return inputs.assign(time_yr=1e5, **species)


def test_atoms_and_charge_of_names_that_could_be_misread():
    assert atoms_in("HEH+") == {"HE": 1, "H": 1}
    assert atoms_in("HOSO+") == {"H": 1, "O": 2, "S": 1}
    assert atoms_in("@MG") == {"MG": 1}
    assert atoms_in("CH3OH2+") == {"C": 1, "H": 5, "O": 1}
    assert (charge_of("N2H+"), charge_of("E-"), charge_of("#H2O")) == (1, -1, 0)


@pytest.mark.bad_input(3)
def test_an_unknown_species_is_named_with_its_neighbours():
    with pytest.raises(ValueError, match=r"H2COplus.*H2CO\+"):
        find_species("H2COplus", ["H2CO", "H2CO+", "CO"])
    with pytest.raises(ValueError, match=r"'HCO'.*HCO\+"):
        find_species("HCO", ["HCO+", "CO"])
    with pytest.raises(ValueError, match=r"'hcn'.*HCN"):
        find_species("hcn", ["HCN", "HNC"])
    with pytest.raises(ValueError, match="expected two species"):
        parse_pair("HCN/CO/CS")


def test_one_species_alone_is_its_abundance_per_hydrogen_nucleus():
    grid = ModelGrid.from_table(table_of(HCN=[1e-9, 1e-20], CN=[1e-8, 1e-10]), scale="linear")
    table = grid.ratios(["HCN", "CN"], floor=1e-12)
    assert table.names == ["HCN", "CN"]
    assert table.values["CN"].tolist() == [-8.0, -10.0]
    assert table.usable["HCN"].tolist() == [True, False]
    assert table.limits["HCN"].tolist() == [-9.0, -12.0]


@pytest.mark.parametrize(("written", "column"), [("CCH", "C2H"), ("c-C3H2", "C3H2"), ("e-", "E-")])
def test_usual_spellings_are_understood(written, column):
    assert find_species(written, ["C2H", "C3H2", "E-"]) == column


@pytest.mark.bad_input(1)
def test_logarithms_announced_as_linear_are_refused_by_column():
    table = table_of(CO=[1e-4, 1e-5], SO=[-9.0, -8.0])
    with pytest.raises(SchemaError, match=r"'SO'.*scale='log10'"):
        ModelGrid.from_table(table, scale="linear")


@pytest.mark.bad_input(2)
def test_zero_and_nan_abundances_are_masked_and_counted():
    grid = ModelGrid.from_table(table_of(CO=[1e-4, 0.0, 1e-5], SO=[1e-9, 1e-9, np.nan]))
    assert grid.zeros == 2
    assert np.isfinite(grid.abundances.to_numpy()[~grid.abundances.isna()]).all()
    ratios = grid.ratios(["CO/SO"])
    assert ratios.usable["CO/SO"].tolist() == [True, False, False]
    assert ratios.values["CO/SO"].dropna().tolist() == pytest.approx([5.0])


@pytest.mark.bad_input(4)
def test_zeta_in_inverse_seconds_is_explained_and_quantities_convert():
    import astropy.units as u

    table = table_of(CO=[1e-4, 1e-5]).assign(zeta_1p3e17=1.3e-17)
    with pytest.raises(SchemaError, match=r"1\.3e-17 s-1"):
        ModelGrid.from_table(table)
    columns = {name: table[name].to_numpy() for name in CLOUD.names}
    columns["zeta_1p3e17"] = np.array([2.6e-17, 1.3e-17]) / u.s
    columns["T_K"] = [20.0, 30.0] * u.K
    assert CLOUD.values(_Columns(columns))[:, 2].tolist() == (pytest.approx([2.0, 1.0]))


class _Columns(dict):
    """A table of quantities, as astropy's QTable looks to us."""

    columns = CLOUD.names


@pytest.mark.bad_input(7)
def test_a_ratio_masked_nearly_everywhere_is_not_trained_on():
    n = 200
    so = np.where(np.arange(n) < 30, 1e-9, 1e-20)
    grid = ModelGrid.from_table(table_of(CS=[1e-9] * n, SO=so.tolist()))
    with pytest.raises(ValueError, match=r"CS/SO.*masked in 85%"):
        grid.ratios(["CS/SO"]).trainable_rows("CS/SO")


@pytest.mark.bad_input(9)
def test_rows_that_contradict_each_other_are_named_and_equal_ones_dropped():
    table = table_of(CO=[1e-4, 1e-5])
    assert len(ModelGrid.from_table(pd.concat([table, table])).abundances) == 2
    with pytest.raises(SchemaError, match="model 1 at 100000 yr"):
        ModelGrid.from_table(pd.concat([table, table.assign(CO=[1e-4, 2e-5])]))


@pytest.mark.bad_input(10)
def test_mixed_networks_are_refused_unless_asked_for(tmp_path):
    first, second = table_of(CO=[1e-4, 1e-5], SO=[1e-9, 1e-9]), table_of(CO=[1e-4, 1e-5])
    second["model_id"] += 10
    first.to_parquet(tmp_path / "a.parquet")
    second.to_parquet(tmp_path / "b.parquet")
    files = tmp_path / "a.parquet", tmp_path / "b.parquet"
    with pytest.raises(SchemaError, match="SO not in all"):
        ModelGrid.read(*files)
    assert ModelGrid.read(*files, allow_mixed=True).species == ["CO"]
    with pytest.raises(SchemaError, match="several networks"):
        ModelGrid.from_table(first.assign(network=["umist22", "kida"]))


@pytest.mark.bad_input(16)
def test_fortran_exponents_without_e_are_numbers_and_the_floor_masks_them(tmp_path):
    path = tmp_path / "grid.csv"
    path.write_text(
        "model_id,time_yr,CO,SO\n0,1e5,1.0E-4,3.780-101\n0,1e6,1.0E-4,2.1E-9\n1,1e5,1e-4,+1.5+100\n"
    )
    grid = ModelGrid.read(path, scale="linear")
    assert grid.abundances.dtypes.map(str).tolist() == ["float64", "float64"]
    so = 10 ** grid.abundances["SO"]
    assert so.loc[(0, 1e5)] == pytest.approx(3.78e-101)
    assert so.loc[(0, 1e6)] == pytest.approx(2.1e-9)
    assert so.loc[(1, 1e5)] == pytest.approx(1.5e100)
    table = grid.ratios(["CO/SO"], time_yr=1e5)
    assert not table.usable.loc[0, "CO/SO"]
    assert table.summary()["masked"].iloc[0] == pytest.approx(0.5)


def test_missing_files_and_columns_are_named(tmp_path):
    with pytest.raises(DataNotAvailable, match="no such file"):
        ModelGrid.read(tmp_path / "none.parquet")
    (tmp_path / "half.csv").write_text("model_id,CO\n0,1e-4\n")
    with pytest.raises(SchemaError, match="time_yr"):
        ModelGrid.read(tmp_path / "half.csv")
    (tmp_path / "grid.h5").write_bytes(b"no hdf5")
    with pytest.raises(CorruptFile, match="not a readable HDF5 grid"):
        ModelGrid.read(tmp_path / "grid.h5")


UCLCHEM_TEXT = (
    " Time , Density , gasTemp , dustTemp , Av , radfield , zeta , point , CO , O , E- \n"
    " 1.0E+04, 1.0E+04, 20.0, 20.0, 10.0, 1.0, 1.0, 1, 1.0E-05, 2.0E-05, 1.0-101\n"
    " 1.0E+05, 1.0E+04, 20.0, 20.0, 10.0, 1.0, 1.0, 1, 2.0E-05, 1.0E-05, 1.0E-09\n"
)


def test_a_folder_of_uclchem_output_is_a_grid_with_final_elements(tmp_path):
    for name in ("one.dat", "two.dat"):
        (tmp_path / name).write_text(UCLCHEM_TEXT)
    grid = ModelGrid.read(tmp_path)
    assert len(grid) == 2
    assert grid.times == [1e4, 1e5]
    # Counted from the species, so a metallicity that scaled C and O is in it.
    assert grid.inputs["fO"].tolist() == pytest.approx([3e-5, 3e-5])
    assert grid.ratios(["CO/O"], time_yr=1e5).values["CO/O"].tolist() == pytest.approx(
        [np.log10(2)] * 2
    )
    (tmp_path / "notes.txt").write_text("nothing of the kind")
    with pytest.raises(SchemaError, match=r"notes\.txt: not an output of UCLCHEM"):
        ModelGrid.read(tmp_path)


def test_an_hdf5_grid_is_read_and_a_wrong_one_named(tmp_path):
    import h5py

    names = ["Time", "Density", "gasTemp", "dustTemp", "Av", "radfield", "zeta", "CO", "O"]
    with h5py.File(tmp_path / "grid.h5", "w") as file:
        file["abundances_columns"] = [name.encode() for name in names]
        file["model_0"] = np.array([[1e5, 1e4, 20, 20, 10, 1, 1, 1e-5, 2e-5]])
    grid = ModelGrid.read(tmp_path / "grid.h5")
    assert grid.inputs.iloc[0].to_dict() == pytest.approx(
        {"T_K": 20, "nH_cm3": 1e4, "zeta_1p3e17": 1, "G0_habing": 1, "Av_mag": 10, "fC": 1e-5,
         "fO": 3e-5}
    )  # fmt: skip
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        file["abundances_columns"] = [b"Time"]
        file["model_0"] = np.zeros((2, 3))
    with pytest.raises(SchemaError, match="'model_0' has shape"):
        ModelGrid.read(tmp_path / "bad.h5")


def test_a_time_that_the_grid_lacks_is_refused_not_interpolated(simulated):
    with pytest.raises(ValueError, match="it has 100000"):
        simulated.ratios(time_yr=2e5)


@drawn(st.integers(1, 64), st.integers(0, 40))
def test_designs_nest_wherever_they_start(n, start):
    whole = CLOUD.sobol(start + n)
    assert np.array_equal(CLOUD.sobol(n, start=start).to_numpy(), whole.to_numpy()[start:])


@drawn(st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_unit_positions_and_values_are_inverse(u):
    assert CLOUD.to_unit(CLOUD.from_unit([u]))[0] == pytest.approx(u, abs=1e-9)
    assert CLOUD.contains(CLOUD.from_unit([u])).all()


def test_a_space_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="positive"):
        Param("x", "", 0.0, 1.0)
    with pytest.raises(ValueError, match="empty"):
        Param("x", "", 2.0, 1.0)
    with pytest.raises(ValueError, match="different names"):
        ParameterSpace([Param("x", "", 1, 2), Param("x", "", 1, 2)])
    with pytest.raises(ValueError, match="expected \\(n, 7\\)"):
        CLOUD.values(np.ones((2, 3)))


def test_a_split_keeps_all_times_of_a_model_together():
    table = pd.concat(
        [table_of(CO=[1e-4] * 20).assign(time_yr=t) for t in (1e4, 1e5)], ignore_index=True
    )
    parts = ModelGrid.from_table(table).split({"train": 0.75, "test": 0.25}, rng=1)
    first, second = (set(part.inputs.index) for part in parts.values())
    assert not first & second
    assert len(parts["train"].abundances) == 2 * len(parts["train"])


def test_the_ladder_keeps_models_in_which_c_and_o_fall_together():
    table = simulate_grid(128, rng=0).ratios(["CN/HCN"])
    ladder = table.on_ladder()
    shift = np.log10(ladder.inputs["fC"] / 1.77e-4) - np.log10(ladder.inputs["fO"] / 3.34e-4)
    assert 0 < len(ladder) < len(table)
    assert shift.abs().max() < 0.2


@pytest.mark.bad_input(13)
@real
def test_the_gate_rejects_all_unphysical_models_and_no_good_one(given):
    judged = ModelGrid(given.inputs, given.abundances, meta=given.meta, initial=given.initial)
    assert judged.status.value_counts().to_dict() == {
        "good": 375,
        "stopped": 26,
        "unphysical": 6,
    }
    assert sorted(judged.status.index[judged.status == "unphysical"]) == [5, 22, 90, 106, 198, 338]
    assert not set(given.ratios().inputs.index) & {5, 22, 36, 37}


@real
def test_conservation_is_counted_as_the_file_says(given):
    counted = given.conservation().loc[given.good]
    stored = given.meta.loc[counted.index, counted.columns]
    # Stored columns are float32 logarithms: an error of 1e-6 of the sums.
    assert (counted - stored).abs().max().max() < 5e-6


@real
def test_the_given_grid_is_the_design_of_its_box(given):
    design = CLOUD.sobol(407)
    assert np.allclose(design.loc[given.inputs.index], given.inputs, rtol=1e-5)


@real
def test_masks_and_percentiles_of_the_given_grid_are_the_published_ones(given):
    summary = given.ratios().summary().set_index("ratio")
    # Data note of the grid, section 3.
    assert summary.loc["CS/SO", "models"] == 143
    assert summary.loc["CN/HCN", "median [dex]"] == pytest.approx(-0.28, abs=0.01)
    assert summary.loc["HNC/HCN", "scatter [dex]"] == pytest.approx(0.56, abs=0.01)
    failures = given.failure_map()["status"].value_counts()
    assert failures.to_dict() == {"good": 375, "stopped": 26, "unphysical": 6}


def simulated_table() -> pd.DataFrame:
    """Sixteen models with all parameters and linear abundances."""
    grid = simulate_grid(16, rng=1)
    return grid.inputs.join(10.0 ** grid.abundances.droplevel(1)).reset_index().assign(time_yr=1e5)


@pytest.mark.parametrize("suffix", ["ecsv", "fits", "csv.gz", "parquet"])
def test_a_file_is_the_same_grid_in_every_format_and_unit(tmp_path, suffix):
    from astropy.table import Table

    table, path = simulated_table(), tmp_path / f"grid.{suffix}"
    if suffix in ("ecsv", "fits"):
        out = Table.from_pandas(table)
        for name, factor, unit in (
            ("nH_cm3", 1e6, "m-3"),
            ("zeta_1p3e17", 1.3e-17, "s-1"),
            ("time_yr", 1e-6, "Myr"),
        ):
            out[name] = out[name] * factor
            out[name].unit = unit
        out.write(path)
    else:
        table.to_parquet(path) if suffix == "parquet" else table.to_csv(path, index=False)
    read = ModelGrid.read(str(path))
    expected = table.set_index("model_id")[list(CLOUD.names)]
    assert np.allclose(read.inputs, expected, rtol=1e-12)
    assert read.times == pytest.approx([1e5])


def test_units_of_another_kind_are_refused_by_column():
    for column, unit, message in (
        ("T_K", "m", "'T_K' has unit 'm', expected K"),
        ("HCN", "cm-3", "'HCN' has unit 'cm-3'; expected abundances"),
    ):
        table = simulated_table()
        table.attrs["units"] = {column: unit}
        with pytest.raises(SchemaError, match=message):
            ModelGrid.from_table(table)


def test_noise_of_a_solver_below_zero_does_not_turn_abundances_into_logarithms():
    table = simulated_table()
    table.loc[3, "HCN"] = -1e-25
    grid = ModelGrid.from_table(table)
    assert grid.zeros == 1
    assert grid.abundances["CN"].max() < 0
    table.loc[3, "HCN"] = -1e-5
    with pytest.raises(SchemaError, match=r"'HCN' holds negative numbers \(-1e-05\)"):
        ModelGrid.from_table(table)


def test_columns_that_are_no_species_are_left_out_or_asked_about():
    table = simulated_table().assign(run="a", Tdust_K=12.0)
    with pytest.warns(UserWarning, match="'run', 'Tdust_K' left out"):
        assert "Tdust_K" not in ModelGrid.from_table(table).species
    with pytest.raises(SchemaError, match="'temp' is neither a parameter nor a species, and T_K"):
        ModelGrid.from_table(simulated_table().rename(columns={"T_K": "temp"}))


def test_one_number_for_two_models_is_refused():
    table = simulated_table()
    later = table.assign(time_yr=1e6, T_K=table["T_K"].to_numpy()[::-1])
    with pytest.raises(SchemaError, match="'T_K': model 0 has"):
        ModelGrid.from_table(pd.concat([table, later]))


def test_a_model_is_as_good_as_its_worst_row_and_failed_flags_count():
    table = pd.concat([simulated_table(), simulated_table().assign(time_yr=1e6)])
    late = (table["model_id"] == 2) & (table["time_yr"] == 1e6)
    by_word = ModelGrid.from_table(table.assign(status=np.where(late, "unphysical", "good")))
    by_flag = ModelGrid.from_table(table.assign(flag=np.where(late, -1, 0)))
    assert 2 not in by_word.good
    assert by_flag.status.value_counts().to_dict() == {"good": 15, "stopped": 1}
    with pytest.raises(SchemaError, match="'status', row 0: found 'ok'"):
        ModelGrid.from_table(table.assign(status="ok"))


def test_two_folders_of_uclchem_are_one_grid(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.dat").write_text(UCLCHEM_TEXT)
    assert ModelGrid.read(tmp_path / "a", tmp_path / "b").inputs.index.tolist() == [0, 1]


def test_inputs_of_every_kind_of_table_are_the_same_numbers():
    import astropy.units as u
    from astropy.table import QTable, Table

    frame = CLOUD.sobol(3, start=5)
    quantities = QTable.from_pandas(frame)
    quantities["nH_cm3"] = (quantities["nH_cm3"] * u.cm**-3).to("m-3")
    quantities["Av_mag"] = quantities["Av_mag"] * u.mag
    for given_as in (quantities, dict(quantities.items()), frame.to_dict("list")):
        assert np.allclose(CLOUD.values(given_as), frame, rtol=1e-12)
    masked = Table.from_pandas(frame.reset_index(), index=False)
    masked = Table(masked, masked=True)
    masked["T_K"].mask = [True, False, False]
    assert np.isnan(CLOUD.values(masked)[0, 0])
    with pytest.raises(SchemaError, match="'T_K' has unit 's', expected K"):
        CLOUD.values({**frame.to_dict("list"), "T_K": [1.0, 2.0, 3.0] * u.s})


def test_what_a_version_of_uclchem_writes_besides_is_no_species(tmp_path):
    lines = UCLCHEM_TEXT.splitlines()
    more = [lines[0] + ", av_interp"] + [line + ", 7.0" for line in lines[1:]]
    (tmp_path / "model.dat").write_text("\n".join(more) + "\n")
    with pytest.warns(UserWarning, match="'av_interp' left out"):
        grid = ModelGrid.read(tmp_path)
    assert grid.species == ["CO", "O", "E-"]
    assert grid.inputs["fO"].tolist() == pytest.approx([3e-5])
