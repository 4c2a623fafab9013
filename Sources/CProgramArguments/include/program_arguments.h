#pragma once

/// The number of words of the command line that the system handed to this process; 0 where it handed over none.
int program_argument_count(void);

/// The words of the command line, which live as long as the process; null where the system handed over none.
char *const *program_arguments(void);
