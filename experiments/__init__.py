"""One module per figure or table: `compute(...)` gives numbers, `draw(numbers)` a Figure.

`python -m experiments` runs them all; `experiments.record` says what each leaves behind.
"""

NAMES = ("fig1", "fig2", "fig3", "landscape", "real_clip")
