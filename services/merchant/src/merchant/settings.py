"""What merchant needs to run, from the environment; every variable begins with MERCHANT_."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of merchant."""

    model_config = SettingsConfigDict(env_prefix="MERCHANT_", frozen=True, extra="ignore")

    mongo_database: str = "merchant"
    agreement_lead_s: Annotated[
        float,
        Field(ge=0, le=31_536_000, description="how long before its effect a change of an agreement is announced"),
    ] = 3_600.0
