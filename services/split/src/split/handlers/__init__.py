"""Use cases. Each one reads load, decide, record."""

from split.handlers.adjustments import Adjustments
from split.handlers.approvals import ApprovalHandlers
from split.handlers.byhand import HoldHandlers
from split.handlers.charges import ChargeReviews
from split.handlers.checkpoints import CheckpointSweep
from split.handlers.clock import Deadlines
from split.handlers.facts import FactHandlers
from split.handlers.lates import Corrections
from split.handlers.legs import LegDeeds
from split.handlers.merchants import MerchantHandlers
from split.handlers.movements import MovementHandlers
from split.handlers.orders import OrderHandlers
from split.handlers.payable import Payable
from split.handlers.payouts import PayoutHandlers
from split.handlers.previews import PreviewHandlers
from split.handlers.receivers import ReceiverHandlers
from split.handlers.refunds import RefundHandlers, RefundRetries
from split.handlers.releases import Releases
from split.handlers.reviews import Moments, Reviews
from split.handlers.rewards import Rewards
from split.handlers.rules import RuleHandlers
from split.handlers.stops import StopHandlers
from split.handlers.wakes import Waker

__all__ = [
    "Adjustments",
    "ApprovalHandlers",
    "ChargeReviews",
    "CheckpointSweep",
    "Corrections",
    "Deadlines",
    "FactHandlers",
    "HoldHandlers",
    "LegDeeds",
    "MerchantHandlers",
    "Moments",
    "MovementHandlers",
    "OrderHandlers",
    "Payable",
    "PayoutHandlers",
    "PreviewHandlers",
    "ReceiverHandlers",
    "RefundHandlers",
    "RefundRetries",
    "Releases",
    "Reviews",
    "Rewards",
    "RuleHandlers",
    "StopHandlers",
    "Waker",
]
