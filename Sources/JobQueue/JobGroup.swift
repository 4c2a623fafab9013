import CGearman

/// Jobs that a connection took together.
public struct JobGroup {
    /// Where a job is in the bytes.
    struct Place {
        let handle: Range<Int>
        let workload: Range<Int>

        /// The job of a JOB_ASSIGN packet: its handle, its function and its workload, with a zero byte between each two.
        init(_ packet: Packet, in buffer: borrowing PacketBuffer) throws(ConnectionFailure) {
            let arguments = buffer.bytes[packet.arguments]
            guard let first = arguments.firstIndex(of: 0), let second = arguments[(first + 1)...].firstIndex(of: 0) else {
                throw ConnectionFailure(reason: "the job server sends a job without a function")
            }
            handle = packet.arguments.lowerBound..<first
            workload = second + 1..<packet.arguments.upperBound
        }
    }

    private let bytes: [UInt8]
    private let places: [Place]

    init(bytes: [UInt8], places: [Place]) {
        self.bytes = bytes
        self.places = places
    }

    /// The numbers of the jobs, in the order in which they came.
    public var indices: Range<Int> { places.indices }

    /// What the job server calls a job.
    public func handle(of job: Int) -> String { String(decoding: bytes[places[job].handle], as: UTF8.self) }

    /// Hands the bytes of a job to `body`.
    public func withWorkload<Result>(of job: Int, _ body: (RawSpan) -> Result) -> Result {
        body(unsafe bytes.span.bytes.extracting(places[job].workload))
    }

    /// The bytes of a job, to keep.
    public func workload(of job: Int) -> [UInt8] { Array(bytes[places[job].workload]) }
}
