// First what the Glibc module has: otherwise what headers of both declare would be of this module or that, as the order of loading has it.
#pragma clang module import SwiftGlibc

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
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// From linux/icmp.h, which does not go together with netinet/in.h.
#define ICMP_FILTER 1
