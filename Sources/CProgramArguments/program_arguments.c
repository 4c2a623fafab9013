#include "program_arguments.h"

#include <stddef.h>

static int count;
static char *const *words;

// The C library calls this before main with what main gets. Swift reads /proc/self/cmdline instead, which need not be there.
__attribute__((constructor)) static void keep_arguments(int argc, char *argv[]) {
    count = argc;
    words = argv;
}

int program_argument_count(void) { return words ? count : 0; }

char *const *program_arguments(void) { return words; }
