import BenchSupport
import Foundation

/// Measures the haproxy driver beside the way the original did it, and prints a report in Markdown.
@main
struct BenchHAProxy {
    private static let usage = """
        usage: bench-haproxy --worker PATH [options]
          --worker PATH     the worker to measure
          --quick           few of everything: tells whether it runs, not how fast
          --scratch FOLDER  where states, sockets and logs go (default: a new folder in /tmp)
          --output FILE     write the report there too

        """

    static func main() {
        var (worker, output, scratch, scale) = ("", String?.none, "/tmp/bench-haproxy.\(getpid())", Scale.full)
        var arguments = CommandLine.arguments.dropFirst().makeIterator()
        while let option = arguments.next() {
            switch option {
            case "--worker": worker = arguments.next() ?? ""
            case "--output": output = arguments.next()
            case "--scratch": scratch = arguments.next() ?? scratch
            case "--quick": scale = .quick
            case "--help":
                print(usage, terminator: "")
                return
            default: worker = ""
            }
        }
        guard !worker.isEmpty else {
            FileHandle.standardError.write(Data(usage.utf8))
            exit(EX_USAGE)
        }
        do {
            let text = try measure(worker: worker, folder: scratch, scale)
            print(text)
            if let output { try (text + "\n").write(toFile: output, atomically: true, encoding: .utf8) }
            try FileManager.default.removeItem(atPath: scratch)
        } catch {
            FileHandle.standardError.write(Data("bench-haproxy: \(error)\nthe logs are in \(scratch)\n".utf8))
            exit(EXIT_FAILURE)
        }
    }

    private static func measure(worker: String, folder: String, _ scale: Scale) throws -> String {
        var rows: [Row] = []
        let cases: [(Int, (Bench) throws -> [Row])] = [
            (4, { try $0.changes(scale) }), (256, { try $0.creations(scale) }), (4, { try $0.load(scale) }),
        ]
        var about = ""
        for (number, (connections, run)) in cases.enumerated() {
            let bench = try Bench(worker: worker, folder: "\(folder)/\(number)", connections: connections)
            defer { bench.stop() }
            if about.isEmpty {
                about = machine(
                    programsIn: bench.tools, kernel: "states on \(fileSystem(of: bench.folder))",
                    peers: output(of: "haproxy", "-v")?.split(separator: "\n").first.map(String.init) ?? "haproxy unknown")
            }
            rows += try run(bench)
        }
        return """
            # HAProxy: a running haproxy changed, beside a load for each job

            Made by `scripts/bench haproxy`; what is measured, and how, is in [README.md](README.md). Figures are medians, with the least
            and the most in brackets; a ratio is the median of the ratios of the rounds.

            \(about)

            \(table(["\(scale.balancers) load balancers of 5 servers", "the original's way", "ours", "ratio", "target", "result"], rows.map(\.cells)))
            """
    }
}
