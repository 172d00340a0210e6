"""What split needs to run, from the environment; every variable begins with SPLIT_."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of split."""

    model_config = SettingsConfigDict(env_prefix="SPLIT_", frozen=True, extra="ignore")

    mongo_database: str = "split"
    rules_lead_s: Annotated[
        float,
        Field(
            ge=0, le=31_536_000, description="how long before its effect a change of a marketplace's rules is stated"
        ),
    ] = 3_600.0
