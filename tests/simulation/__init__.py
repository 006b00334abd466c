"""Hours of alarms against copies of the function, with a cloud that lags and fails.

    python -m tests.simulation --seeds 5 --events 2000 --processes 3

One seed makes one run (`run.Simulation`): waves of deliveries (`senders`, `traffic`) reach the
copies of the function (`replicas`: the threads of one process, or several processes, without and
with the ledger that they share). The stand-in of the cloud API shows restarts up to a minute late,
in some runs without a task or under another name, and has faults (`cloud_faults`). Copies may have
a wrong clock. Within a wave the clock runs as clocks do; between two waves it jumps, by seconds or
by half an hour (`clock`). What the seed decides is the same in every run: deliveries, faults and
behaviour; which thread comes first is not.

What happened is a `history.History`, mostly from the stand-in's own record: effects, tasks, calls.
`invariants.violations` says what in it must not be; `races.doubles` counts the restarts that
several processes without a ledger asked for because neither could know of the other's.
"""
