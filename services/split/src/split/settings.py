"""What split needs to run, from the environment; every variable begins with SPLIT_."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The settings of split."""

    model_config = SettingsConfigDict(env_prefix="SPLIT_", frozen=True, extra="ignore")

    mongo_database: str = "split"
