"""Has schemathesis log in to the server of a fleet for each request: it revokes tokens, deletes users and logs out, as the description lets it."""

import contextlib
import http.client
import json
import os

import schemathesis


@schemathesis.auth(refresh_interval=None)
class Login:
    def get(self, case, context):
        # From another address: that of schemathesis has to wait after so many wrong passwords.
        connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["LBAAS_PORT"]), 10, source_address=("127.0.0.2", 0))
        body = json.dumps({"name": "root", "password": "correct horse", "cookie": False})
        with contextlib.closing(connection):
            connection.request("POST", "/v1/session", body, {"Content-Type": "application/json"})
            # Another admin that was made may have deleted or demoted this one.
            return json.loads(connection.getresponse().read()).get("token", "none")

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}
