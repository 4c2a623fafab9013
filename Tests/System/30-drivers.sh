# The drivers with the rights that the unit and its drop-ins give.

aHAProxyOnPort80NeedsTheDropIn() {
    systemctl start lbaas-worker
    has "$(balancer shop 80)" "turn on the drop-in lbaas-worker-ports.conf"
    turn_on ports
    systemctl restart lbaas-worker
    balancer shop 80
    is "$(status_of http://127.0.0.1/)" 200
    # haproxy's own rights: this one and no other.
    local haproxy
    haproxy=$(haproxy_process)
    is "$(sed -n 's/^CapEff:\t//p' "/proc/$haproxy/status")" 0000000000000400
    # It has them now: the next port is no reason to start it anew.
    balancer other 81
    is "$(status_of http://127.0.0.1:81/) $(haproxy_process)" "200 $haproxy"
}

# network: makes the interface lbaas0 with the address 10.9.0.1.
network() {
    ip link add lbaas0 type dummy
    ip address add 10.9.0.1/32 dev lbaas0
    ip link set lbaas0 up
}

theIPVSDriverNeedsItsDropIn() {
    network
    printf '[worker]\ndriver = ipvs\n' | configure
    fails systemctl start lbaas-worker
    has "$(journalctl --unit=lbaas-worker --output=cat -n 20)" "turn on the drop-in lbaas-worker-ipvs.conf"
    systemctl stop lbaas-worker
    documented docs/ipvs.md Preparation
    systemctl start lbaas-worker
    api PUT /v1/load-balancers/shop '{"protocol": "TCP", "address": "10.9.0.1", "port": 80, "algorithm": "LEAST_CONNECTIONS", "nodes": [{"id": "a", "address": "10.9.1.1", "port": 8080, "weight": 3}]}'
    has "$(ipvsadm -Ln)" "TCP  10.9.0.1:80 wlc"
    has "$(ipvsadm -Ln)" "-> 10.9.1.1:8080                Masq    3"
    is "$(sysctl -n net.ipv4.vs.expire_nodest_conn)" 1
    # The table outlives the worker, who finds it again.
    systemctl restart lbaas-worker
    has "$(ipvsadm -Ln)" "TCP  10.9.0.1:80 wlc"
    fails logged "the appliance was changed by somebody else"
    api DELETE /v1/load-balancers/shop
    within 10 table_is_empty
}
table_is_empty() { [[ $(ipvsadm -Ln) != *10.9.* ]]; }

theIPVSDriverBalances() {
    network
    web 127.0.0.2
    sysctl -q net.ipv4.ip_forward=1
    ip netns add node
    ip link add lbaas1 type veth peer name eth0 netns node
    ip address add 10.9.1.254/24 dev lbaas1
    ip link set lbaas1 up
    ip -n node address add 10.9.1.1/24 dev eth0
    ip -n node link set eth0 up
    ip -n node route add default via 10.9.1.254
    systemd-run --quiet --unit=web-node ip netns exec node python3 "$here/web.py" 10.9.1.1 8080
    within 20 answers http://10.9.1.1:8080/
    printf '[worker]\ndriver = ipvs\n' | configure
    turn_on ipvs
    systemctl start lbaas-worker
    api PUT /v1/load-balancers/shop '{"protocol": "TCP", "address": "10.9.0.1", "port": 80, "nodes": [{"id": "a", "address": "10.9.1.1", "port": 8080}], "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 2}}'
    # Until its first check has passed, the node is down.
    within 20 answers http://10.9.0.1/
    is "$(curl --silent --max-time 60 http://10.9.0.1/)" 10.9.1.1
    # The thread that begins the checks has the real-time priority that the drop-in allows.
    within 10 has_a_realtime_thread
    systemctl stop web-node
    ip netns delete node
}
has_a_realtime_thread() { [[ $(ps -L -o cls= -p "$(property lbaas-worker MainPID)") == *RR* ]]; }

aHAProxyOfDebiansUnitRunsTheWorkersFile() {
    systemctl start haproxy
    documented docs/haproxy.md Modes
    printf '[worker:haproxy]\nmode = systemd\nmaster_socket = /run/lbaas/haproxy/master.sock\n' | configure
    systemctl daemon-reload
    systemctl restart lbaas-worker
    balancer shop 80
    is "$(property haproxy ActiveState) $(ps -o user= -p "$(property haproxy MainPID)")" "active lbaas"
    is "$(status_of http://127.0.0.1/)" 200
    # A reload, and then a stop of the worker, leave it running.
    local haproxy
    haproxy=$(property haproxy MainPID)
    balancer other 8082
    is "$(property haproxy MainPID) $(status_of http://127.0.0.1:8082/)" "$haproxy 200"
    systemctl restart lbaas-worker
    is "$(property haproxy MainPID) $(status_of http://127.0.0.1/)" "$haproxy 200"
    # One that dies is started again by systemd.
    kill -KILL "$haproxy"
    within 20 answers http://127.0.0.1/
    api DELETE /v1/load-balancers/shop
    api DELETE /v1/load-balancers/other
    within 10 is_inactive haproxy
}
is_inactive() { [ "$(property "$1" ActiveState)" = inactive ]; }
