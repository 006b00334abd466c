"""The traffic of a run: which instances fail, and which events are sent in each wave."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .history import Ask, Delivery
from .instances import Instances
from .senders import Senders

REMEMBERED = 300


@dataclass(slots=True)
class Traffic:
    """Makes the deliveries of each wave; one seed decides all of them."""

    names: Instances
    random: Random
    key: RSAPrivateKey
    forged_key: RSAPrivateKey
    _hot: tuple[str, ...] = ()
    _since: dict[str, float] = field(default_factory=dict)
    _sent: list[Delivery] = field(default_factory=list)
    _senders: Senders = field(init=False)

    def wave(self, now: float, count: int) -> list[Delivery]:
        """Return so many deliveries about current and past failures."""
        self._senders = Senders(self.key, self.random, now)
        self._hot = tuple(self.random.sample(self.names.ordinary, self.random.randint(1, 4)))
        for instance in self._hot:
            if instance not in self._since or self.random.random() < 0.6:
                self._since[instance] = now - self.random.uniform(0, 90)
        kinds, weights = tuple(KINDS), tuple(KINDS.values())
        made = [self._carried(kind(self)) for kind in self.random.choices(kinds, weights, k=count)]
        self._sent = [*self._sent, *made][-REMEMBERED:]
        return made

    def _carried(self, delivery: Delivery) -> Delivery:
        through = delivery.path is not None and self.random.random() < 0.3
        return replace(delivery, gateway=through)

    def _raised(self, instance: str) -> float | None:
        dice, now = self.random.random(), self._senders.now
        if dice < 0.1:
            return None
        return now - self.random.uniform(0, 7200) if dice < 0.2 else self._since.get(instance, now)

    def _firing(self, most: int, *, genuine: bool = True) -> Ask:
        some = self.random.sample(self._hot, min(self.random.randint(1, most), len(self._hot)))
        if self.random.random() < 0.15:
            some[0] = self.random.choice(self.names.untouchable)
        raised = {instance: self._raised(instance) for instance in some}
        return Ask(instances=tuple(some), raised=raised, genuine=genuine)

    def group(self) -> Delivery:
        """A group of alerts, perhaps with one that is resolved."""
        resolved = self.random.sample(self.names.ordinary, self.random.choice((0, 0, 1)))
        ask = self._firing(3)
        resolved = [one for one in resolved if one not in ask.instances]
        kind = self.random.choice((self._senders.alertmanager, self._senders.grafana))
        return kind(ask, resolved=resolved)

    def over(self) -> Delivery:
        """A group of which everything is resolved, or an alarm that is over."""
        instance = self.random.choice(self._hot)
        if self.random.random() < 0.5:
            return self._senders.alertmanager(Ask(), resolved=[instance])
        status = self.random.choice(("ok", "insufficient_data"))
        message = self._senders.alarm(Ask(instances=(instance,)), status=status)
        return self._senders.smn(Ask(), message)

    def alarm(self) -> Delivery:
        """An alarm of the monitoring service over HTTPS."""
        ask = self._firing(1)
        return self._senders.smn(ask, self._senders.alarm(ask))

    def alarm_by_trigger(self) -> Delivery:
        """One to three alarms at the event entrypoint."""
        asks = [self._firing(1) for _ in range(self.random.randint(1, 3))]
        return self._senders.smn_trigger([(ask, self._senders.alarm(ask)) for ask in asks])

    def other_metric(self) -> Delivery:
        """An alarm that no restart answers."""
        ask = Ask(instances=(self.random.choice(self._hot),))
        return self._senders.smn(Ask(), self._senders.alarm(ask, metric="disk_usage"))

    def from_the_future(self) -> Delivery:
        """An alarm whose sender's clock is wrong."""
        ask = self._firing(1)
        ahead = replace(self._senders, now=self._senders.now + 1200)
        return ahead.smn(ask, ahead.alarm(ask))

    def request(self) -> Delivery:
        """A person or a schedule asks for a restart."""
        ask = replace(self._firing(2), raised=None)
        senders = self._senders
        kinds = (senders.direct, senders.cloudevent, senders.timer, senders.schedule)
        return self.random.choice(kinds)(ask)

    def topic_request(self) -> Delivery:
        """A request document comes as the message of a topic."""
        ask = replace(self._firing(1), raised=None)
        message = self._senders.document(ask)
        return self._senders.smn(ask, json.dumps(message))

    def purge(self) -> Delivery:
        """A permitted sender asks for a purge."""
        senders = self._senders
        kinds = (senders.direct, senders.cloudevent, senders.timer, senders.schedule)
        return self.random.choice(kinds)(Ask("purge_failed"))

    def delete(self) -> Delivery:
        """A person deletes instances, with confirmation."""
        some = self.random.sample(self.names.disposable, self.random.randint(1, 2))
        if self.random.random() < 0.3:
            some.append(self.random.choice(self.names.untouchable))
        return self._senders.direct(Ask("delete", tuple(some)))

    def forged(self) -> Delivery:
        """An unauthenticated copy of a genuine event."""
        ask, senders = self._firing(3, genuine=False), self._senders
        one = self._firing(1, genuine=False)
        bare = replace(ask, raised=None)
        effect = Ask("delete", self.names.ordinary[:2], genuine=False)
        kinds: tuple[Callable[[], Delivery], ...] = (
            lambda: senders.alertmanager(ask),
            lambda: senders.grafana(ask),
            lambda: senders.direct(bare),
            lambda: senders.direct(effect),
            lambda: senders.direct(Ask("purge_failed", genuine=False)),
            lambda: senders.cloudevent(bare),
            lambda: senders.smn(one, senders.alarm(one)),
            lambda: senders.smn(one, senders.alarm(one), key=self.forged_key),
        )
        return self.random.choice(kinds)()

    def forbidden(self) -> Delivery:
        """An authenticated sender asks for an action that it may not ask for."""
        senders, honest = self._senders, Ask("delete", self.names.disposable[:1])
        ask = replace(honest, genuine=False)
        purge = Ask("purge_failed", genuine=False)
        crossed = replace(senders.direct(honest), asks=(ask,))
        kinds: tuple[Callable[[], Delivery], ...] = (
            lambda: senders.timer(ask),
            lambda: senders.schedule(ask),
            lambda: replace(senders.cloudevent(honest), asks=(ask,)),
            lambda: senders.smn_trigger([(purge, json.dumps(senders.document(purge)))]),
            lambda: senders.smn_trigger([(ask, json.dumps(senders.document(ask)))]),
            lambda: replace(crossed, body=crossed.body.replace(b"confirm", b"conform")),
            lambda: replace(crossed, body=crossed.body[:-2]),
        )
        return self.random.choice(kinds)()

    def echo(self) -> Delivery:
        """Our own result event, delivered back."""
        delivery = self._senders.cloudevent(Ask("purge_failed"))
        old, new = b"dev.kafka-remediator.request.v1", b"dev.kafka-remediator.result.v1"
        headers = {
            name: value.replace(old.decode(), new.decode())
            for name, value in delivery.headers.items()
        }
        return replace(delivery, body=delivery.body.replace(old, new), headers=headers, asks=())

    def again(self) -> Delivery:
        """A redelivery of an earlier event, late and out of order."""
        return self.random.choice(self._sent) if self._sent else self.group()


KINDS: dict[Callable[[Traffic], Delivery], int] = {
    Traffic.group: 20,
    Traffic.alarm: 12,
    Traffic.alarm_by_trigger: 8,
    Traffic.over: 6,
    Traffic.other_metric: 2,
    Traffic.from_the_future: 2,
    Traffic.request: 8,
    Traffic.topic_request: 3,
    Traffic.purge: 3,
    Traffic.delete: 3,
    Traffic.forged: 10,
    Traffic.forbidden: 5,
    Traffic.echo: 1,
    Traffic.again: 18,
}
