import Foundation
import Glibc
import TestSupport
import Testing

@testable import BGPNotifier

@Suite("The limits of ExaBGP's answers", .timeLimit(.minutes(15)))
struct ConversationTests {
    private let folder: TemporaryFolder

    init() throws {
        signal(SIGPIPE, SIG_IGN)
        folder = try TemporaryFolder()
    }

    /// Why no conversation begins with a peer that writes this without end; nil where one begins.
    private func failure(writing text: String, _ limits: Conversation.Limits) throws -> String? {
        let peer = try HostilePeer(in: folder, writes: text)
        defer { peer.end() }
        do throws(ExaBGPError) {
            let exabgp = try ExaBGP.reach(at: folder.file("exabgp.in"))
            _ = try Conversation.begin(with: exabgp, answers: folder.file("exabgp.out"), isFirst: true, limits: limits)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("An endless line ends the conversation at the limit of a line")
    func line() throws {
        let message = try failure(writing: String(repeating: "x", count: 4096), Conversation.Limits(silence: .seconds(20)))
        #expect(message?.hasPrefix("ExaBGP writes a line of more than 65536 bytes") == true)
    }

    @Test("Lines without end end the conversation at the limit of an answer", arguments: ["\n", "neighbor\n", "x\r\n"])
    func lines(text: String) throws {
        var limits = Conversation.Limits(silence: .seconds(20))
        limits.bytes = 1 << 20
        let message = try failure(writing: String(repeating: text, count: 500), limits)
        #expect(message?.hasPrefix("ExaBGP's answer has more than 1048576 bytes") == true)
    }

    @Test("Bytes do not give an answer more time", arguments: ["x", "x\n", "done\n", "error\n"])
    func time(text: String) throws {
        var limits = Conversation.Limits(silence: .seconds(20))
        limits.answer = .milliseconds(30)
        (limits.line, limits.bytes) = (.max, .max)
        let message = try failure(writing: text, limits)
        #expect(message?.hasPrefix("ExaBGP's answer did not end within 0.03 s") == true)
    }

    @Test("A pipe is opened only where it is one", arguments: ["exabgp.in", "exabgp.out"])
    func kinds(name: String) throws {
        let path = folder.file(name)
        func message(_ mode: Int32) -> String? {
            do throws(ExaBGPError) {
                _ = try ExaBGP.openPipe(path, mode)
                return nil
            } catch {
                return error.message
            }
        }
        let mode = name == "exabgp.in" ? O_WRONLY : O_RDWR
        #expect(message(mode)?.hasPrefix("there is no pipe ") == true)
        #expect(!FileManager.default.fileExists(atPath: path))
        try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
        #expect(message(mode)?.contains("is not a named pipe") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("kept".utf8))
        for other in ["/dev/null", "/dev/ptmx", folder.path] {
            unlink(path)
            #expect(symlink(other, path) == 0)
            #expect(message(mode)?.contains("is not a named pipe") == true)
        }
    }
}
