"""A front door with TLS: `python -m demo.companions.tls CONFIG` passes bytes on, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from demo.service.config import HOST, read
from exporters.errors import ServerMissingError
from exporters.settings import Section

DAYS = 30
"""For which the certificate is good."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine and its key. Raises ServerMissingError."""
    whole, key = folder / "front.pem", folder / "front.key"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(DAYS),
        "-subj", "/CN=demo front door", "-addext", f"subjectAltName=IP:{HOST}",
        "-out", str(whole), "-keyout", str(key),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerMissingError(f"openssl made no certificate ({error}); install it") from None
    return whole, key


class FrontConfig(Section):
    """Where to listen, before which HTTP server, and who it says it is."""

    port: int
    target: str
    certificate: Path
    key: Path


class Front:
    """Listens with TLS before one HTTP server."""

    def __init__(self, config: FrontConfig) -> None:
        self._config, self._behind = config, urlsplit(config.target)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(config.certificate, config.key)

    async def serve(self) -> None:
        """Pass on whatever comes, for ever."""
        server = await asyncio.start_server(
            self._pass_on, HOST, self._config.port, ssl=self._context
        )
        await server.serve_forever()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._behind.hostname, self._behind.port)
        await asyncio.gather(_pump(reader, back), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # either side may hang up at any time
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(Front(read(FrontConfig)).serve())
