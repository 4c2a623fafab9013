"""Servers, and clients that ask them, over TCP, UDP and SCTP."""

import contextlib
import ctypes
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

libc = ctypes.CDLL(None, use_errno=True)
patience = 180


def eventually(what, condition, seconds=patience):
    """Waits until a condition holds, and returns what it found."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)


def expect(found, wanted, what=""):
    assert found == wanted, f"{what}: {found} and not {wanted}"


class Inside:
    """Threads that are in a network namespace."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDONLY)
        self.pool = ThreadPoolExecutor(12, initializer=self.enter)

    def enter(self):
        if libc.setns(self.file, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    def submit(self, body, *arguments, **options):
        return self.pool.submit(body, *arguments, **options)

    def inside(self, body, *arguments, **options):
        """Runs a function, and the programs that it starts, in the namespace."""
        return self.submit(body, *arguments, **options).result()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def new_socket(transport, address):
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    result = socket.socket(family_of(address), kind, socket.IPPROTO_SCTP if transport == "SCTP" else 0)
    if family_of(address) == socket.AF_INET6:
        result.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return result


class Server:
    """Answers each line over TCP and SCTP, and each datagram, with its name and the client's address, on some addresses."""

    def __init__(self, host, name, addresses, port):
        self.name = name
        # Who asked it what.
        self.heard = set()
        for address in addresses:
            for transport in ("TCP", "UDP", "SCTP"):
                listener = host.inside(self.listen, transport, address, port)
                body = self.answer if transport == "UDP" else self.accept
                threading.Thread(target=body, args=(listener,), daemon=True).start()

    @staticmethod
    def listen(transport, address, port):
        listener = new_socket(transport, address)
        if transport == "TCP":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if transport != "UDP":
            listener.listen(128)
        return listener

    def reply(self, word, peer):
        self.heard.add((peer[0], word.strip()))
        return f"{self.name} {peer[0]}\n".encode()

    def accept(self, listener):
        while True:
            connection, peer = listener.accept()
            threading.Thread(target=self.talk, args=(connection, peer), daemon=True).start()

    def talk(self, connection, peer):
        with connection, contextlib.suppress(OSError):
            while word := connection.recv(100):
                connection.sendall(self.reply(word, peer))

    def answer(self, listener):
        while True:
            word, peer = listener.recvfrom(100)
            with contextlib.suppress(OSError):
                listener.sendto(self.reply(word, peer), peer)


def connect(host, address, port, transport="TCP", seconds=20, source=None):
    """A socket in a host that is connected to an address. SCTP tells the other side all addresses of a socket: it has one."""
    def body():
        client = new_socket(transport, address)
        try:
            client.settimeout(seconds)
            if transport != "TCP":
                # IP_RECVERR or IPV6_RECVERR: what is refused or not reached is an error at once.
                v6 = family_of(address) == socket.AF_INET6
                client.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, 25 if v6 else 11, 1)
            if source or transport == "SCTP":
                client.bind((source or host.address(address), 0))
            client.connect((address, port))
        except BaseException:
            client.close()
            raise
        return client

    return host.inside(body)


def say(connection, word=b"?\n"):
    """The name of the server that answers, and the address that it sees."""
    connection.sendall(word)
    answer = connection.recv(100).decode().split()
    if not answer:
        raise OSError("the connection is closed")
    return tuple(answer)


def ask(host, address, port, transport="TCP", seconds=20, source=None, word=b"?\n"):
    """The name of the server that answers, and the address that it sees; or why there is none."""
    try:
        with connect(host, address, port, transport, seconds, source) as connection:
            return say(connection, word)
    except ConnectionRefusedError:
        return ("refused",)
    except OSError as error:
        return ("nobody", type(error).__name__)


REFUSED = ("refused",)
DROPPED = ("nobody", "TimeoutError")

together = ThreadPoolExecutor(24)


def at_once(body, arguments):
    """Calls a function with each of some tuples of arguments, many at the same time; returns what it answers, in their order."""
    return [future.result() for future in [together.submit(body, *one) for one in arguments]]


def askers(host, address, port, transport="TCP", count=6, seconds=60, **options):
    """Who answers so many questions, one after the other, and the addresses that they see."""
    answers = [ask(host, address, port, transport, seconds, **options) for _ in range(count)]
    return {answer[0] for answer in answers}, {answer[1] for answer in answers if len(answer) > 1}
