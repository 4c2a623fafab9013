// The driver at the same work as `raw-ipvs`: in a network namespace of its own it fills the kernel's empty table of virtual services, looks
// whether the table is as it should be and changes weights in it. Prints what each took in microseconds; all that `--rounds` times.

import Glibc

do {
    try Work(CommandLine.arguments.dropFirst()).measure()
} catch {
    print("driver-ipvs: \(error)")
    exit(EX_SOFTWARE)
}
