import CLinux

/// Gives memory back to the system that was freed and that the C library keeps. To be called when something large is done that does not come
/// back soon: it looks through all that is kept, which takes some milliseconds.
package func returnFreeMemory() { malloc_trim(0) }
