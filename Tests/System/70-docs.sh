# The pages of docs/: their readers' commands.

# page NAME: runs all blocks "```sh run" of a page, one after the other in one shell, in a folder that has the packages.
page() {
    local folder
    folder=$(mktemp -d)
    cp "$packages"/*.deb "$folder"
    awk '/^```sh run$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$here/../../docs/$1.md" >"$folder/commands"
    [ -s "$folder/commands" ] || { echo "docs/$1.md has no block of commands to run"; return 1; }
    (cd "$folder" && bash -euxo pipefail commands)
    rm -rf "$folder"
}

# fresh: a host without the packages, and with no web server of another test.
fresh() {
    systemctl stop 'web-*'
    apt-get purge -qq -y lbaas-worker lbaasctl >/dev/null
}

thePageGettingStartedLeadsToALoadBalancerThatServes() {
    fresh
    page getting-started
    is "$(for i in 1 2; do curl --silent http://127.0.0.1/; done | sort)" $'this is 127.0.0.2\nthis is 127.0.0.3'
    systemctl stop web2 web3
}

thePageGettingStartedWithIPVSLeadsToALoadBalancerThatServes() {
    fresh
    page getting-started-ipvs
    is "$(curl --silent http://10.9.0.1/)" "this is 10.9.1.1"
    systemctl stop web
    ip netns delete server
}

thePageHighAvailabilityLeadsToAVirtualIP() {
    # The second host is a network namespace, with a worker of its own.
    ip netns add host-b
    ip link add eth0 type veth peer name eth0 netns host-b
    ip address add 10.20.0.1/24 dev eth0
    ip link set eth0 up
    ip -n host-b address add 10.20.0.2/24 dev eth0
    ip -n host-b link set eth0 up
    drop_in etcd Environment=ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379,http://10.20.0.1:2379 \
        Environment=ETCD_ADVERTISE_CLIENT_URLS=http://10.20.0.1:2379
    systemctl start etcd
    page high-availability
    has "$(ip -4 address show dev eth0)" "10.20.0.9/32"
    mkdir -p /run/host-b
    sed 's/127.0.0.1:2379/10.20.0.1:2379\nhost = host-b/' /etc/lbaas/lbaas.conf >/run/host-b/lbaas.conf
    printf '\n[worker]\ndriver = dummy\nstate_dir = none\n[api]\nsocket = /run/host-b/api.sock\n' >>/run/host-b/lbaas.conf
    systemd-run --quiet --unit=host-b ip netns exec host-b lbaas-worker --config-file /run/host-b/lbaas.conf
    within 120 host_b_is STANDBY
    documented docs/high-availability.md 'Try it' 1
    within 120 host_b_is ACTIVATED
    fails grep -q 10.20.0.9 <<<"$(ip -4 address show dev eth0)"
    # Back, for the stop of the host that has it.
    lbaasctl --socket /run/host-b/api.sock ips failover 10.20.0.9
    within 120 host_b_is STANDBY
    documented docs/high-availability.md 'Try it' 2
    within 120 host_b_is ACTIVATED
    systemctl stop host-b etcd
    ip netns delete host-b
}
host_b_is() { [[ $(lbaasctl --socket /run/host-b/api.sock ips list 2>/dev/null) == *"$1"* ]]; }

thePageMigratingFromKeepalivedLeadsToTheSameTable() {
    ip link add lbaas0 type dummy
    ip address add 10.9.0.254/24 dev lbaas0
    ip link set lbaas0 up
    sysctl -q net.ipv4.ip_forward=1
    mkdir -p /etc/keepalived
    cat >/etc/keepalived/keepalived.conf <<'END'
vrrp_instance shop {
    interface lbaas0
    virtual_router_id 51
    virtual_ipaddress {
        10.9.0.1
    }
}
virtual_server 10.9.0.1 80 {
    lb_algo wrr
    lb_kind NAT
    protocol TCP
    real_server 10.9.1.1 8080 {
        weight 3
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
END
    systemctl enable --now keepalived
    within 120 table_has "-> 10.9.1.1:8080"
    page migrating-from-keepalived
    is "$(property keepalived ActiveState) $(property keepalived UnitFileState)" "inactive disabled"
    within 20 table_has "TCP  10.9.0.1:80 wrr"
    table_has "-> 10.9.1.1:8080                Masq    3"
}
table_has() { [[ $(ipvsadm -Ln) == *"$1"* ]]; }

thePageBGPLeadsToARouteOfTheRouter() {
    web 127.0.0.2
    ip netns add router
    ip link add lbaas0 type veth peer name eth0 netns router
    ip address add 192.0.2.10/24 dev lbaas0
    ip link set lbaas0 up
    ip -n router address add 192.0.2.1/24 dev eth0
    ip -n router link set eth0 up
    # The page's router is a host of its own.
    drop_in bird NetworkNamespacePath=/run/netns/router
    page bgp
    has "$(ip -n router route show 10.9.0.1)" "via 192.0.2.10 dev eth0 proto bird"
    is "$(ip netns exec router curl --silent --max-time 60 http://10.9.0.1:8000/)" 127.0.0.2
    systemctl stop bird exabgp lbaas-worker
    systemctl disable exabgp
    ip address delete 10.9.0.1/32 dev lo
    ip netns delete router
}

thePageMigratingFromLibraListsWhatHasNoCounterpart() {
    cat >/etc/libra.cfg <<'END'
[DEFAULT]
daemon = true
user = lbaas
[gearman]
servers = localhost:4730, 10.0.0.1:4730
keepalive = true
poll = 1
reconnect_sleep = 60
[worker]
driver = haproxy
pid = /var/run/libra/libra_worker.pid
[worker:haproxy]
service = ubuntu
statsfile = /var/log/haproxy.stats
END
    systemctl start lbaas-worker
    balancer shop 8081
    local lines
    lines=$(page migrating-from-libra 2>&1)
    is "$(grep -o "'[a-z]*' is not a key of [^;]*" <<<"$lines")" "'daemon' is not a key of [DEFAULT]
'poll' is not a key of [gearman]
'service' is not a key of [worker:haproxy]
'statsfile' is not a key of [worker:haproxy]"
    within 10 answers http://127.0.0.1:8081/ 000
    systemctl enable lbaas-worker
}

thePageOperationsKeepsWhatTheWorkerHas() {
    systemctl start lbaas-worker
    balancer shop 8081
    page operations
    within 10 answers http://127.0.0.1:8081/
    test -e /var/backups/lbaas-state.sqlite
    # A load balancer that is made behind the backup is gone when it is restored.
    balancer later 8082
    documented docs/operations.md 'Backup and restore' 2
    is "$(lbaasctl list -o name)" shop
    rm /var/backups/lbaas-state.sqlite
}
