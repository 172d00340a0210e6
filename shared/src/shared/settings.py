"""Settings that every service has, checked at start. A service adds its own and its prefix; nothing is read later."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.mongo import checked_url

LATENCY: Final = "LATENCY"
COST: Final = "COST"
PRESETS: Final = {
    LATENCY: {"fetch_min_bytes": 50_000, "fetch_max_wait_ms": 50},
    COST: {"fetch_min_bytes": 800_000, "fetch_max_wait_ms": 300},
}
"""The latency-cost dial: `LATENCY=low` waits less for a batch to fill, `COST=low` longer, so that a larger one costs
less an order. What each brings is measured in docs/benchmarks.md."""
SESSION_TIMEOUT_MS_MIN: Final = 6_000
"""What Kafka's brokers take at least, unless configured otherwise."""


class ServiceSettings(BaseSettings):
    """What a service needs to run. Each field is an environment variable `<SERVICE>_<FIELD>`, but `LATENCY` and `COST`.

    These two, one dial for all services, choose the defaults of `fetch_min_bytes` and `fetch_max_wait_ms`.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    kafka_bootstrap: Annotated[str, Field(min_length=1, description="host:port of a Kafka broker")]
    mongo_url: Annotated[
        str,
        Field(pattern=r"^mongodb(\+srv)?://", description="URL of a MongoDB replica set"),
        AfterValidator(checked_url),
    ]
    mongo_database: Annotated[str, Field(min_length=1, max_length=63)]
    environment: Literal["production", "test"] = "production"
    marketplaces_file: Path = Path("deploy/marketplaces.yaml")
    topics_file: Path = Path("deploy/topics.yaml")
    fetch_min_bytes: Annotated[int, Field(ge=1, description="the latency-cost dial: wait for this many bytes")] = (
        400_000
    )
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=5_000, description="but never longer than this")] = 240
    session_timeout_ms: Annotated[
        int,
        Field(
            ge=SESSION_TIMEOUT_MS_MIN,
            le=60_000,
            description="a killed replica's partitions are served again after this",
        ),
    ] = 15_000
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    latency: Annotated[Literal["", "low"], Field(validation_alias=LATENCY)] = ""
    cost: Annotated[Literal["", "low"], Field(validation_alias=COST)] = ""

    @field_validator("cost", mode="after")
    @classmethod
    def _one_way(cls, cost: str, found: ValidationInfo) -> str:
        if cost and found.data.get("latency"):
            message = "LATENCY=low and COST=low are two ends of one dial; set one of them"
            raise ValueError(message)
        return cost

    @model_validator(mode="before")
    @classmethod
    def _turn_dial(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let a preset choose; a fetch setting of the service's own stands."""
        for name, preset in PRESETS.items():
            if given.get(name):
                return preset | given
        return given


def load[S: BaseSettings](settings: type[S]) -> S:
    """Return the settings from the environment; else say which variable to set, and exit with status 2."""
    try:
        return settings()
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        lines = [
            f"  {_variable(prefix, '_'.join(str(part) for part in problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        sys.stderr.write("Cannot start. Set these environment variables:\n" + "\n".join(lines) + "\n")
        raise SystemExit(2) from None


def _variable(prefix: str, field: str) -> str:
    return field if field in PRESETS else f"{prefix}{field}".upper()
