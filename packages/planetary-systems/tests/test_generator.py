import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from decan.planetary_systems import GridCodec, MarkovCells, SystemGenerator, Systems
from decan.planetary_systems.baselines import IndependentPlanets, TableOfCounts, Unigram
from decan.planetary_systems.batches import SystemBatches
from decan.planetary_systems.cell_networks import WordNetwork
from decan.planetary_systems.experiments.speed import plain_samples
from decan.planetary_systems.gap_network import GapNetwork
from decan.planetary_systems.sampling import draw_systems


def test_the_true_chain_is_scored_exactly(truth, chain, systems):
    # Double precision: what is left is rounding.
    assert np.abs(truth.log_prob(systems) - chain.log_prob(systems)).max() < 1e-6


def test_drawn_systems_have_the_entropy_of_the_chain(truth, chain):
    drawn = truth.sample(3000, rng=0)
    per_token = -chain.log_prob(drawn).sum() / (drawn.n_planets + len(drawn))
    # 18,000 tokens of standard deviation 1.5: three sigma are 0.04.
    assert per_token == pytest.approx(chain.entropy_per_token, abs=0.04)


@pytest.mark.filterwarnings("ignore:.*outside the grid")
@pytest.mark.parametrize("tokens", ["gaps", "factored", "paper"])
def test_parts_of_a_score_add_up(fitted, systems, tokens):
    generator = fitted[tokens]
    inside = systems[:60]
    per_token = generator.log_prob(inside, per="token")
    whole = generator.log_prob(inside)
    assert per_token.sum() == pytest.approx(whole.sum())
    assert len(per_token) == inside.n_planets + len(inside)
    assert len(generator.log_prob(inside, per="planet")) == inside.n_planets


@pytest.mark.filterwarnings("ignore:.*outside the grid")
@pytest.mark.parametrize("tokens", ["factored", "paper"])
def test_density_on_a_grid_is_probability_over_area_and_orders(fitted, tokens):
    generator = fitted[tokens]
    one = generator.sample(50, rng=0)
    _, _, _ = generator.codec.cells(one)
    grid, density = (generator.log_prob(one, measure=m) for m in ("grid", "density"))
    column, _, _ = generator.codec.cells(one)
    from scipy.special import gammaln

    same = np.bincount(one.system_of_planet * 30 + column, minlength=30 * len(one))
    orders = gammaln(same.reshape(-1, 30) + 1).sum(1)
    expected = grid - one.counts * generator.codec.log_area + orders
    assert density == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("tokens", ["gaps", "factored"])
def test_a_cached_walk_and_one_pass_agree(fitted, systems, tokens):
    generator = fitted[tokens]
    network, some = generator.networks_[0], systems[systems.counts > 2][:20]
    log_a, log_m = (torch.as_tensor(x) for x in some.padded())
    inputs = generator._inputs(some.context)
    with torch.inference_mode():
        whole = network.token_log_prob(log_a, log_m, torch.as_tensor(some.counts), inputs)
        from decan.planetary_systems.walks import walk_of

        walk = walk_of(network)
        state, seen = network.start(inputs)
        for k in range(2):
            known = walk.known(state, seen, log_a[:, k], log_m[:, k])
            if tokens == "factored":
                known = known + generator.codec.log_area
            # Five digits: single precision in another order of sums.
            assert known.float().numpy() == pytest.approx(whole[:, k].numpy(), abs=2e-5)
            seen = walk.step(state, log_a[:, k], log_m[:, k])


def test_sampling_repeats_with_its_seed_and_not_without(fitted):
    one, two, other = (fitted["gaps"].sample(30, rng=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.log_a, two.log_a)
    assert not np.array_equal(one.counts, other.counts)


def test_a_plain_loop_draws_the_same_distribution(fitted):
    plain = plain_samples(fitted["gaps"], 300, "unknown")
    cached = fitted["gaps"].sample(300, rng=0)
    # Standard error of the mean of geometric numbers of mean five: 0.3.
    assert plain.counts.mean() == pytest.approx(cached.counts.mean(), abs=1.5)


@pytest.mark.filterwarnings("ignore:.*outside the grid")
@pytest.mark.parametrize("tokens", ["gaps", "factored", "paper"])
def test_a_saved_generator_is_the_same_generator(fitted, systems, tokens, tmp_path):
    generator = fitted[tokens]
    again = SystemGenerator.load(generator.save(tmp_path / "generator"))
    some = systems[:40]
    assert np.array_equal(again.log_prob(some), generator.log_prob(some))
    assert np.array_equal(again.sample(20, rng=3).log_a, generator.sample(20, rng=3).log_a)


def test_an_ensemble_scores_the_mean_of_its_members(systems):
    small = {"width": 16, "layers": 1, "heads": 2, "epochs": 1, "random_state": 0}
    pair = SystemGenerator(ensemble=2, **small).fit(systems[:100], progress=False)
    some, logs = systems[100:140], []
    members = pair.networks_
    for one in members:
        pair.networks_ = [one]
        logs.append(pair.log_prob(some))
    pair.networks_ = members
    expected = np.logaddexp(*logs) - np.log(2)
    assert pair.log_prob(some) == pytest.approx(expected, abs=1e-6)
    assert len(pair.sample(20, rng=0)) == 20


def test_the_papers_language_has_the_papers_parameters():
    # 523 symbols and 24 positions in the transformer of makemore.
    assert sum(p.numel() for p in WordNetwork(523, 24).parameters()) == 268_544


@pytest.mark.bad_input(16)
def test_the_same_discs_in_several_populations_need_groups(systems):
    twice = Systems.concatenate([systems[:20], systems[:20]])
    with pytest.raises(ValueError, match="the same discs appear in several populations"):
        SystemGenerator(epochs=1).fit(twice, progress=False)
    with pytest.raises(ValueError, match="one group only"):
        SystemGenerator(epochs=1).fit(systems[:20], groups=np.zeros(20), progress=False)


@pytest.mark.bad_input(20)
def test_an_unknown_population_is_refused_with_the_known_ones(systems):
    some = systems[:60]
    some.context = pd.DataFrame({"population": ["x", "y"] * 30, "star_mass": [1.0, 0.5] * 30})
    generator = SystemGenerator(
        context=("population", "star_mass"), width=16, layers=1, epochs=1, random_state=0
    ).fit(some, progress=False)
    with pytest.raises(ValueError, match="'z' is not known; there are x, y, or NaN"):
        generator.sample(3, context={"population": "z"})
    with pytest.raises(ValueError, match="'colour' is not known"):
        generator.sample(3, context={"colour": 1.0})
    drawn = generator.sample(5, context={"population": "x"}, rng=0)
    assert (drawn.context["star_mass"] == 1.0).all()
    # Between two stars of the table: the nearest, its population unknown.
    between = generator.sample(5, context={"star_mass": 0.6}, rng=0)
    assert between.context["population"].isna().all()
    unknown = some[:3]
    unknown.context = pd.DataFrame({"population": [np.nan] * 3})
    assert np.isfinite(generator.log_prob(unknown)).all()


@pytest.mark.bad_input(9)
def test_more_planets_than_ever_seen_are_scored_and_flagged(fitted, chain):
    long = Systems.from_planets([(10 ** np.linspace(-2, 2, 90), np.ones(90)), ([1.0], [1.0])])
    generator = fitted["gaps"]
    assert np.isfinite(generator.log_prob(long)).all()
    assert generator.extrapolated(long).tolist() == [True, False]
    capped = generator.sample(50, max_planets=2, rng=0)
    assert capped.counts.max() <= 2
    assert capped.notes["systems ended at the largest size"] > 0


@pytest.mark.bad_input(10)
def test_planets_outside_the_grid_are_never_clipped_silently(fitted):
    outside = Systems.from_planets([([1e-3], [1.0])])
    with pytest.warns(UserWarning, match="1 planets outside the grid"):
        fitted["factored"].log_prob(outside)
    assert fitted["gaps"].extrapolated(outside).tolist() == [True]


def test_the_language_of_gaps_has_no_probability_on_a_grid(fitted, systems):
    with pytest.raises(ValueError, match="has a density only"):
        fitted["gaps"].log_prob(systems, measure="grid")


def test_an_unfitted_generator_says_so():
    with pytest.raises(ValueError, match="not fitted"):
        SystemGenerator().sample(3)


def test_sorting_and_counting_each_buy_likelihood():
    cells = MarkovCells(GridCodec(n=8), rng=0)
    train, test = cells.sample(3000, rng=1), cells.sample(500, rng=2)
    codec = cells.codec
    scores = [
        model.fit(train).log_prob(test).sum()
        for model in (
            Unigram(codec), Unigram(codec, ordered=True), IndependentPlanets(codec),
            TableOfCounts(codec),
        )
    ]  # fmt: skip
    assert scores[0] < scores[1]
    assert scores[2] < scores[3] < cells.log_prob(test).sum()


def test_nothing_is_drawn_beyond_the_edge_and_the_end_takes_its_probability():
    torch.manual_seed(0)
    network = GapNetwork(2).eval()
    with torch.no_grad():
        network.first.bias[10:20] = torch.linspace(0.0, 5.0, 10)
    noise = torch.Generator().manual_seed(1)
    counts, log_a, _, _ = draw_systems(network, torch.zeros(4000, 2), max_planets=9, noise=noise)
    assert log_a.max() <= network.edge
    empty = torch.zeros(1, 0, dtype=torch.float64)
    end = network.token_log_prob(empty, empty, torch.tensor([0]), torch.zeros(1, 2)).exp().item()
    # Four standard deviations of a share of 4000.
    assert np.mean(counts == 0) == pytest.approx(end, abs=4 * 0.5 / np.sqrt(4000))
    assert end > torch.sigmoid(network.stop(network.start(torch.zeros(1, 2))[1])).item() + 0.1


@pytest.mark.bad_input(4)
def test_the_share_of_empty_systems_is_learnt(chain):
    some = chain.sample(600, rng=3)
    some = Systems.concatenate([some[some.counts > 0][:210], Systems(np.zeros(90), [], [])])
    some.names = np.arange(300)
    generator = SystemGenerator(
        width=16, layers=1, heads=2, epochs=15, batch_tokens=300, learning_rate=5e-3, random_state=0
    ).fit(some, progress=False)
    drawn = generator.sample(1000, rng=0)
    # Three in ten were empty; 270 to learn from, 1000 drawn: three sigma are 0.09.
    assert (drawn.counts == 0).mean() == pytest.approx(0.3, abs=0.09)
    none = Systems([0], [], [])
    assert np.exp(generator.log_prob(none)[0]) == pytest.approx(0.3, abs=0.09)


def test_batches_mix_systems_of_all_lengths_and_hold_each_once(systems):
    none = np.zeros((len(systems), 0))
    batches = SystemBatches(systems, none.astype(np.float32), none.astype(bool), tokens=300)
    torch.manual_seed(0)
    orders = batches.orders()
    assert sorted(np.concatenate(orders)) == list(range(len(systems)))
    assert len(orders) == len(batches) == len(batches.orders())
    tokens = [int((systems.counts[rows] + 1).sum()) for rows in orders]
    # One system more or less: the longest has some thirty planets.
    assert np.ptp(tokens) < 60
    means = [systems.counts[rows].mean() for rows in orders]
    assert np.std(means) < systems.counts.std()


def test_members_of_an_ensemble_are_trained_in_one_loop_and_differ(systems):
    small = {"width": 16, "layers": 1, "heads": 2, "epochs": 2, "random_state": 0}
    pair = SystemGenerator(ensemble=2, **small).fit(systems[:200], progress=False)
    assert len(pair.history_.records) == 2
    one, two = (network.stop.weight for network in pair.networks_)
    assert not torch.equal(one, two)


def test_the_density_of_one_planet_or_none_sums_to_one_whatever_the_edge():
    torch.manual_seed(0)
    network = GapNetwork(2, edge=0.3).eval()
    a = torch.linspace(-6, 5, 331, dtype=torch.float64)
    m = torch.linspace(-8, 8, 121, dtype=torch.float64)
    nothing = torch.zeros(1, 2)
    with torch.inference_mode():
        empty = torch.zeros(1, 0, dtype=torch.float64)
        none = network.token_log_prob(empty, empty, torch.tensor([0]), nothing).exp()
        table = torch.cartesian_prod(a, m)
        ones = torch.ones(len(table), dtype=torch.long)
        logs = network.token_log_prob(
            table[:, :1], table[:, 1:], ones, nothing.expand(len(table), 2)
        )
    # Without the second token: what follows the first planet is not asked.
    density = logs[:, 0].double().exp().view(len(a), len(m))
    some = torch.trapezoid(torch.trapezoid(density, m, dim=1), a)
    assert float(none + some) == pytest.approx(1, abs=0.01)


def test_a_star_beyond_the_training_table_is_said_to_be_extrapolated():
    generator = SystemGenerator.pretrained()
    with pytest.warns(UserWarning, match=r"star_mass = 3 lies outside .* \(0.1 to 1\)"):
        generator.sample(5, context={"star_mass": 3.0}, rng=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator.sample(5, context={"star_mass": 1.0, "age_gyr": 10.0}, rng=0)
