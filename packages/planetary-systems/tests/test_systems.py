import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decan.core.errors import SchemaError
from decan.planetary_systems import Systems

PLANETS = pd.DataFrame(
    {
        "star": ["A", "A", "B", "C"],
        "planet": [1, 2, 1, 1],
        "au": [1.0, 0.1, 5.2, 0.5],
        "mass": [1.0, 5.0, 318.0, 2.0],
    }
)


def read(table=PLANETS, **how):
    return Systems.from_table(table, **{"system": "star", "a": "au", "mass": "mass", **how})


@pytest.mark.bad_input(1)
def test_planets_come_out_sorted_whatever_the_order_of_the_table():
    assert read().a_au[:2] == pytest.approx([0.1, 1.0])
    shuffled = read(PLANETS.iloc[::-1].reset_index(drop=True))
    assert sorted(shuffled.names) == ["A", "B", "C"]


@pytest.mark.bad_input(2)
@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("status", 8, "status not 0"),
        ("au", -0.5, "semi-major axis not positive and finite"),
        ("au", 0.0, "semi-major axis not positive and finite"),
        ("au", np.inf, "semi-major axis not positive and finite"),
        ("au", np.nan, "no semi-major axis"),
        ("mass", np.nan, "no mass"),
        ("mass", np.inf, "mass not positive and finite"),
        ("mass", 0.0, "mass not positive and finite"),
    ],
)
def test_rows_that_cannot_be_used_are_counted_by_reason_or_raised(column, value, reason):
    table = PLANETS.assign(status=0)
    table[column] = table[column].astype(float)
    table.loc[1, column] = value
    found = read(table, status="status")
    assert found.dropped == {reason: 1}
    assert found.n_planets == 3
    with pytest.raises(SchemaError, match=f"row 1 .*'A'.*{reason}"):
        read(table, status="status", on_bad="raise")


@pytest.mark.bad_input(3)
def test_a_planet_twice_is_kept_unless_its_number_repeats():
    twins = pd.concat([PLANETS, PLANETS.iloc[:1]], ignore_index=True)
    assert read(twins).counts.tolist() == [3, 1, 1]
    with pytest.raises(ValueError, match=r"row 4: planet .*1.* of system 'A' appears twice"):
        read(twins, planet="planet")


@pytest.mark.bad_input(4)
def test_systems_without_planets_stay():
    found = read(all_systems=["A", "B", "C", "D"])
    assert found.counts.tolist() == [2, 1, 1, 0]
    # All its planets bad: the star was looked at, and is empty.
    table = PLANETS.assign(mass=[1.0, 5.0, np.nan, 2.0])
    assert read(table).counts.tolist() == [2, 0, 1]


@pytest.mark.bad_input(5)
def test_minimum_masses_must_be_called_so_and_are_warned_of_once():
    table = PLANETS.rename(columns={"mass": "m_sin_i"})
    with pytest.raises(ValueError, match="mass_kind='msini'"):
        read(table, mass="m_sin_i")
    with pytest.warns(UserWarning, match="minimum masses") as said:
        found = read(table, mass="m_sin_i", mass_kind="msini")
    assert len(said) == 1
    assert (found.planets["mass_kind"] == "msini").all()


@pytest.mark.bad_input(7, 8)
def test_a_missing_axis_follows_from_period_and_stellar_mass_and_is_counted():
    table = PLANETS.assign(au=np.nan, days=365.256898, star_mass=[1.0, 1.0, 1.0, np.nan])
    found = read(table, period="days", star_mass="star_mass")
    # The planet's own mass enters the third law: 318 Earth masses are 3e-4 of the axis.
    assert found.a_au == pytest.approx(1.0, abs=4e-4)
    assert found.notes["semi-major axis from period"] == 3
    assert found.dropped == {"no semi-major axis: star mass unknown": 1}


@pytest.mark.bad_input(17)
@pytest.mark.parametrize(("factor", "unit"), [(317.828, "jupiter"), (332946.0, "solar")])
def test_masses_in_another_unit_are_refused_with_the_unit_suggested(factor, unit):
    small = PLANETS.assign(mass=np.array([0.5, 1.0, 2.0, 3.0]) / factor)
    with pytest.raises(ValueError, match=f"mass_unit='{unit}'"):
        read(small)
    assert read(small, mass_unit=unit).mass_earth.max() == pytest.approx(3.0, rel=1e-4)


def test_a_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(SchemaError, match=r"'radius' is missing; the table has star, planet"):
        read(radius="radius")


@pytest.mark.bad_input(21)
def test_hosts_under_two_names_are_joined_by_any_catalogue_number():
    found = Systems.from_planets([([0.1], [1.0]), ([0.05], [2.0]), ([0.06], [3.0])])
    joined = found.join_hosts(
        [["HIP 1", None, "TIC 9"], ["HIP 1", "HD 5", None], [None, "HD 5", np.nan]]
    )
    assert joined.counts.tolist() == [3]
    assert joined.a_au == pytest.approx([0.05, 0.06, 0.1])
    assert joined.notes == {"hosts joined": 2}


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.integers(0, 2**31))
def test_selecting_systems_takes_their_planets_along(counts, seed):
    rng = np.random.default_rng(seed)
    found = Systems.from_planets(
        [(10 ** rng.normal(size=n), 10 ** rng.normal(size=n)) for n in counts]
    )
    order = rng.permutation(len(counts))
    back = found[order][np.argsort(order)]
    assert back.counts.tolist() == counts
    assert np.array_equal(back.log_m, found.log_m)
    assert found.total_mass.sum() == pytest.approx(found.mass_earth.sum())
    log_a, _ = found.padded()
    assert log_a.shape == (len(counts), max(counts))


def test_the_table_of_systems_reads_back_as_the_same_systems():
    again = Systems.from_table(read().to_table(), system="system", a="semi_major_axis", mass="mass")
    assert np.allclose(again.log_a, read().log_a)
    assert np.allclose(again.log_m, read().log_m)


def test_stars_without_planets_keep_what_is_known_of_them():
    stars = pd.DataFrame({"star": ["A", "D"], "age": [5.0, 2.0]})
    found = read(PLANETS.assign(age=5.0), context=["age"], all_systems=stars)
    assert found.names.tolist() == ["A", "B", "C", "D"]
    assert found.context["age"].tolist() == [5.0, 5.0, 5.0, 2.0]
    assert found.counts[-1] == 0


@pytest.mark.bad_input(7)
def test_a_missing_period_follows_from_axis_and_stellar_mass():
    table = PLANETS.assign(star_mass=[1.0, 1.0, 1.0, np.nan])
    found = read(table, star_mass="star_mass")
    # One year at one au, and Jupiter's; the planets' own masses change the fourth digit.
    assert found.period_day[1] == pytest.approx(365.256898, rel=1e-4)
    assert found.period_day[2] == pytest.approx(4331, rel=1e-2)
    assert np.isnan(found.period_day[3])
    with pytest.raises(ValueError, match="semi-major axes or periods"):
        read(a=None)


def test_a_table_of_radii_gets_masses_that_are_called_by_a_relation():
    table = PLANETS.assign(radius=[1.0, 2.4, 20.0, np.nan])
    found = read(table, mass=None, radius="radius")
    # Earth by definition within a per cent; beyond 14 Earth radii a mass may be any.
    assert found.mass_earth[found.a_au == 1.0] == pytest.approx([1.0], rel=0.03)
    assert (found.planets["mass_kind"] == "relation").all()
    assert found.notes["mass from radius"] == 2
    assert found.dropped == {"no mass": 2}
    with pytest.raises(ValueError, match="column of masses"):
        read(mass=None)
    with pytest.raises(ValueError, match="about masses"):
        read(table, mass=None, radius="radius", mass_kind="msini")


def test_a_table_is_the_same_systems_in_every_kind_and_unit():
    import astropy.units as u
    from astropy.table import QTable

    expected = read()
    quantities = QTable.from_pandas(PLANETS)
    quantities["au"] = (PLANETS["au"].to_numpy() * u.AU).to("m")
    quantities["mass"] = (PLANETS["mass"].to_numpy() * u.earthMass).to("jupiterMass")
    frame = PLANETS.assign(au=PLANETS["au"] * u.AU.to("R_sun"))
    frame.attrs["units"] = {"au": "R_sun", "mass": "Earth mass"}
    for table in (
        quantities,
        frame,
        PLANETS.to_dict("list"),
        PLANETS.set_index("mass", drop=False),
    ):
        found = read(table)
        assert found.names.tolist() == expected.names.tolist()
        assert found.a_au == pytest.approx(expected.a_au)
        assert found.mass_earth == pytest.approx(expected.mass_earth)
    frame.attrs["units"] = {"au": "kg"}
    with pytest.raises(SchemaError, match="au: found unit 'kg', expected 'AU'"):
        read(frame)


@pytest.mark.parametrize("column", ["pl_bmassj", "mass_jup", "M_J"])
@pytest.mark.bad_input(17)
def test_a_column_named_after_jupiter_is_not_taken_for_earth_masses(column):
    table = PLANETS.rename(columns={"mass": column})
    with pytest.raises(ValueError, match="mass_unit='jupiter' if it does"):
        read(table, mass=column)
    assert read(table, mass=column, mass_unit="jupiter").mass_earth.max() > 1e5


def test_rows_without_a_system_are_no_system():
    found = read(PLANETS.assign(star=["A", None, " ", "C"]))
    assert found.names.tolist() == ["A", "C"]
    assert found.dropped == {"system without a name": 2}


def test_ages_under_one_name_are_not_one_system():
    table = pd.concat([PLANETS.assign(age=1.0), PLANETS.assign(age=5.0)], ignore_index=True)
    with pytest.raises(ValueError, match=r"'age' differs within system 'A' \(1.0, 5.0\)"):
        read(table, context=["age"])
