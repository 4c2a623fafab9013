import Glibc

/// What is fuzzed: a name and what is done with each input. A target ends the process where something is not as it should be.
struct FuzzTarget: Sendable {
    let name: String
    let run: @Sendable ([UInt8]) -> Void
}

/// All of them. scripts/fuzz reads the names from here.
private let targets = [
    FuzzTarget(name: "jobs", run: fuzzJob),
    FuzzTarget(name: "stored", run: fuzzStoredLoadBalancer),
    FuzzTarget(name: "gearman", run: fuzzGearmanPackets),
    FuzzTarget(name: "ini", run: fuzzINIText),
    FuzzTarget(name: "keepalived", run: fuzzKeepalivedFile),
    FuzzTarget(name: "manifests", run: fuzzManifest),
    FuzzTarget(name: "haproxy", run: fuzzHAProxyAnswers),
    FuzzTarget(name: "exabgp", run: fuzzExaBGPAnswers),
    FuzzTarget(name: "netlink", run: fuzzNetlinkAnswers),
]

// libFuzzer has one thread.
nonisolated(unsafe) private var chosen: FuzzTarget?

/// What libFuzzer calls first: takes the target of this run from the environment.
@_cdecl("LLVMFuzzerInitialize")
public func chooseTarget(_ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer) -> CInt {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    chosen = targets.first { $0.name == name }
    require(chosen != nil, "FUZZ_TARGET is \(name), and not one of \(targets.map(\.name).joined(separator: ", "))")
    return 0
}

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func runTarget(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    chosen?.run(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// libFuzzer's own mutation.
@_silgen_name("LLVMFuzzerMutate")
private func mutate(_ input: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

/// What libFuzzer calls for the next input. One in 2048 is grown by repeating a part of it, up to the limit of the size, for libFuzzer itself
/// grows an input by a few bytes at a time and never gets far.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutateInput(_ input: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
    // For some mutations libFuzzer clears as many bytes as the limit says.
    let count = mutate(input, count, min(limit, max(2 * count, 4096)))
    var random = SplitMix64(state: UInt64(seed))
    guard random.next() % 2048 == 0, count > 0, count < limit else { return count }
    let start = Int(random.next() % UInt64(count))
    let period = Int(random.next() % UInt64(min(count - start, 4096))) + 1
    // Each doubling of the size is as likely as the next.
    let doublings = UInt64(limit / count).bitWidth - (limit / count).leadingZeroBitCount
    let size = min(limit, count << Int(random.next() % UInt64(doublings) + 1))
    let end = start + period
    memmove(input + end + (size - count), input + end, count - end)
    // Each piece is a copy of all that there is behind the start, so that few are needed.
    var copied = period
    while copied < period + size - count {
        let piece = min(copied, period + size - count - copied)
        memcpy(input + start + copied, input + start, piece)
        copied += piece
    }
    return size
}

/// Random numbers that are the same for the same seed.
private struct SplitMix64 {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}

/// Ends the process, which is a finding, unless a condition holds.
func require(_ condition: Bool, _ complaint: @autoclosure () -> String) {
    if !condition { fatalError(complaint()) }
}

/// Bytes for a complaint.
func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes.prefix(4096), as: UTF8.self) }
