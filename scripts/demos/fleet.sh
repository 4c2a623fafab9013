#!/usr/bin/env bash
# A fleet in network namespaces: two hosts with haproxy and a virtual IP between them, etcd, and two servers before them, steered by OpenStack's
# own command line. A member is drained, a server and a host are killed, and requests go on. Needs root; scripts/demo gives it a network of its
# own, so that nothing of this host's is changed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

bin=$(dirname "$program")
# What scripts/demo has installed.
openstack=$tools/bin/openstack
# Those of the two servers, of etcd and gearmand: the network has nobody else.
first=8790 second=8791 inside=10.20.0.1

# The numbers of processes by their names.
declare -A started_as

# kill_host NAME: nothing of it is reached any more. One of its processes may end because of another before its turn comes.
kill_host() {
    ip -n "$1" link set eth0 down 2>/dev/null || true
    ip netns pids "$1" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
}

clean_up_more() {
    local host
    for host in w1 w2; do
        kill_host "$host"
        ip netns delete "$host" 2>/dev/null || true
    done
}

# start NAME COMMAND...: starts a program in the background; its number is in $started.
start() {
    local name=$1
    shift
    : >"$folder/$name.log"
    "$@" >>"$folder/$name.log" 2>&1 &
    started=$!
    started_as[$name]=$started
    servers+=("$started")
}

make_network() {
    local host number
    ip link set lo up
    mkdir -p /run/netns
    mount -t tmpfs tmpfs /run/netns
    ip link add br0 type bridge
    ip address add $inside/24 dev br0
    ip link set br0 up
    for number in 1 2; do
        host=w$number
        ip netns add "$host"
        ip link add "v$number" type veth peer name eth0 netns "$host"
        ip link set "v$number" master br0 up
        ip -n "$host" address add "10.20.0.1$number/24" dev eth0
        ip -n "$host" link set eth0 up
        ip -n "$host" link set lo up
    done
}

# start_web NAME PORT: starts a web server that answers with its name.
start_web() {
    cat >"$folder/web.py" <<'TEXT'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = (sys.argv[1] + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Handler).serve_forever()
TEXT
    start "$1" python3 "$folder/web.py" "$1" $inside "$2"
    within 10 curl -s -o "$folder/null" "http://$inside:$2/" || give_up "the web server $1 does not start"
}

start_host() {
    mkdir -p "$folder/$1"
    cat >"$folder/$1/lbaas.conf" <<TEXT
[gearman]
servers = $inside:4730
function = $1
[worker]
driver = haproxy
state_dir = $folder/$1/state
[worker:haproxy]
run_dir = $folder/$1/run
config = $folder/$1/haproxy.cfg
[cluster]
etcd = http://$inside:2379
host = $1
takeover = 5
[api]
socket = none
TEXT
    start "$1" ip netns exec "$1" "$program" --config-file "$folder/$1/lbaas.conf"
    within 20 grep -q 'job server connected' "$folder/$1.log" || give_up "the worker $1 does not reach its job server: $(cat "$folder/$1.log")"
}

# start_server NAME PORT
start_server() {
    start "$1" "$bin/lbaas-server" --config-file "$folder/server.conf" --listen "127.0.0.1:$2"
    within 20 curl -s -o "$folder/null" "http://127.0.0.1:$2/healthz" || give_up "the server $1 does not start: $(cat "$folder/$1.log")"
}

# run TITLE EXPECTED WORDS...: runs a command of OpenStack's; its output must have the expected text in it.
run() {
    local title=$1 expected=$2 output verdict="${green}as it should be${plain}"
    shift 2
    number=$((number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$title" "$plain"
    show command "openstack $*"
    output=$(timeout 300 "$openstack" "$@" 2>&1) || output+=" (exit status $?)"
    [ -z "$output" ] || show output "$output"
    if [[ $output != *"$expected"* ]]; then
        verdict="${red}WRONG: the output should have $expected in it${plain}"
        failures=$((failures + 1))
    fi
    show '=>' "$verdict"
}

# expect WHAT ACTUAL EXPECTED
expect() {
    local verdict="${green}as it should be${plain}"
    if [ "$2" != "$3" ]; then
        verdict="${red}WRONG: it should be '$3'${plain}"
        failures=$((failures + 1))
    fi
    printf '  %s: %s => %s\n' "$1" "$2" "$verdict"
}

say() { printf '\n%s%d. %s%s\n' "$bold" "$((number += 1))" "$1" "$plain"; }

# balance REQUESTS: sends so many requests to the virtual IP, and prints how many each web server answered.
balance() {
    local request
    for ((request = 0; request < $1; request++)); do curl -s --max-time 30 "http://$address/" || echo lost; done | sort | uniq -c | xargs
}

answers() { curl -s --max-time 5 -o "$folder/null" "http://$address/"; }
has_address() { grep -q "inet $address/32" <<<"$(ip -n "$1" address show eth0)"; }
owner() { for host in w1 w2; do has_address $host && echo $host && return; done; return 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/lbaas-demo.XXXXXX")
# The workers' haproxy may be another user.
chmod 755 "$folder"
make_network
start etcd etcd --data-dir "$folder/etcd" --listen-client-urls http://$inside:2379,http://127.0.0.1:2379 --advertise-client-urls http://$inside:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --log-level error
within 20 env ETCDCTL_API=3 etcdctl get / >"$folder/null" 2>&1 || give_up "etcd does not start: $(cat "$folder/etcd.log")"
start gearmand gearmand -L $inside -p 4730 -l none -P "$folder/gearmand.pid"
start_web web1 8001
start_web web2 8002
start_host w1
start_host w2

cat >"$folder/server.conf" <<TEXT
[server]
store = etcd
[cluster]
etcd = http://$inside:2379
[gearman]
servers = $inside:4730
[group:blue]
workers = w1, w2
addresses = 10.20.0.100-10.20.0.199
interface = eth0
TEXT
password=$(tr -dc a-z0-9 </dev/urandom | head -c 20 || true)
"$bin/lbaas-server" --config-file "$folder/server.conf" user add admin --role admin <<<"$password"
start_server s1 $first
start_server s2 $second

cat <<TEXT

Two hosts, w1 and w2, each with a worker and haproxy, are one group; two servers stand before them, over etcd:
  http://127.0.0.1:$first and http://127.0.0.1:$second, for OpenStack's command line and, with a browser, for people
TEXT
export OS_AUTH_URL=http://127.0.0.1:$first/v3 OS_USERNAME=admin OS_PASSWORD=$password OS_PROJECT_NAME=default \
    OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_IDENTITY_API_VERSION=3

run "Create a load balancer: a virtual IP that w1 or w2 has" ACTIVE \
    loadbalancer create --name shop --vip-network-id blue --wait -f value -c provisioning_status
address=$("$openstack" loadbalancer show shop -f value -c vip_address)
run "A listener on its port 80" ACTIVE \
    loadbalancer listener create shop --name http --protocol HTTP --protocol-port 80 --wait -f value -c provisioning_status
run "A pool behind it" ACTIVE \
    loadbalancer pool create --name pool --listener http --protocol HTTP --lb-algorithm ROUND_ROBIN --wait -f value -c provisioning_status
for member in 1 2; do
    run "Member web$member" ACTIVE loadbalancer member create pool --name web$member --address $inside --protocol-port "800$member" --wait \
        -f value -c provisioning_status
done
within 20 answers || true
expect "20 requests to $address, which $(owner || echo nobody) has" "$(balance 20)" "10 web1 10 web2"

run "Drain web1: it gets nothing new" "" loadbalancer member set pool web1 --weight 0 --wait
expect "10 requests" "$(balance 10)" "10 web2"
run "And take it back" "" loadbalancer member set pool web1 --weight 1 --wait

say "Kill the first server; the second one has all there is"
kill -9 "${started_as[s1]}"
wait "${started_as[s1]}" 2>/dev/null || true
export OS_AUTH_URL=http://127.0.0.1:$second/v3
run "The second one shows it" ACTIVE loadbalancer show shop -f value -c provisioning_status
run "And changes it, once it has taken over the workers" "" loadbalancer pool set pool --lb-algorithm LEAST_CONNECTIONS --wait
run "The pool as it is then" "LEAST_CONNECTIONS
ACTIVE" loadbalancer pool show pool -f value -c lb_algorithm -c provisioning_status

say "Kill the host that has the address, with its haproxy"
gone=$(owner) || give_up "neither host has $address"
kill_host "$gone"
wait "${started_as[$gone]}" 2>/dev/null || true
begin=${EPOCHREALTIME/./}
[ "$gone" = w1 ] && other=w2 || other=w1
within 20 eval 'has_address "$other" && answers' || give_up "$address does not answer: $(cat "$folder/$other.log")"
printf '  %s answers again after %d ms, from %s\n' "$address" $(((${EPOCHREALTIME/./} - begin) / 1000)) "$other"
expect "10 requests" "$(balance 10)" "5 web1 5 web2"
run "The load balancer without that host" ACTIVE loadbalancer show shop -f value -c provisioning_status

run "Delete all of it" "" loadbalancer delete shop --cascade --wait
run "Nothing is left" "" loadbalancer list -f value
expect "a request" "$(curl -s --max-time 3 "http://$address/" || echo "no answer")" "no answer"

echo
if [ $failures -gt 0 ]; then
    echo "${red}$failures of the checks failed${plain}" >&2
    exit 1
fi
echo "${green}All $number steps went as they should.${plain} Everything is stopped, and nothing is left."
