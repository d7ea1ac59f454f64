"""Where a dialler tells what came of a call.

Enters: a request signed with the secret of the channel. Leaves: nothing but a status. Must not open a transaction that
writes for whoever cannot sign.
"""

from typing import Any

from flask import Response, request

from engine.channels import calling
from engine.errors import InvalidValues, NotFound
from web.gate import open_to_all, settings, store


@open_to_all
def take_call_result(message_id: str) -> Any:
    """Keep the result of a call; told again, it is answered again and not kept twice."""
    body = request.get_data()
    if len(body) > calling.LARGEST:
        return Response(status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        with store().read() as session:
            result = calling.read_result(session, message_id, headers, body, key=settings().secret_key)
    except NotFound:
        return Response(status=404)
    except InvalidValues as refused:
        return Response(str(refused), 422, content_type="text/plain; charset=utf-8")
    with store().write() as session:
        calling.keep_result(session, message_id, result)
    return Response(status=204)
