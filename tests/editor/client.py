"""An editor without a window: it speaks to the YAML language server as VS Code does.

Enters: a program to start, and files of a folder. Leaves: completions and hovers at a place, and the marks of a file.
Must not know the language of definitions: what it is told comes from the server, which reads the schemas.
"""

import json
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE = 60.0


class Editor:
    """One language server, started and stopped with ``with``."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._answers: dict[int, queue.Queue[Any]] = {}
        self._marks: dict[str, queue.Queue[Any]] = {}
        self._last = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        """Shake hands."""
        root = self._folder.as_uri()
        supports = {"textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}}}
        self.ask("initialize", {"processId": None, "rootUri": root, "capabilities": supports})
        self._tell("initialized", {})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the server."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Show a file with this text and return what the server marks in it."""
        uri = path.as_uri()
        marks = self._marks.setdefault(uri, queue.Queue())
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        found: list[dict[str, Any]] = marks.get(timeout=PATIENCE)
        return found

    def complete(self, path: Path, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Return what is offered at a place (counted from 0), by its label."""
        said = self.ask("textDocument/completion", _place(path, line, column)) or {}
        items = said["items"] if isinstance(said, Mapping) else said
        return {item["label"]: item for item in items}

    def hover(self, path: Path, line: int, column: int) -> str:
        """Return what is said when the mouse rests at a place."""
        said = self.ask("textDocument/hover", _place(path, line, column))
        return "" if not said else str(said["contents"]["value"])

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request and wait for its answer."""
        self._last += 1
        answer = self._answers[self._last] = queue.Queue()
        self._send({"id": self._last, "method": method, "params": params})
        return answer.get(timeout=PATIENCE)

    def _tell(self, method: str, params: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        try:
            while header := stream.readline():
                length = int(header.split(b":")[1])
                while stream.readline().strip():
                    pass
                self._take(json.loads(stream.read(length)))
        except ValueError:
            return  # the pipe was closed

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self._marks.setdefault(params["uri"], queue.Queue()).put(params["diagnostics"])
        elif "method" in message and "id" in message:  # the server asks: only how it is set up
            wanted = message["params"].get("items", []) if isinstance(message["params"], Mapping) else []
            self._send({"id": message["id"], "result": [_SETTINGS.get(one.get("section")) for one in wanted]})
        elif "id" in message:
            self._answers[message["id"]].put(message.get("result"))


_SETTINGS: Mapping[str, Any] = {
    "yaml": {"hover": True, "completion": True, "validate": True, "schemaStore": {"enable": False}},
    "http": {},
    "[yaml]": {},
}


def _place(path: Path, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}
