# The package of the fleet's server, and its unit.

# fresh_server: the package newly installed, and its unit started by that.
fresh_server() {
    apt-get purge -qq -y lbaas-server >/dev/null 2>&1 || true
    apt-get install -qq -y "$packages"/lbaas-server_*.deb >/tmp/apt.log 2>&1 || { cat /tmp/apt.log; return 1; }
}

# login NAME PASSWORD: the status of a login of OpenStack's clients.
login() {
    curl --silent --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' --data @- \
        http://127.0.0.1:8790/v3/auth/tokens <<END
{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "$1", "domain": {"id": "default"}, "password": "$2"}}}}}
END
}

aPackageInstallsAServerThatRuns() {
    fresh_server
    is "$(property lbaas-server ActiveState)/$(property lbaas-server UnitFileState)/$(property lbaas-server Type)" active/enabled/notify
    is "$(ps -o user:20= -p "$(property lbaas-server MainPID)" | tr -d ' ')" lbaas-server
    is "lbaas-server $(dpkg-query -W -f='${Version}' lbaas-server)" "$(lbaas-server --version)"
    is "$(status_of http://127.0.0.1:8790/healthz)" 200
    is "$(stat -c '%U:%G %a' /var/lib/lbaas-server)" "lbaas-server:lbaas-server 750"
    is "$(find /var/lib/lbaas-server -type f -printf '%u %m\n' | sort -u)" "lbaas-server 600"
    dpkg --verify lbaas-server
    lbaas-server --check-config
    has "$(man 8 lbaas-server)" "--check-config"
    has "$(completed lbaas-server --check)" "--check-config"
    fails journalctl --quiet --grep "Failed to set" --unit lbaas-server
}

theServersUnitIsAsClosedAsItCanBe() {
    fresh_server
    systemd-analyze verify lbaas-server.service
    is_closed lbaas-server
}

theFirstUserOfTheServerIsMadeAsThePageSays() {
    apt-get purge -qq -y lbaas-server >/dev/null 2>&1 || true
    (
        cd "$(mktemp -d)"
        cp "$packages"/lbaas-server_*.deb .
        documented docs/server.md Start
        is "$(login admin "$(cat admin.password)")" 201
        is "$(login admin wrong-password)" 401
        # A server that is restarted, and one that hangs and is restarted by systemd, know the user.
        systemctl restart lbaas-server
        is "$(login admin "$(cat admin.password)")" 201
    )
}

aServerThatHangsIsRestarted() {
    fresh_server
    drop_in lbaas-server WatchdogSec=3
    systemctl restart lbaas-server
    local before
    before=$(property lbaas-server MainPID)
    kill -STOP "$before"
    within 60 runs_anew "$before"
    within 20 answers http://127.0.0.1:8790/healthz
}
runs_anew() { local now; now=$(property lbaas-server MainPID); [ "$now" != 0 ] && [ "$now" != "$1" ]; }

aServerWithAWrongConfigurationEndsAndIsNotStartedAgain() {
    fresh_server
    echo nonsense >>/etc/lbaas/server.conf
    fails systemctl restart lbaas-server
    is "$(property lbaas-server ExecMainStatus)/$(property lbaas-server NRestarts)" 78/0
}

thePurgeOfTheServersPackageLeavesNothing() {
    fresh_server
    apt-get purge -qq -y lbaas-server
    local path
    for path in /etc/lbaas/server.conf /var/lib/lbaas-server /usr/share/doc/lbaas-server \
        /etc/systemd/system/multi-user.target.wants/lbaas-server.service; do
        [ ! -e "$path" ] && [ ! -L "$path" ] || { ls -lR "$path"; return 1; }
    done
    is "$(property lbaas-server LoadState)" not-found
}
