"""An API server that answers what it is told, over HTTPS.

Usage: replay_server.py SCENARIO CERTIFICATE KEY [AUTHORITIES OF CLIENTS]

SCENARIO is a file with JSON: {RESOURCE: {"list": [ANSWER, ...], "watch": [ANSWER, ...]}}. Each request takes the next answer; the last one
answers all that follow. An answer has some of:

  status   200 by default        headers  {NAME: VALUE}       token    another bearer token gets 401
  body     a text                file     or a file with it   lines    or lines, each a piece of its own, after `pause` seconds
  size     or so many bytes      then     "end" (default), "hold": nothing until the client goes, "cut": the connection is reset
  cut      only so many bytes of the body come, and then a reset

The first line of the output is the port; each line after it is a request: {"resource", "verb", "target", "agent", "encoding", "token",
"host", "client"}.
"""

import gzip
import http.server
import json
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

scenario = json.load(open(sys.argv[1]))
lock = threading.Lock()
taken = {}


def next_answer(resource, verb):
    answers = scenario.get(resource, {}).get(verb) or [{"status": 404, "body": "{}"}]
    with lock:
        place = taken.get((resource, verb), 0)
        taken[resource, verb] = place + 1
    return answers[min(place, len(answers) - 1)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request.settimeout(60)
        self.request.do_handshake()
        super().setup()

    def log_message(self, *_):
        pass

    def note(self, resource, verb):
        certificate = self.request.getpeercert() or {}
        subject = dict(pair for part in certificate.get("subject", ()) for pair in part)
        line = {
            "resource": resource, "verb": verb, "target": self.path, "agent": self.headers.get("User-Agent", ""),
            "encoding": self.headers.get("Accept-Encoding", ""), "token": self.headers.get("Authorization", ""),
            "host": self.headers.get("Host", ""), "client": subject.get("commonName", ""),
        }
        with lock:
            print(json.dumps(line), flush=True)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        resource = url.path.rsplit("/", 1)[1]
        verb = "watch" if "watch=true" in url.query else "list"
        self.note(resource, verb)
        answer = next_answer(resource, verb)
        if "token" in answer and self.headers.get("Authorization") != "Bearer " + answer["token"]:
            answer = {"status": 401, "body": '{"kind":"Status","code":401,"message":"Unauthorized"}'}
        self.send_response(answer.get("status", 200))
        for name, value in answer.get("headers", {}).items():
            self.send_header(name, value)
        if "lines" in answer:
            self.send_lines(answer)
        else:
            self.send_body(answer)

    def send_body(self, answer):
        if "size" in answer:
            body = b" " * answer["size"]
        else:
            body = open(answer["file"], "rb").read() if "file" in answer else answer.get("body", "").encode()
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: answer.get("cut", len(body))])
        self.finish_answer(answer, is_chunked=False)

    def send_lines(self, answer):
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in answer["lines"]:
            piece = line.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(answer.get("pause", 0))
        self.finish_answer(answer, is_chunked=True)

    def finish_answer(self, answer, is_chunked):
        then = "cut" if "cut" in answer else answer.get("then", "end")
        if then == "end":
            if is_chunked:
                self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True
        if then == "hold":
            self.wfile.flush()
            try:
                self.request.recv(1)
            except OSError:
                pass
        else:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
if len(sys.argv) > 4:
    context.load_verify_locations(sys.argv[4])
    context.verify_mode = ssl.CERT_REQUIRED
server = Server(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
