import IPVSDriver
import LBaaS
import TestSupport
import Synchronization
import Testing

@Suite("Counters")
struct CounterTests {
    private let a = balancer("a")
    private let moved = balancer("a", port: 81)
    private let books: Books
    private var bench: Bench { books.bench }

    init() throws { books = try Books(a) }

    @Test("SUSPEND takes the real servers out at once, and the service when its last bytes are counted")
    func suspension() throws {
        books.send(100, through: a)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        #expect(Set(bench.kernel.takeChanges()) == [.deleteDestination(a.key, place(1)), .deleteDestination(a.key, place(2))])
        #expect(bench.kernel.services[a.key]?.destinations == [:])
        books.send(7, through: a)  // Counted late.
        bench.advance(.milliseconds(2499))
        #expect(bench.kernel.services[a.key] != nil)
        bench.advance(.milliseconds(1))
        #expect(bench.kernel.takeBatches() == [[.readService(a.key), .deleteService(a.key)]])
        #expect(bench.kernel.services.isEmpty)
        #expect(try books.total() == 107)
        #expect(try books.total() == 107)
        #expect(books.apply(.update(from: suspended(a), to: a)))
        #expect(bench.kernel.services[a.key]?.destinations == [place(1): nat(1), place(2): nat(1)])
        books.send(5, through: a)
        #expect(try books.total() == 112)
    }

    @Test("of a load balancer that is enabled before its service is gone go on", arguments: [false, true])
    func enabledInTime(isRead: Bool) throws {
        for round in 1...3 as ClosedRange<UInt64> {
            books.send(100, through: a)
            #expect(books.apply(.update(from: a, to: suspended(a))))
            bench.advance(.seconds(1))
            if isRead { #expect(try books.total() == round * 110 - 10) }
            #expect(books.apply(.update(from: suspended(a), to: a)))
            books.send(10, through: a)
            bench.advance(.seconds(1))
            #expect(bench.kernel.services[a.key]?.destinations.count == 2)
        }
        #expect(try books.total() == 330)
        // The timers of those times do not touch one that stands still anew.
        #expect(books.apply(.update(from: a, to: suspended(a))))
        bench.advance(.seconds(1))
        #expect(bench.kernel.services[a.key] != nil)
        bench.settle()
        #expect(bench.kernel.services.isEmpty)
        #expect(try books.total() == 330)
    }

    @Test("of a service that is made again without being read in between count all of both")
    func unread() throws {
        books.send(100, through: a)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        bench.settle()
        #expect(books.apply(.update(from: suspended(a), to: a)))
        books.send(300, through: a)
        #expect(try books.total() == 400)
    }

    @Test("of a service that is made again behind our back lose what nobody read, and count nothing twice", arguments: [false, true])
    func lost(isRead: Bool) throws {
        books.send(100, through: a)
        if isRead { #expect(try books.total() == 100) }
        bench.kernel.alter(.deleteService(a.key))
        try books.repair(a)
        books.send(100, through: a)
        #expect(try books.total() == (isRead ? 200 : 100))
    }

    @Test("that were lost begin at 0, as the outcome tells")
    func began() throws {
        books.send(100, through: a)
        #expect(try books.total() == 100)
        bench.kernel.alter(.deleteService(a.key))
        _ = try bench.driver.observe(expecting: [a])
        #expect(books.apply(.update(from: a, to: a)))
        books.send(250, through: a)
        #expect(try books.total() == 350)
        // Found out while it is changed, not before.
        bench.kernel.alter(.deleteService(a.key))
        #expect(books.apply(.update(from: a, to: balancer("a", [node(3)]))))
        books.send(1000, through: a)
        #expect(try books.total() == 1350)
    }

    @Test("of a listener that is left are told while it stands still, and afterwards")
    func movedListener() throws {
        books.send(100, through: a)
        #expect(try books.total() == 100)
        #expect(books.apply(.update(from: a, to: moved)))
        books.send(3, through: a)
        books.send(20, through: moved)
        #expect(try books.total() == 123)
        bench.settle()
        #expect(bench.kernel.services.keys.map(\.self) == [moved.key])
        #expect(try books.total() == 123)
        #expect(books.apply(.update(from: moved, to: a)))
        books.send(1000, through: a)
        bench.settle()
        #expect(try books.total() == 1123)
    }

    @Test("of a service whose making fails count once")
    func failedCreation() throws {
        books.send(100, through: a)
        #expect(try books.total() == 100)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        bench.settle()
        bench.kernel.refuse { if case .addDestination(_, place(2), _) = $0 { 12 } else { nil } }
        #expect(!books.apply(.update(from: suspended(a), to: a)))
        bench.kernel.refuse(nil)
        books.send(5000, through: a)
        #expect(try books.total() == 5100)
        #expect(books.apply(.update(from: a, to: a)))
        books.send(1, through: a)
        #expect(try books.total() == 5101)
    }

    @Test("pass with a service that passes from one load balancer to another: each has its own bytes", arguments: [false, true])
    func handedOn(isRead: Bool) throws {
        let b = balancer("b", [node(3)])
        books.send(100, through: a)
        if isRead { #expect(try books.total() == 100) }
        #expect(books.apply(.update(from: a, to: moved), .create(b)))
        books.send(30, through: b)
        books.send(4, through: moved)
        #expect(try books.total("b") == 30)
        #expect(try books.total("a") == 104)
        // And back, while it moves on.
        #expect(books.apply(.delete(b), .update(from: moved, to: a)))
        books.send(1000, through: a)
        bench.settle()
        #expect(try books.total("a") == 1104)
    }

    @Test("pass where two load balancers exchange their listeners")
    func exchanged() throws {
        let b = balancer("b", [node(3)], port: 81)
        #expect(books.apply(.create(b)))
        books.send(100, through: a)
        books.send(7, through: b)
        #expect(books.apply(.update(from: a, to: moved), .update(from: b, to: balancer("b", [node(3)]))))
        books.send(20, through: moved)
        books.send(3, through: a)
        #expect(try books.total("a") == 120)
        #expect(try books.total("b") == 10)
    }

    @Test("of a service that was there before begin with what it shows", arguments: [false, true])
    func adopted(isKnown: Bool) throws {
        let b = balancer("b", port: 90)
        bench.kernel.alter(.addService(b.key, ServiceSettings(scheduler: .roundRobin, netmask: .max)))
        bench.kernel.send(9999, through: b.key)
        #expect(books.apply(isKnown ? .update(from: suspended(b), to: b) : .create(b)))
        books.send(5, through: b)
        #expect(try books.total("b") == (isKnown ? 10004 - 9999 : 5))
    }

    @Test("of one that stands still and is taken by another end there")
    func takenWhileStill() throws {
        #expect(books.apply(.update(from: a, to: moved)))
        books.send(100, through: a)
        let b = balancer("b")
        #expect(books.apply(.create(b)))
        books.send(5, through: b)
        bench.settle()
        #expect(bench.kernel.services[b.key]?.destinations.count == 2)
        #expect(try books.total("a") == 100)
        #expect(try books.total("b") == 5)
    }

    @Test("of one that was deleted are not those of the next of its name", arguments: [false, true])
    func nextLife(isStill: Bool) throws {
        books.send(100, through: a)
        var rest = balancer("a", [], port: 90)
        rest.isSuspended = true
        rest.leaving = [rest.leaving(1)]
        // What is left of it drains on a listener that it had before; its own stands still.
        #expect(books.apply(.update(from: a, to: rest)))
        if isStill { #expect(books.apply(.delete(rest))) }
        bench.settle()
        if !isStill { #expect(books.apply(.delete(rest))) }
        #expect(books.apply(.create(moved)))
        bench.settle()
        #expect(try bench.driver.statistics(of: ["a"])["a"]?.map(\.bytesOut) == [0])
    }

    @Test("of one that is created again while something of it drains begin with what they show")
    func heir() throws {
        books.send(100, through: a)
        var rest = balancer("a", [])
        rest.isSuspended = true
        rest.leaving = [a.leaving(1)]
        #expect(books.apply(.update(from: a, to: rest)))
        let outcomes = bench.outcomes([.update(from: rest, to: a)])
        #expect(outcomes.map { $0.began["a"] } == [[TrafficCounter(bytesOut: 100, run: a.key.run)]])
    }

    @Test("of what stands still are kept where the kernel does not answer whether it is gone", arguments: [0, 2])
    func interruptedRemoval(done: Int) throws {
        books.send(100, through: a)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        bench.kernel.alter { $0.interruption = .init(heard: min(done, 1), done: done) }
        bench.settle()
        #expect(bench.kernel.services.count == (done == 2 ? 0 : 1))
        #expect(bench.lines.take().contains { $0.contains("could not be removed") })
        #expect(try books.total() == 100)
        #expect(try bench.start([suspended(a)]) == [])
        bench.settle()
        #expect(bench.kernel.services.isEmpty)
        #expect(try books.total() == 100)
        #expect(books.apply(.update(from: suspended(a), to: a)))
        books.send(1000, through: a)
        #expect(try books.total() == 1100)
    }

    @Test("of what stands still are to be read before it goes, and of nothing else")
    func lastReading() throws {
        let asked = Mutex<[(ids: [LoadBalancerID], counted: [UInt64], isThere: Bool)]>([])
        bench.driver.beforeCountersEnd { [bench, a] ids in
            let counted = ids.flatMap { id in (try? bench.driver.statistics(of: [id])[id])??.map(\.bytesOut) ?? [] }
            asked.withLock { $0.append((ids, counted, bench.kernel.services[a.key] != nil)) }
        }
        books.send(100, through: a)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        #expect(asked.withLock { $0.isEmpty })
        bench.settle()
        #expect(bench.kernel.services.isEmpty)
        let first = try #require(asked.withLock { $0.first })
        #expect((first.ids, first.counted) == (["a"], [100]))
        #expect(first.isThere)
        // What came back meanwhile does not go, and nobody asks for what was deleted.
        #expect(books.apply(.update(from: suspended(a), to: a)))
        #expect(books.apply(.update(from: a, to: suspended(a))))
        #expect(books.apply(.update(from: suspended(a), to: a)))
        bench.settle()
        #expect(books.apply(.delete(a)))
        bench.settle()
        #expect(asked.withLock { $0.count } == 1)
    }

    @Test("of a service that somebody makes again while it is suspended do not hide the last reading")
    func madeAgain() throws {
        books.send(100, through: a)
        #expect(books.apply(.update(from: a, to: suspended(a))))
        bench.settle()
        bench.kernel.alter(.addService(a.key, ServiceSettings(scheduler: .roundRobin, netmask: .max)))
        bench.kernel.send(50, through: a.key)
        try books.repair(suspended(a))
        #expect(try books.total() == 100)
        #expect(books.apply(.update(from: suspended(a), to: a)))
        books.send(7, through: a)
        #expect(try books.total() == 107)
        bench.settle()
        #expect(bench.kernel.services[a.key]?.destinations.count == 2)
    }

    @Test("of many load balancers are read in one list")
    func many() throws {
        let many = (1...20).map { balancer("\($0)", port: 1000 + $0) }
        #expect(bench.apply(many.map { .create($0) }) == nil)
        for (index, balancer) in many.enumerated() { books.send(UInt64(index), through: balancer) }
        bench.kernel.alter { $0.lists = 0 }
        let counters = try bench.driver.statistics(of: many.map(\.id) + ["unknown"])
        #expect(many.map { counters[$0.id]?.map(\.bytesOut) } == (0..<20).map { [$0] })
        #expect(counters.count == 20)
        bench.kernel.alter { #expect($0.lists == 1) }
    }

    @Test("count each byte once, for whom it was sent, whatever moves where", arguments: 0..<8 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let books = try Books()
        var sent: [LoadBalancerID: UInt64] = [:]
        var current: [LoadBalancer] = []
        for step in 0..<60 {
            let next = RandomBalancers.next(using: &generator)
            let ids = Set((current + next).map(\.id)).sorted()
            let steps = ids.compactMap { id in
                Patch(from: current.first { $0.id == id }, to: next.first { $0.id == id })
            }
            let living = Set(next.lazy.filter { !$0.isRest }.map(\.id))
            let lived = Set(current.lazy.filter { !$0.isRest }.map(\.id))
            for id in ids where !living.contains(id) || !lived.contains(id) { sent[id] = 0 }
            #expect(books.apply(steps, closing: Set(ids).subtracting(living), beginning: living.subtracting(lived)))
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                for balancer in next {
                    let listeners = [balancer.listener] + balancer.leaving.map(\.listener)
                    for key in Set(listeners.compactMap { ServiceKey($0) }) where books.bench.kernel.services[key] != nil {
                        let bytes = UInt64.random(in: 0...100, using: &generator)
                        books.bench.kernel.send(bytes, through: key)
                        sent[balancer.id, default: 0] += bytes
                    }
                }
                books.bench.advance(.milliseconds(.random(in: 0...2000, using: &generator)))
                if Bool.random(using: &generator) {
                    for id in living { #expect(try books.total(id) == sent[id], "seed \(seed), step \(step): \(id)") }
                }
            }
            current = next
        }
    }
}
