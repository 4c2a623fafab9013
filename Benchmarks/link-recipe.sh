#!/usr/bin/env bash
# link-recipe.sh ENDPOINT CLUSTER HOST ADDRESS INTERFACE: owns an address as LINK does, for comparison. A lease of 15 s at etcd is renewed each
# 5 s; who creates the key with it owns the address until the key is gone. It binds the address and announces it by ARP.
set -euo pipefail
endpoint=$1 key=/link/$2/$4 host=$3 address=$4 interface=$5

etcd() { etcdctl --endpoints "$endpoint" --dial-timeout 2s --command-timeout 5s "$@"; }

# Whether this host has created the key with its lease.
is_elected() {
    local answer
    answer=$(printf 'create("%s") = "0"\n\nput %s %s --lease=%s\n\n\n' "$key" "$key" "$host" "$lease" | etcd txn 2>/dev/null) || return
    [[ $answer == SUCCESS* ]]
}

while :; do
    lease=$(etcd lease grant 15 | awk '{print $2}') || continue
    etcd lease keep-alive "$lease" >/dev/null &
    renewal=$!
    until is_elected; do
        # Until the key is gone.
        timeout 20 etcdctl --endpoints "$endpoint" watch "$key" | grep -qm1 DELETE || true
    done
    ip address replace "$address/32" dev "$interface"
    arping -q -U -c 4 -w 4 -I "$interface" "$address" || true &
    # It ends where the lease is lost.
    wait "$renewal" || true
    ip address del "$address/32" dev "$interface" 2>/dev/null || true
done
