import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decan.radio_agn.e2cnn_today import load_e2cnn
from decan.radio_agn.networks import EquivariantEncoder, PlainEncoder
from decan.radio_agn.paper import PaperEncoder
from decan.radio_agn.steerable import DihedralGroup, GroupConv2d, group_pool, harmonic_basis


@pytest.mark.parametrize("name", ["C4", "C8", "D4", "D8"])
def test_quotients_make_a_group_table(name):
    group = DihedralGroup(name)
    table = group.quotients()
    assert (np.sort(table, axis=1) == np.arange(group.order)).all()
    assert (table.diagonal() == 0).all()
    # (g^-1 h)(h^-1 k) = g^-1 k: the angle and sign of a product follow from its parts.
    for g, h in np.ndindex(group.order, group.order):
        turn_g, sign_g = group.element(g)
        turn_h, sign_h = group.element(h)
        turn, sign = group.element(int(table[g, h]))
        assert sign == sign_g * sign_h
        assert np.cos(turn - sign_g * (turn_h - turn_g)) == pytest.approx(1.0)


def test_harmonics_above_zero_vanish_at_the_central_pixel():
    basis = harmonic_basis(5, DihedralGroup("D8"))
    centre = basis[:, :, 2, 2].abs()
    # Three functions of order zero, one a ring; only they may be seen at the centre.
    assert int((centre.amax(dim=0) > 0).sum()) == 3


@pytest.mark.parametrize("group", ["C4", "C8", "D4", "D8"])
def test_quarter_turns_change_an_embedding_by_rounding_alone(group, stamps):
    torch.manual_seed(0)
    encoder = EquivariantEncoder(group, (3, 4, 5), in_channels=4).eval()
    picture = torch.from_numpy(stamps[:4])
    with torch.no_grad():
        base = encoder(picture)
        for turns in (1, 2, 3):
            turned = encoder(torch.rot90(picture, turns, (-2, -1)))
            assert float((turned - base).norm() / base.norm()) <= 1e-5


def test_mirrors_change_nothing_for_dihedral_groups_and_something_for_cyclic_ones(stamps):
    picture = torch.from_numpy(stamps[:4])
    change = {}
    for group in ("D4", "C4"):
        torch.manual_seed(0)
        encoder = EquivariantEncoder(group, (3, 4), in_channels=4).eval()
        with torch.no_grad():
            base, mirrored = encoder(picture), encoder(picture.flip(-1))
        change[group] = float((mirrored - base).norm() / base.norm())
    assert change["D4"] <= 1e-5 < 1e-3 < change["C4"]


def test_a_plain_encoder_is_not_invariant(stamps):
    torch.manual_seed(0)
    encoder = PlainEncoder((8, 8), in_channels=4).eval()
    picture = torch.from_numpy(stamps[:4])
    with torch.no_grad():
        base, turned = encoder(picture), encoder(torch.rot90(picture, 1, (-2, -1)))
    assert float((turned - base).norm() / base.norm()) > 1e-3


@settings(max_examples=8)
@given(st.integers(0, 3), st.booleans())
def test_maps_turn_with_the_picture(turns, mirror):
    torch.manual_seed(1)
    conv = GroupConv2d(1, 2, "D4", stride=2, lifting=True)
    picture = torch.rand(1, 1, 17, 17)

    def moved(x):
        x = torch.rot90(x, turns, (-2, -1))
        return x.flip(-1) if mirror else x

    with torch.no_grad():
        then = moved(group_pool(conv(picture), 8))
        first = group_pool(conv(moved(picture)), 8)
    assert torch.allclose(then, first, atol=1e-5)


def test_kept_filters_are_those_of_the_weights_after_training_and_loading():
    torch.manual_seed(0)
    conv, other = (GroupConv2d(1, 1, "C4", lifting=True) for _ in range(2))
    picture = torch.rand(1, 1, 9, 9)
    with torch.no_grad():
        conv.eval()
        before = conv(picture)
        conv.load_state_dict(other.state_dict())
        assert torch.equal(conv(picture), other.eval()(picture))
        assert not torch.equal(conv(picture), before)


def _pixel_basis(group):
    """Every pixel as a function of its own, in the eight orientations of D4."""
    deltas = np.eye(25).reshape(25, 5, 5)
    views = []
    for g in range(group.order):
        flip, turn = divmod(g, group.n_turns)
        seen = deltas[:, ::-1] if flip else deltas
        views.append(np.rot90(seen, turn, axes=(1, 2)))
    return torch.from_numpy(np.stack(views).copy()).float()


@pytest.mark.filterwarnings("ignore:indexing with dtype torch.uint8")
def test_our_group_convolutions_equal_those_of_e2cnn_for_equal_filters():
    """Lifting and inner layer on D4: equal filters for one orientation, then all channels agree."""
    e2cnn = load_e2cnn()
    space = e2cnn.gspaces.FlipRot2dOnR2(4)
    image = e2cnn.nn.FieldType(space, [space.trivial_repr])
    fields = e2cnn.nn.FieldType(space, 2 * [space.regular_repr])
    torch.manual_seed(0)
    lift, inner = (
        e2cnn.nn.R2Conv(before, fields, kernel_size=5, padding=2, bias=False)
        .expand_parameters()[0]
        .detach()
        for before in (image, fields)
    )
    ours = [GroupConv2d(1, 2, "D4", lifting=True), GroupConv2d(2, 2, "D4")]
    for conv in ours:
        conv.basis = _pixel_basis(conv.group)
    ours[0].weight = torch.nn.Parameter(lift[::8].reshape(2, 1, 1, 25))

    # Which element of ours is element e of theirs follows from the turned filters alone.
    mine = ours[0].filters().detach().reshape(2, 8, 25)
    distance = torch.cdist(lift.reshape(2, 8, 25), mine).sum(dim=0)
    order = distance.argmin(dim=1)
    assert sorted(order.tolist()) == list(range(8))
    assert float(distance.amin(dim=1).max()) < 1e-4

    blocks = inner.reshape(2, 8, 2, 8, 25)[:, 0]
    weight = torch.empty(2, 2, 8, 25)
    weight[:, :, order] = blocks
    ours[1].weight = torch.nn.Parameter(weight)
    index = torch.cat([order, 8 + order])
    picture = torch.rand(2, 1, 11, 11)
    with torch.no_grad():
        lifted = ours[0](picture)
        theirs = torch.nn.functional.conv2d(picture, lift, padding=2)
        assert torch.allclose(lifted[:, index], theirs, atol=1e-4)
        theirs = torch.nn.functional.conv2d(theirs, inner, padding=2)
        assert torch.allclose(ours[1](lifted)[:, index], theirs, atol=1e-3)


@pytest.mark.parametrize("bad", ["E4", "D", "4", "D0"])
def test_a_group_of_no_known_form_is_refused(bad):
    with pytest.raises(ValueError, match="expected C or D"):
        DihedralGroup(bad)


@pytest.mark.slow
def test_the_published_network_has_its_free_weights_and_a_mask_that_is_not_one_of_them():
    encoder = PaperEncoder("D16", 151)
    free = sum(weight.numel() for weight in encoder.parameters() if weight.requires_grad)
    assert free == 6 * 11 + 16 * 6 * 32 * 11 == 33_858
    e2nn = load_e2cnn().nn
    mask = e2nn.MaskModule(encoder.image_type, 151, margin=1)
    held = list(mask.parameters())
    assert not any(weight.requires_grad for weight in held)
    assert free + sum(weight.numel() for weight in held) == 56_659
    assert encoder.n_features == 20_736


def test_the_published_network_leaves_the_printing_of_arrays_alone():
    before = np.get_printoptions()
    PaperEncoder()
    assert np.get_printoptions() == before
