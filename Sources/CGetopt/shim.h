// getopt_long is not part of the Glibc module.
#include <getopt.h>
