"""Benchmarks: what an event costs, beside what its rivals cost in the same run.

`python -m benchmarks run` prints the table of `make bench` and writes it, with everything
that was measured, to a JSON file below `.benchmarks/`; `compare OLD NEW` sets two such files side
by side. Ours and its rivals run in turns, each in processes of its own, against a responder that
costs next to nothing; a ratio is the median of the ratios of single rounds, so that noise meets all
alike.
"""
