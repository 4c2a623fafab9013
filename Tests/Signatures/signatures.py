"""Signs requests to a running worker with http-message-signatures, which knows nothing of it (RFC 9421).

signatures.py URL KEYID SECRET: the key is that of an operator. The exit code is not 0 where a request is answered otherwise than it should be.
"""

import datetime
import json
import secrets
import sys
import time

import requests
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

URL, KEYID, SECRET = sys.argv[1:]
COVERED = ("@method", "@target-uri")
SHOP = {"protocol": "TCP", "port": 8081, "nodes": [{"id": "n", "address": "10.0.0.1", "port": 80}]}
session = requests.Session()
faults = []


def signed(method, path, body=None, *, keyid=KEYID, secret=SECRET, covered=COVERED, age=0, nonce=None, **options):
    """A request that is signed, and not sent yet."""
    data = None if body is None else json.dumps(body).encode()
    headers = {} if data is None else {"Content-Type": "application/json"}
    request = session.prepare_request(requests.Request(method, URL + path, headers=headers, data=data))
    keys = {keyid: secret.encode()}
    signer = HTTPMessageSigner(
        signature_algorithm=algorithms.HMAC_SHA256, key_resolver=MappingKeyResolver(public_keys=keys, private_keys=keys)
    )
    created = datetime.datetime.fromtimestamp(int(time.time()) - age, datetime.timezone.utc)
    nonce = secrets.token_urlsafe() if nonce is None else nonce
    signer.sign(
        request, key_id=keyid, created=created, nonce=nonce or None, covered_component_ids=covered, body=data, **options
    )
    return request


def expect(name, request, status, words=""):
    """Sends a request, and notes where the answer is not this status with these words in it."""
    answer = session.send(request, timeout=30)
    if answer.status_code != status or words not in answer.text:
        faults.append(f"{name}: {answer.status_code} {answer.text.strip()}, and not {status} with '{words}'")
    return answer


status = expect("GET", signed("GET", "/v1/status"), 200).json()
if (status.get("principal"), status.get("role")) != (KEYID, "operator"):
    faults.append(f"GET: it is not known who has signed: {status}")
expect("GET with a query", signed("GET", "/v1/journal?limit=5&after=0"), 200)
expect("GET by parts", signed("GET", "/v1/journal?limit=5", covered=("@method", "@authority", "@path", "@query")), 200)
expect("GET by parts without a query", signed("GET", "/ips", covered=("@method", "@authority", "@path", "@query")), 200)
expect("GET without alg, with a tag", signed("GET", "/ips", include_alg=False, tag="x", label="any"), 200)
expect("GET with an escaped path", signed("GET", "/v1/load-balancers/a%2Fb%20c"), 404, "not_found")
expect("PUT", signed("PUT", "/v1/load-balancers/shop", SHOP), 200, "shop")
expect("PATCH", signed("PATCH", "/v1/load-balancers/shop/nodes/n", {"weight": 3}), 200)
expect("POST without a body", signed("POST", "/v1/load-balancers/shop/suspend"), 200)
large = SHOP | {"padding": "x" * 100_000}
expect("PUT with a large body", signed("PUT", "/v1/load-balancers/shop", large), 200)

for method, path, body in (
    ("GET", "/v1/load-balancers/shop", None),
    ("POST", "/v1/load-balancers/shop/suspend", None),
    ("PATCH", "/v1/load-balancers/shop/nodes/n", {"weight": 4}),
):
    request = signed(method, path, body)
    expect(f"{method}, first", request, 200)
    expect(f"{method}, replay on the same connection", request, 401, "the nonce was used before")
    session.close()
    expect(f"{method}, replay on another connection", request, 401, "the nonce was used before")
request = signed("PATCH", "/v1/load-balancers/shop/nodes/n", {"weight": 5})
request.body = request.body.replace(b"5", b"6")
expect("changed body", request, 401, "the body does not have the digest")
request = signed("PUT", "/v1/load-balancers/shop", large)
request.body = request.body.replace(b"xx", b"xy")
expect("changed large body", request, 401, "the body does not have the digest")
request = signed("POST", "/v1/load-balancers/shop/suspend")
request.body, request.headers["Content-Length"] = b"{}", "2"
expect("added body", request, 401, "must cover content-digest")
request = signed("DELETE", "/v1/load-balancers/shop?dry_run=true")
request.url = request.url.split("?")[0]
expect("changed query", request, 401, "the signature does not match")
request = signed("DELETE", "/v1/load-balancers/none")
request.url = request.url.replace("none", "shop")
expect("changed path", request, 401, "the signature does not match")
request = signed("GET", "/v1/load-balancers/shop")
request.method = "DELETE"
expect("changed method", request, 401, "the signature does not match")
expect("another secret", signed("GET", "/v1/status", secret=SECRET + "x"), 401, "the signature does not match")
expect("old", signed("GET", "/v1/status", age=301), 401, "s old")
expect("before the start", signed("GET", "/v1/status", age=200), 401, "older than what this worker remembers")
expect("ahead", signed("GET", "/v1/status", age=-60), 401, "are both clocks right?")
expect("unknown key", signed("GET", "/v1/status", keyid="nobody"), 401, "there is no key of the name")
expect("no nonce", signed("GET", "/v1/status", nonce=""), 401, "has no nonce")
expect("too little", signed("GET", "/v1/status", covered=("@method", "@path")), 401, "must cover @method")

shop = expect("GET at the end", signed("GET", "/v1/load-balancers/shop"), 200).json()
if shop["nodes"][0]["weight"] != 4 or shop["status"] != "SUSPENDED":
    faults.append(f"a request that was refused has changed something: {shop}")
for fault in faults:
    print(f"signatures: {fault}", file=sys.stderr)
print(f"signatures: {'failed' if faults else 'passed'}")
sys.exit(1 if faults else 0)
