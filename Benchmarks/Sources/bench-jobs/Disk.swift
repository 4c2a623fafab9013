import BenchSupport
import Foundation

/// What it costs to bring 4 KiB to the disk, in microseconds: over bytes that were there before, as a log does that is used again,
/// and at the end of a growing file.
func syncCost(folder: String, count: Int) throws -> (written: Spread, grown: Spread) {
    let path = folder + "/fdatasync"
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw BenchFailure("\(path) cannot be made") }
    defer {
        close(file)
        unsafe unlink(path)
    }
    func pass() throws -> Spread {
        let block = [UInt8](repeating: 1, count: 4096)
        var costs: [Double] = []
        for index in 0..<count {
            let began = nanoseconds()
            guard unsafe pwrite(file, block, block.count, index * block.count) == block.count, fdatasync(file) == 0 else {
                throw BenchFailure("\(path) cannot be written")
            }
            costs.append((nanoseconds() - began) / 1000)
        }
        return Spread(costs)
    }
    let grown = try pass()
    return (try pass(), grown)
}
