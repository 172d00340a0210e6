"""Binding bank accounts of merchants. Who is bound may receive."""

from sandbox.domain import bindings as rules
from sandbox.domain.bindings import Binding, Bound
from sandbox.handlers.terms import Terms
from sandbox.store import bindings, frozen
from sandbox.store import faults as switches
from sandbox.store.connection import Session


def begin(session: Session, account: str, binding: Binding, terms: Terms) -> Bound | None:
    """Begin to bind, once; None: the number stands for another binding."""
    known = bindings.find(session, account, [binding.number]).get(binding.number)
    if known is not None:
        return known if known.binding == binding else None
    failing = switches.switched(session, account).fail_bindings.get(binding.bank_account)
    bound = rules.begin(binding, terms.profile, failing, terms.now)
    _keep(session, account, bound, terms)
    return bound


def verify(session: Session, account: str, number: str, said: str, terms: Terms) -> Bound | None:
    """Take what the merchant says it was sent; None: there is no such binding."""
    known = bindings.find(session, account, [number]).get(number)
    if known is None:
        return None
    bound = rules.verify(known, said, terms.now)
    if bound != known:
        _keep(session, account, bound, terms)
    return bound


def _keep(session: Session, account: str, bound: Bound, terms: Terms) -> None:
    bindings.keep(session, account, bound)
    if bound.state == "succeeded":
        frozen.bind(session, account, "", f"merchant:{bound.binding.merchant}", "merchant")
    if bound.state != "verifying":
        event = ("binding.changed", {"number": bound.binding.number, "state": bound.state})
        terms.callbacks.tell(session, account, [event], terms.now)
