from .page import Page as Page
from .page import Section as Section
from .results import results_page as results_page
from .results import tour_page as tour_page
from .scoreboard import publish as publish
from .scoreboard import readme_table as readme_table
from .scoreboard import scoreboard_frame as scoreboard_frame

__all__ = [
    "Page",
    "Section",
    "publish",
    "readme_table",
    "results_page",
    "scoreboard_frame",
    "tour_page",
]
