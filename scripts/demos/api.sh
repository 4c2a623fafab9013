#!/usr/bin/env bash
# Steers a worker with the dummy driver by its API alone, without a job server: by lbaasctl, by curl, and with a scrape of its metrics.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Answers whether the API is there, or the worker has ended.
api_answers_or_worker_ended() { "$ctl" --socket "$socket" status >/dev/null 2>&1 || ! kill -0 "$worker" 2>/dev/null; }

# run TITLE EXPECTED COMMAND...: prints and runs a command; its output must have the expected text in it.
run() {
    local title=$1 expected=$2 output verdict="${green}as it should be${plain}"
    shift 2
    number=$((number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$number" "$title" "$plain"
    show command "${*/#"$ctl"/lbaasctl}"
    output=$(timeout 300 "$@" 2>&1) || output+=" (exit status $?)"
    show output "$output"
    if [[ $output != *"$expected"* ]]; then
        verdict="${red}WRONG: the output should have $expected in it${plain}"
        failures=$((failures + 1))
    fi
    show '=>' "$verdict"
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/lbaas-demo.XXXXXX")
ctl="$(dirname "$program")/lbaasctl"
socket=$folder/api.sock
export XDG_CONFIG_HOME=$folder/config
mkdir -p "$XDG_CONFIG_HOME/lbaas"
(umask 077 && "$ctl" token new --name demo --role operator >"$XDG_CONFIG_HOME/lbaas/token" 2>"$folder/token.txt")
grep '^demo ' "$folder/token.txt" >"$folder/tokens"

# Another program may have taken the port first: then the worker ends, and another port is tried.
for _ in {1..10}; do
    port=$((20000 + RANDOM % 12000))
    cat >"$folder/demo.conf" <<TEXT
[gearman]
servers =
[api]
socket = $socket
listen = 127.0.0.1:$port
tokens = $folder/tokens
TEXT
    "$program" --config-file "$folder/demo.conf" --driver dummy --function demo --state-dir "$folder/state" \
        2>>"$folder/worker.log" &
    worker=$!
    within 20 api_answers_or_worker_ended || true
    ! kill -0 "$worker" 2>/dev/null || break
    worker=''
done
[ -n "$worker" ] || give_up "the worker does not start; its log is above"

cat >"$folder/job.json" <<'TEXT'
{"hpcs_action": "CREATE", "loadBalancers": [
  {"id": "shop", "protocol": "HTTP", "nodes": [
    {"id": "web1", "address": "10.0.0.11", "port": 80}, {"id": "web2", "address": "10.0.0.12", "port": 80, "weight": 5}]},
  {"id": "mail", "protocol": "TCP", "port": 25, "nodes": [{"id": "mx", "address": "10.0.0.21", "port": 25}]}]}
TEXT
export LBAAS_SERVER=http://127.0.0.1:$port
curl=(curl -sS -H "Authorization: Bearer $(cat "$XDG_CONFIG_HOME/lbaas/token")")

printf '\nA worker without a job server listens on %s and %s.\n' "$socket" "$LBAAS_SERVER"
run "What would this job do?" "create load balancer 'shop'" "$ctl" plan "$folder/job.json"
run "Do it" "done: shop, mail" "$ctl" apply "$folder/job.json"
run "All load balancers" "shop  UP" "$ctl" list
run "One of them, with its nodes" "10.0.0.12:80" "$ctl" show shop
run "Drain a node" "DRAINING" "$ctl" drain shop/web1 --wait -o table
run "Why does it get no traffic?" "DRAINING" "$ctl" why shop/web1
run "Does the appliance run what it should? Nothing is printed where it does" "" "$ctl" diff --exit-code
run "The same by curl" '"load_balancers": 2' "${curl[@]}" "$LBAAS_SERVER/v1/status"
run "Who changed what?" "api:demo" "${curl[@]}" "$LBAAS_SERVER/v1/journal?limit=3"
run "A scrape of the metrics" "lbaas_" bash -c "'$ctl' metrics | grep -m 5 '^lbaas_'"
run "A load balancer that is not there" "there is no load balancer 'nope'" "$ctl" show nope

printf '\nThe dashboard of this worker is at %s/\n' "$LBAAS_SERVER"
finish
