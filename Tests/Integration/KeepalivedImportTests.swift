import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// `lbaasctl import keepalived` with the samples that Debian's keepalived brings; the worker reads what comes out.
    @Suite struct KeepalivedImport {
        private static let samples = "/usr/share/doc/keepalived/samples"

        @Test func theWorkerAcceptsWhatIsMadeOfTheSamplesOfDebian() async throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: Self.samples).filter { $0.hasPrefix("keepalived.conf.") }
                .sorted()
            #expect(names.count >= 20)
            try await withRig { rig in
                for name in names {
                    let file = "\(Self.samples)/\(name)"
                    let process = try rig.run(try builtProgram("lbaasctl"), ["import", "keepalived", file], name: name)
                    let end = try await process.end()
                    let errors = try String(contentsOfFile: rig.path("\(name).err"), encoding: .utf8)
                    #expect(end == .exit(0), "\(name): \(errors)")
                    #expect(errors.split(separator: "\n").allSatisfy { $0.hasPrefix("lbaasctl: \(file):") }, "\(name): \(errors)")
                    let check = try await rig.run(["--check-config", "--config-file", rig.path("\(name).out")])
                    // The programs of the samples are not on this host.
                    let objections = check.errors.split(separator: "\n").filter { !$0.contains("is not a file that this user may run") }
                    #expect(objections.isEmpty, "\(name): \(objections)")
                }
            }
        }

        @Test func whatIsNoSuchFileIsRefused() async throws {
            try await withRig { rig in
                let file = try rig.write("virtual_server 10.9.0.1 80 {\n", to: "open.conf")
                for (argument, status, sentence) in [
                    (file, 1, "\(file):1: the braces of 'virtual_server' are not closed"), (rig.path("missing"), 74, "cannot be read"),
                ] {
                    let process = try rig.run(try builtProgram("lbaasctl"), ["import", "keepalived", argument], name: "refused")
                    #expect(try await process.end() == .exit(Int32(status)))
                    #expect(try String(contentsOfFile: rig.path("refused.err"), encoding: .utf8).contains(sentence))
                }
            }
        }
    }
}
