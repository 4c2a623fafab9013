# Who may use the API's socket.

# as USER METHOD PATH [BODY]: the status of a request that this user makes.
as() {
    runuser -u "$1" -- curl --silent --output /dev/null --unix-socket "$socket" --header 'Content-Type: application/json' \
        --request "$2" ${4+--data "$4"} --write-out '%{http_code}' "http://localhost$3" || true
}

person() { id "$1" >/dev/null 2>&1 || useradd --no-create-home "$1" ${2+--groups "$2"}; }

theSocketIsForRootAloneByDefault() {
    person stranger
    systemctl start lbaas-worker
    is "$(stat -c '%U %a' "$socket")" "lbaas 600"
    is "$(as root GET /v1/status) $(as lbaas GET /v1/status) $(as stranger GET /v1/status)" "200 200 000"
}

theSocketIsForMembersOfGroupsThatTheConfigurationNames() {
    groupadd --force lbaas-operators
    groupadd --force lbaas-viewers
    person stranger
    person manager lbaas-operators
    person watcher lbaas-viewers
    printf '[api]\noperators = lbaas-operators\nviewers = lbaas-viewers\n[worker]\ndriver = dummy\n' | configure
    systemctl start lbaas-worker
    says "turn on the drop-in lbaas-worker-groups.conf"
    turn_on groups
    systemctl restart lbaas-worker
    fails logged "members of the groups"
    local body='{"protocol": "HTTP", "nodes": [{"id": "a", "address": "10.0.0.1", "port": 80}]}'
    is "$(as watcher GET /v1/status) $(as manager GET /v1/status) $(as stranger GET /v1/status)" "200 200 403"
    is "$(as watcher PUT /v1/load-balancers/shop "$body") $(as manager PUT /v1/load-balancers/shop "$body")" "403 200"
    # What else is in the folder of the socket is nobody else's.
    is "$(runuser -u stranger -- ls /run/lbaas/haproxy 2>/dev/null || echo closed)" closed
}
