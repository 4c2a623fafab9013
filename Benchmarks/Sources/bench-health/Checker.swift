import BenchSupport

/// Our checker in a process of its own.
struct Checker {
    let options: Options

    /// Checks so many nodes once a second.
    ///
    /// - Parameters:
    ///   - kind: as `checker-health` has it.
    ///   - mustPass: false where the nodes are not to be up.
    func run(_ kind: String, nodes: Int, at port: String, mustPass: Bool = true) throws -> Sample {
        let seconds = options.isQuick ? "2" : "10"
        let process = try ChildProcess([options.checker, kind, "\(nodes)", port, "4", seconds], readsOutput: true)
        guard let line = process.readLine() else { throw BenchFailure("checker-health ended early") }
        var figures: [String: Double] = [:]
        for pair in line.split(separator: " ") {
            let words = pair.split(separator: "=")
            if words.count == 2 { figures[String(words[0])] = Double(words[1]) }
        }
        func figure(_ name: String) throws(BenchFailure) -> Double {
            guard let value = figures[name] else { throw BenchFailure("checker-health: \(line)") }
            return value
        }
        let up = try figure("up")
        guard try figure("turns") == 0, try figure("unmade") == 0, up == (mustPass ? Double(nodes) : 0) else {
            throw BenchFailure("the nodes are not as they should be: \(line)")
        }
        return Sample(
            rate: try figure("rate"), cores: try figure("cpu"), memory: try figure("memory"),
            lateness: (try figure("half"), try figure("most"), try figure("all")))
    }
}
