import LBaaS
import Testing

@testable import HAProxyDriver

/// Answers as haproxy 2.6.12 gives them.
@Suite struct ReportTests {
    @Test func processes() throws {
        let text = """
            #<PID>          <type>          <reloads>       <uptime>        <version>      
            7619            master          2 [failed: 1]   0d00h09m52s     2.6.12-1+deb12u4
            # workers
            31001           worker          0               0d00h00m02s     2.6.12-1+deb12u4
            # old workers
            30514           worker          1               0d00h00m05s     2.6.12-1+deb12u4
            30513           worker          2               0d00h00m05s     2.6.12-1+deb12u4
            # programs

            """
        let table = try #require(ProcessTable(text))
        #expect((table.master, table.reloads, table.failures) == (7619, 2, 1))
        #expect(table.current == [31001])
        #expect(table.old == [30514, 30513])
        #expect(ProcessTable("Unknown command\n") == nil)
    }

    @Test func information() throws {
        let text = "Name: HAProxy\nPid: 9804\ndescription: lbaas 12ab\nStopping: 1\nStart_time_sec: 1795235939\nJobs: 3\n"
        let information = try #require(ProcessInformation(text))
        #expect((information.pid, information.start, information.isStopping) == (9804, 1_795_235_939, true))
        #expect(information.fingerprint == "12ab")
        #expect(ProcessInformation("Pid: 1\nStart_time_sec: 2\ndescription: my own\n")?.fingerprint == nil)
        #expect(ProcessInformation("Unknown command") == nil)
    }

    @Test func statistics() {
        let text = """
            # pxname,svname,scur,bin,bout,status,bck,iid,type,more
            web,FRONTEND,2,5,434,OPEN,,20000000,0,
            web,s1,0,0,7,UP 1/3,0,20000000,2,x
            web,BACKEND,0,0,8,no check,1,20000000,2,
            web,BACKEND,0,0,8,UP,0,20000000,1,
            bad
            """
        let rows = StatisticsRow.rows(text)
        #expect(rows.map(\.kind) == [.frontend, .server, .server, .backend])
        #expect(rows.map(\.isUp) == [false, true, true, true])
        #expect(rows.map(\.isBackup) == [false, false, true, false])
        #expect((rows[0].bytesOut, rows[0].sessions, rows[0].number) == (434, 2, 20_000_000))
        #expect(StatisticsRow.rows("Unknown command") == [])
    }

    @Test("A carriage return or a combining mark beside a separator does not hide it", arguments: ["\r", "\u{301}", "\u{200D}"])
    func separators(mark: String) throws {
        let rows = StatisticsRow.rows("# pxname,svname,status,more,iid,type\n\(mark)web,s1,UP\(mark),\(mark),2,2\nweb,s2,UP,,2,2\n")
        #expect(rows.map(\.server.text) == ["s1", "s2"])
        #expect(rows.map(\.isUp) == [true, true])
        let information = ProcessInformation("Pid: 1\r\nnode:\(mark)x\nPid: 7\nStart_time_sec: 2\ndescription: lbaas \(mark)12\n")
        #expect(information?.pid == 7)
        #expect(information?.fingerprint.map { Array($0.utf8) } == Array("\(mark)12".utf8))
        let state = "3 web 1 s1 127.0.0.1 2 0 7 1 11 8 2 3 6 0 0 0 \(mark) 8091 \(mark) 0 99 127.0.0.9 - 0"
        let states = ServerState.states("1\n#\(mark) be_id\n # \(state)\n\(state)\n\(state)\n")
        #expect(states.count == 2)
        #expect(ServerState.states(ServerState.text(states)) == states)
        #expect(ProcessTable("7 master 2\n# workers\n\(mark)\n8 worker 0 \(mark)\n9 worker 0\n")?.current == [8, 9])
        #expect(Session.sessions("0x1:\(mark) fe=web srv=s1\(mark)\n0x2: fe=web srv=s2\n").map(\.id) == ["0x1", "0x2"])
    }

    @Test(arguments: ["DOWN", "DOWN 1/2", "MAINT", "MAINT (resolution)", "DRAIN", "NOLB", ""])
    func everyOtherStatusIsNotUp(_ status: String) {
        let rows = StatisticsRow.rows("# pxname,svname,status,iid,type\nweb,s1,\(status),20000000,2\n")
        #expect(rows.map(\.isUp) == [false])
    }

    @Test func serverStates() throws {
        let text = """
            1
            # be_id be_name srv_id srv_name srv_addr srv_op_state …
            3 web 1 s1 127.0.0.1 2 0 7 1 11 8 2 3 6 0 0 0 - 8091 - 0 99 127.0.0.9 - 0
            3 web 2 s2 fd00::1 0 5 0 0 11 1 0 0 14 0 0 0 - 8092 - 0 0 - - 0
            3 web 3 s3 - 0 40 1 1 11 1 0 0 0 0 0 0 web.example 80 - 0 0 - - 0

            """
        let states = ServerState.states(text)
        #expect(states.map(\.server.text) == ["s1", "s2", "s3"])
        #expect(states.map(\.endpoint?.description) == ["127.0.0.1:8091", "[fd00::1]:8092", "web.example:80"])
        #expect(states.map(\.condition) == [.enabled, .disabled, .draining])
        #expect(states.map(\.isChecked) == [true, true, false])
        #expect(states.map(\.weight) == [7, 0, 1])

        let wanted = balancer { $0.nodes = [node("s1", "127.0.0.1", port: 8091) { ($0.weight, $0.condition) = (5, .draining) }] }
        let adapted = states[0].adapted(to: try #require(wanted.servers.first), rise: 2, fall: 2)
        #expect(
            ServerState.text([adapted]).split(separator: "\n").last == "3 web 1 s1 127.0.0.1 2 8 5 5 11 8 2 3 6 0 0 0 - 8091 - 0 0 - - 0")
        let down = states[1].adapted(to: try #require(wanted.servers.first), rise: 2, fall: 2)
        #expect(down.condition == .draining)
        let fresh = ServerState(try #require(wanted.servers.first), of: "web", rise: 2).adapted(to: wanted.servers[0], rise: 2, fall: 2)
        #expect(ServerState.text([fresh]).split(separator: "\n").last == "1 web 1 s1 127.0.0.1 2 8 5 5 0 1 0 2 6 0 0 0 - 8091 - 0 0 - - 0")
    }
}
