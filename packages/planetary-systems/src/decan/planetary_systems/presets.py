"""Names and settings: the three languages, the paper's as reconstructed, Bern's conditions."""

from __future__ import annotations

from typing import Any

__all__ = ["BERN_CONTEXT", "LANGUAGES", "PAPER"]

LANGUAGES = ("gaps", "factored", "paper")
"""How a system is spelled: distances between planets, cells of a grid in two steps, or one
character a cell as in the paper."""

PAPER: dict[str, Any] = {
    "tokens": "paper",
    "layers": 4,
    "dropout": 0.0,
    "batch_tokens": 420,
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "ema": None,
    "epochs": 25,
    "augment": 0.0,
}
"""Settings of the words-and-characters language, inferred: those of karpathy/makemore (four
layers, four heads, width 64, batches of some 32 words, AdamW), which the paper does not state."""

BERN_CONTEXT = ("population", "star_mass", "age_gyr", "n_embryos", "disc")
