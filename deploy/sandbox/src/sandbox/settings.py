"""What the institution needs to run, checked at start; nothing is read from the environment later."""

import sys
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is an environment variable `SANDBOX_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore")

    mongo_url: Annotated[str, Field(pattern=r"^mongodb(\+srv)?://[^/]", description="URL of a MongoDB replica set")]
    mongo_database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,63}$")] = "sandbox"


def load() -> Settings:
    """Return the settings from the environment; else say which variable to set, and exit with status 2."""
    try:
        return Settings()
    except ValidationError as error:
        problems = [
            f"  {'_'.join(('SANDBOX', *map(str, problem['loc']))).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        sys.stderr.write("Cannot start. Set these environment variables:\n" + "\n".join(problems) + "\n")
        raise SystemExit(2) from None
