// Nodes that die one after the other, each alone, while they are checked and kept in the kernel's IPVS table by another program: port
// 8080 of 127.1.0.1 and the addresses behind it. Waits until the table has them all, and then for each death until the node is out of
// the table, and in it again. Needs an nlmon device that is up, `tap0`. For each death it prints in microseconds
//
//   found    from the kernel's refusal of the check's connection to its word that the node is out of the table
//   whole    from the closing of the port to the same
//
//   --nodes N    how many there are
//   --mortal N   how many of them, the first, can die
//   --deaths N   how many of them die; which, and so how long before their next check, is left to chance
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/genetlink.h>
#include <linux/if_packet.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

enum { port = 8080, first_address = 0x7f010001, patience_s = 10, start_s = 120 };

#define LENGTH(array) (sizeof(array) / sizeof *(array))

// Of IPv4: TCP from a node's port that refuses a connection.
static struct sock_filter refusals[] = {
    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 3),
    BPF_STMT(BPF_LD | BPF_B | BPF_IND, 13),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 65535),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

// Of netlink: that to and from generic families.
static struct sock_filter generic_netlink[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_GENERIC, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 65535),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

// Hears what goes over a device, with the time at which it did.
static int tap(const char *device, uint16_t protocol, struct sock_filter *filter, size_t length)
{
    int tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1, size = 4 << 20;
    struct sock_fprog program = {.filter = filter, .len = (unsigned short)length};
    struct timeval patience = {.tv_sec = patience_s};
    struct sockaddr_ll name = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)if_nametoindex(device)};
    if (tap < 0 || setsockopt(tap, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ||
        setsockopt(tap, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes) < 0 ||
        setsockopt(tap, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0 ||
        setsockopt(tap, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 || name.sll_ifindex == 0 ||
        bind(tap, (struct sockaddr *)&name, sizeof name) < 0)
        give_up(EX_OSERR, "cannot hear %s: %s", device, strerror(errno));
    return tap;
}

// The next that a tap hears, and when that was, in nanoseconds; `what` is what is waited for.
static size_t hear(int tap, void *bytes, size_t size, uint64_t *time, const char *what)
{
    struct iovec part = {bytes, size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(tap, &message, 0);
    struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
    if (length < 0 || !stamp || stamp->cmsg_type != SCM_TIMESTAMPNS)
        give_up(EX_OSERR, "no %s within %d s: %s", what, patience_s, strerror(errno));
    struct timespec when;
    memcpy(&when, CMSG_DATA(stamp), sizeof when);
    *time = (uint64_t)when.tv_sec * 1000000000u + (uint64_t)when.tv_nsec;
    return (size_t)length;
}

// Forgets what a tap has heard.
static void forget(int tap)
{
    char byte;
    while (recv(tap, &byte, 1, MSG_DONTWAIT) >= 0)
        ;
}

// When the kernel refused a connection to an address.
static uint64_t refusal(int tap, uint32_t address)
{
    unsigned char packet[64];
    uint64_t time;
    do
        hear(tap, packet, sizeof packet, &time, "check of a node");
    while (memcmp(packet + 12, &(uint32_t){htonl(address)}, sizeof address) != 0);
    return time;
}

// When the kernel said that a command was carried out. Nobody else changes the table meanwhile.
static uint64_t change(int tap, uint8_t command, const char *what)
{
    static _Alignas(struct nlmsghdr) char bytes[65536];
    bool is_asked = false;
    for (;;) {
        uint64_t time;
        size_t left = hear(tap, bytes, sizeof bytes, &time, what);
        for (struct nlmsghdr *message = (struct nlmsghdr *)bytes; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type > GENL_ID_CTRL && message->nlmsg_flags & NLM_F_REQUEST)
                is_asked |= ((struct genlmsghdr *)NLMSG_DATA(message))->cmd == command;
            else if (message->nlmsg_type == NLMSG_ERROR && is_asked && *(int *)NLMSG_DATA(message) == 0)
                return time;
        }
    }
}

// How many lines of the kernel's table have this text.
static long listed(const char *text)
{
    FILE *table = fopen("/proc/net/ip_vs", "re");
    if (!table)
        give_up(EX_OSERR, "/proc/net/ip_vs: %s", strerror(errno));
    char line[256];
    long count = 0;
    while (fgets(line, sizeof line, table))
        count += strstr(line, text) != NULL;
    fclose(table);
    return count;
}

static bool is_listed(uint32_t address)
{
    char text[32];
    snprintf(text, sizeof text, "-> %08X:%04X ", address, port);
    return listed(text) == 1;
}

static int listen_at(uint32_t address)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(listener, (struct sockaddr *)&name, sizeof name) < 0 || listen(listener, 16) < 0)
        give_up(EX_OSERR, "cannot listen: %s", strerror(errno));
    return listener;
}

int main(int argc, char **argv)
{
    long nodes = 0, mortal = 0, deaths = 0;
    struct option_rule rules[] = {
        {.name = "nodes", .number = &nodes}, {.name = "mortal", .number = &mortal}, {.name = "deaths", .number = &deaths}};
    read_options(argc, argv, rules, LENGTH(rules));
    if (mortal < 1 || mortal > nodes)
        give_up(EX_USAGE, "--mortal: of the nodes one at least can die, and all at most");
    rlim_t files = (rlim_t)nodes + 64;
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){files, files}) < 0)
        give_up(EX_OSERR, "cannot have %lu files: %s", (unsigned long)files, strerror(errno));

    int *listeners = need_memory((size_t)nodes * sizeof *listeners);
    for (long i = 0; i < nodes; i++)
        listeners[i] = listen_at(first_address + (uint32_t)i);
    uint64_t deadline = now_ns() + start_s * 1000000000ull;
    while (listed("-> 7F") < nodes) {
        if (now_ns() > deadline)
            give_up(EX_TEMPFAIL, "after %d s the table has %ld of %ld nodes", start_s, listed("-> 7F"), nodes);
        usleep(200000);
    }

    int network = tap("lo", ETH_P_IP, refusals, LENGTH(refusals));
    int netlink = tap("tap0", ETH_P_ALL, generic_netlink, LENGTH(generic_netlink));
    for (long death = 0; death < deaths; death++) {
        long victim = random() % mortal;
        uint32_t address = first_address + (uint32_t)victim;
        forget(network);
        forget(netlink);
        struct timespec closing;
        clock_gettime(CLOCK_REALTIME, &closing);
        close(listeners[victim]);
        uint64_t found = refusal(network, address), gone = change(netlink, IPVS_CMD_DEL_DEST, "removal of a node");
        if (is_listed(address))
            give_up(EX_SOFTWARE, "a node that was removed is in the table");
        uint64_t closed = (uint64_t)closing.tv_sec * 1000000000u + (uint64_t)closing.tv_nsec;
        printf("found %.1f\nwhole %.1f\n", (double)(gone - found) / 1000, (double)(gone - closed) / 1000);
        fflush(stdout);

        listeners[victim] = listen_at(address);
        change(netlink, IPVS_CMD_NEW_DEST, "return of a node");
        if (!is_listed(address))
            give_up(EX_SOFTWARE, "a node that came back is not in the table");
    }
}
