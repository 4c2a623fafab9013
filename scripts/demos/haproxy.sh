#!/usr/bin/env bash
# A private haproxy in front of two small web servers: how requests are distributed, a drain while a request runs, and the end of haproxy.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# free_port: prints a port on which nobody listens, below the range of automatic ports.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# start_web NAME PORT: starts a web server that answers with its name; for /slow it sends one half at once and the other 3 s later.
start_web() {
    cat >"$folder/$1.sh" <<TEXT
read -r method path rest
while read -r line && [ "\$line" != \$'\r' ]; do :; done
printf 'HTTP/1.0 200 OK\r\n\r\n'
[ "\$path" != /slow ] || { printf 'the first half by $1, '; sleep 3; printf 'the other half by '; }
echo $1
TEXT
    socat "TCP-LISTEN:$2,bind=127.0.0.1,reuseaddr,fork" "EXEC:bash $folder/$1.sh" 2>/dev/null &
    servers+=($!)
    within 10 eval "(exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null" || give_up "the web server $1 does not start"
}

# expect WHAT ACTUAL EXPECTED: compares what a client of the load balancer gets with what it should get.
expect() {
    local verdict="${green}as it should be${plain}"
    if [ "$2" != "$3" ]; then
        verdict="${red}WRONG: it should be '$3'${plain}"
        failures=$((failures + 1))
    fi
    printf '  %s: %s => %s\n' "$1" "$2" "$verdict"
}

# balance REQUESTS: sends so many requests, and prints how many each web server answered.
balance() {
    local request
    for ((request = 0; request < $1; request++)); do curl -s "http://127.0.0.1:$shop/"; done | sort | uniq -c | xargs
}

# balancer WEIGHT1 CONDITION1: prints the load balancer, with this weight and condition of the first web server.
balancer() {
    local nodes='{"id": "web1", "address": "127.0.0.1", "port": '$web1', "weight": '$1', "condition": "'$2'"}'
    nodes+=', {"id": "web2", "address": "127.0.0.1", "port": '$web2'}'
    echo '{"id": "shop", "protocol": "HTTP", "address": "127.0.0.1", "port": '"$shop"', "nodes": ['"$nodes"']}'
}

# haproxy runs on after its worker has ended, unless the last load balancer was deleted.
clean_up_more() {
    [ ! -s "$folder/haproxy.cfg.pid" ] || kill -9 "$(cat "$folder/haproxy.cfg.pid")" 2>/dev/null || true
}

configure() { printf '[worker:haproxy]\nrun_dir = %s\nconfig = %s\n' "$folder/run" "$folder/haproxy.cfg"; }

begin

web1=$(free_port) web2=$(free_port) shop=$(free_port)
start_web web1 "$web1"
start_web web2 "$web2"
submit "CREATE a load balancer in front of two web servers, of which the first has three times the weight" \
    '{"hpcs_action": "CREATE", "loadBalancers": ['"$(balancer 3 ENABLED)"']}' \
    "$pass"
expect "40 requests" "$(balance 40)" "30 web1 10 web2"
submit "STATS: are they up?" '{"hpcs_action": "STATS"}' \
    "$pass" '"id": "web1", "status": "UP"' '"id": "web2", "status": "UP"'
submit "A dry run: what would it take to let the first finish what it has?" \
    '{"hpcs_action": "CREATE", "hpcs_dry_run": true, "loadBalancers": ['"$(balancer 3 DRAINING)"']}' \
    "$pass" "ENABLED → DRAINING" "while haproxy runs: 1 command, no load"

# The cookie of the first web server takes the slow request there.
while cookie=$(curl -s -D - "http://127.0.0.1:$shop/" | tr -d '\r'); [[ $cookie != *web1 ]]; do :; done
cookie=$(sed -n 's/^set-cookie: \(SERVERID=[^;]*\).*/\1/p' <<<"$cookie")
printf '\n  %sa request that takes 3 s begins at the first web server%s\n' "$dim" "$plain"
curl -sN -H "Cookie: $cookie" "http://127.0.0.1:$shop/slow" >"$folder/slow" &
slow=$!
within 10 grep -q half "$folder/slow" || give_up "the slow request does not begin"
submit "DRAIN the first while that request runs" \
    '{"hpcs_action": "CREATE", "loadBalancers": ['"$(balancer 3 DRAINING)"']}' \
    "$pass"
expect "8 new requests" "$(balance 8)" "8 web2"
wait "$slow" || true
expect "the slow request" "$(cat "$folder/slow")" "the first half by web1, the other half by web1"
submit "METRICS: what went through?" '{"hpcs_action": "METRICS"}' "$pass" '"bytes_out": '
submit "DELETE it: haproxy ends with the last load balancer" \
    '{"hpcs_action": "DELETE", "loadBalancers": [{"id": "shop"}]}' \
    "$pass"
expect "a request" "$(curl -s "http://127.0.0.1:$shop/" || echo "curl ends with $?")" "curl ends with 7"
submit "STATS: there is nothing left to ask" '{"hpcs_action": "STATS"}' "$fail" '"status": "DELETED"'

finish
