# The pages of docs/: their readers' commands.

# page NAME: runs all blocks "```sh run" of a page, one after the other in one shell, in a folder that has the packages.
page() {
    local folder
    folder=$(mktemp -d)
    cp "$packages"/*.deb "$folder"
    awk '/^```sh run$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$here/../../docs/$1.md" >"$folder/commands"
    [ -s "$folder/commands" ] || { echo "docs/$1.md has no block of commands to run"; return 1; }
    (cd "$folder" && bash -euxo pipefail commands)
    rm -rf "$folder"
}

# fresh: a host without the packages.
fresh() { apt-get purge -qq -y lbaas-worker lbaasctl >/dev/null; }

thePageGettingStartedLeadsToALoadBalancerThatServes() {
    fresh
    page getting-started
    is "$(curl --silent http://127.0.0.1/)" "this is 127.0.0.2" || is "$(curl --silent http://127.0.0.1/)" "this is 127.0.0.2"
    systemctl stop web2 web3
}

thePageGettingStartedWithIPVSLeadsToALoadBalancerThatServes() {
    fresh
    page getting-started-ipvs
    is "$(curl --silent http://10.9.0.1/)" "this is 10.9.1.1"
    systemctl stop web
    ip netns delete server
}

thePageHighAvailabilityLeadsToAVirtualIP() {
    systemctl start etcd
    ip link add eth0 type dummy
    ip link set eth0 up
    page high-availability
    has "$(ip -4 address show dev eth0)" "10.20.0.9/32"
    systemctl stop lbaas-worker etcd
    ip link delete eth0
}

thePageMigratingFromKeepalivedLeadsToTheSameTable() {
    ip link add lbaas0 type dummy
    ip link set lbaas0 up
    sysctl -q net.ipv4.ip_forward=1
    mkdir -p /etc/keepalived
    cat >/etc/keepalived/keepalived.conf <<'END'
vrrp_instance shop {
    interface lbaas0
    virtual_ipaddress {
        10.9.0.1
    }
}
virtual_server 10.9.0.1 80 {
    lb_algo wrr
    lb_kind NAT
    protocol TCP
    real_server 10.9.1.1 8080 {
        weight 3
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
END
    page migrating-from-keepalived
    within 20 table_has "TCP  10.9.0.1:80 wrr"
    table_has "-> 10.9.1.1:8080                Masq    3"
}
table_has() { [[ $(ipvsadm -Ln) == *"$1"* ]]; }

theBlocksOfAllPagesAreRun() {
    is "$(sed -n 's/^    page //p' "$here/70-docs.sh" | sort)" "$(cd "$here/../../docs" && grep -l '^```sh run$' ./*.md | sed 's,^./,,;s,.md$,,' | sort)"
}
