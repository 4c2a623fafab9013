"""Packets through the services of a Kubernetes cluster: workers with the driver ipvs and manifests, on a kernel that has IPVS and nf_tables.

Usage: packets.py WORKER [--half 1|2 | PART OF A NAME...]. Needs root, and a kernel of its own: Tests/Kernel/rig/machine. The hosts are in topology.py, and what
each test shows is in README.md. The last line says how many tests passed and failed.
"""

import os
import sys
import time
import traceback

from cases import addresses, configurations, endpoints, guards, nodes, others, policies  # noqa: F401: each has tests
from cluster import surroundings
from registry import tests
from topology import Lab


def is_listed(name):
    """Whether README.md says what a test shows."""
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/README.md", encoding="utf-8") as file:
        return f"`{name}`" in file.read()


def report(function, error, lab):
    frames = traceback.extract_tb(error.__traceback__)
    line = ([frame for frame in frames if "cases" in frame.filename] or frames)[-1].lineno
    print(f"FAIL {function.__name__}, line {line}: {type(error).__name__} {error}\n{function.__doc__}", flush=True)
    if len(sys.argv) > 2:
        print(lab.node.run("ipvsadm", "-Ln", check=False), flush=True)


def main():
    began = time.monotonic()
    parts = sys.argv[2:]
    if parts[:1] == ["--half"]:
        chosen = tests[int(parts[1]) - 1::2]
    else:
        chosen = [function for function in tests if not parts or any(part in function.__name__ for part in parts)]
    lab = Lab(sys.argv[1])
    lab.write(*surroundings())
    lab.worker.start()
    print(f"the hosts and the worker stand after {time.monotonic() - began:.1f} s", flush=True)
    failed = 0
    for function in chosen:
        start = time.monotonic()
        try:
            assert is_listed(function.__name__), "README.md does not say what it shows"
            function(lab)
            print(f"ok   {function.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception as error:
            failed += 1
            report(function, error, lab)
    if failed:
        print(lab.worker.log[-4000:])
    for worker in (lab.worker, lab.worker2):
        worker.stop()
    print(f"packets: {len(chosen) - failed} passed, {failed} failed", flush=True)
    os._exit(1 if failed else 0)


main()
