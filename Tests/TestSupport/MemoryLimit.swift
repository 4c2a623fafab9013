import Glibc

/// Lets a process have so many bytes of memory more than it has.
package func limitMemory(of process: pid_t, toMore bytes: Int) throws {
    guard let file = fopen("/proc/\(process)/statm", "r") else { throw systemError("/proc/\(process)/statm") }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { throw systemError("fgets") }
    let size = Int(strtoul(line, nil, 10)) * Int(sysconf(Int32(_SC_PAGESIZE))) + bytes
    // Swift does not see the system call of this name.
    _ = try runProgram("/usr/bin/prlimit", ["--pid", "\(process)", "--as=\(size)"])
}

/// A job of this length whose field `x` is a list of zeros: of all jobs it takes the most memory.
package func jobOfZeros(_ length: Int) -> [UInt8] {
    let (start, end) = (#"{"hpcs_action":"DISCOVER","x":[0"#, "]}")
    let zeros = String(repeating: ",0", count: (length - start.utf8.count - end.utf8.count) / 2)
    return Array((start + zeros + end).utf8)
}
