import Glibc

/// Runs a program to its end, in the network namespace that this thread is in.
///
/// - Parameter input: what it reads.
/// - Returns: what it writes.
/// - Throws: where it does not end with 0, with what it says.
package func runProgram(_ program: String, _ arguments: [String], input: String = "") throws -> String {
    // Files and not pipes: nobody needs to read and write at once.
    let reading = try TemporaryFile(input)
    let writing = try TemporaryFile()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, reading.descriptor, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, writing.descriptor, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, writing.descriptor, STDERR_FILENO)

    let words = ([program] + arguments).map { strdup($0) }
    defer { words.forEach { free($0) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, program, &actions, nil, words + [nil], environ)
    guard code == 0 else { throw systemError("cannot start \(program)", code) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 {
        guard errno == EINTR else { throw systemError("cannot wait for \(program)") }
    }
    let output = try writing.text
    guard status == 0 else { throw Failure("\(program) \(arguments.joined(separator: " ")): \(output)") }
    return output
}

/// A file without a name, which goes with this value.
private struct TemporaryFile: ~Copyable {
    let descriptor: Int32

    init(_ text: String = "") throws {
        var path = Array(((getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/lbaas.XXXXXX").utf8CString)
        descriptor = mkstemp(&path)
        guard descriptor >= 0 else { throw systemError("cannot make a temporary file") }
        unlink(path)
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, write(descriptor, text, text.utf8.count) == text.utf8.count,
            lseek(descriptor, 0, SEEK_SET) == 0
        else { throw systemError("cannot write a temporary file") }
    }

    deinit { close(descriptor) }

    var text: String {
        get throws {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
                guard count >= 0 else { throw systemError("cannot read a temporary file") }
                if count == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes += buffer[..<count]
            }
        }
    }
}
