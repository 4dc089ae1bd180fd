"""`make bench`: what a run costs, beside our peers on the same machine, with the same graphs, in the same run.

`__main__.py` is the order of events, `systems.py` what every system can do, `ours.py` and `peers/` the systems, `rows/`
one thing measured each; `table.py`, `chart.py` and `scale.py` are what is made of the figures.
"""
