#include <zlib.h>

// deflateInit2 is a macro. 16 more than the window's bits asks for the header and the trailer of gzip.
static inline int deflate_init_gzip(z_streamp stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, MAX_WBITS + 16, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
}
