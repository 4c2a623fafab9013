import Foundation

/// Who is measured.
enum Contestant: String, Codable {
    /// The C program over plain netlink.
    case raw
    /// The driver.
    case driver
    /// Debian's ipvsadm.
    case ipvsadm
    /// The whole program.
    case worker
}

/// What one run of a program found. It goes as a line of JSON from the kernel that was booted to the process that makes the report.
struct Sample: Codable {
    /// What was run.
    let run: String
    let contestant: Contestant
    /// What each measurement took, in microseconds, or how many there were of what.
    let figures: [String: [Double]]

    /// Prints it, for the one who makes the report.
    func send() throws {
        FileHandle.standardOutput.write(try JSONEncoder().encode(self) + Data("\n".utf8))
    }

    /// The sample of a line; nil for one of another kind.
    init?(line: String) {
        guard let sample = try? JSONDecoder().decode(Sample.self, from: Data(line.utf8)) else { return nil }
        self = sample
    }

    init(_ run: String, _ contestant: Contestant, _ figures: [String: [Double]]) {
        (self.run, self.contestant, self.figures) = (run, contestant, figures)
    }
}
