"""What aftersale needs to run, from the environment; every variable begins with AFTERSALE_."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of aftersale."""

    model_config = SettingsConfigDict(env_prefix="AFTERSALE_", frozen=True, extra="ignore")

    mongo_database: str = "aftersale"
