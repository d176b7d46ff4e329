"""The protocol as pygls speaks it, with an answer to every request."""

from __future__ import annotations

import json
import logging
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import (
    FeatureNotificationError,
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

_LOGGER = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """The protocol between a server and one client.

    NOTE: pygls leaves requests without an answer if their parameters are wrong or if they come
    after `shutdown`, answers those before `initialize`, and ends the process at `exit`.

    Attributes:
        is_over: whether the client said `exit`.
    """

    is_over = False

    @property
    def is_shut_down(self) -> bool:
        """Whether the client said `shutdown`."""
        return bool(self._shutdown)

    def take(self, body: bytes) -> None:
        """Handle a message as the client sent it."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, JsonRpcParseError.of(error))
            return
        try:
            self._take(message)
        except JsonRpcException as error:
            self._not_taken(message, error)
        except Exception:
            _LOGGER.exception("a message cannot be handled")

    def _take(self, message: Any) -> None:
        """Handle a message. Errors: a JsonRpcException for one that is not as it must be."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest("Invalid Request: not a message of JSON-RPC 2.0")
        if "method" in message:
            if not isinstance(message["method"], str):
                raise JsonRpcInvalidRequest("Invalid Request: the method is not a string")
            if "id" in message and not _is_id(message["id"]):
                raise JsonRpcInvalidRequest("Invalid Request: the id is not an integer or a string")
            self._check_turn(message["method"])
        try:
            structured = self.structure_message(message)
        except JsonRpcInternalError:
            raise JsonRpcInvalidParams from None
        self.handle_message(structured)

    def _not_taken(self, message: Any, error: JsonRpcException) -> None:
        """Say what is wrong with a message; nobody waits to hear it of an answer."""
        if not isinstance(message, dict):
            self._refuse(None, error)
        elif "method" in message and "id" in message:
            self._refuse(message["id"], error)
        elif "method" in message and isinstance(error, JsonRpcInvalidParams):
            self._server.report_server_error(error, FeatureNotificationError)

    def _refuse(self, number: Any, error: JsonRpcException) -> None:
        """Answer a request with an error; if its id cannot be read, the answer has null."""
        known = number if _is_id(number) else None
        answer = {"jsonrpc": self.VERSION, "id": known, "error": error.to_response_error()}
        self._send_data(answer)  # lsprotocol would leave out a null

    def _check_turn(self, method: str) -> None:
        """Check that a message may come now. Errors: a JsonRpcException if it may not."""
        if method == lsp.EXIT:
            return
        if self._shutdown:
            raise JsonRpcInvalidRequest("Invalid Request: the server is shut down")
        is_initialized = self._workspace is not None
        if method == lsp.INITIALIZE and is_initialized:
            raise JsonRpcInvalidRequest("Invalid Request: the server is already initialized")
        if method != lsp.INITIALIZE and not is_initialized:
            raise JsonRpcServerNotInitialized("the first request must be `initialize`")

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *params: Any) -> None:
        """End the connection, and with the standard streams the process."""
        self.is_over = True

    def _handle_notification(self, method_name: str, params: Any) -> None:
        # NOTE: pygls 2 never drops the results of notifications, such as edits.
        super()._handle_notification(method_name, params)
        futures = self._request_futures
        for number in [number for number, future in futures.items() if future.done()]:
            futures.pop(number, None)


def _is_id(number: Any) -> bool:
    return type(number) in (int, str)
