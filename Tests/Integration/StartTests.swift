import Foundation
import Glibc
import Testing
import WorkerHarness

extension RealServers {
    /// How the program starts, and how it refuses to.
    @Suite struct Start {
        @Test func theProgramTellsAboutItself() async throws {
            try await withRig { rig in
                let version = try await rig.run(["--version"])
                #expect(version.end == .exit(0) && version.output.hasPrefix("lbaas-worker ") && version.errors.isEmpty)
                let help = try await rig.run(["--help"])
                #expect(help.end == .exit(0) && help.errors.isEmpty)
                for option in ["--driver", "--server", "--function", "--state-dir", "--check-config"] {
                    #expect(help.output.contains(option))
                }
                let drivers = try await rig.run(["--list-drivers"])
                #expect(drivers.end == .exit(0) && drivers.output.split(separator: "\n").contains { $0.hasPrefix("dummy\t") })
            }
        }

        @Test func anUnknownDriverIsRefusedAndTheKnownOnesAreNamed() async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.arguments = ["--driver", "abacus"]
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(64))
                #expect(errors.contains("'abacus'") && errors.contains("dummy"))
                #expect(!FileManager.default.fileExists(atPath: options.stateFolder))
            }
        }

        @Test func anUnknownOptionIsRefused() async throws {
            try await withRig { rig in
                let (end, _, errors) = try await rig.run(["--bogus"])
                #expect(end == .exit(64) && errors.contains("bogus"))
            }
        }

        @Test(arguments: [
            ("[gearman]\nconcurrency = many\n", 2, "concurrency"), ("[gearman]\n\nbogus = 1\n", 3, "bogus"), ("[nowhere]\n", 1, "nowhere"),
            ("[worker:dummy]\nfail = explode\n", 2, "explode"), ("[worker]\ndriver = abacus\n", 2, "abacus"),
        ])
        func aWrongConfigurationIsToldWithFileAndLine(text: String, line: Int, word: String) async throws {
            try await withRig { rig in
                let file = try rig.write(text, to: "wrong.conf")
                let driver = text.contains("driver") ? [] : ["--driver", "dummy"]
                for request in [[], ["--check-config"]] {
                    let (end, output, errors) = try await rig.run(["--config-file", file, "--state-dir", "none"] + driver + request)
                    #expect(end == .exit(78))
                    #expect(output.isEmpty)
                    #expect(errors.hasPrefix("lbaas-worker: \(file):\(line): ") && errors.contains(word), "\(errors)")
                }
            }
        }

        @Test func aRightConfigurationIsSaidToBeRight() async throws {
            try await withRig { rig in
                let file = try rig.write("[worker]\ndriver = dummy\n[worker:dummy]\nslow = create=5\n", to: "right.conf")
                let (end, output, errors) = try await rig.run(["--config-file", file, "--check-config"])
                #expect(end == .exit(0) && output == "the configuration file \(file) is right\n" && errors.isEmpty)
                let missing = try await rig.run(["--config-file", rig.path("missing.conf"), "--check-config"])
                #expect(missing.end == .exit(78) && missing.errors.contains("missing.conf"))
            }
        }

        @Test func thePidFileIsThereWhileTheProgramRuns() async throws {
            try await withRig { rig in
                var options = rig.options(try await rig.startGearmand())
                options.arguments = ["--pid", rig.path("worker.pid")]
                let worker = try await rig.startWorker(options)
                #expect(try String(contentsOfFile: rig.path("worker.pid"), encoding: .utf8) == "\(worker.process.pid)\n")
                options.stateFolder = "none"
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(75) && errors.contains("\(worker.process.pid)"))
                #expect(try await worker.end() == .exit(0))
                #expect(!FileManager.default.fileExists(atPath: rig.path("worker.pid")))
            }
        }

        @Test func allMistakesAreToldAtOnce() async throws {
            try await withRig { rig in
                let text = "[gearman]\nconcurrency = many\n[nowhere]\n[worker:dummy]\nfail = explode\n[service:a]\nprotocol = TCP\n"
                let file = try rig.write(text, to: "wrong.conf")
                let (end, _, errors) = try await rig.run(["--config-file", file, "--driver", "dummy", "--check-config"])
                #expect(end == .exit(78))
                let places = errors.split(separator: "\n").map { $0.split(separator: " ").dropFirst().first ?? "" }
                #expect(places == ["2", "3", "5", "6"].map { "\(file):\($0):" }, "\(errors)")
            }
        }

        @Test(.enabled(if: geteuid() == 0), arguments: ["umount -l /proc", "mount -t tmpfs none /proc"])
        func theCommandLineCountsWithoutProc(command: String) async throws {
            try await withRig { rig in
                let launcher = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", command + #" && exec "$@""#, "sh"]
                let wrong = try rig.spawn(["--bogus"], launcher: launcher)
                #expect(try await wrong.process.end() == .exit(64))
                #expect(wrong.log.text.contains("--bogus"))
                var options = rig.options(try await rig.startGearmand())
                options.launcher = launcher
                let worker = try await rig.startWorker(options)
                #expect(try await worker.log.lines("started", count: 1).first?["driver"] == "dummy")
                #expect(try await worker.end() == .exit(0))
            }
        }

        @Test(.enabled(if: geteuid() == 0))
        func anotherUserLeavesNoPidFileBehind() async throws {
            try await withRig { rig in
                chmod(rig.folder, 0o755)
                let folder = rig.path("pids")
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
                var options = rig.options(try await rig.startGearmand())
                options.stateFolder = "none"
                options.arguments = ["--user", "nobody", "--pid", folder + "/pid"]
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(73) && errors.contains("the pid file \(folder)/pid cannot be made by user"), "\(errors)")
                let nobody = try #require(getpwnam("nobody"))
                chown(folder, nobody.pointee.pw_uid, nobody.pointee.pw_gid)
                let worker = try await rig.startWorker(options)
                #expect(try String(contentsOfFile: folder + "/pid", encoding: .utf8) == "\(worker.process.pid)\n")
                #expect(try await worker.end() == .exit(0))
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
        }

        @Test(arguments: ["", "42\n"]) func aFileThatNoWorkerMadeIsNoPidFile(text: String) async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.arguments = ["--pid", try rig.write(text, to: "precious")]
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(73) && errors.contains("is not a pid file of this program"), "\(errors)")
                #expect(try String(contentsOfFile: rig.path("precious"), encoding: .utf8) == text)
            }
        }

        @Test func theStateIsForTheWorkerAlone() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                // Whatever mask the worker is started with.
                options.launcher = ["/bin/sh", "-c", #"umask 0; exec "$@""#, "sh"]
                let worker = try await rig.startWorker(options)
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                func mode(_ path: String) throws -> Int? {
                    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
                }
                #expect(try mode(options.stateFolder) == 0o700)
                for file in ["state.sqlite", "state.sqlite-wal"] { #expect(try mode(options.stateFolder + "/" + file) == 0o600) }
                #expect(try await worker.end() == .exit(0))

                chmod(options.stateFolder, 0o777)
                chmod(options.stateFolder + "/state.sqlite", 0o640)
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(73) && errors.contains("can be written by every user (mode 777)"), "\(errors)")
                chmod(options.stateFolder, 0o750)
                let next = try await rig.startWorker(options)
                #expect(try mode(options.stateFolder + "/state.sqlite") == 0o600)
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
                #expect(try await next.end() == .exit(0))
            }
        }

        @Test func stateInMemoryLeavesNoFile() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                var options = rig.options(gearmand)
                options.stateFolder = "none"
                let worker = try await rig.startWorker(options)
                let before = try FileManager.default.contentsOfDirectory(atPath: rig.folder).sorted()
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                #expect(try await worker.end() == .exit(0))
                #expect(try FileManager.default.contentsOfDirectory(atPath: rig.folder).sorted() == before)
                #expect(try FileManager.default.contentsOfDirectory(atPath: rig.path("work")).isEmpty)
                _ = try await rig.startWorker(options)
                #expect(try await gearmand.nodes().isEmpty)
            }
        }

        @Test func aFolderWithoutAParentIsNamed() async throws {
            try await withRig { rig in
                var options = rig.options(try rig.makeGearmand())
                options.stateFolder = rig.path("missing/state")
                let (end, errors) = try await rig.runWorker(options)
                #expect(end == .exit(73) && errors.contains(options.stateFolder))
                #expect(!FileManager.default.fileExists(atPath: rig.path("missing")))
            }
        }

        @Test func stateThatAnotherWorkerHoldsIsLeftToIt() async throws {
            try await withRig { rig in
                let gearmand = try await rig.startGearmand()
                _ = try await rig.startWorker(rig.options(gearmand))
                try await gearmand.succeed(job("CREATE", loadBalancer("web")))
                let (end, errors) = try await rig.runWorker(rig.options(gearmand))
                #expect(end == .exit(75) && errors.contains("state.sqlite"))
                #expect(try await gearmand.nodes() == ["web-0": "UP"])
            }
        }
    }
}
