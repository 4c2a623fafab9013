import CMicrohttpd
import HostSystem

/// A response of the library's, made of one of ours.
///
/// It is safe to be used by several threads: it is not changed once it is made, and the library counts its references under a lock.
@safe final class PreparedResponse: @unchecked Sendable {
    /// What has more bytes is not copied at once, but in parts of so many: others wait for that.
    static let largestCopy = 64 << 10

    private let pointer: OpaquePointer
    let status: Int
    /// The detail of a problem.
    let detail: String?
    /// The client of the event stream that is its body.
    let client: EventClient?

    /// - Parameters:
    ///   - handle: the connection that it is for; nil for any, where its body is bytes.
    ///   - isHead: whether it answers HEAD.
    ///   - endsConnection: whether the connection is closed behind it.
    /// - Returns: nil where there is no memory for it.
    init?(_ response: HTTPResponse, for handle: ConnectionHandle? = nil, isHead: Bool = false, endsConnection: Bool = false) {
        let made: OpaquePointer?
        switch response.body {
        case .events where isHead:
            // The library would send the end of a chunked body.
            client = nil
            unsafe made = MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
        case .bytes(let bytes) where bytes.count > Self.largestCopy:
            client = nil
            unsafe made = Self.large([bytes])
        case .parts(let parts):
            client = nil
            unsafe made = Self.large(parts)
        case .bytes(let bytes):
            client = nil
            unsafe made = bytes.withUnsafeBytes { bytes in
                // The library copies them, and does not write to them.
                unsafe MHD_create_response_from_buffer(
                    bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .events(let stream, let last, let ticket):
            guard let handle else { return nil }
            let client = stream.client(handle, after: last, ticket)
            self.client = client
            let reference = unsafe Unmanaged.passRetained(client)
            unsafe made = MHD_create_response_from_callback(.max, 1024, readEvents, reference.toOpaque(), endEvents)
            if unsafe made == nil { unsafe reference.release() }
        }
        guard let made = unsafe made else { return nil }
        unsafe pointer = made
        status = response.status
        detail = response.detail
        for (name, value) in response.headers { _ = unsafe MHD_add_response_header(made, name, value) }
        if endsConnection { _ = unsafe MHD_add_response_header(made, "Connection", "close") }
    }

    deinit { unsafe MHD_destroy_response(pointer) }

    private static func large(_ parts: [[UInt8]]) -> OpaquePointer? {
        let reference = unsafe Unmanaged.passRetained(LargeBody(parts))
        let size = parts.reduce(0) { $0 + UInt64($1.count) }
        let made = unsafe MHD_create_response_from_callback(size, largestCopy, readBody, reference.toOpaque(), endBody)
        if unsafe made == nil { unsafe reference.release() }
        return unsafe made
    }

    /// Has the library send it. Only on the thread of the connection.
    func queue(on handle: ConnectionHandle) -> MHD_Result { unsafe MHD_queue_response(handle.pointer, UInt32(status), pointer) }
}

/// A response that is made once and sent any number of times, on any connection.
package final class KeptResponse: Sendable {
    /// What is sent.
    package let response: HTTPResponse
    /// The bytes of its body.
    package let size: Int
    let prepared: PreparedResponse

    /// - Returns: nil where it has no bytes as its body or too many, or there is no memory for it.
    package init?(_ response: HTTPResponse) {
        guard case .bytes(let bytes) = response.body, bytes.count <= PreparedResponse.largestCopy,
            let prepared = PreparedResponse(response)
        else { return nil }
        (self.response, self.prepared, size) = (response, prepared, bytes.count)
    }
}

/// A body that is sent part by part.
final class LargeBody {
    private let parts: [[UInt8]]
    /// The part that was read last, and the offset that it begins at.
    private var place = (part: 0, start: 0)
    private var work = LongWork()

    init(_ parts: [[UInt8]]) { self.parts = parts }

    /// Copies what there is from an offset on, as far as there is room and to the end of a part at most.
    func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if offset < place.start { place = (0, 0) }
        while place.part < parts.count, offset >= place.start + parts[place.part].count {
            place.start += parts[place.part].count
            place.part += 1
        }
        guard place.part < parts.count else { return Int(mhd_end_of_stream) }
        work.step()
        let rest = parts[place.part][(offset - place.start)...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: rest)
        return rest.count
    }
}

/// A connection of the library's.
///
/// It is handed from thread to thread, but used by others than that of the connection only while it is suspended, when it cannot go away.
@safe struct ConnectionHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }

    /// Takes it from its thread until `resume`. Only on its thread, in a callback of the library's.
    func suspend() { unsafe MHD_suspend_connection(pointer) }

    /// Gives it back to its thread. Only once for each `suspend`.
    func resume() { unsafe MHD_resume_connection(pointer) }
}
