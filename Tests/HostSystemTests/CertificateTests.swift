import Foundation
import Glibc
import HostSystem
import TestSupport
import Testing

@Suite("Files of certificates", .timeLimit(.minutes(15)))
struct CertificateTests {
    private let folder: TemporaryFolder
    private let certificate: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        _ = try runProgram(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=authority", "-keyout",
                "\(folder.path)/key", "-out", "\(folder.path)/certificate",
            ])
        certificate = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/certificate")))
    }

    /// A new file of these bytes.
    private func file(_ bytes: some Sequence<UInt8>) throws -> String {
        let path = folder.file("\(UInt64.random(in: 0 ... .max)).pem")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("A file of one certificate or many can be used, whatever else it has")
    func usable() throws {
        #expect(CertificateFiles.failure(of: try file(certificate)) == nil)
        #expect(CertificateFiles.failure(of: try file("a comment\n".utf8 + certificate + certificate)) == nil)
        let key = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/key")))
        #expect(CertificateFiles.failure(of: try file(key + certificate)) == nil)
        let link = "\(folder.path)/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: try file(certificate))
        #expect(CertificateFiles.refusal(of: link) == nil)
    }

    @Test("A FIFO, a device, a socket, a folder or nothing at all is found out at once, and is not opened")
    func irregular() throws {
        let fifo = "\(folder.path)/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let loop = "\(folder.path)/loop"
        try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
        for path in [fifo, "/dev/zero", "/dev/tty", "/dev/log/", folder.path] {
            #expect(CertificateFiles.failure(of: path) != nil, "\(path)")
            #expect(throws: (any Error).self) { try RegularFile.read(path, limit: 10) }
        }
        #expect(CertificateFiles.failure(of: fifo) == .file(.notRegular))
        #expect(CertificateFiles.failure(of: loop) == .file(.unreadable(ELOOP)))
        #expect(CertificateFiles.failure(of: "\(folder.path)/nothing") == .file(.unreadable(ENOENT)))
        #expect(CertificateFiles.failure(of: String(repeating: "/long", count: 2000)) == .file(.unreadable(ENAMETOOLONG)))
    }

    @Test("A file without a certificate, with a damaged or an encrypted one, or too large cannot be used")
    func unusable() throws {
        #expect(CertificateFiles.failure(of: try file([])) == .certificates(.noCertificate))
        #expect(CertificateFiles.failure(of: try file("hello".utf8)) == .certificates(.noCertificate))
        let damaged = certificate.prefix(100) + "\n-----END CERTIFICATE-----\n".utf8
        #expect(CertificateFiles.failure(of: try file(certificate + damaged)) == .certificates(.damaged(1)))
        let header = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        let encrypted = header.utf8 + certificate.split(separator: 10, maxSplits: 1)[1]
        #expect(CertificateFiles.failure(of: try file(encrypted)) == .certificates(.damaged(0)))
        let limit = CertificateFiles.largest
        let padding = [UInt8](repeating: 10, count: limit - certificate.count)
        #expect(CertificateFiles.failure(of: try file(certificate + padding)) == nil)
        #expect(CertificateFiles.failure(of: try file(certificate + padding + [10])) == .file(.tooLarge(limit: limit)))
    }

    @Test("A client reads the same words whatever is wrong with a file")
    func words() throws {
        let paths = ["\(folder.path)/nothing", folder.path, try file([])]
        let refusals = paths.map { CertificateFiles.refusal(of: $0)?.replacingOccurrences(of: $0, with: "PATH") }
        #expect(Set(refusals).count == 1 && refusals[0]?.hasPrefix("'PATH' is not a file of PEM certificates") == true)
    }

    @Test("A file whose size is not what it has is read up to the limit")
    func sizeless() throws {
        // It says that it has no bytes, and has some.
        let status = try RegularFile.read("/proc/self/status", limit: 1 << 20)
        #expect(status.identity.size == 0 && status.bytes.starts(with: "Name:".utf8))
        #expect(throws: RegularFile.Failure.tooLarge(limit: 10)) { try RegularFile.read("/proc/self/status", limit: 10) }
    }

    @Test("Another file at the same path has another identity")
    func identity() throws {
        let path = try file(certificate)
        let first = try RegularFile.identity(of: path)
        #expect(try RegularFile.identity(of: path) == first)
        try Data(certificate).write(to: URL(fileURLWithPath: path), options: .atomic)
        #expect(try RegularFile.identity(of: path) != first)
    }

    @Test("A call that blocks is waited for no longer than its limit")
    func blocking() throws {
        let released = DispatchSemaphore(value: 0)
        defer { released.signal() }
        #expect(BlockingCall.run(within: .milliseconds(20)) { released.wait() } == nil)
        #expect(BlockingCall.run(within: .seconds(60)) { 1 } == 1)
    }

    @Test("Many calls at a time all end: only those that nobody waits for any more count against others")
    func manyBlockingCalls() async throws {
        let count = 40
        let (begun, released) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let results = try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await onThread {
                        BlockingCall.run(within: .seconds(60)) {
                            begun.signal()
                            released.wait()
                            return number
                        }
                    }
                }
            }
            // Each waits for the last, so all run at a time.
            try await onThread {
                for _ in 0..<count { try #require(begun.wait(timeout: .now() + 60) == .success) }
                for _ in 0..<count { released.signal() }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(results) == Set(0..<count))
    }
}
