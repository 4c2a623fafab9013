import Foundation
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

@Suite("Collecting log lines")
struct LogCollectorTests {
    @Test("Lines of pipe and socket go to the disk by themselves, and to nobody else's eyes")
    func threads() async throws {
        let shelf = try Shelf()
        defer { shelf.collector.stop() }
        try shelf.collector.start()
        try shelf.write("by pipe", of: "a")
        try await eventually("the line") { try shelf.messages(of: "a") == ["by pipe"] }
        try send("<134>1 T - a 1 - - by socket\n", to: shelf.folder.file("log.sock"))
        try await eventually("the other line") { try shelf.messages(of: "a") == ["by pipe", "by socket"] }
        for path in try [shelf.folder.path] + FileManager.default.subpathsOfDirectory(atPath: shelf.folder.path).map(shelf.folder.file) {
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & 0o077 == 0, "\(path)")
        }
    }

    @Test("What waits while no worker is there is found by the next, and nothing is written after a stop")
    func restart() throws {
        let first = try Shelf()
        // haproxy holds the pipe meanwhile.
        let held = open(first.folder.file("log.pipe"), O_RDWR)
        defer { close(held) }
        try first.write("one", of: "a")
        #expect(first.collector.seal("a").count == 1)
        first.collector.stop()
        try first.write("two", of: "a")
        #expect(first.collector.seal("a").count == 1)
        let second = try Shelf(in: first.folder)
        try second.write("three", of: "a")
        #expect(second.collector.sealed(of: "a").isEmpty, "the last segment of the first goes on")
        #expect(second.collector.seal("a").count == 1)
        #expect(try second.messages(of: "a") == ["one", "two", "three"])
    }

    @Test("A clock that is set back does not put new lines before old ones, nor into an object that is there")
    func clockSetBack() throws {
        let first = try Shelf()
        try first.write("one", of: "a")
        let old = first.collector.seal("a")
        try first.write("two", of: "a")
        _ = first.collector.seal("a")
        let second = try Shelf(in: first.folder, time: 5)
        _ = second.collector.seal("a")
        try second.write("three", of: "a")
        let all = second.collector.seal("a")
        #expect(all.count == 3 && Set(all.map(\.begun)).count == 3 && all.first == old.first)
        #expect(try second.messages(of: "a") == ["one", "two", "three"])
    }

    @Test("Nothing keeps more lines waiting than the pipe holds, and those that came first are kept")
    func burst() throws {
        let shelf = try Shelf()
        var count = 0
        while (try? shelf.write("line \(count) " + String(repeating: "x", count: 200), of: "a")) != nil { count += 1 }
        #expect(count > 4000)
        _ = shelf.collector.seal("a")
        let kept = try shelf.messages(of: "a")
        #expect(kept.count == count)
        #expect(kept.last?.hasPrefix("line \(count - 1) ") == true)
    }

    @Test("A datagram is one line, however long it is and whatever is in it")
    func datagrams() throws {
        let shelf = try Shelf()
        let socket = shelf.folder.file("log.sock")
        try send("", to: socket)
        try send("\n\n", to: socket)
        try send("<134>1 T - a 1 - - one\n<134>1 T - b 1 - - two", to: socket)
        try send("<134>1 T - a 1 - - " + String(repeating: "x", count: 60_000), to: socket)
        let segments = shelf.collector.seal("a")
        #expect(segments.count == 1)
        let messages = try shelf.messages(of: "a")
        #expect(messages.count == 2 && messages.first == "one <134>1 T - b 1 - - two")
        #expect(messages.last.map { 4000..<4096 ~= $0.utf8.count && $0.allSatisfy { $0 == "x" } } == true)
        #expect(shelf.collector.seal("b").isEmpty)
    }

    @Test("The logs of load balancers that are gone go, at once and after a restart")
    func keep() throws {
        let shelf = try Shelf()
        for name in ["a", "b", "c"] {
            try shelf.write("of \(name)", of: name)
            _ = shelf.collector.seal(name)
        }
        shelf.collector.keep(only: ["a", "b"])
        try shelf.write("late", of: "c")
        try shelf.write("more", of: "b")
        #expect(shelf.collector.seal("c").isEmpty)
        #expect(try names(in: shelf) == ["a", "b"])
        shelf.collector.keep(only: ["b", "c"])
        try shelf.write("again", of: "c")
        #expect(shelf.collector.seal("c").count == 1)
        #expect(try shelf.messages(of: "b") == ["of b", "more"] && shelf.messages(of: "c") == ["again"])
        let next = try Shelf(in: shelf.folder)
        next.collector.keep(only: ["c"])
        #expect(try names(in: next) == ["c"])
    }

    @Test(
        "Whatever a name is, its folder is one inside the folder of logs",
        arguments: ["..", ".", ".hidden", "a/b", "../../etc", "é", "a\0b", String(repeating: "x", count: 600), "~a", "a:b"])
    func hostileNames(name: String) throws {
        let file = LogStore.fileName(name)
        #expect(file.hasPrefix("~") && file.utf8.count == 65)
        #expect(LogStore.fileName(file) != file)
        let shelf = try Shelf()
        if !name.utf8.contains(0) { try shelf.write("text", of: name) } else { try shelf.write("<134>1 T - a\0b 1 - - text\n") }
        #expect(shelf.collector.seal(name).count == 1)
        #expect(try shelf.messages(of: name) == ["text"] && names(in: shelf) == [file])
    }

    @Test("Lines of another form are passed over, and that is told once")
    func foreignLines() throws {
        let shelf = try Shelf()
        for _ in 1...3 {
            try shelf.write("<134>Nov 21 04:20:23 haproxy[1]: text\n")
            _ = shelf.collector.seal("a")
        }
        #expect(shelf.told.lines.count { $0.contains("not of RFC 5424") } == 1)
    }

    @Test("A collector is refused where something else is in its place, and takes an old socket's place")
    func places() throws {
        let folder = try TemporaryFolder()
        let pipe = try folder.write("", to: "pipe")
        func make(_ pipe: String, _ socket: String) -> String? {
            refusal { () throws(DriverError) in
                _ = try LogCollector(folder: folder.file("logs"), pipePath: pipe, socketPath: socket, log: .silent)
            }
        }
        #expect(make(pipe, folder.file("s"))?.contains("not a pipe of this user") == true)
        #expect(make(folder.file("p"), pipe)?.contains("is not a socket") == true)
        #expect(make(folder.file("p"), folder.file(String(repeating: "x", count: 120)))?.contains("name too long") == true)
        #expect(make(folder.file("missing/p"), folder.file("s"))?.contains("No such file") == true)
        #expect(make(folder.file("p"), folder.file("s")) == nil)
        #expect(make(folder.file("p"), folder.file("s")) == nil)
    }

    private func names(in shelf: Shelf) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: shelf.folder.file("logs")).sorted()
    }

    private func send(_ text: String, to path: String) throws {
        let end = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(end) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bytes = Array(text.utf8)
        let count = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(end, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard count == bytes.count else { throw systemError("sendto") }
    }
}

@Suite("The bounds of a log")
struct LogBoundsTests {
    private static let limit: UInt64 = 1 << 20

    /// Writes lines of about 1000 bytes each, and answers how many bytes the files have.
    private func fill(_ shelf: Shelf, _ numbers: Range<Int>) throws -> Int {
        for number in numbers {
            try shelf.write("\(number) " + String(repeating: "x", count: 970), of: "a")
            if number % 100 == 99 { _ = shelf.collector.seal("none") }
        }
        _ = shelf.collector.seal("none")
        let folder = shelf.folder.file("logs/a")
        return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(0) { sum, name in
            try sum + (FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.size] as? Int ?? 0)
        }
    }

    @Test("The oldest lines go where a log is at its limit, and that is told")
    func limit() throws {
        let shelf = try Shelf(limit: Self.limit)
        #expect(try fill(shelf, 0..<900) < Self.limit)
        #expect(!shelf.told.lines.contains { $0.contains("dropped") })
        #expect(try fill(shelf, 900..<5000) <= Self.limit)
        let kept = try shelf.messages(of: "a").map { $0.prefix { $0 != " " } }.compactMap { Int($0) }
        let first = try #require(kept.first)
        #expect(kept == Array(first..<5000) && kept.count > 700)
        #expect(shelf.told.lines.first?.contains("warning a load balancer's log is as long as it may be") == true)
    }

    @Test("A segment that goes while it is archived does no harm")
    func goneMeanwhile() throws {
        let shelf = try Shelf(limit: Self.limit)
        _ = try fill(shelf, 0..<100)
        let old = shelf.collector.seal("a")
        _ = try fill(shelf, 100..<3000)
        let before = try shelf.messages(of: "a").count
        for segment in old { shelf.collector.remove(segment, of: "a") }
        #expect(try shelf.messages(of: "a").count == before)
    }

    @Test("A full disk loses the lines that it has no room for, and is told of once; the worker goes on")
    func fullDisk() async throws {
        await #expect(processExitsWith: .success) {
            let shelf = try Shelf()
            func write(_ message: String) throws {
                try shelf.write(message, of: "a")
                _ = shelf.collector.seal("none")
            }
            try write("one")
            try limitFiles(to: 100)
            for _ in 1...5 { try write(String(repeating: "x", count: 200)) }
            #expect(try shelf.messages(of: "a") == ["one"])
            #expect(shelf.told.lines.count == 1 && shelf.told.lines.first?.contains("File too large") == true)
            try limitFiles(to: .max)
            try write("two")
            #expect(try shelf.messages(of: "a") == ["one", "two"])
            #expect(shelf.told.lines.count == 2 && shelf.told.lines.last?.contains("kept again") == true)
        }
    }
}
