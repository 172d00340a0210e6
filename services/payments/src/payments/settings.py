"""What payments needs to run, from the environment; every variable begins with PAYMENTS_."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl
from pydantic_settings import SettingsConfigDict

from payments.channels import chosen, keys
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of payments."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", frozen=True, extra="ignore")

    mongo_database: str = "payments"
    institution_url: Annotated[HttpUrl, Field(description="where the sandbox institution answers")]
    institution_timeout_s: Annotated[float, Field(gt=0, le=120, description="then the outcome is unknown")] = 10.0
    keys_dir: Annotated[
        Path | None,
        AfterValidator(lambda folder: folder and keys.checked(folder)),
        Field(description="the keys shared with institutions; without it no callback is believed"),
    ] = None
    credentials_dir: Annotated[
        Path | None,
        AfterValidator(lambda folder: folder and chosen.checked(folder)),
        Field(description="what WeChat Pay and Stripe know this cluster by; without it the sandbox plays them"),
    ] = None
