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
