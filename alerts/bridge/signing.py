"""How DingTalk and Feishu want to be shown that a message is ours."""

from __future__ import annotations

import base64
import hashlib
import hmac


def dingtalk(secret: str, milliseconds: int) -> str:
    """Signature of the timestamp and the secret under the secret, not yet escaped for an address.

    https://open.dingtalk.com/document/robots/customize-robot-security-settings
    """
    signed = f"{milliseconds}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def feishu(secret: str, seconds: int) -> str:
    """Signature of nothing under the timestamp and the secret.

    https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
    """
    key = f"{seconds}\n{secret}".encode()
    return base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()
