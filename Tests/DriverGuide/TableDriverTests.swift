import Foundation
import LBaaS
import TestSupport
import Testing

/// The driver of docs/writing-a-driver.md.
@Suite struct TableDriverTests {
    private func driver(_ folder: TemporaryFolder) throws -> any LoadBalancerDriver {
        try TableDriver.registration.make(DriverConfiguration(["file": folder.file("table")]), .silent)
    }

    private func shop(_ weights: Int...) -> LoadBalancer {
        var shop = LoadBalancer(id: LoadBalancerID("shop"), serviceProtocol: .tcp, address: .v4(0x0A09_0001), port: 80)
        shop.nodes = weights.enumerated().map { index, weight in
            Node(id: NodeID("\(index)"), address: .address(.v4(0x0A00_0001 + UInt32(index))), port: 8080, weight: UInt16(weight))
        }
        return shop
    }

    private func patches(_ old: LoadBalancer?, _ new: LoadBalancer?) throws -> [PatchGroup] {
        [PatchGroup([try #require(LoadBalancerPatch(restoring: old, to: new))])]
    }

    @Test func thePageHasThisDriverWhole() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let source = try String(contentsOf: folder.appending(path: "TableDriver.swift"), encoding: .utf8)
        let page = try String(contentsOf: folder.appending(path: "../../docs/writing-a-driver.md"), encoding: .utf8)
        #expect(page.contains("```swift\n\(source)```\n"), "copy Tests/DriverGuide/TableDriver.swift into docs/writing-a-driver.md")
    }

    @Test func theTableHasWhatIsWanted() throws {
        let folder = try TemporaryFolder()
        let driver = try driver(folder)
        #expect(driver.apply(try patches(nil, shop(1, 5))).map(\.failure?.message) == [nil])
        func table() throws -> String { try String(contentsOfFile: folder.file("table"), encoding: .utf8) }
        #expect(try table() == "10.9.0.1 80 10.0.0.1:8080 1\n10.9.0.1 80 10.0.0.2:8080 5\n")
        #expect(try driver.status(of: [LoadBalancerID("shop")]).values.first?.map(\.isUp) == [true, true])
        #expect(driver.apply(try patches(shop(1, 5), nil)).allSatisfy { $0.failure == nil })
        #expect(try table() == "\n" && driver.status(of: [LoadBalancerID("shop")]).isEmpty)
    }

    @Test func whatSomebodyElseChangesIsSeen() throws {
        let folder = try TemporaryFolder()
        let driver = try driver(folder)
        #expect(try driver.observe(expecting: [shop(1)]).running.isEmpty)
        _ = driver.apply(try patches(nil, shop(1)))
        // A worker that is started again finds it.
        #expect(try self.driver(folder).observe(expecting: [shop(1)]).running == [shop(1)])
        _ = try folder.write("10.9.0.1 80 10.0.0.1:8080 1\n10.9.0.1 81 10.0.0.9:8080 1\n", to: "table")
        #expect(try driver.observe(expecting: [shop(1)]).altered == [LoadBalancerID("shop")])
        _ = try folder.write("10.9.0.1 80 10.0.0.1:8080 2\n", to: "table")
        #expect(try driver.observe(expecting: [shop(1)]).running.isEmpty)
    }

    @Test func whatCannotBeWrittenFails() throws {
        let folder = try TemporaryFolder()
        let driver = try TableDriver.registration.make(DriverConfiguration(["file": folder.file("missing/table")]), .silent)
        #expect(driver.apply(try patches(nil, shop(1)))[0].failure?.message.contains("cannot be written") == true)
        #expect(throws: DriverConfiguration.Failure.self) {
            try TableDriver.registration.make(DriverConfiguration(["file": "table"]), .silent)
        }
    }
}
