"""What stands before every request: its size, the name it calls us by, and a key if one is set."""

from __future__ import annotations

import hmac
import logging
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from interleaf_gemma.serving.refusals import refused
from interleaf_gemma.serving.replies import refusal

LARGEST = 8 << 20  # bytes of a request: far more text than any context holds


def add_guards(app: FastAPI, hosts: list[str], key: str) -> None:
    """``hosts`` keeps web pages of other names away from a loopback server (DNS rebinding)."""
    app.add_middleware(Guard, key=key)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)


class Guard:
    """Refuses bodies over LARGEST bytes, and requests without the key."""

    def __init__(self, app: Any, key: str) -> None:
        self.app, self.key = app, key.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        if (
            self.key
            and scope["path"].startswith("/v1")
            and not self._known(headers.get(b"authorization", b""))
        ):
            body = refusal("wrong or missing key", code="invalid_api_key")
            return await JSONResponse(body, 401)(scope, receive, send)
        if not headers.get(b"content-length", b"0").isdigit() or b"transfer-encoding" in headers:
            body = refusal("a request must state its content-length")
            return await JSONResponse(body, 411)(scope, receive, send)
        if int(headers.get(b"content-length", 0)) > LARGEST:
            body = refusal(f"a request has at most {LARGEST:,} bytes")
            return await JSONResponse(body, 413)(scope, receive, send)
        return await self._held(scope, receive, send)

    async def _held(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer an unforeseen exception, too; left alone it would close the client's connection."""
        begun = False

        async def sent(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            logging.getLogger("interleaf.gemma").exception("a request failed")
            if begun:
                raise
            status, body = refused(error)
            await JSONResponse(body, status)(scope, receive, send)

    def _known(self, given: bytes) -> bool:
        return hmac.compare_digest(given, b"Bearer " + self.key)
