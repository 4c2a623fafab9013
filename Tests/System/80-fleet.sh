# The commands of the pages that are for a fleet: a server, a job server, a worker, and their clients.

# fleet_password: what the pages' users type.
fleet_password='correct horse'

# fresh_fleet: a host without the packages of a fleet, and with a copy of them in the folder that it goes to.
fresh_fleet() {
    systemctl stop 'web-*'
    apt-get purge -qq -y lbaas-worker lbaasctl lbaas-server >/dev/null
    rm -rf /var/lib/lbaas-server
    cd "$(mktemp -d)"
    cp "$packages"/*.deb .
}

theFirstFleetServesAndIsUsedByOpenStacksCommandLine() {
    fresh_fleet
    ip link add eth0 type dummy
    ip address add 10.20.0.1/24 dev eth0
    ip address add 192.0.2.11/32 dev eth0
    ip link set eth0 up
    web 192.0.2.11
    documented docs/fleet.md 'The first one' 1
    documented docs/fleet.md 'The first one' 2 < <(printf '%s\n' "$fleet_password")
    within 120 fleet_has_a_worker
    documented docs/fleet.md 'The first one' 3 <<<"$fleet_password" >/run/answers
    is "$(tail -n 1 /run/answers)" 192.0.2.11
    has "$(ip -4 address show dev eth0)" 10.20.0.10/32
    has "$(documented docs/octavia.md "OpenStack's load balancing API")" '"provisioning_status": "ACTIVE"'
    documented docs/fleet.md 'The first one' 4
    within 120 answers http://10.20.0.10/ 000
    is "$(lbaasctl list -o name)" ""
    systemctl stop lbaas-worker lbaas-server gearman-job-server 'web-*'
    ip link delete eth0
}
# The worker is at the job server.
fleet_has_a_worker() { [[ $(gearadmin --workers 2>/dev/null) == *" lb1"* ]]; }

# fleet_with_a_name: a server that is reached as https://fleet:8790, its user root, a worker with the dummy driver, and the load balancer shop with
# the member web3 in the project shop.
fleet_with_a_name() {
    fresh_fleet
    apt-get install -qq -y ./lbaas-worker_*.deb ./lbaasctl_*.deb ./lbaas-server_*.deb >/dev/null
    certificate fleet lbaas-server
    systemctl start gearman-job-server
    printf '[worker]\ndriver = dummy\n[gearman]\nfunction = lb1\nservers = localhost:4730\n' >/etc/lbaas/lbaas.conf
    cat >/etc/lbaas/server.conf <<'END'
[server]
listen = 127.0.0.1:8790
tls_cert = /etc/lbaas/fleet.pem
tls_key = /etc/lbaas/fleet.key
[auth]
hash_ops = 1
hash_memory = 1
[group:blue]
workers = lb1
addresses = 10.20.0.10-10.20.0.99
interface = none
END
    lbaas-server user add root --role admin <<<"$fleet_password"
    lbaas-server user add shopkeeper --role operator --project shop <<<"$fleet_password"
    systemctl restart lbaas-worker lbaas-server
    within 120 answers https://fleet:8790/readyz
    LBAAS_SERVER=https://fleet:8790 lbaasctl login shopkeeper <<<"$fleet_password"
    has "$(curl --silent --show-error --header "X-Auth-Token: $(cat ~/.config/lbaas/token)" --header 'Content-Type: application/json' \
        https://fleet:8790/v2/lbaas/loadbalancers --data '{"loadbalancer": {"name": "shop", "listeners": [{"name": "http", "protocol": "HTTP",
        "protocol_port": 80, "default_pool": {"name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [{"name": "web3",
        "address": "10.0.0.3", "protocol_port": 80}]}}]}}')" '"provisioning_status"'
}

theUsersOfAFleetAreManagedAndUseIt() {
    fleet_with_a_name
    # root, ann, and ann's new one.
    documented docs/fleet-users.md Users <<<"$fleet_password"$'\nfirst of ann\nsecond of ann' >/run/answers
    has "$(cat /run/answers)" ann
    # ann was deleted at the end.
    fails lbaasctl --server https://fleet:8790 login ann <<<"second of ann"
    has "$(documented docs/fleet-users.md Tokens)" ci
    fails lbaasctl --server https://fleet:8790 login "$(cut -d' ' -f1 ci.credential)" --credential <<<"$(cut -d' ' -f2 ci.credential)"
    lbaasctl --server https://fleet:8790 user add ann --role operator --project shop <<<"$fleet_password"
    has "$(documented docs/lbaasctl.md Fleet <<<"$fleet_password")" shop
    has "$(lbaasctl --server https://fleet:8790 -o json show shop)" '"weight": 0'
    has "$(lbaasctl --server https://fleet:8790 status)" ann
    rm -r ~/.config/lbaas ci.credential /etc/lbaas/fleet.*
    systemctl stop lbaas-worker lbaas-server gearman-job-server
}
