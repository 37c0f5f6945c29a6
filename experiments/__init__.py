"""One module per figure or table: `compute(...)` gives numbers, `draw(numbers)` a Figure.

`python -m experiments` runs them all; `experiments.record` defines what each has and writes.
"""

NAMES = (
    "fig1",
    "fig2",
    "fig3",
    "fig4a",
    "fig4b",
    "glyphs",
    "tables",
    "fig5",
    "fig6",
    "fig7",
    "section_4_robustness",
    "retrieval",
    "exchange_law",
    "late_slopes",
    "frozen_gap",
    "mean_field",
    "margin_flow",
    "optimisers",
    "swapping",
    "closing_rates",
    "sharper_bounds",
    "landscape",
    "real_clip",
)
