"""What payments counts of what institutions say by themselves."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter

from shared.profiles import shipped


class SignalMetrics:
    """Counters of what institutions say by themselves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._callbacks = Counter(
            "weir_callbacks", "Callbacks that were believed.", ["channel", "type", "outcome"], registry=registry
        )
        self._not_believed = Counter(
            "weir_callbacks_not_believed", "Callbacks answered with 401.", ["channel", "reason"], registry=registry
        )
        self._disagreements = Counter(
            "weir_disagreements", "Callbacks that the institution contradicted.", ["channel", "type"], registry=registry
        )

    def callback(self, profile: str, kind: str, outcome: Literal["new", "repeated"]) -> None:
        """Count a callback that is stored."""
        self._callbacks.labels(profile, kind, outcome).inc()

    def not_believed(self, profile: str, reason: str) -> None:
        """Count one that is not believed. Whoever sends it chooses the name of the profile: only known ones count."""
        known = shipped().find(profile)
        self._not_believed.labels(known.name if known else "unknown", reason).inc()

    def disagreement(self, profile: str, kind: str) -> None:
        """Count a case."""
        self._disagreements.labels(profile, kind).inc()
