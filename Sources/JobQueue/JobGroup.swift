/// Jobs that a connection took together.
public struct JobGroup {
    /// Where a job is in the bytes.
    struct Place {
        let handle: Range<Int>
        let workload: Range<Int>
        /// How many bytes of the workload were left out, because it is too long.
        let omitted: Int

        /// The job of a JOB_ASSIGN packet: its handle, its function and its workload, with a zero byte between each two.
        init(_ packet: Packet, in buffer: borrowing PacketBuffer) throws(ConnectionFailure) {
            let arguments = buffer.bytes[packet.arguments]
            guard let first = arguments.firstIndex(of: 0), let second = arguments[(first + 1)...].firstIndex(of: 0) else {
                throw ConnectionFailure("the job server sends a job without a function")
            }
            handle = packet.arguments.lowerBound..<first
            workload = second + 1..<packet.arguments.upperBound
            omitted = packet.omitted
        }
    }

    /// Jobs of more bytes than this are not read at the same time: it would take many times as much memory.
    private static let mostBytes = 1 << 20

    private let bytes: [UInt8]
    let places: ArraySlice<Place>

    /// The jobs of a round, in groups that are not too large.
    static func groups(of places: [Place], in bytes: [UInt8]) -> [JobGroup] {
        var groups: [JobGroup] = []
        var first = 0
        var size = 0
        for (index, place) in places.enumerated() {
            if index > first, size + place.workload.count > mostBytes {
                groups.append(JobGroup(bytes: bytes, places: places[first..<index]))
                (first, size) = (index, 0)
            }
            size += place.workload.count
        }
        return groups + [JobGroup(bytes: bytes, places: places[first...])]
    }

    /// The numbers of the jobs, in the order in which they came.
    public var indices: Range<Int> { 0..<places.count }

    /// What the job server calls a job.
    public func handle(of job: Int) -> String { String(decoding: bytes[place(of: job).handle], as: UTF8.self) }

    /// The length of a job in bytes.
    public func length(of job: Int) -> Int { place(of: job).workload.count + place(of: job).omitted }

    /// Whether a job is so long that only its beginning was kept.
    public func isTooLong(_ job: Int) -> Bool { place(of: job).omitted > 0 }

    /// Hands the bytes of a job to `body`.
    public func withWorkload<Result>(of job: Int, _ body: (RawSpan) -> Result) -> Result {
        body(unsafe bytes.span.bytes.extracting(place(of: job).workload))
    }

    /// The bytes of a job, to keep.
    public func workload(of job: Int) -> [UInt8] { Array(bytes[place(of: job).workload]) }

    private func place(of job: Int) -> Place { places[places.startIndex + job] }
}
