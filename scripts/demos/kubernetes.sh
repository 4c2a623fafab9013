#!/usr/bin/env bash
# Three services of a Kubernetes cluster, read of a folder of manifests, and real connections through them. Needs root on a kernel with IPVS;
# scripts/demo kubernetes boots one. That kernel has no nf_tables for IPv4, so nothing is masqueraded: the client's way back is through the node.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Makes a client and two pods, which answer with their names; this host is the node between them.
make_network() {
    local name network number=4
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
    for name in client pod1 pod2; do
        network=10.244.1 number=$((number + 1))
        [ $name != client ] || network=192.0.2
        ip netns add $name
        ip link add $name type veth peer name eth0 netns $name
        ip address add $network.1/32 dev $name
        ip link set $name up
        ip route add $network.$number dev $name
        ip -n $name -batch - <<LINKS
link set lo up
address add $network.$number/32 dev eth0
link set eth0 up
route add $network.1 dev eth0
route add default via $network.1
LINKS
    done
    for name in pod1 pod2; do
        ip netns exec $name socat TCP-LISTEN:8080,reuseaddr,fork \
            SYSTEM:"while read -r line; do echo $name heard \$line; done" 2>/dev/null &
        servers+=($!)
        within 10 ip netns exec $name socat -u OPEN:/dev/null TCP:127.0.0.1:8080 2>/dev/null || give_up "server $name does not start"
    done
}

# service NAME SPEC STATUS POD...: puts the manifest of a service in its place, whose endpoints are these pods.
service() {
    local name=$1 spec=$2 status=$3 pod endpoints=''
    shift 3
    for pod; do endpoints+="{addresses: [10.244.1.$((5 + ${pod#pod}))], nodeName: n1}, "; done
    cat >"$folder/manifests/.new" <<MANIFEST
kind: Service
apiVersion: v1
metadata: {name: $name, namespace: shop}
spec: {$spec}
status: {$status}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: $name-1, namespace: shop, labels: {kubernetes.io/service-name: $name}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [${endpoints%, }]
MANIFEST
    mv "$folder/manifests/.new" "$folder/manifests/$name.yaml"
}

configure() {
    cat <<CONFIGURATION
[source:kubernetes]
manifests = $folder/manifests
node_name = n1
service_cidr = 10.96.0.0/12
edge = routes
CONFIGURATION
}

# ask ADDRESS PORT WORDS: connects from the client, sends the words, and prints the answer.
ask() { ip netns exec client timeout 60 socat -t 60 - "TCP:$1:$2" <<<"$3"; }

# reaches ADDRESS PORT POD...: four connections reach these pods and no others.
reaches() {
    local address=$1 port=$2 answers
    shift 2
    answers=$(for try in 1 2 3 4; do ask "$address" "$port" "connection $try"; done)
    echo "$answers"
    [ "$(cut -d' ' -f1 <<<"$answers" | sort -u | xargs)" = "$*" ]
}

# A connection that stays open: words go in at one pipe, answers come out at another.
open_connection() {
    mkfifo "$folder/words" "$folder/answers"
    ip netns exec client socat - TCP:10.96.0.10:80 <"$folder/words" >"$folder/answers" &
    connection=$!
    exec 7>"$folder/words" 8<"$folder/answers"
    the_connection_goes_on
}

the_connection_goes_on() {
    local answer
    echo "still there?" >&7
    IFS= read -r -t 10 -u 8 answer
    echo "$answer"
    [[ $answer == "pod1 heard still there?" ]]
}

close_connection() {
    exec 7>&- 8<&-
    kill "$connection" 2>/dev/null || true
    wait "$connection" || true
}

table_has() { grep -q "$1" <<<"$(table)" && table; }
routes() { ip route show table local proto 76; }

worker_driver=ipvs
folder=$(mktemp -d "${TMPDIR:-/tmp}/lbaas-demo.XXXXXX")
mkdir "$folder/manifests"
make_network
service web 'clusterIP: 10.96.0.10, ports: [{port: 80}]' '' pod1
service shop 'type: NodePort, clusterIP: 10.96.0.11, ports: [{port: 80, nodePort: 30080}]' '' pod1 pod2
service mail 'type: LoadBalancer, clusterIP: 10.96.0.12, ports: [{port: 25}]' 'loadBalancer: {ingress: [{ip: 203.0.113.7}]}' pod2
start_gearmand
start_worker
echo
echo "A worker serves the manifests in $folder/manifests:"
configure

check "The kernel's table" within 10 table_has 203.0.113.7:25
check "The routes by which packets come to it" routes
check "A cluster address" reaches 10.96.0.10 80 pod1
check "A node port" reaches 192.0.2.1 30080 pod1 pod2
check "A load balancer's address" reaches 203.0.113.7 25 pod2
open_connection >/dev/null || give_up "no connection reaches pod1"
service web 'clusterIP: 10.96.0.10, ports: [{port: 80}]' '' pod2
check "The endpoint of a connection that is open leaves, and another comes: weight 0" within 10 table_has '10.244.1.6:8080 *Masq *0 *1'
check "The connection goes on" the_connection_goes_on
check "New connections go to the other" reaches 10.96.0.10 80 pod2
close_connection
rm "$folder/manifests/mail.yaml"
check "A service is deleted: its virtual services go" within 10 table_has_not 203.0.113.7
check "So does the route to its address" routes
kill "$worker"
wait "$worker" || true
check "The worker has stopped, and the services are served" reaches 10.96.0.11 80 pod1 pod2
worker=''
"$program" --config-file "$folder/demo.conf" --driver ipvs --state-dir "$folder/state" --cleanup 2>>"$folder/worker.log"
check "lbaas-worker --cleanup leaves nothing" table_has_not "TCP "
start_worker
check "It is started again" within 10 table_has 10.96.0.11:80

finish
