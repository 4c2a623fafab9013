# The package and its unit.

aPackageInstallsAWorkerThatRuns() {
    apt-get purge -qq -y lbaas-worker 2>/dev/null || true
    apt-get install -qq -y "$packages"/lbaas-worker_*.deb >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; return 1; }
    is "$(property lbaas-worker ActiveState)/$(property lbaas-worker UnitFileState)" active/enabled
    is "$(ps -o user= -p "$(property lbaas-worker MainPID)")" lbaas
    is "lbaas-worker $(dpkg-query -W -f='${Version}' lbaas-worker)" "$(lbaas-worker --version)"
    within 10 answers_by_socket
    says "started"
    dpkg --verify lbaas-worker
}
answers_by_socket() { [[ $(api GET /v1/status 2>/dev/null) = "{"* ]]; }

thePackageHasManualPagesAndCompletion() {
    has "$(man 8 lbaas-worker | col -b 2>/dev/null || man 8 lbaas-worker)" "--check-config"
    has "$(man 5 lbaas.conf)" "drain_timeout"
    has "$(completed lbaas-worker --check)" "--check-config"
}

# completed PROGRAM WORD: what bash completes the first word behind the program to, by the files that the packages bring.
completed() {
    bash -ic '. /usr/share/bash-completion/bash_completion
        COMP_WORDS=("$1" "$2") COMP_CWORD=1 COMP_LINE="$1 $2" COMP_POINT=$((${#1} + ${#2} + 1))
        _completion_loader "$1"; $(complete -p "$1" | sed "s/.*-F \([^ ]*\).*/\1/") "$1" "$2" "$1"
        echo "${COMPREPLY[@]}"' completed "$@" 2>/dev/null
}

theUnitIsAsClosedAsItCanBe() {
    systemd-analyze verify lbaas-worker.service
    is_closed lbaas-worker
}

theWorkersFilesAreForItselfAlone() {
    systemctl start lbaas-worker
    is "$(stat -c '%U:%G %a' /var/lib/lbaas)" "lbaas:lbaas 750"
    is "$(find /var/lib/lbaas -name 'state.sqlite*' -printf '%m\n' | sort -u)" 600
}

aStartEndsWhenTheWorkerIsReady() {
    # systemctl returns when the worker has said so to systemd; then what the configuration file names is served.
    web 127.0.0.2
    configure <<'END'
[service:shop]
protocol = HTTP
address = 127.0.0.1
port = 8081
nodes = [{"id": "a", "address": "127.0.0.2", "port": 8080}]
END
    systemctl start lbaas-worker
    is "$(property lbaas-worker Type)" notify
    # Neither the runtime nor a library has something to say of its own.
    fails logged "Failed to set"
    is "$(status_of http://127.0.0.1:8081/)" 200
}

aStopIsInGoodOrderAndHAProxyServesOn() {
    systemctl start lbaas-worker
    balancer shop 8081
    local haproxy
    haproxy=$(haproxy_process)
    systemctl stop lbaas-worker
    is "$(property lbaas-worker Result)/$(property lbaas-worker ExecMainStatus)" success/0
    is "$(status_of http://127.0.0.1:8081/)" 200
    systemctl start lbaas-worker
    is "$(haproxy_process)" "$haproxy"
    is "$(status_of http://127.0.0.1:8081/)" 200
    api DELETE /v1/load-balancers/shop
    within 10 ended "$haproxy"
}
ended() { ! kill -0 "$1" 2>/dev/null; }

aJobOfDebiansJobServerIsAnswered() {
    systemctl start gearman-job-server
    printf '[gearman]\nservers = localhost:4730\nfunction = lb1\n[worker]\ndriver = dummy\n' | configure
    systemctl start lbaas-worker
    says "job server connected"
    has "$(timeout 20 gearman -h localhost -f lb1 '{"hpcs_action": "CREATE", "loadBalancers": [{"id": "shop", "protocol": "HTTP", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 80}]}]}')" \
        '"hpcs_response": "PASS"'
}

aPackageInstallsTheCommandLine() {
    apt-get purge -qq -y lbaasctl >/dev/null 2>&1 || true
    apt-get install -qq -y "$packages"/lbaasctl_*.deb >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; return 1; }
    installed
    is "lbaasctl $(dpkg-query -W -f='${Version}' lbaasctl)" "$(lbaasctl --version)"
    dpkg --verify lbaasctl
    has "$(man 1 lbaasctl | col -b 2>/dev/null || man 1 lbaasctl)" "why ID"
    is "$(head -n 1 /usr/share/zsh/vendor-completions/_lbaasctl)" "#compdef lbaasctl"
    has "$(completed lbaasctl dr)" drain
    systemctl start lbaas-worker
    has "$(lbaasctl -o json status)" '"driver"'
}
