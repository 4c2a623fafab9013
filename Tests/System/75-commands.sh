# The commands of the pages that are for a worker that runs, and those of README.md.

# dummy_worker [LINE...]: starts a worker with the dummy driver, and with these lines in its configuration.
dummy_worker() {
    printf '%s\n' '[worker]' 'driver = dummy' "$@" | configure
    systemctl start lbaas-worker
}

# job ACTION BALANCER...: a job that is done.
job() {
    local list
    list=$(IFS=,; echo "${*:2}")
    has "$(api POST /v1/jobs "{\"hpcs_action\": \"$1\", \"loadBalancers\": [$list]}")" '"hpcs_response": "PASS"'
}

thePageOfTheAPIIsRun() {
    TOKEN=$(lbaasctl token new --name ann --role viewer 2>/run/note)
    export TOKEN
    grep '^ann ' /run/note >/etc/lbaas/tokens
    chown lbaas /etc/lbaas/tokens
    dummy_worker '[api]' 'listen = 127.0.0.1:8780' 'tokens = /etc/lbaas/tokens'
    page api
    has "$(documented docs/api.md 'The HTTP API of a worker' 2)" '"loadBalancers"'
    rm /etc/lbaas/tokens
}

theEventsOfThePageOfTheAPIAreAsTheyAreShown() {
    local shown told
    shown=$(block docs/api.md Events 1 console | sed -n 's/^data: //p')
    dummy_worker '[worker:dummy]' 'checks = yes'
    # The stream has no end.
    bash -c "$(block docs/api.md Events 1 console | sed -n 's/^\$ //p')" >/run/events 2>/dev/null &
    local stream=$!
    within 120 has_a_stream
    web 127.0.0.2
    job CREATE '{"id": "shop", "protocol": "HTTP", "nodes": [{"id": "n0", "address": "127.0.0.2", "port": 8080}], "monitor": {"type": "CONNECT", "delay": 1, "timeout": 1, "attempts": 1}}'
    within 120 told_of_health UP
    systemctl stop web-127.0.0.2
    within 120 told_of_health DOWN
    kill $stream
    told=$(told_of_health DOWN)
    is "$(members "$told")" "$(members "$shown")"
    has "$told" '"reason": "connect: refused"'
}
has_a_stream() { grep -qx 'lbaas_sse_clients 1' <<<"$(api GET /metrics)"; }
told_of_health() { grep -A1 '^event: health$' /run/events | sed -n 's/^data: //p' | grep "\"status\": \"$1\".*}\$"; }
# members JSON: the names of the members of an object.
members() { python3 -c 'import json, sys; print(*json.loads(sys.argv[1]))' "$1"; }

thePageOfLbaasctlIsRun() {
    systemctl start lbaas-worker
    page lbaasctl
    is "$(stat -c %a ~/.config/lbaas/token ~/.config/lbaas/key | sort -u)" 600
    rm -r ~/.config/lbaas
}

theSessionOfThePageLbaasctlIsAsItIsShown() {
    dummy_worker '[worker:dummy]' 'down = web3'
    job CREATE '{"id": "mail", "protocol": "TCP", "address": "10.20.0.9", "port": 25, "nodes": [{"id": "mx1", "address": "10.0.0.1", "port": 25}]}' \
        '{"id": "shop", "protocol": "HTTP", "nodes": [{"id": "web2", "address": "10.0.0.2", "port": 80}, {"id": "web3", "address": "10.0.0.3", "port": 80}]}'
    session docs/lbaasctl.md lbaasctl
    has "$(api GET /v1/load-balancers/shop)" '"DRAINING"'
    # A page that shows something else is found.
    fails shows 'lbaasctl list -o name' $'mail\nstore'
    shows 'lbaasctl list -o name' $'mail\n…'
}

theSignedRequestsOfThePageLbaasctlAreAnswered() {
    certificate lb1 lbaas
    mkdir -p ~/.config/lbaas
    documented docs/lbaasctl.md Signing 1 2>/run/note
    grep '^ann operator ' /run/note >/etc/lbaas/keys
    chmod 600 /etc/lbaas/keys
    chown lbaas /etc/lbaas/keys
    dummy_worker '[api]' 'listen = 127.0.0.1:8780' 'tls_cert = /etc/lbaas/lb1.pem' 'tls_key = /etc/lbaas/lb1.key' 'keys = /etc/lbaas/keys'
    job CREATE '{"id": "shop", "protocol": "HTTP", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 80}]}'
    has "$(documented docs/lbaasctl.md Signing 2)" shop
    # A key that the worker does not have is refused.
    sed -i 's/ann operator ./&x/' /etc/lbaas/keys
    systemctl restart lbaas-worker
    fails documented docs/lbaasctl.md Signing 2
    rm -r ~/.config/lbaas /etc/lbaas/keys /etc/lbaas/lb1.*
}

theCompletionOfThePageLbaasctlIsForZsh() {
    is "$(before='autoload -Uz compinit; compinit -u' after='print -r -- $_comps[lbaasctl]' documented docs/lbaasctl.md 'Completion and manual page' 2)" \
        _lbaasctl
}

theFormOfJobsOfThePageIsAnswered() {
    systemctl start gearman-job-server
    dummy_worker '[gearman]' 'servers = localhost:4730' 'function = lb1'
    says "job server connected"
    words=(HOST=localhost PORT=4730 FUNCTION=lb1 'REQUEST={"hpcs_action": "DISCOVER"}')
    has "$(documented docs/jobs.md Jobs)" '"hpcs_response": "PASS"'
}

theSessionOfThePageKeepalivedAPIIsAsItIsShown() {
    dummy_worker '[api]' 'keepalived_listen = 127.0.0.1:62307'
    session docs/keepalived-api.md 'The API of go_keepalived'
    has "$(lbaasctl list)" "10.9.0.1:80"
}

theDashboardIsReachedBySSHAsThePageSays() {
    dummy_worker
    named lb1.example
    mkdir -p -m 700 ~/.ssh
    rm -f ~/.ssh/id_ed25519
    ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
    cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
    systemctl start ssh
    within 120 known_by_ssh
    # It ends with its standard input, which is that of a shell on the host.
    mkfifo /run/shell
    documented docs/dashboard.md 'How to get in' </run/shell &
    local shell=$!
    exec 7>/run/shell
    within 120 answers http://localhost:8780/
    has "$(curl --silent http://localhost:8780/)" '<title>'
    has "$(curl --silent http://localhost:8780/v1/status)" '"role": "admin"'
    exec 7>&-
    wait $shell
    systemctl stop ssh
    rm -r ~/.ssh /run/shell
}
known_by_ssh() { ssh-keyscan lb1.example >~/.ssh/known_hosts 2>/dev/null && [ -s ~/.ssh/known_hosts ]; }

theFirstJobOfTheREADMEIsAnsweredAsItSays() {
    local folder text
    # The toolchain is not on this host, and the packages are there: these two stand for what makes the program, with the words that they must
    # be called with.
    folder=$(mktemp -d)
    mkdir -p "$folder/scripts" "$folder/bin"
    printf '#!/bin/sh\nexec dpkg-query --show "$@" >/dev/null\n' >"$folder/scripts/setup"
    printf '#!/bin/sh\n[ "$*" = "build -c release --static-swift-stdlib --product lbaas-worker" ] && install -D /usr/bin/lbaas-worker .build/release/lbaas-worker\n' \
        >"$folder/bin/swift"
    chmod +x "$folder/scripts/setup" "$folder/bin/swift"
    (
        cd "$folder"
        PATH=$folder/bin:$PATH
        # Not by `$( )`, which would wait for the worker.
        documented README.md 'A first job' 1 >replies 2>log
        echo >>replies
        documented README.md 'A first job' 2 >>replies
        is "$(cat replies)" "$(reply 1)
$(reply 2)"
        # shellcheck disable=SC2046
        kill "$(cat /tmp/gearmand.pid)" $(pgrep -f "^.build/release/lbaas-worker")
    )
    rm -r "$folder"
}
# reply N: the Nth reply that README.md shows.
reply() { awk -v wanted="$1" '/^```$/ { inside = 0 } inside; /^```json$/ { inside = ++count == wanted }' "$here/../../README.md"; }
