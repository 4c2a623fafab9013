#include "netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "support.h"

static int kernel = -1;
static uint16_t family;
static uint32_t sequence;
static _Alignas(8) char answer[64 << 10], next_answer[64 << 10];

void begin_request(struct requests *requests, uint8_t command, uint16_t flags)
{
    requests->last = requests->length;
    requests->count++;
    struct nlmsghdr *header = (struct nlmsghdr *)(requests->bytes + requests->length);
    *header = (struct nlmsghdr){.nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = ++sequence};
    *(struct genlmsghdr *)NLMSG_DATA(header) = (struct genlmsghdr){.cmd = command, .version = 1};
    requests->length += NLMSG_LENGTH(GENL_HDRLEN);
}

void end_request(struct requests *requests)
{
    struct nlmsghdr *header = (struct nlmsghdr *)(requests->bytes + requests->last);
    header->nlmsg_len = (uint32_t)(requests->length - requests->last);
}

void put(struct requests *requests, uint16_t type, const void *value, size_t size)
{
    struct nlattr *attribute = (struct nlattr *)(requests->bytes + requests->length);
    *attribute = (struct nlattr){.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type};
    char *place = (char *)attribute + NLA_HDRLEN;
    memset(place + (size & ~(size_t)3), 0, NLA_ALIGN(size) - (size & ~(size_t)3));
    memcpy(place, value, size);
    requests->length += NLA_HDRLEN + NLA_ALIGN(size);
}

size_t begin_nest(struct requests *requests, uint16_t type)
{
    size_t nest = requests->length;
    put(requests, type | NLA_F_NESTED, "", 0);
    return nest;
}

void end_nest(struct requests *requests, size_t nest)
{
    ((struct nlattr *)(requests->bytes + nest))->nla_len = (uint16_t)(requests->length - nest);
}

static void send_all(struct requests *requests)
{
    ssize_t sent;
    while ((sent = send(kernel, requests->bytes, requests->length, 0)) < 0 && errno == EINTR)
        ;
    if (sent < 0)
        give_up(EX_OSERR, "cannot send %zu bytes to the kernel: %s", requests->length, strerror(errno));
    requests->length = requests->count = 0;
}

// Receives the next datagram.
static size_t receive(void)
{
    ssize_t received;
    while ((received = recv(kernel, answer, sizeof answer, 0)) < 0 && errno == EINTR)
        ;
    if (received < 0)
        give_up(EX_OSERR, "cannot receive from the kernel: %s", strerror(errno));
    return (size_t)received;
}

// The end of a list or the verdict on a request; anything but success ends the program.
static void check(const struct nlmsghdr *message)
{
    int error = *(const int *)NLMSG_DATA(message);
    if (error != 0)
        give_up(EX_SOFTWARE, "the kernel refuses request %u: %s", message->nlmsg_seq, strerror(-error));
}

void carry_out(struct requests *requests)
{
    if (requests->count == 0)
        return;
    ((struct nlmsghdr *)(requests->bytes + requests->last))->nlmsg_flags |= NLM_F_ACK;
    send_all(requests);
    for (bool is_done = false; !is_done;) {
        size_t left = receive();
        for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type != NLMSG_ERROR)
                continue;
            check(message);
            is_done = message->nlmsg_seq == sequence;
        }
    }
}

static size_t count_messages(char *datagram, size_t length, bool *is_done)
{
    size_t count = 0;
    for (struct nlmsghdr *message = (struct nlmsghdr *)datagram; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
            check(message);
            *is_done = true;
        } else {
            count++;
        }
    }
    return count;
}

size_t read_list(struct requests *requests)
{
    send_all(requests);
    struct iovec parts[2] = {{answer, sizeof answer}, {next_answer, sizeof next_answer}};
    struct mmsghdr datagrams[2] = {
        {.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
        {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}},
    };
    size_t count = 0;
    for (bool is_done = false; !is_done;) {
        // The kernel makes the next part of a list while it hands on the one before: a short list and its end come together.
        int received = recvmmsg(kernel, datagrams, 2, MSG_WAITFORONE, NULL);
        if (received < 0 && errno != EINTR)
            give_up(EX_OSERR, "cannot receive from the kernel: %s", strerror(errno));
        for (int i = 0; i < received; i++)
            count += count_messages(parts[i].iov_base, datagrams[i].msg_len, &is_done);
    }
    return count;
}

void open_netlink(void)
{
    kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (kernel < 0)
        give_up(EX_OSERR, "no socket to generic netlink: %s", strerror(errno));
    static struct requests requests;
    family = GENL_ID_CTRL;
    begin_request(&requests, CTRL_CMD_GETFAMILY, 0);
    put(&requests, CTRL_ATTR_FAMILY_NAME, "IPVS", sizeof "IPVS");
    end_request(&requests);
    send_all(&requests);
    size_t length = receive();
    const struct nlmsghdr *message = (const struct nlmsghdr *)answer;
    if (message->nlmsg_type == NLMSG_ERROR)
        check(message);
    for (size_t offset = NLMSG_HDRLEN + GENL_HDRLEN; offset + NLA_HDRLEN < length;) {
        const struct nlattr *attribute = (const struct nlattr *)(answer + offset);
        if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
            memcpy(&family, (const char *)attribute + NLA_HDRLEN, sizeof family);
        offset += NLA_ALIGN(attribute->nla_len);
    }
}

void close_netlink(void)
{
    close(kernel);
}
