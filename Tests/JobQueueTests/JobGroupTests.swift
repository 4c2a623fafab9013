import Testing

@testable import JobQueue

@Suite("Jobs that came together")
struct JobGroupTests {
    /// A job as a job server sends it, and what is understood.
    private struct Job {
        let arguments: String
        let handle: String
        let workload: String
    }

    private static let jobs = [
        Job(arguments: "H:host:1\0lbaas\0{}", handle: "H:host:1", workload: "{}"),
        // An empty workload, and zero bytes in it.
        Job(arguments: "H:host:2\0lbaas\0", handle: "H:host:2", workload: ""),
        Job(arguments: "H:host:3\0lbaas\0\0", handle: "H:host:3", workload: "\0"),
        Job(arguments: "H:host:4\0lbaas\0a\0b\0\0c", handle: "H:host:4", workload: "a\0b\0\0c"),
        // No job server sends these, and they make no difference.
        Job(arguments: "\0\0", handle: "", workload: ""), Job(arguments: "\0f\0w", handle: "", workload: "w"),
    ]

    /// Where the jobs of JOB_ASSIGN packets with these arguments are.
    private func groups(_ arguments: [String]) throws -> [JobGroup] {
        var feed = try Feed()
        for arguments in arguments { try feed.give(WirePacket(type: 11, arguments: Array(arguments.utf8)).bytes()) }
        var places: [JobGroup.Place] = []
        while let packet = try feed.buffer.next() { places.append(try JobGroup.Place(packet, in: feed.buffer)) }
        return JobGroup.groups(of: places, in: feed.buffer.bytes)
    }

    @Test("have a handle and a workload each")
    func places() throws {
        let groups = try groups(Self.jobs.map(\.arguments))
        #expect(groups.count == 1)
        let group = try #require(groups.first)
        #expect(group.indices == Self.jobs.indices)
        for (index, job) in Self.jobs.enumerated() {
            #expect(group.handle(of: index) == job.handle)
            #expect(group.workload(of: index) == Array(job.workload.utf8))
            let bytes = group.withWorkload(of: index) { bytes in
                bytes.byteOffsets.map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
            #expect(bytes == Array(job.workload.utf8))
        }
    }

    @Test("are read together as far as they are not too large")
    func sizes() throws {
        let groups = try groups([600_000, 600_000, 100, 2_000_000, 5, 1_048_571, 1].map { "H:1\0f\0" + String(repeating: "w", count: $0) })
        #expect(
            groups.map { group in group.indices.map { group.workload(of: $0).count } } == [
                [600_000], [600_000, 100], [2_000_000], [5, 1_048_571], [1],
            ])
    }

    @Test("are refused without a function", arguments: ["", "H:host:1", "H:host:1\0lbaas", "\0"])
    func refusal(arguments: String) throws {
        // Bytes behind the packet do not help it.
        var feed = try Feed()
        try feed.give(WirePacket(type: 11, arguments: Array(arguments.utf8)).bytes() + WirePacket.noop.bytes())
        let packet = try #require(try feed.buffer.next())
        let failure = sentence { () throws(ConnectionFailure) in _ = try JobGroup.Place(packet, in: feed.buffer) }
        #expect(failure == "the job server sends a job without a function")
    }
}
