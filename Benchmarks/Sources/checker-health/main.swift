// A health checker alone: checks nodes at 127.1.0.0 and the addresses behind it, each once a second, and prints what that took.

import Glibc

do {
    try Run(CommandLine.arguments.dropFirst()).measure()
} catch {
    print("checker-health: \(error)")
    exit(EX_SOFTWARE)
}
