"""Archives, on recorded answers: what changed is named, and identifiers keep their zeros."""

import pandas as pd
import pytest

from decan.core.errors import DataNotAvailable, SchemaError
from decan.pulx import queries
from decan.pulx.queries import (
    adql_4xmm,
    catalogue_url,
    events_url,
    missing_columns,
    query_4xmm_around,
    query_observations,
    query_xmm_exposures,
)

VOTABLE = """<?xml version="1.0"?>
<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="{status}">{words}</INFO>{table}</RESOURCE></VOTABLE>"""


def votable(**columns):
    kinds = {str: 'datatype="char" arraysize="*"', float: 'datatype="double"'}
    fields = "".join(
        f'<FIELD name="{name}" {kinds[type(values[0])]}/>' for name, values in columns.items()
    )
    rows = "".join(
        "<TR>" + "".join(f"<TD>{value}</TD>" for value in row) + "</TR>"
        for row in zip(*columns.values(), strict=True)
    )
    table = f"<TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
    return VOTABLE.format(status="OK", words="", table=table).encode()


@pytest.fixture
def heasarc(monkeypatch):
    """Answers of HEASARC by a word in the question; the questions that were asked."""
    answers, asked = {}, []

    def request(url, *, form, **_):
        asked.append(form["QUERY"])
        assert form["FORMAT"] == "votable"
        return next(body for word, body in answers.items() if word in form["QUERY"])

    monkeypatch.setattr(queries, "request", request)
    return answers, asked


def test_archives_are_asked_for_pinned_releases_and_lost_columns_are_named():
    assert "DR14" in catalogue_url()
    with pytest.raises(ValueError, match="DR15"):
        catalogue_url("DR15")
    assert events_url("0791010101").endswith("obsno=0791010101&level=PPS&name=PIEVLI")
    with pytest.raises(ValueError, match="ten digits"):
        events_url("79101")
    assert "CIRCLE('ICRS', 10, -5, 0.00416667)" in adql_4xmm(10.0, -5.0)
    assert missing_columns(["srcid", "ep_8_flux"], ["SRCID"]) == ["ep_8_flux"]


def test_a_changed_archive_table_is_named_before_anything_is_asked(heasarc):
    answers, asked = heasarc
    answers["tap_schema.tables"] = votable(description=["5XMM-DR15"])
    answers["tap_schema.columns"] = votable(column_name=["srcid", "ra", "dec"])
    with pytest.raises(SchemaError, match=r"lacks column 'detid'.*5XMM-DR15"):
        query_4xmm_around([10.0], [0.0])
    assert len(asked) == 2


def test_detections_keep_their_release_and_get_the_names_that_features_know(heasarc):
    answers, _ = heasarc
    answers["tap_schema.tables"] = votable(description=["4XMM-DR14"])
    answers["tap_schema.columns"] = votable(column_name=list(queries._COLUMNS_4XMM))
    answers["FROM xmmssc"] = votable(
        srcid=["204"], ep_8_flux=[1e-13], ep_8_flux_error=[1e-14], var_flag=["T"]
    )
    table = query_4xmm_around([10.0, 11.0], [0.0, 0.0], names=["a", "b"])
    assert table["name"].tolist() == ["a", "b"]
    assert {"EP_8_FLUX", "EP_8_FLUX_ERR", "VAR_FLAG"} <= set(table)
    assert table.attrs["release"] == "4XMM-DR14"


def test_a_refusal_inside_a_votable_is_quoted_and_a_page_is_no_table(heasarc):
    answers, _ = heasarc
    answers["SELECT"] = VOTABLE.format(
        status="ERROR", words="Unknown table 'x'", table=""
    ).encode()  # fmt: skip
    with pytest.raises(DataNotAvailable, match="HEASARC: Unknown table 'x'"):
        queries.heasarc_query("SELECT 1 FROM x")
    answers["SELECT"] = b"<html><h1>Down for maintenance</h1></html>"
    with pytest.raises(SchemaError, match=r"expected a VOTable.*Down for maintenance"):
        queries.heasarc_query("SELECT 1 FROM x")


def test_observations_of_a_mission_come_longest_first(heasarc):
    answers, asked = heasarc
    columns = ["obsid", "name", "ra", "dec", "exposure"]
    answers["tap_schema.columns"] = votable(column_name=columns)
    answers["FROM nicermastr"] = votable(
        obsid=["1034200101", "0034200101"], name=["a", "a"], ra=[1.0, 1.0], dec=[2.0, 2.0],
        exposure=[10.0, 20.0],
    )  # fmt: skip
    rows = query_observations("nicer", 1.0, 2.0)
    assert rows["obsid"].tolist() == ["0034200101", "1034200101"]
    assert rows["exposure_s"].tolist() == [20.0, 10.0]
    assert "CIRCLE('ICRS', 1, 2, 0.1)" in asked[-1]


def test_exposures_of_the_xsa_keep_the_zeros_of_their_identifiers(monkeypatch):
    asked = []

    def answer(service, adql):
        assert service.startswith("https://nxsa.esac.esa.int/tap-server")
        asked.append(adql)
        if "tap_schema" in adql:
            name = adql.split("'")[1]
            return pd.DataFrame({"column_name": queries._XSA_COLUMNS[name]})
        return pd.DataFrame({"observation_id": [112290201, 791010101], "duration_s": [1e4, 9e4]})

    monkeypatch.setattr(queries, "tap_query", answer)
    rows = query_xmm_exposures(13.77, -37.69)
    assert rows["observation_id"].tolist() == ["0791010101", "0112290201"]
    assert events_url(rows["observation_id"][0])
    assert "e.instrument = 'EPN'" in asked[-1]


def test_a_column_that_the_xsa_lost_is_named(monkeypatch):
    monkeypatch.setattr(
        queries, "tap_query", lambda *_: pd.DataFrame({"column_name": ["observation_id", "ra"]})
    )
    with pytest.raises(SchemaError, match=r"v_public_observations at the XSA lacks column 'dec'"):
        query_xmm_exposures(13.77, -37.69)
