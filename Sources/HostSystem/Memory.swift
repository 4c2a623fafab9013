import CLinux
import Glibc

/// Gives memory back to the system that was freed and that the C library keeps. To be called when something large is done that does not come
/// back soon: it looks through all that is kept, which takes some milliseconds.
package func returnFreeMemory() { malloc_trim(0) }

/// Has all threads take their memory from one heap. To be called before the second thread is made.
///
/// Otherwise the C library (glibc 2.36) makes a heap for each thread, which grows by a page and a system call at a time, and keeps what others
/// could use. Small pieces, which are nearly all, are kept for each thread in any case.
package func useOneHeap() { mallopt(M_ARENA_MAX, 1) }
