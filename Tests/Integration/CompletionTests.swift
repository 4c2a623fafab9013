import Foundation
import TestSupport
import Testing
import WorkerHarness

extension RealServers {
    /// Completion in real shells, as somebody who types sees it.
    @Suite struct Completion {
        /// Types into a shell, and waits for what it makes of it.
        private func inShell(_ shell: String, _ body: @escaping @Sendable (PseudoTerminal, APIClient, String) throws -> Void) async throws {
            try await withAPI { rig, _, api, _ in
                // What a shell would do with this id, if it expanded it, is seen.
                let trap = "$(touch \(rig.path("trap")))`x`;'\""
                let created = try await api.submit(
                    try job("CREATE", loadBalancer("shop"), loadBalancer("mail:1", port: 25), loadBalancer(trap, port: 26)).bytes)
                #expect(try JSON(bytes: Array(created.body.utf8)).isPass)
                let program = try builtProgram("lbaasctl")
                let arguments = shell == "bash" ? ["--noprofile", "--norc", "-i"] : ["-f", "-i"]
                let environment = [
                    "-i", "PATH=\(URL(fileURLWithPath: program).deletingLastPathComponent().path):/usr/bin:/bin", "TERM=dumb",
                ]
                _ = try await rig.onTerminal(
                    columns: 200, "/usr/bin/setsid", ["--ctty", "--wait", "/usr/bin/env"] + environment + ["/usr/bin/\(shell)"] + arguments
                ) { terminal in
                    try terminal.type("PS1='> '\n")
                    try body(terminal, api, rig.path("trap"))
                    try terminal.type("\u{15}exit\n")
                }
                #expect(!FileManager.default.fileExists(atPath: rig.path("trap")))
            }
        }

        /// Types words and a tab, and waits until a text stands there; then clears the line.
        private static func complete(_ terminal: PseudoTerminal, _ words: String, tabs: Int = 1, _ isThere: @escaping (String) -> Bool)
            throws
        {
            terminal.clear()
            try terminal.type(words + String(repeating: "\t", count: tabs))
            try terminal.wait("the completion of \(words)", until: isThere)
            try terminal.type("\u{15}")
        }

        private static func completeAll(_ terminal: PseudoTerminal, _ api: APIClient) throws {
            let connection = "lbaasctl --socket \(api.socket) "
            try complete(terminal, "lbaasctl met") { $0.contains("metrics ") }
            try complete(terminal, "lbaasctl ips fail") { $0.contains("failover ") }
            try complete(terminal, "lbaasctl list -o jsonl --no-") { $0.contains("--no-headers ") }
            try complete(terminal, "lbaasctl completion z") { $0.contains("zsh ") }
            try complete(terminal, "lbaasctl list -o wi") { $0.contains("wide ") }
            try complete(terminal, connection + "show sh") { $0.contains("show shop ") }
            try complete(terminal, connection + "drain shop/") { $0.contains("drain shop/shop-0 ") }
        }

        @Test func bashCompletesCommandsOptionsAndIDs() async throws {
            try await inShell("bash") { terminal, api, _ in
                try terminal.type("eval \"$(lbaasctl completion bash)\" && echo re\"\"ady\n")
                try terminal.wait("the script") { $0.contains("\nready") }
                try Self.completeAll(terminal, api)
                try Self.complete(terminal, "lbaasctl --socket \(api.socket) show ma") {
                    $0.contains("show mail:1 ") || $0.contains("show mail\\:1 ")
                }
                try Self.complete(terminal, "lbaasctl --socket=\(api.socket) show mail:") { $0.contains("mail:1 ") }
                try Self.complete(terminal, "lbaasctl --socket \(api.socket) show $") { $0.contains("touch") }
            }
        }

        @Test func zshCompletesCommandsOptionsAndIDs() async throws {
            try await inShell("zsh") { terminal, api, _ in
                try terminal.type("autoload -U compinit; compinit -u -D; source <(lbaasctl completion zsh) && echo re\"\"ady\n")
                try terminal.wait("the script") { $0.contains("\nready") }
                try Self.completeAll(terminal, api)
                try Self.complete(terminal, "lbaasctl --socket \(api.socket) show mail") { $0.contains("mail:1 ") }
                try Self.complete(terminal, "lbaasctl --socket \(api.socket) show \\$") { $0.contains("touch") }
            }
        }
    }
}
