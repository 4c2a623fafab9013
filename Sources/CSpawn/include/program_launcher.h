#pragma once

#include <sys/types.h>

// A process of its own that starts programs, each under a supervisor that ends whatever the program started: children that left its
// process group and its session too, for the supervisor is where orphans go (PR_SET_CHILD_SUBREAPER).
//
// For each program it is sent, over the socket that start_program_launcher() gives, one packet: the number of arguments and the number of
// environment variables (two int32_t), then each of them with a NUL behind it; the first argument is the path. With it comes (SCM_RIGHTS)
// one end of a pair of sockets of kind SOCK_SEQPACKET, on which the supervisor tells what happens (program_event). When it has told that
// the program ended, or the other end is closed or shut down for writing, it kills all that is left; when all that is gone it closes
// its end. So programs end with the process that wanted them, however that ends.

// The largest packet, in bytes.
#define PROGRAM_REQUEST_SIZE (128 * 1024)

enum program_event_kind {
    PROGRAM_NOT_STARTED = 1, // value: a code of errno.h
    PROGRAM_EXITED = 2,      // value: its status
    PROGRAM_KILLED = 3,      // value: the signal
};

struct program_event {
    int kind;
    int value;
};

// Starts the launcher. It ends when the socket is closed everywhere else. Nothing but system calls is made in it, for it is a copy of a
// process with several threads.
//
// Gives its pid, for waitpid(), or -1 with errno set; and this side of the socket.
pid_t start_program_launcher(int *socket);

// Sends the launcher a request, and one end of the pair of sockets. Does not wait. Answers 0 or an errno.
int send_program_request(int socket, const void *bytes, size_t size, int run);
