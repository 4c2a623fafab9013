import HostSystem
import LBaaS

/// A batch of groups on their way: what of it is open, and what became of the rest.
struct Change {
    private let all: [PatchGroup]
    /// haproxy as it runs; nil where it does not.
    private(set) var running: Running?
    /// The groups that are neither done nor failed.
    private(set) var open: [Int]
    private(set) var outcomes: [GroupOutcome]
    /// Groups of which the running haproxy did not take a command, with that and its answer.
    var refused: [Int: String] = [:]

    init(_ groups: [PatchGroup], running: Running?) {
        all = groups
        self.running = running
        open = Array(groups.indices)
        outcomes = groups.map { _ in GroupOutcome() }
    }

    func groups(_ indices: [Int]) -> [PatchGroup] { indices.map { all[$0] } }

    /// The names of the load balancers of groups.
    func names(_ indices: [Int]) -> String {
        let names = groups(indices).flatMap(\.patches).map { quoted($0.id.text) }
        return names.prefix(8).joined(separator: " ") + (names.count > 8 ? " … (\(names.count))" : "")
    }

    /// Takes it that groups are done, and that haproxy runs so now.
    mutating func finish(_ indices: [Int], running: Running?) {
        let done = Set(indices)
        open.removeAll { done.contains($0) }
        self.running = running
    }

    /// Takes it that groups failed.
    mutating func fail(_ indices: [Int], _ error: ApplianceError) {
        let failed = Set(indices)
        for index in failed { outcomes[index].failure = error.driverError }
        open.removeAll { failed.contains($0) }
    }

    /// The load balancers that were there and are no more.
    var deleted: [LoadBalancerID] {
        zip(all, outcomes).filter { $0.1.failure == nil }.flatMap(\.0.patches).filter { $0.loadBalancer.new == nil }.map(\.id)
    }

    /// Whether nothing is left once the open groups are taken.
    var isEnd: Bool { proxies { 0 }.isEmpty }

    /// The load balancers once the open groups are taken.
    func proxies(number: () -> UInt32) -> [LoadBalancerID: Proxy] {
        (running ?? Running(pid: 0, fingerprint: "")).proxies(after: groups(open), number: number)
    }

    /// Whether the servers of a load balancer stay as they are: not where it is another of the same id.
    func keepsStates(_ proxy: Proxy) -> Bool { running?.proxies[proxy.loadBalancer.id]?.number == proxy.number }

    /// Why the open groups need a load; nil where haproxy takes them while it runs.
    func reasonsToLoad(with base: BaseConfiguration) -> [String]? {
        guard let running else { return ["it does not run"] }
        var reasons: [String] = []
        for index in open {
            if let words = refused[index] { reasons.append("it did not take a command: \(words)") }
            for patch in all[index].patches {
                if case .load(let reason) = patch.remedy(on: running, base: base) { reasons.append(reason) }
            }
        }
        return reasons.isEmpty ? nil : reasons
    }

    /// The commands of each open group.
    func commands(with base: BaseConfiguration) -> [(group: Int, commands: [RuntimeCommand])] {
        guard let running else { return [] }
        return open.map { index in
            let commands = all[index].patches.flatMap { patch -> [RuntimeCommand] in
                if case .runtime(let commands) = patch.remedy(on: running, base: base) { commands } else { [] }
            }
            return (index, commands)
        }
    }

    /// The open groups whose fault a failed load is, by the lines of the file that haproxy names; all of them where that tells nothing.
    func culprits(_ error: ApplianceError, in text: String, of file: String) -> [Int] {
        guard error.code == .refused else { return open }
        let lines = text.parts(at: "\n", omittingEmptySubsequences: false)
        var names: Set<Substring> = []
        for part in error.message.parts(at: "[").dropFirst() {
            guard let place = part.cut(at: "]")?.before.rest(after: file), let number = place.parts(at: ":").last.flatMap({ UInt($0) })
            else {
                continue
            }
            let opening = lines.prefix(Int(clamping: number)).last { $0.rest(after: " ") == nil && !$0.isEmpty }
            if let name = opening?.cut(at: " ")?.after { names.insert(name) }
        }
        let found = open.filter { index in
            all[index].patches.contains { names.contains(ApplianceName($0.id).text[...]) }
        }
        return found.isEmpty ? open : found
    }
}

extension Running {
    /// Takes steps that need no load.
    mutating func take(_ groups: [PatchGroup]) {
        for patch in groups.lazy.flatMap(\.patches) {
            guard let new = patch.loadBalancer.new else { continue }
            proxies[patch.id]?.loadBalancer = new
            // What was to go and is wanted again stays.
            for node in new.nodes where retired[patch.id] != nil { retired[patch.id]?[ApplianceName(node.id)] = nil }
        }
    }
}
