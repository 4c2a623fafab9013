import LBaaS
import TestSupport
import Testing

extension OnKernel {
    /// That what the other tests stand on holds.
    @Suite("The lab") struct LabTests {
        @Test("has an IPVS table of its own")
        func ownTable() throws {
            try withLab { lab in
                #expect(try lab.director.savedTable().isEmpty)
                try lab.add(Service(transport: .udp, family: .v6, port: 53, options: "-s wlc -o"), "-m -w 7", realPort: 5353)
                let table = try lab.director.savedTable()
                #expect(
                    table == [
                        "-A -u [fd09::1]:53 -s wlc -o",
                        "-a -u [fd09::1]:53 -r [fd02::11]:5353 -m -w 7",
                        "-a -u [fd09::1]:53 -r [fd02::12]:5353 -m -w 7",
                    ])
                let other = try Namespace()
                #expect(try other.savedTable().isEmpty)
            }
        }

        @Test("has a kernel with every scheduler but the one that Debian leaves out")
        func schedulers() throws {
            let director = try Namespace()
            let names = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"]
            try director.ipvsadm(names.enumerated().map { "-A -t 10.9.0.1:\($0 + 1) -s \($1)" }.joined(separator: "\n"))
            #expect(try director.savedTable() == Set(names.enumerated().map { "-A -t 10.9.0.1:\($0 + 1) -s \($1)" }))
        }

        @Test("has servers that hang up, and ends them all", arguments: [Transport.tcp, .sctp])
        func servers(transport: Transport) throws {
            try withLab(realServers: 1) { lab in
                let service = Service(transport: transport, family: .v4)
                try lab.add(service, "-m")
                #expect(throws: SocketError.refused) { try lab.connect(service) }
                try lab.serve(transport, hangsUp: true)
                try lab.connect(service).end()
                lab.realServers[0].stop()
                #expect(throws: SocketError.refused) { try lab.connect(service) }
            }
        }

        @Test("says what ipvsadm and ip do not like")
        func complaints() throws {
            let director = try Namespace()
            #expect(throws: Failure.self) { try director.ipvsadm("-A -t 10.9.0.1:80 -s nosuch") }
            #expect(throws: Failure.self) { try director.ip("link set nosuch up") }
        }
    }
}
