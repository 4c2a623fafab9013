import LBaaS

@testable import BGPNotifier

/// What ExaBGP answers to `show adj-rib out` and `show neighbor summary`, in one text: what is listed for some peers is a part of what is
/// listed for all.
func fuzzExaBGPAnswers(_ input: [UInt8]) {
    let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    let all = RouteListing(routes: lines, peers: lines, neighbors: [])
    let some = RouteListing(routes: lines, peers: lines, neighbors: [.v4(0xC000_0201)])
    require(some.addresses.isSubset(of: all.addresses), "more routes for one peer than for all")
    require(all.continues(all, of: all.addresses), "a listing does not continue itself")
}
