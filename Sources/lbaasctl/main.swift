import Arguments
import Glibc
import Terminal

StandardOutput.claimDescriptors()
// An answer that nobody reads is found out by writing, not by a signal.
signal(SIGPIPE, SIG_IGN)
exit(run(programArguments()).rawValue)
