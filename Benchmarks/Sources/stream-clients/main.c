// Clients of an event stream: connects so many, says `ready` when all have their heads, and ends when each has got so many events. With
// `--discard` it counts none and ends by a signal: the kernel drops what comes, so that a client costs as little as one can. With `--scrape`
// it gets that path once a second besides.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "support.h"

enum { clients_of_one_address = 100 };
static const char mark[] = "event: change\n";

struct client {
    int socket;
    // How much of the mark was read.
    unsigned matched;
    long events;
    bool has_head;
};

static void ask(const struct client *client, long number, const char *path, const char *token)
{
    char request[512];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path, token);
    if (send(client->socket, request, (size_t)length, MSG_NOSIGNAL) != length)
        give_up(EX_IOERR, "client %ld cannot ask", number);
}

static void open_client(struct client *client, long number, long port)
{
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000002 + (uint32_t)(number / clients_of_one_address))};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (client->socket < 0 || bind(client->socket, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(client->socket, (struct sockaddr *)&server, sizeof server) != 0)
        give_up(EX_UNAVAILABLE, "client %ld is not connected: %s", number, strerror(errno));
}

static void take(struct client *client, long number, bool is_counted)
{
    char buffer[16384];
    bool is_dropped = client->has_head && !is_counted;
    ssize_t count = is_dropped ? recv(client->socket, NULL, 1 << 20, MSG_TRUNC) : recv(client->socket, buffer, sizeof buffer, 0);
    if (count <= 0)
        give_up(EX_PROTOCOL, "client %ld has lost its connection", number);
    if (!client->has_head && (count < 12 || memcmp(buffer + 9, "200", 3) != 0))
        give_up(EX_NOPERM, "client %ld is refused: %.*s", number, (int)count, buffer);
    client->has_head = true;
    for (ssize_t i = 0; is_counted && i < count; i++) {
        client->matched = buffer[i] == mark[client->matched] ? client->matched + 1 : buffer[i] == mark[0];
        if (client->matched == sizeof mark - 1) {
            client->matched = 0;
            client->events++;
        }
    }
}

int main(int argc, char **argv)
{
    long port = 0, count = 1, events = 1, timeout = 60;
    const char *token = "", *scraped = NULL;
    bool discards = false;
    const struct option_rule rules[] = {{.name = "port", .number = &port},     {.name = "clients", .number = &count},
                                        {.name = "events", .number = &events}, {.name = "timeout", .number = &timeout},
                                        {.name = "token", .text = &token},     {.name = "scrape", .text = &scraped},
                                        {.name = "discard", .flag = &discards}};
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);
    alarm((unsigned)timeout);
    // The last one scrapes.
    long all = count + (scraped ? 1 : 0);
    struct client *clients = need_memory((size_t)all * sizeof *clients);
    memset(clients, 0, (size_t)all * sizeof *clients);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    long heads = 0, done = 0;
    for (long i = 0; i < all; i++) {
        open_client(&clients[i], i, port);
        if (i < count)
            ask(&clients[i], i, "/v1/events", token);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)i};
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].socket, &event);
    }
    uint64_t next = now_ns();
    while (done < count) {
        int wait = -1;
        if (scraped) {
            uint64_t now = now_ns();
            if (now >= next) {
                ask(&clients[count], count, scraped, token);
                next += 1000000000;
            }
            wait = now >= next ? 0 : (int)((next - now) / 1000000) + 1;
        }
        struct epoll_event ready[256];
        int number = epoll_wait(poll, ready, 256, wait);
        for (int i = 0; i < number; i++) {
            long place = (long)ready[i].data.u64;
            struct client *client = &clients[place];
            bool had_head = client->has_head, was_done = client->events >= events;
            take(client, place, !discards);
            if (place == count)
                continue;
            if (!had_head && ++heads == count) {
                puts("ready");
                fflush(stdout);
            }
            if (!was_done && client->events >= events)
                done++;
        }
    }
    puts("done");
}
