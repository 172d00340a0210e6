"""Kafka topics as the file states them. Pure but for reading that file; a broker is asked elsewhere.

A topic is stated once: who publishes it, who reads it, how it is kept. Dead-letter topics follow from its readers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
Config = dict[str, str | int]


class TopicsError(Exception):
    """The file has a mistake, or a broker does not stand as the file says; the message lists what and where."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Kept(_Strict):
    partitions: Annotated[int, Field(ge=1, le=1_000)]
    replication_factor: Annotated[int, Field(ge=1, le=9)]
    config: Config


class _Override(_Strict):
    replication_factor: Annotated[int, Field(ge=1, le=9)]
    config: Config = {}


class _Entry(_Strict):
    key: Annotated[str, StringConstraints(pattern=r"^<marketplace>/<[a-z_]+(?: or [a-z_]+)*>$")]
    owner: Name
    also_published_by: list[Name] = []
    consumers: Annotated[list[Name], Field(min_length=1)] = []
    config: Config = {}


class _File(_Strict):
    defaults: _Kept
    dead_letters: _Kept
    overrides: dict[Name, _Override] = {}
    topics: Annotated[dict[Name, _Entry], Field(min_length=1)]


class Topic(_Strict):
    """One topic as it should stand on a broker. `dead_letters_of` names the topic whose bad records it takes."""

    name: str
    key: str
    owner: str
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int
    replication_factor: int
    config: dict[str, str]
    dead_letters_of: str | None = None


class Topics:
    """Every topic of a cluster, or those that one service touches."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        """Keep the order of the file."""
        self._topics = {topic.name: topic for topic in topics}

    @classmethod
    def load(cls, path: Path, override: str | None = None) -> Self:
        """Return what the file says, with one of its overrides laid over it.

        Raises:
            TopicsError: the file cannot be read, is not YAML, or breaks a rule; the message says where.

        """
        try:
            file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            message = f"{path}: cannot be read as YAML: {error}"
            raise TopicsError(message) from error
        except ValidationError as error:
            mistakes = ((".".join(map(str, it["loc"])) or "the whole file", it) for it in error.errors())
            message = "\n".join(f"{path}: {place}: {it['msg']} (found {it['input']!r})" for place, it in mistakes)
            raise TopicsError(message) from error
        if override is not None and override not in file.overrides:
            message = f"{path}: has no override {override!r}; it has {', '.join(file.overrides) or 'none'}"
            raise TopicsError(message)
        return cls(list(_stated(file, file.overrides[override] if override else None)))

    def __iter__(self) -> Iterator[Topic]:
        """Topics in the order of the file, each followed by its dead letters."""
        return iter(self._topics.values())

    def __getitem__(self, name: str) -> Topic:
        """Return the topic of that name; KeyError where there is none."""
        return self._topics[name]

    def of(self, service: str) -> "Topics":
        """Return what one service touches: what it publishes, what it reads, its own dead letters."""
        return Topics([it for it in self if service in it.publishers or service in it.consumers])


def dead_letter_topic(topic: str, service: str) -> str:
    """Return where `service` puts those records of `topic` that it cannot take."""
    return f"{topic}.{service}.dlq"


def _stated(file: _File, override: _Override | None) -> Iterator[Topic]:
    for name, entry in file.topics.items():
        yield Topic(
            name=name,
            key=entry.key,
            owner=entry.owner,
            publishers=(entry.owner, *entry.also_published_by),
            consumers=tuple(entry.consumers),
            partitions=file.defaults.partitions,
            replication_factor=(override or file.defaults).replication_factor,
            config=_laid_over(file.defaults.config, entry.config, override),
        )
        for service in entry.consumers:
            yield Topic(
                name=dead_letter_topic(name, service),
                key=entry.key,
                owner=service,
                publishers=(service,),
                consumers=(),
                partitions=file.dead_letters.partitions,
                replication_factor=(override or file.dead_letters).replication_factor,
                config=_laid_over(file.dead_letters.config, {}, override),
                dead_letters_of=name,
            )


def _laid_over(below: Config, own: Config, override: _Override | None) -> dict[str, str]:
    return {name: str(value) for name, value in {**below, **own, **(override.config if override else {})}.items()}
