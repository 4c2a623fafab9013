// What sched.h only shows to _GNU_SOURCE, which the header of a module must not define.
enum { NETWORK_NAMESPACE = 0x40000000 };
int unshare(int kinds);
int setns(int descriptor, int kind);

// What libc has and shows in no header: the capabilities of this thread.
struct capability_header {
    unsigned version;
    int pid;
};
struct capability_sets {
    unsigned effective, permitted, inheritable;
};
enum { CAPABILITY_VERSION = 0x20080522, NETWORK_ADMINISTRATION = 12 };
int capget(struct capability_header *header, struct capability_sets *sets);
int capset(struct capability_header *header, const struct capability_sets *sets);

// Lets a system call of this process fail from now on, for good. Macros of the kernel's headers that Swift does not see.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { FDATASYNC = SYS_fdatasync };

static inline int deny_system_call(unsigned number, unsigned error) {
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
