// What sched.h only shows to _GNU_SOURCE, which the header of a module must not define.
enum { NETWORK_NAMESPACE = 0x40000000 };
int unshare(int kinds);
int setns(int descriptor, int kind);
