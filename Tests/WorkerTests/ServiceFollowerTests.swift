import LBaaS
import TestSupport
import Testing

@testable import lbaas_worker

@Suite("An address that follows its services") struct ServiceFollowerTests {
    private static let address = IPAddress.v4(0x0A14_0009)
    private static let other = IPAddress.v4(0x0A14_000A)
    private let told = Record<String>()

    private func follower(_ addresses: IPAddress...) -> ServiceFollower {
        let follower = ServiceFollower { [told] address, reason in told.add("\(address) \(reason ?? "works")") }
        follower.follow(Set(addresses))
        return follower
    }

    /// A load balancer that is up where it has nodes.
    private func state(_ id: LoadBalancerID, on address: IPAddress? = address, up: Bool) -> EffectiveState {
        var loadBalancer = LoadBalancer(id: id, serviceProtocol: .tcp, address: address, port: 80)
        if up { loadBalancer.nodes = [Node(id: "n", address: .address(.v4(0x0A00_0001)), port: 80)] }
        let rule = EffectiveRule(Upkeep())
        return rule.state(of: id, wanted: loadBalancer, drains: DrainTable(), health: nil)
    }

    private let failure = "10.20.0.9 none of the 1 load balancers that listen on it is up"

    @Test("fails while load balancers listen on it and none of them is up")
    func fails() {
        let follower = follower(Self.address)
        follower.begin([
            state("a", up: false), state("b", up: false), state("c", on: .v4(0x0A14_000B), up: false), state("d", on: nil, up: false),
        ])
        #expect(told.all == ["10.20.0.9 none of the 2 load balancers that listen on it is up"])
        follower.remove([EffectiveChange(from: state("a", up: false), to: state("a", up: true))])
        #expect(told.all.dropFirst() == ["10.20.0.9 works"])
        follower.remove([EffectiveChange(from: state("b", up: false), to: .absent("b"))])
        follower.remove([EffectiveChange(from: state("a", up: true), to: state("a", up: false))])
        #expect(told.all.dropFirst(2) == [failure])
        follower.remove([EffectiveChange(from: state("a", up: false), to: .absent("a"))])
        #expect(told.all.dropFirst(3) == ["10.20.0.9 works"])
    }

    @Test("recovers before the appliance is changed, and fails when it was")
    func order() {
        let follower = follower(Self.address)
        follower.begin([state("a", up: false)])
        let up = [EffectiveChange(from: state("a", up: false), to: state("a", up: true))]
        follower.add(up)
        #expect(told.all == [failure, "10.20.0.9 works"])
        follower.remove(up)
        follower.add([EffectiveChange(from: state("a", up: true), to: state("a", up: false))])
        #expect(told.all.count == 2)
        follower.remove([EffectiveChange(from: state("a", up: true), to: state("a", up: false))])
        #expect(told.all.dropFirst(2) == [failure])
    }

    @Test("fails again where a change is taken back")
    func takenBack() {
        let follower = follower(Self.address)
        follower.begin([state("a", up: false)])
        follower.add([EffectiveChange(from: state("a", up: false), to: state("a", up: true))])
        follower.remove([EffectiveChange(from: state("a", up: true), to: state("a", up: false))])
        #expect(told.all == [failure, "10.20.0.9 works", failure])
    }

    @Test("knows load balancers that move to it and away")
    func moves() {
        let follower = follower(Self.address, Self.other)
        follower.begin([state("a", up: false)])
        #expect(Set(told.all) == [failure, "10.20.0.10 works"])
        let move = [EffectiveChange(from: state("a", up: false), to: state("a", on: Self.other, up: false))]
        follower.add(move)
        #expect(told.all.count == 2)
        follower.remove(move)
        #expect(Set(told.all.dropFirst(2)) == ["10.20.0.9 works", "10.20.0.10 none of the 1 load balancers that listen on it is up"])
    }

    @Test("is told how it is as soon as it is followed and its load balancers are known, and not after that")
    func later() {
        let follower = follower()
        follower.follow([Self.other])
        #expect(told.all.isEmpty)
        follower.begin([state("a", up: false)])
        #expect(told.all == ["10.20.0.10 works"])
        follower.follow([Self.address])
        #expect(told.all.dropFirst() == [failure])
        follower.follow([])
        follower.remove([EffectiveChange(from: state("a", up: false), to: .absent("a"))])
        #expect(told.all.count == 2)
    }
}
