"""Whatever goes wrong, told in the form that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from interleaf.errors import InterleafError, InvalidInput
from interleaf_gemma.serving.engine import Busy
from interleaf_gemma.serving.host import NoSuchModel, TooLong
from interleaf_gemma.serving.replies import refusal


def add_refusals(app: FastAPI) -> None:
    """Let every exception of a request end as an error body."""
    for kind in (RequestValidationError, HTTPException, InterleafError):
        app.add_exception_handler(kind, _told)


def _told(request: Request, error: Exception) -> JSONResponse:
    status, body = refused(error)
    return JSONResponse(body, status_code=status)


def refused(error: Exception) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the body for an exception."""
    if isinstance(error, RequestValidationError):
        return 400, _invalid(error)
    if isinstance(error, HTTPException):
        return error.status_code, refusal(str(error.detail))
    if isinstance(error, NoSuchModel):
        return 404, refusal(str(error), param="model", code="model_not_found")
    if isinstance(error, TooLong):
        return 400, refusal(str(error), code="context_length_exceeded")
    if isinstance(error, InvalidInput):
        return 400, refusal(str(error))
    if isinstance(error, Busy):
        return 503, refusal(str(error), "overloaded_error")
    if isinstance(error, InterleafError):
        return 500, refusal(str(error), "server_error")
    return 500, refusal(f"{type(error).__name__} in the server", "server_error")


def _invalid(error: RequestValidationError) -> dict[str, Any]:
    first: Any = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return refusal(f"{where}: {first['msg']}", param=where)
