#!/usr/bin/env bash
# Creates, changes and deletes a load balancer of the dummy driver by jobs that go through the whole worker.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

begin

node1='{"id": "n1", "address": "10.0.0.11", "port": 80}'
node2='{"id": "n2", "address": "10.0.0.12", "port": 80, "weight": 5}'
node3='{"id": "n3", "address": "10.0.0.13", "port": 80}'

submit "CREATE a load balancer with two nodes" \
    '{"hpcs_action": "CREATE", "loadBalancers": [{"id": "shop", "protocol": "HTTP", "nodes": ['"$node1, $node2"']}]}' \
    "$pass" '"condition": "ENABLED"'
submit "STATS: how are its nodes?" \
    '{"hpcs_action": "STATS"}' \
    "$pass" '"id": "n1", "status": "UP"' '"id": "n2", "status": "UP"'
submit "A dry run: what would it take to put another node in place of the second?" \
    '{"hpcs_action": "CREATE", "hpcs_dry_run": true, "loadBalancers": [{"id": "shop", "protocol": "HTTP", "nodes": ['"$node1, $node3"']}]}' \
    "$pass" '"plan": [' "remove node 'n2' from 'shop'" "add node 'n3' to 'shop'"
submit "SUSPEND it" \
    '{"hpcs_action": "SUSPEND", "loadBalancers": [{"id": "shop"}]}' \
    "$pass"
submit "STATS: suspended, it sends nobody any traffic" \
    '{"hpcs_action": "STATS"}' \
    "$pass" '"id": "n1", "status": "DOWN"' '"id": "n2", "status": "DOWN"'
submit "ENABLE it again" \
    '{"hpcs_action": "ENABLE", "loadBalancers": [{"id": "shop"}]}' \
    "$pass"
submit "A job with a mistake is refused, with its place" \
    '{"hpcs_action": "CREATE", "loadBalancers": [{"id": "mail", "protocol": "TCP", "port": 70000, "nodes": []}]}' \
    "$fail" 'loadBalancers[0].port'
submit "DELETE it" \
    '{"hpcs_action": "DELETE", "loadBalancers": [{"id": "shop"}]}' \
    "$pass"
submit "STATS: there is nothing left to ask" \
    '{"hpcs_action": "STATS"}' \
    "$fail" '"status": "DELETED"'

finish
