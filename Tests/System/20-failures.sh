# What systemd does when the worker hangs, fails or dies.

restarts() { property lbaas-worker NRestarts; }
has_restarted() { [ "$(restarts)" -ge "$1" ]; }
is_active() { systemctl --quiet is-active lbaas-worker; }

aWorkerThatHangsIsStartedAgain() {
    drop_in lbaas-worker WatchdogSec=3
    systemctl start lbaas-worker
    kill -STOP "$(property lbaas-worker MainPID)"
    within 20 has_restarted 1
    within 20 is_active
    has "$(journalctl --unit=lbaas-worker --output=cat -n 50)" "Watchdog timeout"
    api GET /v1/status
}

aSlowReloadIsNoReasonToStartItAgain() {
    drop_in lbaas-worker WatchdogSec=6
    cat >/usr/local/bin/slow-haproxy <<'END'
#!/bin/sh
case "$*" in *-c*) [ ! -e /run/slow ] || sleep 12 ;; esac
exec /usr/sbin/haproxy "$@"
END
    chmod +x /usr/local/bin/slow-haproxy
    printf '[worker:haproxy]\nprogram = /usr/local/bin/slow-haproxy\n' | configure
    systemctl start lbaas-worker
    local process
    process=$(property lbaas-worker MainPID)
    balancer one 8081
    touch /run/slow
    SECONDS=0
    balancer two 8082
    rm /run/slow
    [ $SECONDS -ge 9 ] || { echo "the reload took $SECONDS s only"; return 1; }
    is "$(property lbaas-worker MainPID) $(restarts)" "$process 0"
    is "$(status_of http://127.0.0.1:8082/)" 200
}

aWorkerThatFailsIsTriedUntilItCanStart() {
    # Without the rights of the drop-in, IPVS cannot be asked.
    printf '[worker]\ndriver = ipvs\n' | configure
    drop_in lbaas-worker RestartSec=0.1
    systemctl start --no-block lbaas-worker
    # More often than systemd tries by default, which is five times in ten seconds.
    within 30 has_restarted 7
    configure </dev/null
    within 10 is_active
}

aWrongConfigurationIsNotTriedAgain() {
    printf '[worker]\ndriver = nonsense\n' | configure
    fails systemctl start lbaas-worker
    is "$(property lbaas-worker ActiveState)/$(property lbaas-worker ExecMainStatus)/$(restarts)" failed/78/0
    has "$(journalctl --unit=lbaas-worker --output=cat -n 20)" "/etc/lbaas/lbaas.conf:2: driver: 'nonsense'"
}

aWorkerThatIsKilledIsStartedAgainAndFindsItsHAProxy() {
    systemctl start lbaas-worker
    balancer shop 8081
    local haproxy worker
    haproxy=$(haproxy_process) worker=$(property lbaas-worker MainPID)
    kill -KILL "$worker"
    within 20 has_restarted 1
    within 20 is_active
    is "$(haproxy_process)" "$haproxy"
    is "$(status_of http://127.0.0.1:8081/)" 200
}
