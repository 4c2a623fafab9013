import Foundation
import Glibc
import LBaaS
import TestSupport
import Testing

@testable import HAProxyDriver

/// haproxy as a unit: a program in systemctl's place does with its haproxy what systemd does with Debian's unit.
@Suite struct SystemdTests {
    @Test func aUnitIsReloadedThroughSystemd() async throws {
        try await withBench { bench in
            let one = try bench.server("one")
            let (port, other) = (try freePort(), try freePort())
            let systemctl = bench.folder + "/systemctl"
            try bench.makeProgram(
                """
                #!/bin/bash
                cd \(bench.folder) && echo "$@" >>calls
                [ "$2" = haproxy.service ] || exit 5
                alive() { [ -s pid ] && kill -0 "$(cat pid)" 2>/dev/null; }
                case $1 in
                reload) haproxy -c -q -f etc/haproxy.cfg && kill -USR2 "$(cat pid)" ;;
                reload-or-restart) if alive; then kill -USR2 "$(cat pid)"; else
                    setsid haproxy -W -S "$PWD/run/master.sock" -f etc/haproxy.cfg -p pid </dev/null >>unit.log 2>&1 &
                fi ;;
                stop) kill "$(cat pid)"; while alive; do sleep 0.01; done ;;
                esac
                """, at: systemctl)
            try bench.restart(["mode": "systemd", "master_socket": bench.folder + "/run/master.sock"], systemctl: systemctl)
            #expect(try bench.settle() == [])
            let shop = balancer("shop", .tcp, port: port, to: one)
            bench.run(shop)
            let connection = try bench.connection(to: port, at: "one")
            bench.run(shop, balancer("other", port: other, to: one))
            #expect(try Page(other, path: "/by-socket").body == "one")
            try bench.has(["/by-socket"], of: "other")
            #expect(try connection.ask("still") == "one still")
            bench.run(balancer("shop", .tcp, port: port, to: one) { $0.nodes[0].weight = 5 }, balancer("other", port: other, to: one))
            try bench.restart(["mode": "systemd", "master_socket": bench.folder + "/run/master.sock"], systemctl: systemctl)
            try bench.settle()
            #expect(try bench.settle() == [])
            bench.run()
            #expect(bench.serving == nil)
            let calls = try String(contentsOfFile: bench.folder + "/calls", encoding: .utf8)
            #expect(calls == "reload-or-restart haproxy.service\nreload haproxy.service\nstop haproxy.service\n")
        }
    }
}
