import Foundation
import Glibc
import HostSystem
import TestSupport
import Testing

@testable import HAProxyDriver

/// What listens on haproxy's socket and is no haproxy.
@Suite struct CommandSocketTests {
    /// Something that listens on a socket in a folder and sends a text again and again, until nobody reads any more.
    private func withSender(_ text: String, _ body: @escaping @Sendable (String) throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/s"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard code == 0, listen(listener, 8) == 0 else { throw Failure("cannot listen on \(path)") }
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                let bytes = Array(text.utf8)
                while send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
                close(connection)
            }
        }
        defer { shutdown(listener, Int32(SHUT_RDWR)) }
        try await onThread { try body(path) }
    }

    @Test func anAnswerThatDoesNotEndIsCutOff() async throws {
        try await withSender(String(repeating: "x", count: 65_536)) { path in
            let failure = #expect(throws: ApplianceError.self) { _ = try CommandSocket.ask("show info", at: path) }
            #expect(failure?.code == .foreign)
        }
    }

    @Test func bytesDoNotRenewTheDeadline() async throws {
        try await withSender("x") { path in
            let failure = #expect(throws: ApplianceError.self) {
                let socket = try CommandSocket.connect(to: path)
                let deadline = Deadline(in: .milliseconds(100))
                var bytes: [UInt8] = []
                while try socket.receive(into: &bytes, until: deadline) {}
            }
            #expect(failure?.code == .late)
        }
    }

    @Test func onlyARegularFileIsRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(throws: ApplianceError.self) { _ = try WholeFile(path: path).read() }
        #expect(throws: ApplianceError.self) { _ = try WholeFile(path: folder.path).read() }
    }
}
