import Glibc

/// Lets no file of this process grow beyond so many bytes; for a process of its own.
package func limitFiles(to bytes: rlim_t) throws {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: bytes, rlim_max: .max)
    if setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) != 0 { throw systemError("setrlimit") }
}
