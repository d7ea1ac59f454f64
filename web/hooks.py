"""Where other systems send something that an automation begins with.

Enters: a request signed with the secret of the address. Leaves: the number of the run, or a problem in words. Must not
open a transaction that writes for whoever cannot sign, nor do what the run is for while the sender waits.
"""

from typing import Any

from flask import current_app, request

from engine.automation import receiving
from engine.automation.receiving import NotSigned
from web.errors import problem
from web.gate import locale, open_to_all, settings, store
from web.throttle import AddressThrottle


@open_to_all
def receive(hook: str) -> Any:
    """Begin the run of what came; come again under the same id, it is answered again and not begun twice."""
    throttle: AddressThrottle = current_app.extensions["formwork.hooks"]
    rest = throttle.count(f"{hook[:80]} {request.remote_addr}")
    if rest:
        said = problem(429, "automation.too_often", locale().say("automation.too_often", seconds=rest))
        said.headers["Retry-After"] = str(rest)
        return said
    request.max_content_length = receiving.LARGEST
    body = request.get_data()
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        with store().read() as session:
            call = receiving.read_call(session, hook, headers, body, key=settings().secret_key)
    except NotSigned as refused:
        return problem(401, refused.code, refused.text(locale().language))
    with store().write() as session:
        found = receiving.keep_call(session, call)
    return {"run": found.run_id, **({"again": True} if found.again else {})}, 200 if found.again else 202
