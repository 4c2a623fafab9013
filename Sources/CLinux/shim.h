// First what the Glibc module has: otherwise what headers of both declare would be of this module or that, as the order of loading has it.
#pragma clang module import SwiftGlibc

#include <errno.h>
#include <malloc.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>

// What the headers only show to _GNU_SOURCE, which the header of a module must not define.
int pipe2(int ends[2], int flags);
int wcwidth(int character);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// From linux/icmp.h, which does not go together with netinet/in.h.
#define ICMP_FILTER 1

// Packet sockets, whose macros and structures Swift does not see or which libc only shows to _GNU_SOURCE.
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// An Ethernet frame that is to be sent through an interface.
struct packet_frame {
    int interface;
    unsigned length;
    unsigned char bytes[88];
};

// A packet socket. With a protocol of Ethernet it receives what comes in on the interface, without the Ethernet header; with none it only
// sends. -1 and errno where there is none.
static inline int packet_open(unsigned short protocol, int interface) {
    int kind = protocol == 0 ? SOCK_RAW : SOCK_DGRAM;
    // It receives nothing before it is bound to the interface.
    int descriptor = socket(AF_PACKET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0 || protocol == 0) return descriptor;
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = interface};
    if (bind(descriptor, (struct sockaddr *)&name, sizeof name) == 0) return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

// Sends as many frames as go, 64 at most, in one system call. Returns how many; -1 and errno where the first does not go.
static inline int packet_send(int descriptor, const struct packet_frame *frames, int count) {
    enum { MOST = 64 };
    struct {
        struct msghdr header;
        unsigned int length;
    } messages[MOST];
    struct iovec parts[MOST];
    struct sockaddr_ll names[MOST];
    if (count > MOST) count = MOST;
    memset(messages, 0, sizeof messages);
    memset(names, 0, sizeof names);
    for (int i = 0; i < count; i++) {
        names[i].sll_family = AF_PACKET;
        names[i].sll_ifindex = frames[i].interface;
        memcpy(&names[i].sll_protocol, frames[i].bytes + 12, 2);
        parts[i].iov_base = (void *)frames[i].bytes;
        parts[i].iov_len = frames[i].length;
        messages[i].header.msg_name = &names[i];
        messages[i].header.msg_namelen = sizeof names[i];
        messages[i].header.msg_iov = &parts[i];
        messages[i].header.msg_iovlen = 1;
    }
    return (int)syscall(SYS_sendmmsg, descriptor, messages, (unsigned)count, MSG_DONTWAIT);
}

// A socket that receives neighbour advertisements of IPv6 on all interfaces. -1 and errno where there is none.
static inline int advertisement_open(void) {
    int descriptor = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (descriptor < 0) return -1;
    struct icmp6_filter filter;
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
    int yes = 1;
    if (setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0 &&
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes) == 0 &&
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &yes, sizeof yes) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

// Takes a message, and tells the interface that it came through and its hop limit, 0 where that is not known. Returns its length, or -1.
static inline ssize_t advertisement_receive(int descriptor, void *buffer, size_t room, int *interface, int *hop_limit) {
    // struct in6_pktinfo
    struct {
        struct in6_addr address;
        unsigned int interface;
    } place;
    char control[128] __attribute__((aligned(8)));
    struct iovec part = {buffer, room};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *interface = 0;
    *hop_limit = 0;
    ssize_t length = recvmsg(descriptor, &header, MSG_DONTWAIT);
    if (length < 0) return -1;
    for (struct cmsghdr *entry = CMSG_FIRSTHDR(&header); entry; entry = CMSG_NXTHDR(&header, entry)) {
        if (entry->cmsg_level != IPPROTO_IPV6) continue;
        if (entry->cmsg_type == IPV6_PKTINFO) {
            memcpy(&place, CMSG_DATA(entry), sizeof place);
            *interface = (int)place.interface;
        } else if (entry->cmsg_type == IPV6_HOPLIMIT)
            memcpy(hop_limit, CMSG_DATA(entry), sizeof *hop_limit);
    }
    return length;
}

#include <linux/ip_vs.h>

// Asks for the real servers of a virtual service, which come behind the question: num_dests of them at most. NULL and errno where there is no
// such service. Swift sees neither the number of the option nor what is behind a structure.
static inline const struct ip_vs_dest_entry *ipvs_servers(int descriptor, struct ip_vs_get_dests *list, socklen_t size) {
    return getsockopt(descriptor, IPPROTO_IP, IP_VS_SO_GET_DESTS, list, &size) == 0 ? list->entrytable : NULL;
}
