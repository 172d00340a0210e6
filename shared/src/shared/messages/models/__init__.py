"""The contracts as pydantic models: for HTTP, documents and tests. Their twins on the hot path are the structs."""

from shared.messages.contract import Event
from shared.messages.models.contract import EventModel, Model
from shared.messages.models.merchant import MerchantChanged
from shared.messages.models.payments import OrderRejected, PayoutSettled, SplitRequested
from shared.messages.models.split import PayoutRequested
from shared.messages.models.upstream import OrderPaid

__all__ = [
    "EventModel",
    "MerchantChanged",
    "Model",
    "OrderPaid",
    "OrderRejected",
    "PayoutRequested",
    "PayoutSettled",
    "SplitRequested",
    "model_of",
]

_MODELS: dict[str, type[EventModel]] = {
    model.__name__: model
    for model in (OrderPaid, OrderRejected, SplitRequested, PayoutRequested, PayoutSettled, MerchantChanged)
}


def model_of(struct: type[Event]) -> type[EventModel]:
    """Return the model of a contract; twins have one name."""
    return _MODELS[struct.__name__]
