/// What can be measured.
enum BenchCase: String, CaseIterable {
    case a, b, c, d, e

    /// The tables that it needs.
    func runs(_ options: Options) -> [TableRun] {
        switch self {
        case .a: [Self.middleTable(options)]
        case .b: [Self.middleTable(options), Self.largeTable(options)]
        case .c: Self.growingTables(options)
        case .d: Self.schedulers.map { Self.longService($0, options) }
        case .e: []
        }
    }

    static func middleTable(_ options: Options) -> TableRun {
        TableRun(services: options.scaled(1000), nodes: 10, rounds: 4, lists: 3)
    }

    static func largeTable(_ options: Options) -> TableRun {
        TableRun(services: options.scaled(10_000), nodes: 5, rounds: 2, lists: 3, changes: options.scaled(500))
    }

    /// Ever larger ones, to see what grows with them.
    static func growingTables(_ options: Options) -> [TableRun] {
        let large = largeTable(options)
        return [100, 10, 1].map { part in
            var table = large
            table.services /= part
            if part > 1 { table.lists = 0 }
            return table
        }
    }

    /// Every scheduler that Debian's kernel has.
    static let schedulers = ["rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq", "fo", "ovf", "lblc", "lblcr", "mh"]

    /// One service with as many nodes as are asked for; `mh` has no place for more than 4,093.
    static func longService(_ scheduler: String, _ options: Options) -> TableRun {
        TableRun(services: 1, nodes: options.scaled(scheduler == "mh" ? 4093 : 10_000), scheduler: scheduler)
    }
}
