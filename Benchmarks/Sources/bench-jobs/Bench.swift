import BenchSupport
import Foundation

/// Who is measured.
enum Contestant {
    /// The C worker that only echoes.
    case echo
    /// The worker that `--worker` names.
    case worker
}

/// Where the worker keeps its state.
enum StatePlace {
    /// In memory: `--state-dir none`.
    case none
    /// In a new, empty folder.
    case new
    /// In this folder.
    case folder(String)
}

/// The jobs of one run.
struct Load {
    var kind = "create"
    var ids = 1000
    var nodes = 10
    var inFlight: Int
    var jobs: Int
    var warmup = 0
    /// Whether one client submits `inFlight` jobs, waits for all of them, and submits the next.
    var isBursts = false
}

/// What job-load prints.
struct LoadResult: Decodable {
    let jobs: Int
    let seconds: Double
    let rate: Double
    let p50_us: Double
    let p99_us: Double
    let failed: Int
}

/// A worker that takes the jobs of one function.
struct RunningWorker {
    let contestant: Contestant
    let process: ChildProcess
    let function: String
}

/// The bench: a job server, a folder, and the programs that are put to it.
final class Bench {
    let options: Options
    let folder: String
    let workerName: String
    private let server: JobServer
    /// Where echo-worker and job-load are: beside this program.
    let tools: String
    private var runs = 0

    init(_ options: Options) throws {
        self.options = options
        tools = try programFolder()
        workerName = (options.worker as NSString).lastPathComponent
        guard FileManager.default.isExecutableFile(atPath: options.worker) else {
            throw BenchFailure("--worker: \(options.worker) is no program")
        }
        folder = "\(options.scratch ?? tools)/bench-jobs.\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try JobServer(folder: folder)
    }

    /// Removes states and logs.
    func clear() {
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// A name that no run before this one had.
    func newName(_ word: String) -> String {
        runs += 1
        return "\(word)-\(runs)"
    }

    /// A new, empty folder.
    func newFolder() throws -> String {
        let path = "\(folder)/\(newName("state"))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    /// Starts a worker and does not wait for it.
    ///
    /// - Parameter program: what is started in place of the worker that `--worker` names.
    func launch(
        _ contestant: Contestant, connections: Int, state: StatePlace, function: String? = nil, program: [String]? = nil
    ) throws -> RunningWorker {
        let function = function ?? newName("jobs")
        var command: [String]
        switch contestant {
        case .echo:
            command = [
                tools + "/echo-worker", "--server", server.address, "--function", function, "--concurrency", "\(connections)",
            ]
        case .worker:
            let place =
                switch state {
                case .none: "none"
                case .new: try newFolder()
                case .folder(let path): path
                }
            let values = ["{server}": server.address, "{function}": function, "{connections}": "\(connections)", "{state}": place]
            command = program ?? [options.worker]
            for word in options.workerArguments.split(separator: " ") {
                command.append(values.reduce(String(word)) { $0.replacingOccurrences(of: $1.key, with: $1.value) })
            }
        }
        return RunningWorker(contestant: contestant, process: try ChildProcess(command, log: log(of: function)), function: function)
    }

    /// Starts a worker and waits until each of its connections can take a job.
    func start(
        _ contestant: Contestant, connections: Int, state: StatePlace, program: [String]? = nil
    ) throws -> RunningWorker {
        let worker = try launch(contestant, connections: connections, state: state, program: program)
        let isReady = try waitUntil(seconds: 30) {
            try !worker.process.isRunning || server.status(of: worker.function).workers >= connections
        }
        guard isReady, worker.process.isRunning else {
            throw failure("\(worker.process.name) did not register its \(connections) connections", function: worker.function)
        }
        return worker
    }

    /// Gives a worker its jobs and waits for the last answer.
    func run(_ load: Load, on worker: RunningWorker) throws -> LoadResult {
        try finish(submit(load, function: worker.function, expectPass: worker.contestant == .worker), function: worker.function)
    }

    /// Starts to submit jobs.
    func submit(_ load: Load, function: String, expectPass: Bool) throws -> ChildProcess {
        var command = [tools + "/job-load", "--server", server.address, "--function", function, "--kind", load.kind]
        let counts = [
            "ids": load.ids, "nodes": load.nodes, "in-flight": load.inFlight, "jobs": load.jobs, "warmup": load.warmup, "timeout": 120,
        ]
        for (name, count) in counts { command += ["--\(name)", "\(count)"] }
        if load.isBursts { command.append("--bursts") }
        if expectPass && options.expectPass { command.append("--expect-pass") }
        return try ChildProcess(command, log: log(of: function), readsOutput: true)
    }

    /// Waits until all jobs are answered.
    func finish(_ load: ChildProcess, function: String) throws -> LoadResult {
        let (output, status) = load.finish()
        guard status == 0, let result = try? JSONDecoder().decode(LoadResult.self, from: Data(output.utf8)) else {
            throw failure("job-load ended with \(status): \(output)", function: function)
        }
        return result
    }

    /// Waits until so many jobs wait for a function.
    func waitForJobs(_ count: Int, function: String) throws {
        guard try waitUntil(seconds: 10, { try server.status(of: function).jobs >= count }) else {
            throw failure("the job does not reach gearmand", function: function)
        }
    }

    private func log(of function: String) -> String { "\(folder)/\(function).log" }

    /// A failure with the last lines of the log.
    private func failure(_ sentence: String, function: String) -> BenchFailure {
        let log = (try? String(contentsOfFile: log(of: function), encoding: .utf8)) ?? ""
        return BenchFailure(([sentence] + log.split(separator: "\n").suffix(5).map(String.init)).joined(separator: "\n"))
    }
}
