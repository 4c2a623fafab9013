import Foundation
import Glibc
import LBaaS
import Synchronization
import TestSupport
import Testing

@testable import DaemonSupport

@Suite struct LogOutputTests {
    @Test func linesOfManyThreadsStayWhole() async throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let output = try LogOutput(style: .journal, descriptor: descriptor)
        let log = output.log(level: .info)
        await withTaskGroup(of: Void.self) { group in
            for number in 1...8 {
                group.addTask { for _ in 1...100 { log.write(.info, "line of", [("number", "\(number)")]) } }
            }
        }
        log.write(.debug, "below the threshold")
        #expect(output.flush(within: .seconds(60)))
        let lines = try String(contentsOfFile: folder.file("log"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 800)
        for number in 1...8 { #expect(lines.count { $0 == "<6>line of number=\(number)" } == 100) }
    }

    /// Both kinds of pipe: one that blocks whoever writes to it, and one that refuses.
    @Test(arguments: [false, true]) func aLogThatNobodyReadsHoldsUpNobodyAndTellsWhatItLost(isNonBlocking: Bool) async throws {
        let pipe = try LogPipe(isNonBlocking: isNonBlocking)
        let output = try LogOutput(style: .journal, descriptor: pipe.writing)
        // Ten times what the pipe and the buffer hold. That the test goes on shows that nobody waits.
        let text = String(repeating: "x", count: 10_000)
        for number in 1...1200 { output.write(.info, "\(number) \(text)", []) }
        #expect(!output.flush(within: .milliseconds(20)))

        let read = Task { try await onThread { try pipe.read(until: "after") } }
        // Once there is room, lines are written again.
        try await eventually("the buffer has room") {
            output.write(.info, "after", [])
            return output.flush(within: .milliseconds(100))
        }
        let lines = try await read.value.split(separator: "\n")
        let numbers = lines.filter { $0.hasSuffix("x") }.compactMap { $0.dropFirst(3).split(separator: " ").first.flatMap { Int($0) } }
        #expect(numbers == Array(1...numbers.count) && numbers.count < 1200)
        let lost = lines.filter { $0.contains("log lines are missing here") }.compactMap {
            $0.split(separator: "=").last.flatMap { Int($0) }
        }
        #expect(lost.count >= 1 && lost.reduce(0, +) >= 1200 - numbers.count)
        #expect(lines.first { $0.contains("log lines are missing here") }?.hasPrefix("<4>") == true)
    }

    @Test func flushWaitsUntilTheLastLineIsWritten() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("log"), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let output = try LogOutput(style: .journal, descriptor: descriptor)
        #expect(output.flush(within: .zero))
        for number in 1...50 {
            output.write(.info, "line \(number)", [])
            #expect(output.flush(within: .seconds(60)))
            #expect(try String(contentsOfFile: folder.file("log"), encoding: .utf8).hasSuffix("<6>line \(number)\n"))
        }
    }

    @Test func aClosedPipeStopsNothing() async {
        await #expect(processExitsWith: .success) {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { exit(1) }
            let output = try LogOutput(style: .text, descriptor: ends[1])
            close(ends[0])
            output.write(.error, "nobody reads this", [])
            guard output.flush(within: .seconds(20)) else { exit(2) }
            close(ends[1])
            output.write(.error, "nor this", [])
            exit(output.flush(within: .seconds(20)) ? 0 : 3)
        }
    }

    @Test func theJournalIsKnownByItsDeviceAndInode() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file("stream"), O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        let name = "\(status.st_dev):\(status.st_ino)"
        #expect(LogOutput.style(.text, descriptor: descriptor, journalStream: name) == .journal)
        #expect(LogOutput.style(.json, descriptor: descriptor, journalStream: name) == .json)
        for other in [nil, "", "\(status.st_dev):\(status.st_ino + 1)", name + ":"] {
            #expect(LogOutput.style(.text, descriptor: descriptor, journalStream: other) == .text)
        }
        #expect(LogOutput.style(.text, descriptor: -1, journalStream: name) == .text)
    }
}

/// A pipe whose reading end a test reads when it wants to. The writing end stays open, for the thread that logs keeps it.
private final class LogPipe: Sendable {
    let writing: Int32
    private let reading: Int32

    init(isNonBlocking: Bool) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure("there is no pipe") }
        (reading, writing) = (ends[0], ends[1])
        if isNonBlocking { _ = fcntl(writing, F_SETFL, O_NONBLOCK) }
    }

    deinit { close(reading) }

    /// Reads until a line has this text.
    func read(until text: String) throws -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(reading, &chunk, chunk.count)
            guard count > 0 else { throw Failure("the pipe has ended") }
            bytes += chunk[..<count]
            let read = String(decoding: bytes, as: UTF8.self)
            if read.suffix(4096).contains(text), read.hasSuffix("\n") { return read }
        }
    }
}
