"""Kafka topics: what `deploy/topics.yaml` states, and how a broker is held to it. No message passes here."""

from shared.topics.broker import apply, check
from shared.topics.stated import Topic, Topics, TopicsError, dead_letter_topic

__all__ = ["Topic", "Topics", "TopicsError", "apply", "check", "dead_letter_topic"]
