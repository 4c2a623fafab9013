# Functions for the tests of this folder.
. "$here/../../scripts/within.sh"

socket=/run/lbaas/api.sock
drop_ins=/usr/share/lbaas-worker

# prepare: what each test finds.
prepare() {
    systemctl stop lbaas-worker haproxy exabgp etcd gearman-job-server 2>/dev/null || true
    if [ -e /sys/fs/cgroup/system.slice/lbaas-worker.service ]; then
        systemctl kill --kill-whom=all --signal=KILL lbaas-worker
    fi
    if compgen -G '/etc/systemd/system/*.service.d' >/dev/null; then
        rm -rf /etc/systemd/system/*.service.d
        systemctl daemon-reload
    fi
    systemctl reset-failed
    rm -rf /var/lib/lbaas /run/lbaas /etc/polkit-1/rules.d/50-lbaas-haproxy.rules /var/lib/etcd/default
    ! ip link show lbaas0 >/dev/null 2>&1 || ip link delete lbaas0
    ipvsadm --clear
    configure </dev/null
}

# installed: installs the package where it is not.
installed() {
    [ -x /usr/bin/lbaas-worker ] || {
        apt-get install -qq -y "$packages"/lbaas-worker_*.deb >/dev/null
        systemctl stop lbaas-worker
        rm -rf /var/lib/lbaas /run/lbaas
        configure </dev/null
    }
}

# configure: /etc/lbaas/lbaas.conf becomes what is read, with no job server where it names none.
configure() {
    [ -d /etc/lbaas ] || return 0
    cat >/etc/lbaas/lbaas.conf
    grep -q '^servers' /etc/lbaas/lbaas.conf || printf '\n[gearman]\nservers =\n' >>/etc/lbaas/lbaas.conf
}

# turn_on NAME...: links drop-ins of the package into the worker's unit, as docs/operations.md says.
turn_on() {
    local name
    mkdir -p /etc/systemd/system/lbaas-worker.service.d
    for name; do ln -s "$drop_ins/lbaas-worker-$name.conf" "/etc/systemd/system/lbaas-worker.service.d/$name.conf"; done
    systemctl daemon-reload
}

# drop_in UNIT LINE...: a drop-in of the test's own.
drop_in() {
    mkdir -p "/etc/systemd/system/$1.service.d"
    printf '%s\n' '[Service]' "${@:2}" >"/etc/systemd/system/$1.service.d/test.conf"
    systemctl daemon-reload
}

# property UNIT NAME: what systemd has under that name.
property() { systemctl show --property="$2" --value "$1"; }

# is ACTUAL WANTED: fails, and says so, where they differ.
is() { [ "$1" = "$2" ] || { printf 'it is    %s\nand not  %s\n' "$1" "$2"; return 1; }; }

# has TEXT PART: fails where the text does not have the part.
has() { [[ $1 == *"$2"* ]] || { printf "there is no '%s' in\n%s\n" "$2" "$1"; return 1; }; }

# fails COMMAND...: fails where the command does not.
fails() { if "$@"; then echo "it did not fail: $*"; return 1; fi; }

# logged TEXT: whether the worker has said so since its last start.
logged() { journalctl --quiet --unit=lbaas-worker "_SYSTEMD_INVOCATION_ID=$(property lbaas-worker InvocationID)" --output=cat | grep -qF -- "$1"; }

# says TEXT: waits until the worker has said so.
says() { within 20 logged "$1" || { echo "the worker has not said '$1'"; return 1; }; }

# api METHOD PATH [BODY]: a request to the worker's API as root; prints the body of the answer.
api() { curl --silent --show-error --unix-socket "$socket" --header 'Content-Type: application/json' --request "$1" ${3+--data "$3"} "http://localhost$2"; }

# status_of URL [OPTION...]: the status of an answer, 000 where there was none.
status_of() { curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "${@:2}" "$1" || true; }

# answers URL [STATUS]: whether it answers with that status, 200 if not told otherwise.
answers() { [ "$(status_of "$1")" = "${2-200}" ]; }

# web ADDRESS: a web server on port 8080 of the address, until the end of the system.
web() {
    systemctl --quiet is-active "web-$1" || systemd-run --quiet --unit="web-$1" python3 "$here/web.py" "$1" 8080
    within 20 answers "http://$1:8080/"
}

# balancer ID PORT [FIELDS]: makes a load balancer in front of the web server on 127.0.0.2.
balancer() {
    web 127.0.0.2
    api PUT "/v1/load-balancers/$1" "{\"protocol\": \"HTTP\", \"address\": \"127.0.0.1\", \"port\": $2, \"nodes\": [{\"id\": \"a\", \"address\": \"127.0.0.2\", \"port\": 8080}]}"
}

# haproxy_process: the id of the haproxy that the worker started.
haproxy_process() { cat /run/lbaas/haproxy/haproxy.cfg.pid 2>/dev/null || cat /var/lib/lbaas/haproxy/haproxy.cfg.pid; }

# documented PAGE HEADING: runs the first block of shell commands below a heading of a page, as root on the system that the page is for.
documented() {
    local block
    block=$(awk -v heading="$2" '
        inside && /^```$/ { exit }
        inside { print; next }
        /^#+ / { here = $0; sub(/^#+ /, "", here); found = here == heading }
        found && /^```sh$/ { inside = 1 }' "$here/../../$1")
    [ -n "$block" ] || { echo "$1 has no block of shell commands below '$2'"; return 1; }
    bash -euo pipefail -c "$block"
}
