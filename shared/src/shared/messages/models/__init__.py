"""The contracts as pydantic models: for HTTP, documents and tests. Their twins on the hot path are the structs."""

from shared.messages.contract import Event
from shared.messages.models.aftersale import CaseChanged, RefundApproved
from shared.messages.models.bindings import BindingRequested, BindingSettled
from shared.messages.models.contract import EventModel, Model
from shared.messages.models.merchant import MerchantChanged
from shared.messages.models.payments import ChannelMoved, OrderRejected, PayoutSettled, RefundSettled, SplitRequested
from shared.messages.models.split import PayoutRequested, RefundRequested
from shared.messages.models.upstream import OrderPaid, OrderProgressed

__all__ = [
    "BindingRequested",
    "BindingSettled",
    "CaseChanged",
    "ChannelMoved",
    "EventModel",
    "MerchantChanged",
    "Model",
    "OrderPaid",
    "OrderProgressed",
    "OrderRejected",
    "PayoutRequested",
    "PayoutSettled",
    "RefundApproved",
    "RefundRequested",
    "RefundSettled",
    "SplitRequested",
    "model_of",
]

_MODELS: dict[str, type[EventModel]] = {
    model.__name__: model
    for model in (
        OrderPaid,
        OrderRejected,
        SplitRequested,
        PayoutRequested,
        PayoutSettled,
        MerchantChanged,
        OrderProgressed,
        CaseChanged,
        RefundApproved,
        RefundRequested,
        RefundSettled,
        ChannelMoved,
        BindingRequested,
        BindingSettled,
    )
}


def model_of(struct: type[Event]) -> type[EventModel]:
    """Return the model of a contract; twins have one name."""
    return _MODELS[struct.__name__]
