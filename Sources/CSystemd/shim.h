#pragma once
// First what the Glibc module has: otherwise what headers of both declare would be of this module or that, as the order of loading has it.
#pragma clang module import SwiftGlibc

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// What a service tells systemd, by the protocol of sd_notify(3). Its library would bring six others, and a megabyte of memory, for one
// datagram.

// Sends a message, such as `READY=1`, where systemd listens for it.
static inline void systemd_notify(const char *message) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path == NULL ? 0 : strlen(path);
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    memcpy(address.sun_path, path, length);
    // A name that is in no file system.
    if (path[0] == '@') address.sun_path[0] = 0;
    int end = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (end < 0) return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    while (sendto(end, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0 && errno == EINTR) {}
    close(end);
}

// How often systemd wants to hear that this process lives, in microseconds (sd_watchdog_enabled(3)); 0 where it does not.
static inline uint64_t systemd_watchdog_interval(void) {
    const char *interval = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    if (interval == NULL || (process != NULL && strtoll(process, NULL, 10) != getpid())) return 0;
    char *end;
    unsigned long long number = strtoull(interval, &end, 10);
    return end == interval || *end != 0 || number > INT64_MAX ? 0 : number;
}
