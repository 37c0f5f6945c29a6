"""Apparatus of Section 4: two small encoders, their data, training, measures and verdicts.

`runs` trains every method on all data and `tables` writes what came out; `verdicts` and `results`
judge it for `docs/results.md`, `scatter` draws it for Figures 5 to 7. `first_steps` and `late_gap`
train the same encoders for Figure 4.
"""
