"""Catalogues as they come: flags, units, identities, zeros."""

import numpy as np
import pandas as pd
import pytest

from decan.core.errors import SchemaError
from decan.pulx import features_4xmm, features_chandra, features_swift, hardness
from decan.pulx.catalogue import blended_sources, clean_detections, source_ids, three_valued


@pytest.mark.bad_input(3)
@pytest.mark.parametrize(
    "column",
    [["T", "F", None], [b"T", b"F", b""], [True, False, None], [1, 0, np.nan],
     np.ma.masked_array([1, 0, 1], [0, 0, 1]), pd.array([True, False, None], "boolean")],
)  # fmt: skip
def test_flags_in_every_form_give_the_same_three_values(column):
    flag = three_valued(column)
    assert flag[:2].tolist() == [1.0, 0.0]
    assert np.isnan(flag[2])


@pytest.mark.bad_input(3)
def test_a_flag_that_is_none_of_these_is_named_with_its_row():
    with pytest.raises(SchemaError, match="row 1 is 'maybe'"):
        three_valued(["T", "maybe"])


@pytest.mark.bad_input(2)
def test_an_unknown_flag_stays_a_third_value_and_is_counted(catalogue):
    table = catalogue.copy()
    table["VAR_FLAG"] = table["VAR_FLAG"].astype(float)
    table.loc[:99, "VAR_FLAG"] = np.nan
    features = features_4xmm(table)
    assert features.report["VAR_FLAG unknown"] == 100
    assert features.table["VAR_UNKNOWN"].sum() == 100
    assert "VAR_UNKNOWN" not in features_4xmm(catalogue).table


@pytest.mark.bad_input(1)
@pytest.mark.parametrize("rule", ["floor", "drop", "impute"])
def test_zeros_follow_the_rule_are_counted_and_never_become_minus_infinity(catalogue, rule):
    table = catalogue.copy()
    table.loc[:4, "EP_3_FLUX"] = 0.0
    table.loc[5:6, "EP_4_FLUX"] = -1e-15
    features = features_4xmm(table, missing=rule)
    assert np.isfinite(features.values).all()
    band = [f"EP_{b}_FLUX" for b in (1, 2, 3, 4, 5)]
    empty = (table[band] <= 0).to_numpy()
    expected = {
        "floor": ("band fluxes floored at their error", empty.sum()),
        "drop": ("rows dropped for a flux of 0 or less", empty.any(axis=1).sum()),
        "impute": ("band fluxes imputed", empty.sum()),
    }[rule]
    assert features.report[expected[0]] == expected[1]


@pytest.mark.bad_input(1)
def test_a_floored_flux_is_its_error(catalogue):
    table = catalogue.copy()
    table.loc[0, "EP_3_FLUX"] = 0.0
    assert features_4xmm(table).table["EP_3_FLUX"][0] == pytest.approx(
        np.log10(table["EP_3_FLUX_ERR"][0])
    )


@pytest.mark.bad_input(4)
@pytest.mark.parametrize(("factor", "words"), [(1e14, "1e-14"), (None, "looks like log10")])
def test_fluxes_in_another_unit_are_refused_with_the_likely_one(catalogue, factor, words):
    table = catalogue.copy()
    flux = table["EP_8_FLUX"]
    table["EP_8_FLUX"] = np.log10(flux) if factor is None else flux * factor
    with pytest.raises(ValueError, match=words):
        features_4xmm(table)


@pytest.mark.bad_input(7)
def test_rows_without_a_source_are_refused_and_a_missing_column_is_named(catalogue):
    table = catalogue.astype({"source_id": float})
    table.loc[3, "source_id"] = np.nan
    with pytest.raises(SchemaError, match="1 rows without a source, the first is row 3"):
        features_4xmm(table)
    with pytest.raises(SchemaError, match="'EP_4_FLUX' is missing"):
        features_4xmm(catalogue.drop(columns="EP_4_FLUX"))


@pytest.mark.bad_input(7)
def test_one_name_at_two_places_is_told_with_both_positions():
    table = pd.DataFrame({"SRCID": [1, 1, 2], "RA": [10.0, 10.01, 50.0], "DEC": [0.0, 0.0, 1.0]})
    with pytest.warns(UserWarning, match=r"36 arcsec apart \(10\.00000 .* and 10\.01000"):
        source_ids(table, "SRCID", positions=("RA", "DEC"))


@pytest.mark.bad_input(8)
def test_blended_pairs_are_flagged_by_distance_and_by_the_catalogue():
    # M82: 5 arcsec apart.
    ra, dec = [148.9630, 148.9600, 10.0, 20.0], [69.6793, 69.6797, 0.0, 0.0]
    flag = blended_sources(["X-1", "X-2", "far", "confused"], ra, dec, confused=[0, 0, 0, 1])
    assert flag.tolist() == [True, True, False, True]


def test_bad_areas_and_extended_sources_are_cut_with_counts():
    table = pd.DataFrame({"SUM_FLAG": [0, 2, 3], "EP_EXTENT": [0.0, 6.0, 0.0],
                          "EP_8_DET_ML": [10.0, 20.0, 30.0]})  # fmt: skip
    kept, dropped = clean_detections(table)
    assert len(kept) == 1
    assert dropped == {"SUM_FLAG ≥ 3": 1, "EP_EXTENT > 0": 1, "EP_8_DET_ML ≤ 8": 0}


def test_a_value_that_is_no_number_is_named_with_its_column_and_row(catalogue):
    table = catalogue.astype({"EP_2_FLUX": object})
    table.loc[3, "EP_2_FLUX"] = "x"
    with pytest.raises(SchemaError, match="EP_2_FLUX: row 3 is 'x', expected a number"):
        features_4xmm(table)


def test_hardness_of_both_families_and_of_nothing():
    assert hardness([1.0], [4.3])[0] == pytest.approx(0.623, abs=1e-3)
    assert hardness([1.0], [0.624], kind="ratio")[0] == pytest.approx(0.624)
    assert np.isnan(hardness([0.0], [0.0])[0])
    with pytest.raises(ValueError, match="kind"):
        hardness([1.0], [1.0], kind="colour")


def test_the_peak_is_shared_by_the_rows_of_a_source(catalogue, features):
    peak = features.table["Fpeak4XMM"].groupby(features.source)
    assert (peak.max() == peak.min()).all()
    assert (features.table["Fpeak4XMM"] >= features.table["EP_8_FLUX"] - 1e-9).all()


def test_options_that_are_other_words_are_refused(catalogue):
    with pytest.raises(ValueError, match="missing 'zero'"):
        features_4xmm(catalogue, missing="zero")
    with pytest.raises(ValueError, match="hardness_from"):
        features_4xmm(catalogue, hardness_from="guess")


def test_swift_needs_its_columns_and_some_significant_rate():
    with pytest.raises(SchemaError, match="'soft_rate' is missing"):
        features_swift(pd.DataFrame({"source": ["a"], "rate": [1.0], "rate_err_plus": [0.1]}))
    faint = pd.DataFrame({"source": ["a"], "rate": [1.0], "rate_err_plus": [0.9],
                          "soft_rate": [0.5], "hard_rate": [0.5]})  # fmt: skip
    with pytest.raises(SchemaError, match="no snapshot"):
        features_swift(faint)


@pytest.mark.bad_input(1)
def test_chandra_zeros_are_floored_and_counted():
    rows = pd.DataFrame({"name": ["a", "b"], "flux_aper_b": [1e-13, 2e-14],
                         **{f"flux_aper_{b}": [1e-13, 0.0] for b in "smh"}})  # fmt: skip
    assert features_chandra(rows).report == {"band fluxes floored": 3}


@pytest.mark.parametrize("band", [1, 4])
def test_logarithms_in_a_band_column_alone_are_refused_by_its_name(catalogue, band):
    name = f"EP_{band}_FLUX"
    table = catalogue.assign(**{name: np.log10(np.maximum(catalogue[name], 1e-17))})
    with pytest.raises(SchemaError, match=f"{name}: median .* looks like log10"):
        features_4xmm(table)


def test_source_numbers_that_a_reader_made_floating_are_the_same_sources():
    table = pd.DataFrame({"SRCID": [200001101010001.0, 200001101010002.0]})
    assert source_ids(table, "SRCID").tolist() == [200001101010001, 200001101010002]
