"""Settings that every service has, checked at start. A service adds its own and its prefix; nothing is read later."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.mongo import checked_url


class ServiceSettings(BaseSettings):
    """What a service needs to run. Each field is an environment variable `<SERVICE>_<FIELD>`."""

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
        200_000
    )
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=5_000, description="but never longer than this")] = 150
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def load[S: BaseSettings](settings: type[S]) -> S:
    """Return the settings from the environment; else say which variable to set, and exit with status 2."""
    try:
        return settings()
    except ValidationError as error:
        prefix = settings.model_config.get("env_prefix", "")
        lines = [
            f"  {prefix}{'_'.join(str(part) for part in problem['loc'])}".upper() + f": {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        sys.stderr.write("Cannot start. Set these environment variables:\n" + "\n".join(lines) + "\n")
        raise SystemExit(2) from None
