#include <spawn.h>
#include <sys/pidfd.h>

// What the headers only show to _GNU_SOURCE, which the header of a module must not define.
int pipe2(int ends[2], int flags);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
