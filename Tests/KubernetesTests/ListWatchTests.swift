import TestSupport
import Testing

@testable import Kubernetes

/// The machine of a list and its watch: what it does about everything that can happen.
@Suite struct ListWatchTests {
    private static let web = ClusterObject.service(service())

    /// A machine that watches after version 7.
    private static func watching(_ kind: ObjectKind = .service) -> ListWatch {
        var machine = ListWatch(kind)
        _ = machine.handle(.start, now: .zero, share: 0)
        _ = machine.handle(.page(ListPage(version: "7", objects: [])), now: .zero, share: 0)
        return machine
    }

    @Test("A list is asked for page by page, told as a whole, and watched from its version on")
    func pages() {
        var machine = ListWatch(.service)
        #expect(machine.deadline == nil)
        #expect(machine.handle(.start, now: .seconds(5), share: 0) == [.list(continuing: nil)])
        #expect(machine.deadline == .seconds(65))
        let first = ListPage(version: "6", continuing: "abc", objects: [Self.web])
        #expect(machine.handle(.page(first), now: .seconds(10), share: 0) == [.list(continuing: "abc")])
        #expect(machine.deadline == .seconds(70))
        let other = ClusterObject.service(service("b", address: "10.96.0.11"))
        #expect(
            machine.handle(.page(ListPage(version: "7", objects: [other])), now: .seconds(20), share: 0.5)
                == [.publish([.replace(.service, [Self.web, other])]), .watch(after: "7", seconds: 450)])
        #expect(machine.deadline == .seconds(110))
    }

    @Test("Lines are told one by one, bookmarks only move the version, and a watch that ends goes on at once from there")
    func lines() {
        var machine = Self.watching()
        #expect(machine.handle(.line(.put(Self.web, version: "8")), now: .seconds(1), share: 0) == [.publish([.put(Self.web)])])
        #expect(
            machine.handle(.line(.delete(Self.web.key, version: "9")), now: .seconds(2), share: 0)
                == [.publish([.delete(.service, Self.web.key)])])
        #expect(machine.handle(.line(.bookmark(version: "12")), now: .seconds(30), share: 0) == [])
        #expect(machine.deadline == .seconds(120), "a bookmark is a sign of life")
        #expect(machine.handle(.ended, now: .seconds(31), share: 0) == [.watch(after: "12", seconds: 300)])
    }

    @Test("Watches that end again and again without a line are begun after pauses")
    func emptyWatches() {
        var machine = Self.watching()
        #expect(machine.handle(.ended, now: .zero, share: 0) == [.watch(after: "7", seconds: 300)])
        #expect(machine.handle(.ended, now: .zero, share: 0) == [.watch(after: "7", seconds: 300)])
        #expect(machine.handle(.ended, now: .zero, share: 0) == [.wait] && isNear(machine.deadline, 0.8))
    }

    @Test("Silence, a cut connection and no answer in time are told, and the watch goes on from its version after a pause")
    func failures() {
        var machine = Self.watching()
        #expect(machine.handle(.due, now: .seconds(89), share: 0) == [])
        let silent = machine.handle(.due, now: .seconds(90), share: 0)
        #expect(silent == [.report("services: nothing came for 90.0 s"), .wait])
        #expect(isNear(machine.deadline, 90.8))
        #expect(machine.handle(.due, now: .seconds(91), share: 0) == [.watch(after: "7", seconds: 300)])
        #expect(machine.handle(.failed("reset"), now: .seconds(91), share: 0) == [.report("services: reset"), .wait])
        #expect(isNear(machine.deadline, 92.6))
        _ = machine.handle(.due, now: .seconds(93), share: 0)
        // The same again is not told again, and what works ends it.
        #expect(machine.handle(.failed("reset"), now: .seconds(93), share: 0) == [.wait])
        _ = machine.handle(.due, now: .seconds(97), share: 0)
        #expect(machine.handle(.line(.bookmark(version: "8")), now: .seconds(97), share: 0) == [.report(nil)])
        #expect(machine.handle(.failed("reset"), now: .seconds(98), share: 0).last == .wait)
        #expect(isNear(machine.deadline, 98.8), "pauses begin anew after a success")
    }

    @Test("Pauses double up to 30 s, and a random share of up to a half is taken away")
    func pauses() {
        for (share, factor) in [(0.0, 1.0), (1.0, 0.5)] {
            var machine = Self.watching()
            var now = Duration.zero
            for expected in [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30] {
                #expect(machine.handle(.failed("x"), now: now, share: share).last == .wait)
                let pause = (machine.deadline ?? .zero) - now
                #expect(isNear(pause, expected * factor))
                now += pause
                _ = machine.handle(.due, now: now, share: share)
            }
        }
    }

    @Test("A list that fails takes nothing back, and its pages are asked for where they were")
    func failedList() {
        var machine = ListWatch(.service)
        _ = machine.handle(.start, now: .zero, share: 0)
        _ = machine.handle(.page(ListPage(version: "6", continuing: "abc", objects: [Self.web])), now: .zero, share: 0)
        let actions = machine.handle(.due, now: .seconds(60), share: 0)
        #expect(actions == [.report("services: no answer came within 60.0 s"), .wait])
        #expect(machine.handle(.due, now: .seconds(61), share: 0) == [.list(continuing: "abc")])
        let end = machine.handle(.page(ListPage(version: "7", objects: [])), now: .seconds(61), share: 0)
        #expect(end.contains(.publish([.replace(.service, [Self.web])])))
    }

    @Test("A version that is too old is listed anew at once, by HTTP or in the watch, and nothing is taken back")
    func expired() {
        let gone = Refusal(status: 410, message: "too old resource version: 7 (11)")
        for event in [ListWatch.Event.refused(gone), .line(.refusal(gone))] {
            var machine = Self.watching()
            #expect(machine.handle(event, now: .zero, share: 0) == [.list(continuing: nil)])
            let again = machine.handle(.page(ListPage(version: "11", objects: [])), now: .zero, share: 0)
            #expect(again == [.publish([.replace(.service, [])]), .watch(after: "11", seconds: 300)])
            // What was listed just now and is too old already: a server that is ill is not asked at once.
            #expect(machine.handle(event, now: .zero, share: 0).last == .wait)
            #expect(machine.handle(.due, now: .seconds(1), share: 0) == [.list(continuing: nil)])
        }
    }

    @Test("A list that expires between its pages is begun again from the first")
    func expiredPage() {
        var machine = ListWatch(.service)
        _ = machine.handle(.start, now: .zero, share: 0)
        _ = machine.handle(.page(ListPage(version: "6", continuing: "abc", objects: [Self.web])), now: .zero, share: 0)
        let gone = ListWatch.Event.refused(Refusal(status: 410, message: "expired"))
        #expect(machine.handle(gone, now: .zero, share: 0) == [.list(continuing: nil)])
        #expect(
            machine.handle(.page(ListPage(version: "9", objects: [])), now: .zero, share: 0).first == .publish([.replace(.service, [])]))
    }

    @Test("A version that the server does not have yet is asked for again, and after some tries everything is listed")
    func future() {
        var machine = Self.watching()
        let early = ListWatch.Event.refused(Refusal(status: 504, message: "Too large resource version: 7, current: 3", retryAfter: 1))
        var now = Duration.zero
        for attempt in 1...5 {
            #expect(machine.handle(early, now: now, share: 0).last == .wait)
            #expect((machine.deadline ?? .zero) - now >= .seconds(1))
            now = machine.deadline ?? .zero
            let next = machine.handle(.due, now: now, share: 0)
            #expect(next == (attempt < 5 ? [.watch(after: "7", seconds: 300)] : [.list(continuing: nil)]))
        }
    }

    @Test("Credentials are renewed once at once, and then after pauses; a success counts from there")
    func unauthorized() {
        var machine = Self.watching()
        let denied = ListWatch.Event.refused(Refusal(status: 401, message: "Unauthorized"))
        #expect(machine.handle(denied, now: .zero, share: 0) == [.renewCredentials, .watch(after: "7", seconds: 300)])
        let second = machine.handle(denied, now: .zero, share: 0)
        #expect(second.first == .renewCredentials && second.last == .wait && second.count == 3)
        _ = machine.handle(.due, now: .seconds(1), share: 0)
        _ = machine.handle(.line(.bookmark(version: "8")), now: .seconds(1), share: 0)
        #expect(machine.handle(denied, now: .seconds(2), share: 0) == [.renewCredentials, .watch(after: "8", seconds: 300)])
    }

    @Test("What is not allowed is told with its verb and resource; only a kind that can be missed is given up")
    func forbidden() {
        var machine = ListWatch(.endpointSlice)
        _ = machine.handle(.start, now: .zero, share: 0)
        let actions = machine.handle(.refused(Refusal(status: 403, message: "no")), now: .zero, share: 0)
        #expect(actions.contains(.publish([.unavailable(.endpointSlice)])) && actions.contains(.wait))
        #expect(actions.first == .report("endpointslices: not allowed to list endpointslices: grant that verb by RBAC (no)"))
        var watching = Self.watching()
        let words = watching.handle(.refused(Refusal(status: 403, message: "no")), now: .zero, share: 0)
        #expect(words == [.report("services: not allowed to watch services: grant that verb by RBAC (no)"), .wait])
        var table = ClusterTable(options: TranslationOptions(nodeName: "n1"))
        #expect(table.apply(ObjectKind.allCases.map { .unavailable($0) }) == nil && !table.isComplete)
    }

    @Test("Retry-After is heeded up to a limit, and is no shorter than the pause", arguments: [429, 500, 503])
    func retryAfter(status: Int) {
        for (asked, expected) in [(nil, Duration.milliseconds(800)), (0, .milliseconds(800)), (7, .seconds(7)), (86_400, .seconds(300))] {
            var machine = Self.watching()
            let actions = machine.handle(.refused(Refusal(status: status, message: "busy", retryAfter: asked)), now: .zero, share: 0)
            #expect(actions == [.report("services: the API server answers \(status): busy"), .wait])
            #expect(isNear(machine.deadline, expected / .seconds(1)))
        }
    }

    @Test("A line that cannot be read has everything listed again after a pause")
    func garbage() {
        var machine = Self.watching()
        #expect(machine.handle(.unreadable("no JSON"), now: .zero, share: 0) == [.report("services: no JSON"), .wait])
        #expect(machine.handle(.due, now: .seconds(1), share: 0) == [.list(continuing: nil)])
    }

    @Test("What belongs to no request any more changes nothing")
    func late() {
        var machine = Self.watching()
        #expect(machine.handle(.page(ListPage(version: "1", objects: [Self.web])), now: .zero, share: 0) == [])
        _ = machine.handle(.failed("x"), now: .zero, share: 0)
        #expect(machine.handle(.line(.put(Self.web, version: "8")), now: .zero, share: 0) == [])
        #expect(machine.handle(.refused(Refusal(status: 410, message: "")), now: .zero, share: 0) == [])
        #expect(machine.handle(.due, now: .seconds(1), share: 0) == [.watch(after: "7", seconds: 300)])
    }
}

/// Whether a time is so many seconds: pauses are worked out with floating-point numbers.
private func isNear(_ time: Duration?, _ seconds: Double) -> Bool { time.map { abs($0 / .seconds(1) - seconds) < 0.001 } ?? false }
