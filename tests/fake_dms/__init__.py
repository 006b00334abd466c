"""A fake of the DMS for Kafka v2 API: a real HTTP server on loopback with configurable faults.

    from tests.fake_dms import Behaviour, Clock, Hold, Reset, FakeDms, throttled

    with FakeDms(Behaviour(restart_seconds=60), clock=clock) as cloud:
        cloud.add_instance("54602a9d-…", status="ERROR", tags={"team": "a"})
        settings = cloud.environment()          # AK, SK, project id, DMS_ENDPOINT, CA_BUNDLE_FILE
        cloud.fault(Reset(at="done"), kind="action")
        ...
        assert len(cloud.posts) == 1

FakeDms(behaviour=Behaviour(), account=Account(), endpoint=Endpoint(), clock=time.time)
    .url   .address   .behaviour (its fields may be changed)   .account   .clock   .observer
    .environment(with_token=False)                  settings that reach it
    .add_instance(id, **fields)                     fields of `Instance`: status, name, tags …
    .add_failed_creation(id, name=…, engine=…)      what a purge deletes
    .set_status(id, status)                         also ends a running restart or deletion
    .instance(id) -> Instance   .instances          as shown now (KeyError when gone)
    .add_task(instance_id, **fields) -> Task        fields of `Task`; times are epoch or text
    .remove_task(instance_id, task_id)   .tasks(instance_id)
    .effects                                        executed actions: Effect values
    .published                                      messages accepted by the SMN topic: Publication
    .arrivals   .posts   .arrived(kind)             Arrival values in order of arrival
    .connections                                    how many were opened
    .wait_for(count, kind="any", timeout=10)        blocks until so many arrived
    .wait_for_connections(count, timeout=10)
    .fault(fault, kind="any", times=1, skip=0)      times=None: until clear_faults()
    .clear_faults()   .release()   .faults_left
    .forget()                                       empties the log and the effects

Kinds of call: list, show, tasks, topics, recycle, action, publish, other; any matches them all;
connection is the moment before anything is read: the kind of a fault with at="connect".

SMN's publish call is answered on the same endpoint, for the one topic `account.topic_urn`.

Stages (`at`): connect (nothing read), head (body not read), request (read, not done), done (done,
not answered), answer (half of the answer sent).

Faults: Reset(at) · Close(at) · Hold(at, release, then) · Raw(data, at) · Reply(status, body,
headers, acts) · Alter(change) · Rows(change) · Drip(part, interval) · BrokenChunks() ·
WrongLength(difference); ready-made Replies: vendor_error, throttled, html, redirect, gzip_bomb.
All execute the action, except Reply, and Reset, Close, Hold and Raw before "done".

`caller.Caller(cloud)` is a signed client independent of the function:
.get(path, **query), .act(**body).

Closing ends all connections; a `Hold` whose event is set later still executes its action.
`python -m tests.fake_dms` starts it alone; see `control` for its control page.
"""

from .answer import Answer
from .behaviour import Account, Behaviour, Clock, Endpoint
from .broken_answers import BrokenChunks, Drip, WrongLength
from .cloud import Effect, Instance, Publication, Task
from .faults import Alter, Close, Fault, Hold, Raw, Reply, Reset, Rows
from .ready_made import gzip_bomb, html, redirect, throttled, vendor_error
from .record import Arrival
from .server import FakeDms

__all__ = [
    "Account",
    "Alter",
    "Answer",
    "Arrival",
    "Behaviour",
    "BrokenChunks",
    "Clock",
    "Close",
    "Drip",
    "Effect",
    "Endpoint",
    "FakeDms",
    "Fault",
    "Hold",
    "Instance",
    "Publication",
    "Raw",
    "Reply",
    "Reset",
    "Rows",
    "Task",
    "WrongLength",
    "gzip_bomb",
    "html",
    "redirect",
    "throttled",
    "vendor_error",
]
