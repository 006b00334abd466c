"""Simulate hours of alarms against replicas of the function, with a cloud that lags and fails.

    python -m tests.simulation --seeds 5 --events 2000 --processes 3

One seed makes one run (`run.Simulation`): waves of deliveries (`senders`, `traffic`) reach the
replicas of the function (`replicas`: the threads of one process, or several processes, without and
with a shared ledger). The fake cloud API shows restarts up to a minute late, in some runs without
a task or under another name, and has faults (`cloud_faults`). Replicas may have a wrong clock.
Within a wave the clock runs in real time; between two waves it jumps, by seconds or by half an hour
(`clock`). The seed fixes deliveries, faults and behaviour; the order of threads varies.

The outcome is a `history.History`, mostly from the record of the fake: effects, tasks, calls.
`invariants.violations` returns the broken invariants; `races.doubles` counts double restarts by
several processes without a ledger, which could not know of each other's calls.
"""
