"""A note as text: plain, or in the little Markdown that every chat understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alerts.bridge.note import Note


def plain(note: Note, *, links: bool = True, escape: bool = False) -> str:
    """Text, links and details as lines; `escape` guards what Slack would take for markup."""
    lines = [note.text]
    if links:
        lines += [f"{name}: {url}" for name, url in note.links]
    if note.details:
        lines += ["", note.details]
    text = "\n".join(lines).strip("\n")
    if escape:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text


def markdown(note: Note, *, heading: str | None) -> str:
    """The same with a heading, and a blank line between lines so that each stays one."""
    lines = [f"{heading}{_escaped(note.title)}"] if heading else []
    lines += [_escaped(line) for line in note.text.splitlines()]
    if note.links:
        lines.append(" · ".join(f"[{name}]({url})" for name, url in note.links))
    lines += [_escaped(line) for line in note.details.splitlines()]
    return "\n\n".join(line for line in lines if line.strip())


def cut(text: str, most: int) -> str:
    """At most so many characters; what is left out shows as `…`."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def cut_bytes(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, never in the middle of a character."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - len("…".encode())].decode(errors="ignore").rstrip() + "…"


def _escaped(line: str) -> str:
    # None of these chats knows backslashes; a tag or a link of somebody else's must not come alive.
    return line.replace("<", "\uff1c").replace("](", "] (")
