import CZlib
import Glibc

/// The bytes of a file, gzipped on the way. They can be asked for from the beginning again, and are the same then.
///
/// So the length and the fingerprint of what is sent are known beforehand, and nothing is written for that to a disk which may be full.
@safe final class GzipStream {
    /// What went wrong: the file cannot be read, or no memory is left.
    private(set) var failure: ApplianceError?

    private static let chunk = 1 << 16

    private let file: Descriptor?
    private let stream: UnsafeMutablePointer<z_stream>
    /// What is read and not compressed yet; the stream points into it.
    private let input: UnsafeMutableBufferPointer<UInt8>
    private var offset = 0
    private var isFinished = false
    private var output: [UInt8]
    private var rest = 0..<0

    /// The bytes of a file, which nobody writes to meanwhile; no bytes where that is nil.
    init(_ file: Descriptor?) {
        self.file = file
        output = [UInt8](repeating: 0, count: Self.chunk)
        unsafe input = .allocate(capacity: Self.chunk)
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        if unsafe deflate_init_gzip(stream, Z_DEFAULT_COMPRESSION) != Z_OK { failure = ApplianceError.system("cannot compress", ENOMEM) }
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
        unsafe input.deallocate()
    }

    /// Goes back to the beginning.
    func restart() {
        unsafe deflateReset(stream)
        (offset, isFinished, rest) = (0, false, 0..<0)
        unsafe stream.pointee.avail_in = 0
    }

    /// The next bytes; none behind the last, or where there is a failure.
    func next(atMost count: Int) -> ArraySlice<UInt8> {
        while rest.isEmpty, !isFinished, failure == nil { fill() }
        if failure != nil { return [] }
        let part = rest.prefix(count)
        rest = part.upperBound..<rest.upperBound
        return output[part]
    }

    /// Compresses as much as gives a full buffer.
    private func fill() {
        unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe stream.pointee.next_out = output.baseAddress
            unsafe stream.pointee.avail_out = UInt32(output.count)
            while unsafe stream.pointee.avail_out > 0, !isFinished, failure == nil { step() }
            rest = unsafe 0..<(output.count - Int(stream.pointee.avail_out))
        }
    }

    /// Compresses what is read, and reads more where all of it is compressed.
    private func step() {
        if unsafe stream.pointee.avail_in == 0 {
            unsafe stream.pointee.avail_in = UInt32(read())
            unsafe stream.pointee.next_in = input.baseAddress
        }
        let isAtEnd = unsafe stream.pointee.avail_in == 0
        isFinished = unsafe deflate(stream, isAtEnd ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END
    }

    private func read() -> Int {
        guard let file else { return 0 }
        while true {
            let count = unsafe pread(file.number, input.baseAddress, input.count, offset)
            if count >= 0 {
                offset += count
                return count
            }
            if errno != EINTR {
                failure = ApplianceError.system("cannot read the log")
                return 0
            }
        }
    }
}
