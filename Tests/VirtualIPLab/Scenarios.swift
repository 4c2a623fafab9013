import Foundation
import HostSystem
import LBaaS
import TestSupport

extension Scenario {
    /// What befalls the whole lab, and what the workers are to tell.
    static let others: [Scenario] = [
        Scenario(name: "two hosts have one address: the client sees both, and the owner tells of the other") { lab in
            let address = lab.options.addresses[1]
            let owner = try await lab.owner(of: address)
            let rival = lab.host(owner.number % lab.hosts.count + 1)
            let observation = Observation(of: lab)
            let events = try owner.followEvents()
            try rival.namespace.ip("addr add \(address.address)/32 dev eth0")
            try await owner.worker.says("another host claims \(address.address)")
            let hardware = "\"hardware_address\": \"\(EthernetLab.hardwareAddress(rival.number))\""
            try await eventually("the event of the rival") {
                try events().contains { $0.contains("\"address\": \"\(address.address)\"") && $0.contains(hardware) }
            }
            try rival.namespace.ip("addr del \(address.address)/32 dev eth0")
            try await lab.isWhole()
            try await observation.isComplete()
            for question in Question.allCases where question != .ping && observation.doubles(address, question) == 0 {
                throw Failure("the client did not see two owners by \(question.word)")
            }
        },
        Scenario(name: "two workers have one host id: both tell, and one owns") { lab in
            let owner = try await lab.owner(of: lab.options.addresses[0])
            let other = lab.host(owner.number % lab.hosts.count + 1)
            try await other.stop()
            try await lab.isWhole(besides: other)
            let observation = Observation(of: lab)
            let second = try other.start(id: "h\(owner.number)")
            for worker in [try owner.worker, second] { try await worker.says("another worker has the same host id") }
            try await other.stop()
            try other.start()
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses { try observation.expect(address, silentForAtMost: brief) }
        },
        Scenario(name: "the clocks of hosts differ by hours") { lab in
            let observation = Observation(of: lab)
            for (host, hours) in [(lab.host(1), 5), (lab.host(2), -3)] {
                try await host.stop()
                // The clocks that are waited for begin elsewhere, and so does the one that people read.
                let boot = hours > 0 ? "\(hours * 3600)" : "-\(Int(Clock.bootTime() / .seconds(2)))"
                try host.start(launcher: [
                    "/usr/bin/unshare", "--time", "--boottime", boot, "--monotonic", boot, "/usr/bin/env",
                    "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME=\(hours > 0 ? "+" : "")\(hours)h",
                    "FAKETIME_DONT_FAKE_MONOTONIC=1",
                ])
                try await lab.isWhole()
            }
            for _ in 0..<2 {
                let owner = try await lab.owner(of: lab.options.addresses[0])
                let trouble = try await Trouble(.killed(owner.number), in: lab)
                try await Task.sleep(for: .seconds(4))
                try await trouble.end(in: lab)
                try await lab.isWhole()
            }
            try await observation.isComplete()
            for address in lab.options.addresses where address.isAtMostOne {
                try observation.expect(address, silentForAtMost: .milliseconds(1500))
            }
            for host in [lab.host(1), lab.host(2)] {
                try await host.stop()
                try host.start()
            }
        },
        Scenario(name: "all members of etcd are dead for 8 s") { lab in
            let owners = try await lab.owners()
            let observation = Observation(of: lab)
            for member in lab.etcd.endpoints.indices { await lab.etcd.kill(member) }
            try await Task.sleep(for: .seconds(8))
            for member in lab.etcd.endpoints.indices { try lab.etcd.start(member) }
            try await lab.etcd.isReady()
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses {
                try observation.expect(address, silentForAtMost: address.isAtMostOne ? .seconds(12) : brief)
            }
            if try await lab.owners() != owners { throw TooLong(description: "an address moved") }
        },
        Scenario(name: "etcd is restored from an old snapshot") { lab in
            try await lab.etcd.saveSnapshot()
            // Owners that the snapshot does not know.
            for address in lab.options.addresses where !address.isTakenBack {
                let owner = try await lab.owner(of: address)
                try await owner.stop()
                try owner.start()
                try await lab.isWhole()
            }
            let observation = Observation(of: lab)
            for member in lab.etcd.endpoints.indices { await lab.etcd.kill(member) }
            for member in lab.etcd.endpoints.indices { try await lab.etcd.restore(member) }
            for member in lab.etcd.endpoints.indices { try lab.etcd.start(member) }
            try await lab.etcd.isReady()
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses {
                try observation.expect(address, silentForAtMost: address.isAtMostOne ? .seconds(10) : .seconds(1))
            }
        },
        Scenario(name: "the switch loses all hosts for 2 s") { lab in
            let observation = Observation(of: lab)
            for host in lab.hosts { try host.setCarrier(false) }
            try await Task.sleep(for: .seconds(2))
            for host in lab.hosts { try host.setCarrier(true) }
            try await lab.isWhole()
            try await observation.isComplete()
            for address in lab.options.addresses { try observation.expect(address, silentForAtMost: .seconds(4)) }
        },
    ]
}
