"""What the institution needs to run, checked at start; nothing is read from the environment later."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each field is an environment variable `SANDBOX_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_", frozen=True, extra="ignore")

    environment: Annotated[
        Literal["", "test"], Field(description="`test`: tests may set the institution's clock ahead")
    ] = ""
    keys_dir: Annotated[
        Path | None, Field(description="a folder of keys by which callbacks are signed, a file of each profile's name")
    ] = None
    database: Annotated[Path, Field(description="the file of the institution's books; made if it is not there")]


def load() -> Settings:
    """Return the settings from the environment; else say which variable to set, and exit with status 2."""
    try:
        return Settings()
    except ValidationError as error:
        refuse(
            f"{'_'.join(('SANDBOX', *map(str, problem['loc']))).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )


def refuse(problems: Iterable[str]) -> NoReturn:
    """Say which variable is wrong and why, and exit with status 2."""
    sys.stderr.write("Cannot start. Set these environment variables:\n" + "".join(f"  {it}\n" for it in problems))
    raise SystemExit(2) from None
