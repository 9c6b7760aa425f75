import pandas as pd
import pytest
from typer.testing import CliRunner

from decan.core.errors import SchemaError
from decan.planetary_systems import SystemGenerator, simulate_clustered
from decan.planetary_systems.commands import commands
from decan.planetary_systems.exposure import stop_table


def run(*words):
    result = CliRunner().invoke(commands, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_systems_are_drawn_into_a_table(tmp_path):
    out = tmp_path / "systems.csv"
    page = tmp_path / "systems.html"
    said = run("generate", 30, "--population", "ng74", "--out", out, "--page", page, "--seed", 1)
    assert "Mosaic" in page.read_text()
    table = pd.read_csv(out)
    assert "30 systems" in said
    assert (table["population"] == "ng74").all()
    assert (table["mass"] > 0).all()


@pytest.mark.filterwarnings("ignore:only .* effective draws")
def test_a_star_is_completed_on_a_page(tmp_path):
    planets, page = tmp_path / "hd1.csv", tmp_path / "page.html"
    planets.write_text("period_day,mass_earth,mass_err\n13.63,9.1,0.8\n")
    said = run("complete", planets, "--star-mass", 0.9, "--k-limit", 2, "--n", 600, "--out", page)
    assert "1 known" in said
    text = page.read_text()
    assert "What hd1 may have" in text
    assert "a statement on the formation model" in text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("period_day,mass_earth\n", "no planet in it"),
        ("name,flux\nx,1\n", "mass_earth"),
        ("period_day,mass_earth\n3.1,2\nfoo,3\n", "'period_day', row 1"),
    ],
)
def test_a_table_without_known_planets_is_refused_by_name(tmp_path, text, fault):
    planets = tmp_path / "bad.csv"
    planets.write_text(text)
    found = CliRunner().invoke(commands, ["complete", str(planets)]).exception
    assert isinstance(found, SchemaError)
    assert str(planets) in str(found)
    assert fault in str(found)


def test_two_tables_are_compared_on_a_page(tmp_path):
    paths = []
    for seed in (0, 1):
        paths.append(tmp_path / f"{seed}.csv")
        simulate_clustered(40, rng=seed).to_table().to_csv(paths[-1], index=False)
    page = tmp_path / "page.html"
    assert "told apart with AUC" in run("compare", *paths, "--out", page)
    text = page.read_text()
    assert "Classifiers" in text
    assert "Mosaic" in text


def test_the_shipped_weights_say_what_they_were_trained_on():
    for name in ("bern", "bern-grid"):
        generator = SystemGenerator.pretrained(name)
        training = generator.manifest_["training"]
        assert "NGPPS" in training["citation"]
        assert training["command"].startswith("decan planetary-systems train --preset shipped")
        assert "ng74 5 Gyr, disc unknown" in generator.manifest_["metrics"]


def test_stops_are_foretold_as_often_as_they_come_in_its_own_systems():
    generator = SystemGenerator.pretrained()
    own = generator.sample(400, context={"population": "ng96", "age_gyr": 5.0}, rng=0)
    table = stop_table(generator, own).set_index("outermost")
    # 400 stops: five per cent is one sigma.
    assert table["ratio"]["all"] == pytest.approx(1, abs=0.2)


@pytest.mark.filterwarnings("ignore:only .* effective draws")
def test_the_star_is_taken_from_the_table_or_said_to_be_the_sun(tmp_path):
    planets, words = tmp_path / "hd1.csv", ("--n", 300, "--out", tmp_path / "page.html")
    planets.write_text("pl_orbper,pl_bmasse,st_mass\n3.0,2.0,0.2\n6.0,2.0,0.2\n")
    assert "star mass not given" not in run("complete", planets, *words)
    planets.write_text("period_day,mass_earth\n3.0,2.0\n")
    assert "star mass not given: that of the Sun" in run("complete", planets, *words)
