# Virtual IPs and routes, with Debian's etcd and ExaBGP.

# virtual_ip [SECTION...]: a configuration with one.
virtual_ip() {
    ip link add lbaas0 type dummy
    ip link set lbaas0 up
    { printf '%s\n' "$@"; printf '[virtual_ip:shop]\naddress = 10.20.0.9\ninterface = lbaas0\n[worker]\ndriver = dummy\n'; } | configure
}
bound() { grep -q ' 10.20.0.9/32 ' <<<"$(ip -4 address show dev lbaas0)"; }
unbound() { ! bound; }

aVirtualIPNeedsTheDropIn() {
    virtual_ip
    fails systemctl start lbaas-worker
    has "$(journalctl --unit=lbaas-worker --output=cat -n 20)" "lbaas-worker-vip.conf for virtual IPs"
    systemctl stop lbaas-worker
    turn_on vip
    systemctl start lbaas-worker
    within 10 bound
    systemctl stop lbaas-worker
    unbound
}

aVirtualIPOfAWorkerThatIsKilledIsGivenUp() {
    # Debian's unit, on loopback.
    systemctl start etcd
    virtual_ip '[cluster]' 'etcd = http://127.0.0.1:2379'
    turn_on vip
    drop_in lbaas-worker RestartSec=30
    systemctl start lbaas-worker
    within 20 bound
    kill -KILL "$(property lbaas-worker MainPID)"
    within 2 unbound
    is "$(property lbaas-worker SubState)" auto-restart
    within 30 bound
    systemctl stop lbaas-worker etcd
}

anAddressOfOneHostAtMostNeedsAKernelWithThePacketFilter() {
    # User-mode Linux has nf_tables without the family netdev: the start says so, and is not tried again.
    virtual_ip
    printf '[virtual_ip:other]\naddress = 10.20.0.10\ninterface = lbaas0\npolicy = at_most_one\n' >>/etc/lbaas/lbaas.conf
    turn_on vip
    fails systemctl start lbaas-worker
    is "$(property lbaas-worker ActiveState)/$(property lbaas-worker ExecMainStatus)" failed/78
}

theRouteOfAServiceIsAnnouncedByDebiansExaBGP() {
    documented docs/bgp.md 'The hosts'
    within 20 test -p /run/exabgp/exabgp.in
    printf '[worker]\ndriver = dummy\n[notifier:bgp]\n' | configure
    systemctl restart lbaas-worker
    says "ExaBGP connected"
    api PUT /v1/load-balancers/shop '{"protocol": "HTTP", "address": "10.9.0.1", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 80}]}'
    says "announced"
    has "$(exabgp-cli show adj-rib out)" "10.9.0.1/32"
    api DELETE /v1/load-balancers/shop
    says "withdrawn"
    # It comes back, and the worker with it.
    systemctl restart exabgp
    says "ExaBGP lost"
    api PUT /v1/load-balancers/shop '{"protocol": "HTTP", "address": "10.9.0.2", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 80}]}'
    within 30 adj_rib_has 10.9.0.2/32
}
adj_rib_has() { grep -qF "$1" <<<"$(exabgp-cli show adj-rib out 2>/dev/null)"; }
