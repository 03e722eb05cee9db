"""HTTP/1.1 by httptools, a C parser, with a bound on what stands before a body."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers; as much as h11, uvicorn's other parser, takes."""


class Http(HttpToolsProtocol):
    """One connection; uvicorn's own would keep headers without end in memory."""

    _head_bytes = 0
    _in_head = False

    def data_received(self, data: bytes) -> None:
        """Parse what came; close the connection if its headers do not come to an end."""
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            limit = f"{MAX_HEAD_BYTES:,} bytes"
            self.send_400_response(f"request line and headers exceed {limit}; send shorter ones")

    def on_message_begin(self) -> None:
        """Another request on this connection."""
        self._head_bytes = 0
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body may follow, which is bounded elsewhere."""
        self._in_head = False
        super().on_headers_complete()
