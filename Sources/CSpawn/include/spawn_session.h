#pragma once

#include <sys/types.h>

// Starts a program in a session of its own, with no signal blocked or ignored and no file open but the three standard ones: standard
// input is `input`, or nothing where that is -1; standard output and standard error are `output`, or nothing where that is -1.
// Answers 0 or an errno.
int spawn_session(pid_t *pid, const char *program, char *const arguments[], char *const environment[], int input, int output);
