"""A night of alarms: copies of the function, all senders, a cloud with faults, simulated time.

    python -m tests.simulation --seeds 5 --events 2000 --processes 3

One seed makes one night (`night.play`): waves of deliveries (`senders`, `trouble`) reach the copies
of the function (`copies`: the threads of one process, or of several) while the stand-in of the
cloud API has its own troubles (`weather`). Within a wave the clock runs as clocks do; between two
waves it jumps, by seconds or by half an hour (`clock`). What the seed decides is the same in every
run: deliveries, faults and behaviour; which thread comes first is not.

What happened is a `history.History`, mostly from the stand-in's own record: deeds, tasks, calls.
`invariants.violations` says what in it must not be; `races.doubles` counts the restarts that two
processes asked for before either could see the other's.
"""
