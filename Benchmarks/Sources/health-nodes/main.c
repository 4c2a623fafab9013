// Any number of nodes in one process: whoever connects to any of this host's loopback addresses is taken, and counted. Prints the port.
//
//   --counter FILE   where the number of connections taken is kept: 8 bytes, in memory that the one who reads shares
//   --taking         closes a connection at once
//   --answering      answers a request with 200
//   --hanging        leaves connections to themselves, and counts none
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "support.h"

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";

static uint64_t *shared_counter(const char *path) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(uint64_t)) < 0) give_up(EX_CANTCREAT, "%s: %s", path, strerror(errno));
    void *memory = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) give_up(EX_OSERR, "%s: %s", path, strerror(errno));
    return memory;
}

static int listen_somewhere(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t size = sizeof name;
    if (listener < 0 || bind(listener, (struct sockaddr *)&name, size) < 0 || listen(listener, 65535) < 0 ||
        getsockname(listener, (struct sockaddr *)&name, &size) < 0)
        give_up(EX_OSERR, "cannot listen: %s", strerror(errno));
    printf("%d\n", ntohs(name.sin_port));
    fflush(stdout);
    return listener;
}

static void watch(int poller, int socket) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, socket, &event) < 0) give_up(EX_OSERR, "epoll_ctl: %s", strerror(errno));
}

int main(int argc, char **argv) {
    const char *counter_path = NULL;
    bool taking = false, answering = false, hanging = false;
    struct option_rule rules[] = {
        {.name = "counter", .text = &counter_path},
        {.name = "taking", .flag = &taking},
        {.name = "answering", .flag = &answering},
        {.name = "hanging", .flag = &hanging},
    };
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);
    if (!counter_path) give_up(EX_USAGE, "--counter is missing");
    if (taking + answering + hanging != 1) give_up(EX_USAGE, "one of --taking, --answering and --hanging is wanted");
    signal(SIGPIPE, SIG_IGN);

    uint64_t *counter = shared_counter(counter_path);
    int listener = listen_somewhere(), poller = epoll_create1(EPOLL_CLOEXEC);
    if (!hanging) watch(poller, listener);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(poller, events, 256, -1);
        for (int index = 0; index < count; index++) {
            int socket = events[index].data.fd;
            if (socket != listener) {
                char request[4096];
                if (read(socket, request, sizeof request) > 0 && write(socket, answer, sizeof answer - 1) < 0) errno = 0;
                close(socket);
                continue;
            }
            int taken;
            while ((taken = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                ++*counter;
                if (answering)
                    watch(poller, taken);
                else
                    close(taken);
            }
        }
    }
}
