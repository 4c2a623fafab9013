import Glibc
import HostSystem

/// What a file of the command line is called.
func fileName(_ file: String) -> String { file == "-" ? "standard input" : file }

/// Reads a file; `-` is standard input.
///
/// - Parameters:
///   - limit: the most bytes that it may have.
///   - hint: what to do with a larger one.
func readFile(_ file: String, limit: Int, hint: String) throws(CommandFailure) -> [UInt8] {
    let name = fileName(file)
    let source = Descriptor(owning: file == "-" ? dup(STDIN_FILENO) : unsafe open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY))
    if source.number < 0 { throw CommandFailure(.ioError, "\(name): cannot be read: \(systemText(errno))") }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe Glibc.read(source.number, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        if count < 0 { throw CommandFailure(.ioError, "\(name): cannot be read: \(systemText(errno))") }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
        if bytes.count > limit { throw CommandFailure(.failed, "\(name): has more than \(limit >> 20) MiB; \(hint)") }
    }
}
