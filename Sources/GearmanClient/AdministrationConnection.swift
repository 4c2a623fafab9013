import Glibc
import HostSystem
import JobQueue

/// A connection to a job server that asks, by its text protocol, for which functions there are workers.
final class AdministrationConnection {
    /// Why there is no answer.
    struct Failure: Error {
        let reason: String
    }

    /// The most bytes of an answer.
    private static let longestAnswer = 16 << 20

    private let server: JobServer
    private let socket: Descriptor

    /// Connects.
    init(_ server: JobServer, within limit: Duration) throws(Failure) {
        self.server = server
        do throws(ConnectionFailure) {
            socket = try openConnection(to: server, within: limit)
        } catch {
            throw Failure(reason: error.reason)
        }
    }

    /// The functions that workers are connected for.
    func functionsWithWorkers(within limit: Duration) throws(Failure) -> Set<String> {
        let deadline = Deadline(in: limit)
        let question = Array("status\n".utf8)
        guard unsafe send(socket.number, question, question.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT)) == question.count else {
            throw Failure(reason: "the connection was lost")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while !Self.isWhole(answer) {
            if poll([socket.number: POLLIN], until: deadline) == [0] { throw Failure(reason: "it has not answered in time") }
            switch socket.read(into: &buffer) {
            case .bytes(let count): answer += buffer[..<count]
            case .nothing: continue
            case .end: throw Failure(reason: "it has closed the connection")
            }
            if answer.count > Self.longestAnswer { throw Failure(reason: "its answer has more than \(Self.longestAnswer) bytes") }
        }
        return Self.functions(of: answer)
    }

    /// Whether an answer ends with a line that has a dot alone.
    static func isWhole(_ answer: [UInt8]) -> Bool {
        answer.elementsEqual(".\n".utf8) || answer.suffix(3).elementsEqual("\n.\n".utf8)
    }

    /// The functions of an answer: each line has the name, the jobs that wait or run, those that run, and the workers, with tabs between.
    static func functions(of answer: [UInt8]) -> Set<String> {
        var functions: Set<String> = []
        for line in answer.split(separator: UInt8(ascii: "\n")) {
            let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            guard columns.count == 4, let last = columns[3].first, last != UInt8(ascii: "0") else { continue }
            functions.insert(String(decoding: columns[0], as: UTF8.self))
        }
        return functions
    }
}
