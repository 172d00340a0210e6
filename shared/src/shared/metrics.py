"""What the kit measures of itself, under the names that alerts and dashboards use. Per batch, never per message."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 45.0)
RECORDS: Final = (1, 5, 10, 25, 50, 100, 200, 300, 400, 500)


class KitMetrics:
    """Counters of one service; a registry of its own, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.batch_records = Histogram(
            "weir_batch_records", "Records taken in one fetch.", ["topic"], buckets=RECORDS, registry=self.registry
        )
        self.transaction_seconds = Histogram(
            "weir_transaction_seconds", "Time of one transaction.", buckets=SECONDS, registry=self.registry
        )
        self.transaction_retries = Counter(
            "weir_transaction_retries", "Transactions run again after a conflict.", registry=self.registry
        )
        self.records = Counter("weir_records", "Records by fate.", ["topic", "fate"], registry=self.registry)
        self.dlq_records = Counter(
            "weir_dlq_records", "Records given to the dead letters.", ["topic", "disposition"], registry=self.registry
        )
        self.parked_keys = Gauge("weir_parked_keys", "Aggregates that wait for an operator.", registry=self.registry)
        self.outbox_oldest_seconds = Gauge(
            "weir_outbox_oldest_seconds", "Age of the oldest unpublished event.", registry=self.registry
        )
        self.rebalances = Counter("weir_rebalances", "Assignments received.", ["topic"], registry=self.registry)
        self.paused = Gauge(
            "weir_consumer_paused", "1 while a consumer is paused.", ["topic", "reason"], registry=self.registry
        )
        self.loop_lag_seconds = Gauge(
            "weir_event_loop_lag_seconds", "How late the event loop runs its timers.", registry=self.registry
        )
        self.swept = Counter("weir_swept", "Documents that a sweep had to do.", ["sweep"], registry=self.registry)
