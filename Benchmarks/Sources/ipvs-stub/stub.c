// What answers keepalived in place of an IPVS that this kernel does not have: it is told that all it asks for was done.
//
// Loaded before libnl (LD_PRELOAD), these take the place of libnl's functions of the same names. keepalived uses libnl for IPVS alone where it
// only checks.
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

static nl_recvmsg_msg_cb_t callbacks[NL_CB_TYPE_MAX + 1];
static void *contexts[NL_CB_TYPE_MAX + 1];

int genl_ctrl_resolve(struct nl_sock *socket, const char *name) {
    (void)socket, (void)name;
    return 999;
}

int nl_socket_modify_cb(
    struct nl_sock *socket, enum nl_cb_type type, enum nl_cb_kind kind, nl_recvmsg_msg_cb_t callback, void *context) {
    (void)socket, (void)kind;
    callbacks[type] = callback;
    contexts[type] = context;
    return 0;
}

int nl_send_auto(struct nl_sock *socket, struct nl_msg *message) {
    (void)socket, (void)message;
    return 0;
}

// The last message of an answer, whatever the request was.
int nl_recvmsgs_default(struct nl_sock *socket) {
    (void)socket;
    if (callbacks[NL_CB_ACK]) callbacks[NL_CB_ACK](NULL, contexts[NL_CB_ACK]);
    if (callbacks[NL_CB_FINISH]) callbacks[NL_CB_FINISH](NULL, contexts[NL_CB_FINISH]);
    return 0;
}
