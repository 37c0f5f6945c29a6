"""One module per figure or table: `compute(...)` gives numbers, `draw(numbers)` a Figure.

`python -m experiments` runs them all; `experiments.record` defines what each has and writes.
"""

SECONDS = {
    "fig1": 0,
    "fig2": 0,
    "fig3": 0,
    "fig4a": 0,
    "fig4b": 0,
    "glyphs": 0,
    "tables": 0,
    "fig5": 0,
    "fig6": 0,
    "fig7": 0,
    "section_4_robustness": 0,
    "retrieval": 0,
    "exchange_law": 0,
    "late_slopes": 0,
    "frozen_gap": 0,
    "mean_field": 0,
    "margin_flow": 0,
    "optimisers": 0,
    "swapping": 0,
    "closing_rates": 0,
    "sharper_bounds": 0,
    "landscape": 0,
    "real_clip": 0,
}
"""All experiments in their order, and about how many seconds each takes on two cores."""

NAMES = tuple(SECONDS)
