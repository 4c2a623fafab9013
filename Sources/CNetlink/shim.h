#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// Up to two datagrams: how long they are, which may be more than there was room for, and the ports they were sent from.
struct netlink_datagrams {
    int count;
    size_t length[2];
    uint32_t sender[2];
};

// Takes two datagrams in one system call, or as many as are there already; a count of -1 and errno where there is none. It is recvmmsg,
// which sys/socket.h only shows to _GNU_SOURCE.
static inline struct netlink_datagrams netlink_receive_two(int descriptor, void *first, void *second, size_t room) {
    struct sockaddr_nl senders[2];
    struct iovec parts[2] = {{first, room}, {second, room}};
    struct {
        struct msghdr header;
        unsigned int length;
    } messages[2] = {
        {{.msg_name = &senders[0], .msg_namelen = sizeof senders[0], .msg_iov = &parts[0], .msg_iovlen = 1}, 0},
        {{.msg_name = &senders[1], .msg_namelen = sizeof senders[1], .msg_iov = &parts[1], .msg_iovlen = 1}, 0},
    };
    struct netlink_datagrams received = {.count = (int)syscall(SYS_recvmmsg, descriptor, messages, 2, MSG_DONTWAIT | MSG_TRUNC, (void *)0)};
    for (int i = 0; i < received.count; i++) {
        received.length[i] = messages[i].length;
        received.sender[i] = senders[i].nl_pid;
    }
    return received;
}
