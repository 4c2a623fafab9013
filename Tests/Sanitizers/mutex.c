// Tells the thread sanitizer what Swift's Mutex does where a thread has to wait for it. Linked into what scripts/test --sanitize thread
// builds.
//
// The fast path of Synchronization.Mutex is inlined into the code of this package, and its atomic operations are seen. The slow path is in
// libswiftSynchronization, which is not built with the sanitizer: the kernel hands the lock over (FUTEX_LOCK_PI), and each contended lock
// was reported as a race. These functions take the place of the library's, call them, and report the order that they make.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

// Synchronization._MutexHandle._lockSlow(_: UInt32), _tryLockSlow() and _unlockSlow() of Swift 6.3.
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

static SWIFT void (*library_lock)(uint32_t thread, SELF);
static SWIFT bool (*library_try_lock)(SELF);
static SWIFT void (*library_unlock)(SELF);

static void *find(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function) return function;
    fprintf(stderr, "Tests/Sanitizers/mutex.c: this version of Swift has no %s: see how its Mutex waits\n", name);
    abort();
}

__attribute__((constructor)) static void find_all(void) {
    library_lock = find(LOCK);
    library_try_lock = find(TRY_LOCK);
    library_unlock = find(UNLOCK);
}

SWIFT void lock(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void lock(uint32_t thread, SELF) {
    library_lock(thread, self);
    __tsan_acquire(self);
}

SWIFT bool try_lock(SELF) __asm__(TRY_LOCK);
SWIFT bool try_lock(SELF) {
    bool is_locked = library_try_lock(self);
    if (is_locked) __tsan_acquire(self);
    return is_locked;
}

SWIFT void unlock(SELF) __asm__(UNLOCK);
SWIFT void unlock(SELF) {
    __tsan_release(self);
    library_unlock(self);
}
