# Functions for the tests of this folder.
. "$here/../../scripts/within.sh"

socket=/run/lbaas/api.sock
drop_ins=/usr/share/lbaas-worker

# prepare: what each test finds.
prepare() {
    systemctl stop lbaas-worker haproxy exabgp etcd gearman-job-server bird 2>/dev/null || true
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

# installed: installs the packages where they are not.
installed() {
    [ -x /usr/bin/lbaas-worker ] && [ -x /usr/bin/lbaasctl ] || {
        apt-get install -qq -y "$packages"/lbaas-worker_*.deb "$packages"/lbaasctl_*.deb >/dev/null
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

# is_closed UNIT: fails where systemd counts more of the unit as exposed than 1.2 of 10.
is_closed() {
    local level
    level=$(systemd-analyze security --no-pager "$1.service" | sed -n "s/.*Overall exposure level for $1.service: \([0-9.]*\).*/\1/p")
    echo "exposure level $level"
    awk "BEGIN { exit !(\"$level\" != \"\" && $level <= 1.2) }"
}

# is ACTUAL WANTED: fails, and says so, where they differ.
is() { [ "$1" = "$2" ] || { printf 'it is    %s\nand not  %s\n' "$1" "$2"; return 1; }; }

# has TEXT PART: fails where the text does not have the part.
has() { [[ $1 == *"$2"* ]] || { printf "there is no '%s' in\n%s\n" "$2" "$1"; return 1; }; }

# fails COMMAND...: fails where the command does not.
fails() { if "$@"; then echo "it did not fail: $*"; return 1; fi; }

# logged TEXT: whether the worker has said so since its last start.
logged() { grep -qF -- "$1" <<<"$(journalctl --quiet --unit=lbaas-worker "_SYSTEMD_INVOCATION_ID=$(property lbaas-worker InvocationID)" --output=cat)"; }

# says TEXT: waits until the worker has said so.
says() { within 20 logged "$1" || { echo "the worker has not said '$1'"; return 1; }; }

# api METHOD PATH [BODY]: a request to the worker's API as root; prints the body of the answer.
api() { curl --silent --show-error --unix-socket "$socket" --header 'Content-Type: application/json' --request "$1" ${3+--data "$3"} "http://localhost$2"; }

# status_of URL [OPTION...]: the status of an answer, 000 where there was none.
status_of() { curl --silent --output /dev/null --max-time 60 --write-out '%{http_code}' "${@:2}" "$1" || true; }

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

# block PAGE HEADING [N] [LANGUAGE...]: prints the first or the Nth block of commands below a heading of a page, of those that are marked `run` or
# `run by`; the languages are sh and zsh where none is given.
block() {
    local text languages
    languages=$(IFS='|'; echo "${*:4}")
    text=$(awk -v heading="$2" -v wanted="${3-1}" -v mark="^\`\`\`(${languages:-sh|zsh}) run( by |\$)" '
        inside && /^```$/ { exit }
        inside { print; next }
        /^#+ / { here = $0; sub(/^#+ /, "", here); found = here == heading }
        found && $0 ~ mark { inside = ++count == wanted }' "$here/../../$1")
    [ -n "$text" ] || { echo "$1 has no block of commands below '$2'" >&2; return 1; }
    printf '%s\n' "$text"
}

# documented PAGE HEADING [N]: runs a block of commands of a page, as root on the system that the page is for. What it exports is there for the
# blocks of the same test that follow. Words of $words, as WORD=VALUE, are put in place of what stands for them; $before and $after are
# commands that are run with the block.
documented() {
    local text word
    text=$(block "$1" "$2" "${3-1}")
    for word in "${words[@]}"; do text=${text//"${word%%=*}"/"${word#*=}"}; done
    text=${before-}$'\n'$text$'\n'${after-}
    if [ -z "$(block "$1" "$2" "${3-1}" sh 2>/dev/null)" ]; then
        zsh -e -o pipefail -c "$text"
    else
        bash -euo pipefail -c "${exported-}"$'\n'"$text"$'\nexport -p >/run/exported' || return
        exported=$(grep '^declare -x OS_\|^declare -x LBAAS_' /run/exported || true)
    fi
}
words=()

# session PAGE HEADING [N]: runs the commands of a `console` block, and fails where one has another output than the page says. There `…` stands for
# any text.
session() {
    local line command='' wanted='' status=0
    while IFS= read -r line; do
        if [[ $line == '$ '* ]]; then
            [ -z "$command" ] || shows "$command" "$wanted" || status=1
            command=${line#'$ '} wanted=''
        else
            wanted+=${wanted:+$'\n'}$line
        fi
    done <<<"$(block "$1" "$2" "${3-1}" console)"
    shows "$command" "$wanted" && return "$status"
}

# shows COMMAND TEXT: fails where the command fails or has another output.
shows() {
    local output
    output=$(bash -euo pipefail -c "$1") || { echo "it failed: $1"; return 1; }
    is_like "$output" "$2" || { printf 'of %s the output is\n%s\nand not\n%s\n' "$1" "$output" "$2"; return 1; }
}

# is_like TEXT FORM: whether they are the same, where `…` of the form stands for any text.
is_like() {
    local text=$1 form=$2 part
    [[ $form == *…* ]] || { [ "$text" = "$form" ]; return; }
    part=${form%%…*} form=${form#*…}
    [[ $text == "$part"* ]] || return 1
    text=${text#"$part"}
    while [[ $form == *…* ]]; do
        part=${form%%…*} form=${form#*…}
        [[ $text == *"$part"* ]] || return 1
        text=${text#*"$part"}
    done
    [[ $text == *"$form" ]]
}

# certificate NAME USER: a certificate for this name, which is a name of this host then, in /etc/lbaas/NAME.pem with its key in NAME.key, for the
# user; the programs of this host trust it.
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" -keyout "/etc/lbaas/$1.key" \
        -out "/etc/lbaas/$1.pem" 2>/dev/null
    chown "$2" "/etc/lbaas/$1.key"
    cat "/etc/lbaas/$1.pem" >>/etc/ssl/certs/ca-certificates.crt
    named "$1"
}

# named NAME: a name of this host.
named() { grep -q " $1\$" /etc/hosts || echo "127.0.0.1 $1" >>/etc/hosts; }
