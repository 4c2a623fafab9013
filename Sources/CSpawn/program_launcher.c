#define _GNU_SOURCE

#include "program_launcher.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The launcher has one thread, and each process that it forks has these to itself.
static char request[PROGRAM_REQUEST_SIZE];
static char *words[PROGRAM_REQUEST_SIZE / 2];

static void tell(int run, int kind, int value) {
    struct program_event event = {.kind = kind, .value = value};
    while (send(run, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// Splits a request of this size into arguments and environment; false where it is none.
static int parse(size_t size, char ***arguments, char ***environment) {
    int32_t counts[2];
    if (size < sizeof counts) return 0;
    memcpy(counts, request, sizeof counts);
    size_t room = sizeof words / sizeof *words, place = sizeof counts, filled = 0;
    if (counts[0] < 1 || counts[1] < 0 || (size_t)counts[0] + (size_t)counts[1] + 2 > room) return 0;
    for (int part = 0; part < 2; part++) {
        *(part == 0 ? arguments : environment) = words + filled;
        for (int32_t count = 0; count < counts[part]; count++) {
            char *end = memchr(request + place, 0, size - place);
            if (!end) return 0;
            words[filled++] = request + place;
            place = (size_t)(end - request) + 1;
        }
        words[filled++] = NULL;
    }
    return 1;
}

static _Noreturn void run_program(int run, char **arguments, char **environment) {
    setpgid(0, 0);
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // The socket is closed with this.
    execve(arguments[0], arguments, environment);
    tell(run, PROGRAM_NOT_STARTED, errno);
    _exit(127);
}

// The number that a name consists of; 0 for any other name.
static pid_t number(const char *name) {
    pid_t value = 0;
    for (; *name; name++) {
        if (*name < '0' || *name > '9') return 0;
        value = value * 10 + (*name - '0');
    }
    return value;
}

// The parent of a process; 0 where there is none such.
static pid_t parent(pid_t pid) {
    char path[32] = "/proc/", text[512], digits[16];
    size_t length = 0, place = 6;
    do { digits[length++] = (char)('0' + pid % 10); } while ((pid /= 10) > 0);
    while (length > 0) path[place++] = digits[--length];
    memcpy(path + place, "/stat", 6);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    // `PID (NAME) STATE PARENT …`, and the name can have anything in it.
    char *end = strrchr(text, ')');
    if (!end || strlen(end) < 5) return 0;
    pid_t value = 0;
    for (end += 4; *end >= '0' && *end <= '9'; end++) value = value * 10 + (*end - '0');
    return value;
}

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char kind;
    char name[];
};

// Kills the children of this process. With each that dies its own children become children of this process.
static void kill_children(pid_t program) {
    // Its group, where there is no /proc to find the others by.
    kill(-program, SIGKILL);
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    _Alignas(struct directory_entry) char entries[4096];
    long size;
    pid_t self = getpid();
    while ((size = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
        for (long place = 0; place < size;) {
            struct directory_entry *entry = (struct directory_entry *)(entries + place);
            pid_t pid = number(entry->name);
            if (pid > 0 && parent(pid) == self) kill(pid, SIGKILL);
            place += entry->size;
        }
    }
    close(folder);
}

// Collects the children that have ended. Answers whether there is none left.
static int collect(int run, pid_t program, int *is_over) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0) return 0;
        if (pid < 0 && errno != EINTR) return 1;
        if (pid != program) continue;
        *is_over = 1;
        if (WIFEXITED(status)) tell(run, PROGRAM_EXITED, WEXITSTATUS(status));
        if (WIFSIGNALED(status)) tell(run, PROGRAM_KILLED, WTERMSIG(status));
    }
}

static _Noreturn void supervise(int run, char **arguments, char **environment) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &action, NULL);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    int ended = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t program = ended < 0 ? -1 : _Fork();
    if (program == 0) run_program(run, arguments, environment);
    if (program < 0) {
        tell(run, PROGRAM_NOT_STARTED, errno);
        _exit(1);
    }
    int is_over = 0, wait = -1;
    while (!collect(run, program, &is_over)) {
        if (is_over) {
            kill_children(program);
            // The children of those that it killed are its own as soon as they have died, of which it hears.
            wait = wait < 0 ? 1 : wait < 100 ? wait * 2 : 100;
        }
        struct pollfd polled[] = {{.fd = ended, .events = POLLIN}, {.fd = is_over ? -1 : run, .events = POLLIN}};
        poll(polled, 2, wait);
        struct signalfd_siginfo signal;
        while (read(ended, &signal, sizeof signal) > 0) {}
        // Nothing is ever sent this way: it was closed.
        if (polled[1].revents) is_over = 1;
    }
    _exit(0);
}

// Starts what the request in memory asks for.
static void launch(int control, size_t size, int run) {
    char **arguments, **environment;
    int error = parse(size, &arguments, &environment) ? 0 : EINVAL;
    if (!error) {
        pid_t pid = _Fork();
        if (pid == 0) {
            close(control);
            supervise(run, arguments, environment);
        }
        if (pid < 0) error = errno;
    }
    if (error) tell(run, PROGRAM_NOT_STARTED, error);
    close(run);
}

static _Noreturn void serve(int control) {
    for (;;) {
        union {
            struct cmsghdr header;
            char bytes[CMSG_SPACE(sizeof(int))];
        } rights;
        struct iovec piece = {.iov_base = request, .iov_len = sizeof request};
        struct msghdr message = {
            .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
        ssize_t count = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            // The supervisors end by themselves; this waits until they have.
            while (wait(NULL) > 0 || errno == EINTR) {}
            _exit(0);
        }
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (!header || header->cmsg_type != SCM_RIGHTS) continue;
        int run;
        memcpy(&run, CMSG_DATA(header), sizeof run);
        launch(control, message.msg_flags & MSG_TRUNC ? 0 : (size_t)count, run);
    }
}

static _Noreturn void begin(int control) {
    prctl(PR_SET_NAME, "lbaas-checks");
    // Only the thread that makes checks comes first, and not what they run.
    if (getpriority(PRIO_PROCESS, 0) < 0) setpriority(PRIO_PROCESS, 0, 0);
    // Its children end by themselves, and nobody asks how.
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigaction(SIGCHLD, &action, NULL);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int target = STDIN_FILENO; nothing >= 0 && target <= STDERR_FILENO; target++) dup2(nothing, target);
    // What other files this process has are its maker's.
    if (control != 3) dup3(control, 3, O_CLOEXEC);
    close_range(4, ~0U, 0);
    serve(3);
}

pid_t start_program_launcher(int *socket) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return -1;
    int size = 4 * PROGRAM_REQUEST_SIZE;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    // Signals are for the process that makes it: it ends when its socket does.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = _Fork();
    if (pid == 0) begin(ends[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) close(ends[0]);
    *socket = pid < 0 ? -1 : ends[0];
    errno = error;
    return pid;
}

int send_program_request(int socket, const void *bytes, size_t size, int run) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } rights = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&rights.header), &run, sizeof run);
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}
