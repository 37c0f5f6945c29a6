"""Apparatus of Section 4: two small encoders, their data, training, measures and verdicts.

`glyphs` and `paired_data` are the data, `recipes` says how long and how fast the encoders learn,
`runs` trains every method, and `tables` writes what came out. `verdicts` and `results` judge it for
`docs/results.md`, `robustness` for twelve recipes, and `scatter` draws it for Figures 5 to 7.
`figure_4`, `first_steps` and `late_gap` train the same encoders for Figure 4.
"""
