import BenchSupport
import Foundation

/// A command for haproxy on one of its sockets; what it answers until it closes the connection.
func ask(_ command: String, at path: String) -> String {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
    let code = unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    let request = Array((command + "\n").utf8)
    guard code == 0, unsafe send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return "" }
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
        if count <= 0 { return String(decoding: answer, as: UTF8.self) }
        answer += buffer[..<count]
    }
}

/// The master of a haproxy, as `show proc` tells of it; nil where it does not answer.
struct Master {
    let pid: pid_t
    let reloads: Int
    let serving: pid_t

    init?(at socket: String) {
        var current: [(pid: pid_t, kind: Substring, reloads: Int)] = []
        for line in ask("show proc", at: socket).split(separator: "\n") {
            if line == "# old workers" { break }
            let words = line.split(separator: " ")
            if words.count > 2, let pid = pid_t(words[0]), let reloads = Int(words[2]) { current.append((pid, words[1], reloads)) }
        }
        guard let master = current.first(where: { $0.kind == "master" }), let worker = current.last(where: { $0.kind == "worker" }) else {
            return nil
        }
        (pid, reloads, serving) = (master.pid, master.reloads, worker.pid)
    }

    /// Waits for the master's answer, for behind a load it starts itself anew.
    static func answering(at socket: String) throws -> Master {
        var master: Master?
        guard
            waitUntil(
                seconds: 20,
                {
                    master = Master(at: socket); return master != nil
                }), let master
        else {
            throw BenchFailure("no haproxy answers at \(socket)")
        }
        return master
    }
}

/// A haproxy that is changed as the original did: write the file, `haproxy -c`, load it, for each job.
final class OriginalsWay {
    private let folder: String
    private let text: String
    private var socket: String { folder + "/master.sock" }
    private var file: String { folder + "/haproxy.cfg" }
    private let process: ChildProcess
    private var changes = 0

    /// - Parameter text: a configuration, of which everything is put into a folder and onto an address of its own.
    init(folder: String, text: String, runFolder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.text = text.replacingOccurrences(of: runFolder, with: folder).replacingOccurrences(
            of: "bind 127.0.0.1:", with: "bind 127.0.0.2:")
        try self.text.write(toFile: folder + "/haproxy.cfg", atomically: true, encoding: .utf8)
        process = try ChildProcess(
            ["haproxy", "-W", "-S", folder + "/master.sock", "-f", folder + "/haproxy.cfg"], log: folder + "/haproxy.log")
        _ = try Master.answering(at: folder + "/master.sock")
    }

    func stop() { process.stop() }

    /// Makes one change; how long it takes until the new process serves, in ms.
    func change() throws -> Double {
        changes += 1
        let changed = text.replacingOccurrences(of: " weight 7 ", with: " weight \(changes % 200 + 20) ")
        let before = try Master.answering(at: socket)
        let start = nanoseconds()
        try changed.write(toFile: file, atomically: true, encoding: .utf8)
        let check = try ChildProcess(["haproxy", "-c", "-f", file], log: folder + "/check.log")
        guard check.finish().status == 0 else { throw BenchFailure("haproxy -c fails") }
        _ = ask("reload", at: socket)
        guard waitUntil(seconds: 20, { Master(at: socket).map { $0.reloads > before.reloads && $0.serving != before.serving } ?? false })
        else {
            throw BenchFailure("haproxy does not load its file")
        }
        return (nanoseconds() - start) / 1e6
    }
}
