"""OpenStack's command line and SDK run the life of load balancers: started by scripts/openstack."""

import json
import os
import subprocess
import sys
import time

import openstack
from openstack import exceptions

from fleet import Fleet

checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        raise SystemExit(f"{sys.argv[0]}: {what}")


def command_line(fleet, *words, user="admin", project="default", fails=False, form=("-f", "json"), text=False):
    """Runs `openstack loadbalancer …`, and answers its object, what it writes as text, or how it fails."""
    program = os.path.join(os.path.dirname(sys.executable), "openstack")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    result = subprocess.run(
        [program, "loadbalancer", *words, *form], env=environment | fleet.environment(user, project), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120)
    check((result.returncode != 0) == fails, f"openstack {' '.join(words)}: {result.returncode} {result.stdout} {result.stderr}")
    if fails:
        return result.stderr
    if text:
        return result.stdout
    return json.loads(result.stdout) if form and result.stdout.strip() else None


def run_command_line(fleet):
    def run(*words, **options):
        return command_line(fleet, *words, **options)

    def do(*words):
        return command_line(fleet, *words, form=())

    made = run("create", "--name", "wéb 1", "--vip-network-id", "blue", "--tag", "red", "--wait")
    check(made["provisioning_status"] == "ACTIVE" and made["vip_address"].startswith("10.20."), f"create: {made}")
    check([one["name"] for one in run("list", "--tags", "red")] == ["wéb 1"], "list")
    listener = run("listener", "create", "wéb 1", "--name", "http", "--protocol", "HTTP", "--protocol-port", "80", "--wait")
    check(listener["provisioning_status"] == "ACTIVE" and listener["protocol_port"] == 80, f"listener create: {listener}")
    pool = run("pool", "create", "--name", "p", "--listener", "http", "--protocol", "HTTP", "--lb-algorithm", "ROUND_ROBIN", "--wait")
    check(pool["provisioning_status"] == "ACTIVE", f"pool create: {pool}")
    for number in (1, 2):
        words = ("--name", f"m{number}", "--address", f"192.0.2.{number}", "--protocol-port", "8080", "--wait")
        member = run("member", "create", "p", *words)
        check(member["provisioning_status"] == "ACTIVE" and member["weight"] == 1, f"member create: {member}")
    words = ("--name", "hm", "--type", "HTTP", "--delay", "5", "--timeout", "3", "--max-retries", "2", "--url-path", "/ok", "--wait")
    check(run("healthmonitor", "create", "p", *words)["url_path"] == "/ok", "healthmonitor create")
    tree = json.loads(run("status", "show", "wéb 1", form=(), text=True))
    members = tree["loadbalancer"]["listeners"][0]["pools"][0]["members"]
    check([one["provisioning_status"] for one in members] == ["ACTIVE", "ACTIVE"], f"status: {tree}")
    check(run("stats", "show", "wéb 1")["total_connections"] == 0, "stats")
    check(run("listener", "stats", "show", "http")["bytes_in"] == 0, "listener stats")
    do("member", "set", "p", "m1", "--weight", "0", "--wait")
    drained = run("member", "show", "p", "m1")
    check(drained["weight"] == 0 and drained["operating_status"] == "DRAINING", f"drain: {drained}")
    do("set", "wéb 1", "--description", "main", "--disable", "--wait")
    off = run("show", "wéb 1")
    check(off["admin_state_up"] is False and off["operating_status"] == "OFFLINE" and off["description"] == "main", f"disable: {off}")
    do("set", "wéb 1", "--enable", "--wait")
    do("pool", "set", "p", "--lb-algorithm", "LEAST_CONNECTIONS", "--session-persistence", "type=HTTP_COOKIE", "--wait")
    check(run("pool", "show", "p")["lb_algorithm"] == "LEAST_CONNECTIONS", "pool set")
    do("failover", "wéb 1", "--wait")
    words = ("create", "wéb 1", "--protocol", "TERMINATED_HTTPS", "--protocol-port", "443", "--name", "tls")
    check("ends TLS" in run("listener", *words, fails=True), "TLS termination")
    check("already using" in run("listener", "create", "wéb 1", "--protocol", "TCP", "--protocol-port", "80", fails=True), "a port twice")
    check("has children" in run("delete", "wéb 1", form=(), fails=True), "delete with children")
    check("Policy" in run("create", "--name", "x", "--vip-network-id", "blue", user="eve", project="shop", fails=True), "a viewer")
    check(run("list", user="ann", project="shop") == [], "another project")
    do("quota", "set", "--loadbalancer", "1", "shop")
    check(run("quota", "show", "shop")["load_balancer"] == 1, "quota")
    do("create", "--name", "one", "--vip-network-id", "blue", "--project", "shop", "--wait")
    check("Quota" in run("create", "--name", "two", "--vip-network-id", "blue", user="ann", project="shop", fails=True), "quota met")
    do("quota", "reset", "shop")
    check(run("quota", "show", "shop")["load_balancer"] == -1, "quota reset")
    check([one["name"] for one in run("provider", "list")] == ["lbaas", "octavia"], "providers")
    for words in (("healthmonitor", "delete", "hm"), ("member", "delete", "p", "m1"), ("pool", "delete", "p"), ("listener", "delete", "http")):
        do(*words, "--wait")
    do("delete", "wéb 1", "--wait")
    do("delete", "one", "--cascade", "--wait")
    check(run("list") == [], "list at the end")


def run_sdk(fleet):
    names = {name.removeprefix("OS_").lower(): value for name, value in fleet.environment("ann", "shop").items()}
    cloud = openstack.connect(**names, region_name="RegionOne")
    service = cloud.load_balancer
    made = service.create_load_balancer(name="sdk", vip_address="10.20.0.77")
    made = service.wait_for_load_balancer(made.id, interval=0.05)
    check(made.provisioning_status == "ACTIVE" and made.vip_address == "10.20.0.77", f"create: {made}")
    listener = service.create_listener(name="l", load_balancer_id=made.id, protocol="TCP", protocol_port=5432)
    service.wait_for_load_balancer(made.id, interval=0.05)
    pool = service.create_pool(name="p", listener_id=listener.id, protocol="TCP", lb_algorithm="SOURCE_IP")
    service.wait_for_load_balancer(made.id, interval=0.05)
    member = service.create_member(pool, address="192.0.2.1", protocol_port=1, weight=3)
    service.wait_for_load_balancer(made.id, interval=0.05)
    monitor = service.create_health_monitor(pool_id=pool.id, type="TCP", delay=5, timeout=5, max_retries=2)
    service.wait_for_load_balancer(made.id, interval=0.05)
    check(service.get_member(member, pool).weight == 3, "member")
    service.update_member(member, pool, weight=0)
    service.wait_for_load_balancer(made.id, interval=0.05)
    check(service.get_member(member, pool).operating_status == "DRAINING", "drain")
    check(service.find_pool("p").health_monitor_id == monitor.id, "find")
    check(service.get_load_balancer_statistics(made.id).bytes_in == 0, "statistics")
    for number in range(5):
        service.create_load_balancer(name=f"more{number}")
    check(len(list(service.load_balancers(limit=2))) == 6, "pages")
    check([one.name for one in service.load_balancers(name="more3")] == ["more3"], "filter")
    for status, body in ((exceptions.BadRequestException, {"vip_address": "x"}), (exceptions.ConflictException, {"vip_address": "10.20.0.77"})):
        try:
            service.create_load_balancer(**body)
            check(False, f"{body} was not refused")
        except status:
            check(True, "")
    for one in list(service.load_balancers()):
        service.wait_for_load_balancer(one.id, interval=0.05)
        service.delete_load_balancer(one, cascade=True)
    fleet.wait("the end of all load balancers", lambda: not list(service.load_balancers()))


with Fleet() as fleet:
    for name, part in (("the command line", run_command_line), ("the SDK", run_sdk)):
        start, before = time.monotonic(), checks
        part(fleet)
        print(f"{name}: {checks - before} checks in {time.monotonic() - start:.0f} s")
    errors = [line for line in fleet.log("server").splitlines() if " ERROR " in line]
    check(not errors, f"the server logged errors: {errors[:3]}")
print(f"{checks} passed, 0 failed")
