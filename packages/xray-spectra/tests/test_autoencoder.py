import numpy as np
import pytest

from decan.core.testing import needs_data
from decan.xray_spectra import (
    DATASETS,
    BinnedSpectra,
    MissingResponseError,
    SpectralAutoencoder,
    Spectrum,
    analytic_response,
    read_spectra,
    simulate_spectra,
)
from decan.xray_spectra.anomalies import find_anomalies, line_scan
from decan.xray_spectra.factors import SpectralNMF, SpectralPCA
from decan.xray_spectra.instrument import pile_up
from decan.xray_spectra.shipped import train_autoencoder


def test_reconstructions_are_nearer_to_the_truth_than_poisson_nmf(model, simulated):
    batch = BinnedSpectra.from_simulated(simulated)
    rows = np.arange(0, 400, 2)
    nmf = SpectralNMF(8).fit(batch.take(np.arange(1, 400, 2)))
    lost = {
        name: np.median(_divergence(simulated.shapes[rows], method.reconstruct(batch.take(rows))))
        for name, method in (("network", model), ("nmf", nmf))
    }
    assert lost["network"] < 0.7 * lost["nmf"]
    # NMF itself is good: a mean template would lose ten times as much.
    template = np.tile(simulated.shapes.mean(axis=0), (rows.size, 1))
    assert lost["nmf"] < 0.4 * np.median(_divergence(simulated.shapes[rows], template))


def test_latents_do_not_depend_on_how_spectra_are_batched(model, simulated):
    spectra = [simulated.spectrum(row) for row in (0, 200, 399)]
    together = model.encode(spectra).values
    alone = np.concatenate([model.encode(one).values for one in spectra])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_an_artifact_gives_the_same_latents(model, simulated, tmp_path):
    batch = BinnedSpectra.from_simulated(simulated)
    again = SpectralAutoencoder.load(model.save(tmp_path / "model"))
    np.testing.assert_array_equal(again.encode(batch).values, model.encode(batch).values)


@pytest.mark.bad_input(1)
def test_without_response_the_source_model_flags_and_raises(model, channel_model):
    spectrum = Spectrum(np.full(1024, 1), name="bare.pi")
    latents = model.encode([spectrum])
    assert latents.flags == ("NO_RESPONSE",)
    assert "RESPFILE and ANCRFILE" in latents.reasons[0]
    with pytest.raises(MissingResponseError, match="RESPFILE and ANCRFILE"):
        model.encode(spectrum, on_error="raise")
    assert channel_model.encode(spectrum).encoded.all()


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_arrays_that_are_no_counts_are_refused_by_row(value):
    counts = np.ones((3, 128))
    counts[1, 5] = value
    with pytest.raises(ValueError, match="counts: row 1, bin 5 holds"):
        BinnedSpectra.from_arrays(counts, 0.0)


@pytest.mark.bad_input(5)
def test_few_counts_give_a_flag_and_no_exception(model):
    response = analytic_response()
    empty = Spectrum(np.zeros(1024), response=response, name="empty")
    faint = Spectrum(np.r_[np.zeros(100), np.ones(15), np.zeros(909)], response=response)
    good = simulate_spectra(1, net_counts=200.0, rng=0).spectrum(0)
    latents = model.encode([empty, good, faint])
    assert latents.flags == ("LOW_COUNTS", "", "LOW_COUNTS")
    assert np.isnan(latents.values[0]).all()
    assert latents.encoded.tolist() == [False, True, False]
    with pytest.raises(ValueError, match=r"0 counts in 0\.5-8 keV, at least 20"):
        model.encode(empty, on_error="raise")


@pytest.mark.bad_input(12)
def test_a_bad_file_among_many_is_a_flagged_row(channel_model, tmp_path, write_pha):
    paths = [write_pha(tmp_path / f"{i}.pha", np.full(1024, 2)) for i in range(5)]
    paths[2].write_text("<html>404</html>")
    latents = channel_model.encode(read_spectra(paths))
    assert latents.encoded.tolist() == [True, True, False, True, True]
    assert latents.flags[2] == "NOT_READ"
    assert "404" in latents.to_table()["reason"][2]


@pytest.mark.bad_input(5, 12)
def test_one_bad_file_of_ten_thousand_is_a_row_with_its_reason(model, tmp_path):
    bad = tmp_path / "src_7777.pi"
    bad.write_text("<html>503</html>")
    good = simulate_spectra(1, net_counts=200.0, rng=0).spectrum(0)

    def read(path):
        return Spectrum.from_ogip(path) if path == bad else good

    paths = [tmp_path / f"src_{i:04d}.pi" for i in range(10_000)]
    latents = model.encode(read_spectra(paths, read=read))
    assert np.flatnonzero(~latents.encoded).tolist() == [7777]
    assert latents.flags[7777] == "NOT_READ"
    assert "503" in latents.reasons[7777]


@pytest.mark.bad_input(11)
@needs_data(DATASETS, "acis_5708_PKS1127")
def test_a_piled_up_quasar_is_out_of_distribution(model):
    latents = model.encode(DATASETS.load("acis_5708_PKS1127"))
    assert latents.flags == ("OUT_OF_DISTRIBUTION",)


@pytest.mark.bad_input(11)
def test_pile_up_of_a_bright_source_is_noticed(model):
    simulated = simulate_spectra(6, classes=["LMXB"], net_counts=15_000.0, rng=3)
    rng = np.random.default_rng(0)
    piled = []
    for row in range(6):
        spectrum = simulated.spectrum(row)
        rate = pile_up(spectrum.counts / spectrum.counts.sum() * 0.6)
        counts = rng.poisson(rate / rate.sum() * 15_000)
        piled.append(spectrum.using(counts=counts))
    clean = model.encode(simulated.spectra()).p_value
    assert np.median(model.encode(piled).p_value) < 0.01 * np.median(clean)


def test_errors_hold_what_one_sigma_should(model):
    simulated = simulate_spectra(400, rng=11)
    batch = BinnedSpectra.from_simulated(simulated)
    bright = BinnedSpectra(
        (2e4 * simulated.shapes).astype(np.float32), np.zeros_like(batch.background),
        batch.matrices, batch.which, batch.names, batch.reasons,
    )  # fmt: skip
    latents = model.encode(batch)
    pull = (latents.values - model.encode(bright).values) / latents.sigma
    # 400 sources of eight correlated latents: one standard error is about 0.015.
    assert 0.63 < np.mean(np.abs(pull) < 1) < 0.73


def test_planted_lines_score_above_others(model):
    from decan.core.metrics import roc_auc

    simulated = simulate_spectra(300, net_counts=600.0, line_share=0.2, rng=5)
    table = find_anomalies(model, BinnedSpectra.from_simulated(simulated))
    planted = np.isfinite(simulated.table["line_keV"].to_numpy())
    assert roc_auc(planted, table["score"].to_numpy()).value > 0.8


def test_significance_of_a_line_is_that_of_its_likelihood_ratio():
    expected = np.full((1, 128), 5.0)
    counts = expected.copy()
    assert line_scan(counts, expected)[0][0] == pytest.approx(0.0, abs=1e-6)
    counts[0, 60:63] += [6, 12, 6]
    sigma, energy = line_scan(counts, expected)
    # No narrower template than three bins can do better than the saturated ratio.
    c, m = counts[0, 58:66], expected[0, 58:66]
    best = np.sqrt(2 * np.sum(c * np.log(c / m) - (c - m)))
    assert 0.85 * best < sigma[0] <= best + 1e-6
    assert energy[0] == pytest.approx(0.0146 * (34 + 4 * 61.5), abs=0.06)


@pytest.mark.parametrize("body", ["residual", "transformer"])
@pytest.mark.parametrize("loss", ["poisson", "mse"])
def test_training_on_counts_alone_learns(body, loss):
    batch = BinnedSpectra.from_simulated(simulate_spectra(48, net_counts=400.0, rng=2))
    settings = {"forward_fold": body == "residual", "width": 32, "epochs": 3, "batch_size": 16}
    found = SpectralAutoencoder(body=body, loss=loss, **settings).fit(batch)
    losses = [record["loss"] for record in found.history_.records]
    assert losses[-1] < losses[0]
    assert found.encode(batch).encoded.all()


def test_a_transformer_is_told_the_response_too():
    import torch

    from decan.xray_spectra.networks import SpectrumNetwork, network_inputs

    network = SpectrumNetwork(8, body="transformer")
    counts = torch.rand(3, 128)
    flat = torch.full((3, 128), 1 / 128)
    soft = torch.softmax(-torch.arange(128.0) / 40, dim=0).expand(3, -1)
    with torch.no_grad():
        one, two = (network.encode(network_inputs(counts, 0 * counts, s)) for s in (flat, soft))
        assert network.photons(one).shape == (3, 160)
    assert (one - two).abs().max() > 1e-3


def test_training_is_repeatable_to_the_bit():
    settings = {"n_sources": 96, "epochs": 1, "width": 16}
    one, two = (train_autoencoder([analytic_response()], **settings) for _ in range(2))
    batch = BinnedSpectra.from_simulated(simulate_spectra(5, rng=1))
    np.testing.assert_array_equal(one.encode(batch).values, two.encode(batch).values)


@pytest.mark.parametrize("method", [SpectralNMF(4, n_iterations=50), SpectralPCA(4)])
def test_linear_representations_come_back_from_their_files(method, simulated, tmp_path):
    batch = BinnedSpectra.from_simulated(simulated).take(slice(0, 100))
    method.fit(batch)
    again = type(method).load(method.save(tmp_path / "linear"))
    np.testing.assert_array_equal(again.transform(batch), method.transform(batch))


def _divergence(truth, shape):
    shape = np.maximum(shape, 1e-6)
    return np.sum(np.where(truth > 0, truth * np.log(np.maximum(truth, 1e-12) / shape), 0), axis=1)
