import Testing

@testable import DaemonSupport

@Suite struct UserNamespaceTests {
    @Test(
        arguments: [
            ("         0          0 4294967295\n", [0, 991, 4_294_967_294], []),
            // As systemd makes it with PrivateUsers=yes for the user 991.
            ("         0          0          1\n       991        991          1\n", [0, 991], [1, 990, 992, 65534]),
            ("0 100000 65536\n", [0, 65535], [65536, 4_294_967_295]),
        ] as [(String, [UInt32], [UInt32])])
    func aGroupIsThereIfARangeOfTheMapHasIt(map: String, there: [UInt32], missing: [UInt32]) {
        for group in there { #expect(UserNamespace.has(group, in: map), "\(group)") }
        for group in missing { #expect(!UserNamespace.has(group, in: map), "\(group)") }
    }

    @Test func thisProcessHasTheGroupOfRoot() {
        #expect(UserNamespace.has(group: 0))
    }
}
