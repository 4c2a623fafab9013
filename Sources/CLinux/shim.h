// What Linux has and the Glibc module does not show.
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>

// From linux/icmp.h, which does not go together with netinet/in.h.
#define ICMP_FILTER 1

// What spawn.h only shows to _GNU_SOURCE, which the header of a module must not define.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
