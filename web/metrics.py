"""``/metrics``: how much work waits and how late it is, for Prometheus.

Enters: a request with the token of ``FORMWORK_METRICS_TOKEN``. Leaves: the text format. Must not tell anything of a
record or a person, nor be there at all without a token.
"""

import hmac
from collections.abc import Iterator
from typing import Any

from flask import Response, abort, request

from engine.automation import backlog
from web.gate import open_to_all, settings, store


@open_to_all
def metrics() -> Any:
    """Answer with the figures of this moment."""
    token = settings().metrics_token
    if token is None:
        abort(404)
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(sent.encode(), token.encode()):
        abort(401)
    from prometheus_client import CollectorRegistry, generate_latest  # seven megabytes, for whoever asks only
    from prometheus_client.exposition import CONTENT_TYPE_LATEST

    registry = CollectorRegistry()
    registry.register(_Backlog())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Backlog:
    """What waits, as Prometheus collects it."""

    def collect(self) -> Iterator[Any]:
        """Yield one gauge for each figure, by queue."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        with store().read() as session:
            found, now, release = backlog.measure(session), session.now(), session.release_id
        families = {
            "due": GaugeMetricFamily("formwork_queue_due", "Work that is due and not done", labels=["queue"]),
            "later": GaugeMetricFamily("formwork_queue_later", "Work that is due later", labels=["queue"]),
            "parked": GaugeMetricFamily("formwork_queue_parked", "Work that waits for a person", labels=["queue"]),
            "late": GaugeMetricFamily(
                "formwork_queue_lateness_seconds", "How long the oldest work has been due", labels=["queue"]
            ),
        }
        for queue in found:
            families["due"].add_metric([queue.name], queue.due)
            families["later"].add_metric([queue.name], queue.later)
            families["parked"].add_metric([queue.name], queue.parked)
            families["late"].add_metric([queue.name], queue.lateness(now).total_seconds())
        yield from families.values()
        yield GaugeMetricFamily("formwork_release", "The number of the release that holds", value=release or 0)
