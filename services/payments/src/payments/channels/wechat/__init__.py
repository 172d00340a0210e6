"""WeChat Pay, API v3, profit sharing of a merchant with its own number (普通商户分账): real HTTP, no sandbox.

Sources: pay.weixin.qq.com, documents of API v3 (签名, 验签, 分账, 退款, 账单); decision 0030.
"""

from payments.channels.wechat.channel import WechatChannel
from payments.channels.wechat.credentials import Credentials, CredentialsError, Wallet
from payments.channels.wechat.ear import WechatEar

__all__ = ["Credentials", "CredentialsError", "Wallet", "WechatChannel", "WechatEar"]
