"""A generator as settings and arrays, and back: what is written to its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .codec import GridCodec
from .context import ContextEncoder
from .prior import ContextPrior

if TYPE_CHECKING:
    from .generator import SystemGenerator

__all__: list[str] = []

_GIVEN = (
    "tokens", "width", "layers", "heads", "dropout", "epochs", "batch_tokens", "learning_rate",
    "weight_decay", "ema", "patience", "augment", "hide", "hide_disc", "ensemble",
)  # fmt: skip


def generator_state(generator: SystemGenerator) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and parts of a fitted generator; weights in half precision."""
    arrays, words = generator.prior_.get_state()
    settings: dict[str, Any] = {name: getattr(generator, name) for name in _GIVEN}
    settings |= {
        "context": list(generator.context),
        "codec": generator.codec.to_json(),
        "encoder": generator.encoder_.get_state(),
        "max_planets": generator.max_planets_,
        "range": generator.range_,
        "alphabet": generator.alphabet_,
        "sharpness": generator.sharpness_,
        "prior_words": words,
    }
    parts: dict[str, Any] = {
        f"network_{number}": {k: v.half() for k, v in network.state_dict().items()}
        for number, network in enumerate(generator.networks_)
    }
    if arrays:
        parts["prior"] = arrays
    return settings, parts


def own_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with which the generator was made."""
    own = {name: settings[name] for name in (*_GIVEN, "context")}
    return {**own, "codec": GridCodec.from_json(settings["codec"])}


def take_state(
    generator: SystemGenerator, settings: Mapping[str, Any], parts: Mapping[str, Any]
) -> None:
    """Give a generator what it had learnt when it was saved."""
    generator.encoder_ = ContextEncoder.from_state(settings["encoder"])
    generator.max_planets_, generator.range_ = settings["max_planets"], settings["range"]
    generator.alphabet_, generator.sharpness_ = settings["alphabet"], settings["sharpness"]
    generator.networks_ = []
    for number in range(generator.ensemble):
        network = generator._network()
        network.load_state_dict({k: v.float() for k, v in parts[f"network_{number}"].items()})
        generator.networks_.append(network.eval())
    generator.prior_ = ContextPrior.from_state(parts.get("prior", {}), settings["prior_words"])
