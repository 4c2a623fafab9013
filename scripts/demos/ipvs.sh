#!/usr/bin/env bash
# The kernel balances connections over two servers in network namespaces, and one of them is drained while a connection runs.
# Needs root on a kernel with IPVS; scripts/demo ipvs boots one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Makes a client and two servers that answer with their names; the load balancer is between them.
make_network() {
    local name
    ip -batch - <<'LINKS'
link set lo up
netns add client
netns add web1
netns add web2
link add client type veth peer name eth0 netns client
link add web1 type veth peer name eth0 netns web1
link add web2 type veth peer name eth0 netns web2
address add 10.1.0.1/24 dev client
address add 10.2.1.1/24 dev web1
address add 10.2.2.1/24 dev web2
link set client up
link set web1 up
link set web2 up
LINKS
    local number=0
    for name in client web1 web2; do
        local network=10.1.0
        [ $name = client ] || network=10.2.$((number += 1))
        ip -n $name -batch - <<LINKS
link set lo up
address add $network.2/24 dev eth0
link set eth0 up
route add default via $network.1
LINKS
    done
    echo 1 >/proc/sys/net/ipv4/ip_forward
    for name in web1 web2; do
        ip netns exec $name socat TCP-LISTEN:8080,reuseaddr,fork \
            SYSTEM:"while read -r line; do echo $name heard \$line; done" 2>/dev/null &
        servers+=($!)
        within 10 ip netns exec $name socat -u OPEN:/dev/null TCP:127.0.0.1:8080 2>/dev/null || give_up "server $name does not start"
    done
}

# ask WORDS: connects from the client to the load balancer, sends the words, and prints the answer.
ask() { ip netns exec client timeout 60 socat -t 60 - TCP:10.1.0.1:80 <<<"$1"; }

four_connections_reach_both() {
    local answers
    answers=$(for try in 1 2 3 4; do ask "connection $try"; done)
    echo "$answers"
    [ "$(grep -c web1 <<<"$answers")" = 2 ] && [ "$(grep -c web2 <<<"$answers")" = 2 ]
}

four_connections_reach_web2() {
    local answers
    answers=$(for try in 1 2 3 4; do ask "connection $try"; done)
    echo "$answers"
    [ "$(grep -c web2 <<<"$answers")" = 4 ]
}

# A connection that stays open: words go in at one pipe, answers come out at another.
open_connection_to_web1() {
    local try answer
    for try in {1..4}; do
        rm -f "$folder/words" "$folder/answers"
        mkfifo "$folder/words" "$folder/answers"
        ip netns exec client socat - TCP:10.1.0.1:80 <"$folder/words" >"$folder/answers" &
        connection=$!
        exec 7>"$folder/words" 8<"$folder/answers"
        say "hello" || return
        [[ $answer != web1* ]] || return 0
        close_connection
    done
    return 1
}

close_connection() {
    exec 7>&- 8<&-
    kill "$connection" 2>/dev/null || true
    wait "$connection" || true
}

# say WORDS: on the open connection; the answer is in $answer.
say() {
    echo "$1" >&7
    IFS= read -r -t 10 -u 8 answer
}

the_connection_goes_on() {
    say "still there?" || return
    echo "$answer"
    [[ $answer == "web1 heard still there?" ]]
}

table_has() { table && grep -q "$1" <<<"$(table)"; }

make_network
begin

node1='{"id": "web1", "address": "10.2.1.2", "port": 8080}' node2='{"id": "web2", "address": "10.2.2.2", "port": 8080}'
head='{"hpcs_action": "CREATE", "loadBalancers": [{"id": "shop", "protocol": "TCP", "address": "10.1.0.1", "port": 80, "nodes": ['

submit "CREATE a load balancer with two nodes" "$head$node1, $node2]}]}" "$pass"
check "The kernel's table" table_has 10.2.1.2:8080
check "Four connections reach both servers" four_connections_reach_both
open_connection_to_web1 || give_up "no connection reaches web1"
submit "Take web1 out, while a connection to it runs" "$head$node2]}]}" "$pass"
check "It drains: weight 0, and its connection goes on" table_has "10.2.1.2:8080 *Masq *0 *1"
check "Words on the connection" the_connection_goes_on
check "New connections go to web2" four_connections_reach_web2
close_connection
check "The connection ends, and then web1 leaves the table" within 20 table_has_not 10.2.1.2
submit "STATS" '{"hpcs_action": "STATS"}' "$pass" '"id": "web2", "status": "UP"'
ipvsadm -C
kill "$worker"
wait "$worker" || true
start_worker
check "Somebody cleared the table, and the worker was restarted: it has put it right" table_has 10.2.2.2:8080
submit "DELETE it, by force" '{"hpcs_action": "DELETE", "hpcs_force": true}' "$pass"
check "The table is empty" table_has_not 10.1.0.1

finish
