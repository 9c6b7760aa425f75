from .ensemble import fit_ensemble as fit_ensemble
from .ensemble import member_seeds as member_seeds
from .history import History as History
from .loop import fit as fit
from .schedule import learning_rate_at as learning_rate_at

__all__ = ["History", "fit", "fit_ensemble", "learning_rate_at", "member_seeds"]
