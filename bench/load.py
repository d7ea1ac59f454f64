"""The load client: sends prepared requests over kept-alive connections and says how long they took.

Each line of standard input is a JSON job (`port`, `clients`, `requests`), answered by a line of JSON on
standard output. Run as its own process, so that its work never counts as the server's.
"""

import json
import socket
import sys
import threading
import time
from typing import Any

Job = dict[str, Any]


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(_do(json.loads(line))), flush=True)


class Connection:
    """One kept-alive connection that reads answers with a Content-Length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def ask(self, request: bytes) -> tuple[int, bytes]:
        self._socket.sendall(request)
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self._read = self._read[:end], self._read[end + 4 :]
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return int(head[9:12]), body

    def _more(self) -> None:
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        self._read += piece


def _do(job: Job) -> dict[str, Any]:
    prepared = [(_encode(request), request["expect"]) for request in job["requests"]]
    answers: list[tuple[float, int, bytes]] = [(0.0, 0, b"")] * len(prepared)
    turn = iter(range(len(prepared)))
    ready = threading.Barrier(job["clients"] + 1)

    def work() -> None:
        connection = Connection(job["port"])
        ready.wait()
        for index in turn:
            started = time.perf_counter()
            status, body = connection.ask(prepared[index][0])
            answers[index] = (time.perf_counter() - started, status, body)

    threads = [threading.Thread(target=work) for _ in range(job["clients"])]
    for thread in threads:
        thread.start()
    ready.wait(10)
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return _result(job, time.perf_counter() - started, prepared, answers)


def _encode(request: dict[str, Any]) -> bytes:
    body = (request.get("body") or "").encode()
    headers = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **request["headers"]}
    lines = [f"{request['method']} {request['path']} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _result(job: Job, seconds: float, prepared: list[Any], answers: list[tuple[float, int, bytes]]) -> dict[str, Any]:
    wrong = [
        {"index": index, "expected": expected, "status": status, "body": body[:500].decode(errors="replace")}
        for index, ((_, expected), (_, status, body)) in enumerate(zip(prepared, answers, strict=True))
        if status != expected
    ]
    times = sorted(taken * 1000 for taken, _, _ in answers)
    result = {"seconds": seconds, "wrong": wrong[:3], "wrong_count": len(wrong)}
    result["p50_ms"], result["p95_ms"] = times[len(times) // 2], times[int(len(times) * 0.95)]
    return result


if __name__ == "__main__":
    main()
