// What sched.h only shows to _GNU_SOURCE, which the header of a module must not define.
enum { NETWORK_NAMESPACE = 0x40000000 };
int unshare(int kinds);
int setns(int descriptor, int kind);

// What libcap declares and the C library has: changes what the calling thread may do.
struct capability_header { unsigned version; int thread; };
struct capability_words { unsigned effective, permitted, inheritable; };
enum { CAPABILITY_VERSION = 0x20080522 };
int capset(struct capability_header *header, const struct capability_words words[2]);
