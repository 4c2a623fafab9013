# Restarts, upgrades and the end of the package.

# under_load COMMAND...: runs the command while requests are made to http://127.0.0.1:8081/ one after the other; fails where one of them fails.
under_load() {
    rm -f /run/load-stop /tmp/load
    python3 "$here/load.py" 127.0.0.1 8081 /run/load-stop >/tmp/load &
    local load=$!
    within 20 test -s /tmp/load
    "$@"
    touch /run/load-stop
    wait $load || { cat /tmp/load; return 1; }
    cat /tmp/load
}

aRestartFailsNoRequest() {
    systemctl start lbaas-worker
    balancer shop 8081
    under_load systemctl restart lbaas-worker
}

anUpgradeFailsNoRequest() {
    systemctl start lbaas-worker
    balancer shop 8081
    local before
    before=$(property lbaas-worker MainPID)
    echo '# a line of the operator' >>/etc/lbaas/lbaas.conf
    under_load apt-get install -qq -y -o Dpkg::Options::=--force-confold "$packages"/newer/lbaas-worker_*.deb
    has "$(dpkg-query -W -f='${Version}' lbaas-worker)" newer
    [ "$(property lbaas-worker MainPID)" != "$before" ]
    is "$(property lbaas-worker ActiveState)" active
    # What the operator wrote is still there.
    is "$(tail -n 1 /etc/lbaas/lbaas.conf)" '# a line of the operator'
    has "$(api GET /v1/load-balancers/shop)" '"shop"'
}

aRemovedPackageEndsItsHAProxyAndKeepsWhatItKnew() {
    systemctl start lbaas-worker
    balancer shop 8081
    apt-get remove -qq -y lbaas-worker
    within 10 answers http://127.0.0.1:8081/ 000
    is "$(pgrep -c -u lbaas || true)" 0
    test -e /var/lib/lbaas/state.sqlite
    test -e /etc/lbaas/lbaas.conf
    apt-get install -qq -y "$packages"/lbaas-worker_*.deb
    within 20 answers http://127.0.0.1:8081/
}

thePurgeOfThePackageLeavesNothing() {
    turn_on ports ipvs vip
    systemctl start lbaas-worker
    balancer shop 8081
    apt-get purge -qq -y lbaas-worker
    is "$(pgrep -c -u lbaas || true)" 0
    local path
    for path in /etc/lbaas /var/lib/lbaas /run/lbaas /usr/share/lbaas-worker /etc/systemd/system/lbaas-worker.service.d \
        /etc/systemd/system/multi-user.target.wants/lbaas-worker.service; do
        [ ! -e "$path" ] && [ ! -L "$path" ] || { ls -lR "$path"; return 1; }
    done
    is "$(property lbaas-worker LoadState)" not-found
}
