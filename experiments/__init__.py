"""One module per figure or table: `compute(...)` gives numbers, `draw(numbers)` a Figure.

`python -m experiments` runs them all; `experiments.record` defines what each has and writes.
"""

SECONDS = {
    "clip_gap": 2,
    "fig1": 3,
    "fig2": 3,
    "fig3": 1,
    "fig4a": 50,
    "fig4b": 50,
    "glyphs": 1,
    "tables": 380,
    "fig5": 1,
    "fig6": 1,
    "fig7": 1,
    "section_4_robustness": 1,
    "retrieval": 10,
    "exchange_law": 20,
    "late_slopes": 7,
    "frozen_gap": 25,
    "mean_field": 25,
    "margin_flow": 25,
    "sigmoid": 20,
    "sigmoid_optimum": 2,
    "sigmoid_clip": 60,
    "optimisers": 15,
    "swapping": 12,
    "closing_rates": 3,
    "sharper_bounds": 30,
    "landscape": 3,
    "real_clip": 60,
}
"""All experiments in their order, and about how many seconds each takes on two cores."""

NAMES = tuple(SECONDS)
