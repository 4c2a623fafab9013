# The pages of docs/ whose commands are run as a reader does.

aPageLeadsFromAFreshDebianToALoadBalancerThatServes() {
    dpkg --purge lbaas-worker
    ipvsadm --clear
    mkdir -p /root/first
    cp "$packages"/lbaas-worker_*.deb /root/first/
    cd /root/first
    python3 "$here/page.py" "$here/../../docs/getting-started.md"
}
