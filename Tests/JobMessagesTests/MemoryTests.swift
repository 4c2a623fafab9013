import Glibc
import JobMessages
import Testing

/// A job that there is no memory for is answered.
@Suite struct MemoryTests {
    /// A job of this length whose field `x` is a list of zeros.
    private static func zeros(_ length: Int) -> [UInt8] {
        var job = Array(#"{"hpcs_action":"DISCOVER","x":[0"#.utf8)
        job.reserveCapacity(length + 2)
        while job.count < length - 2 { job += [UInt8(ascii: ","), UInt8(ascii: "0")] }
        return job + Array("]}".utf8)
    }

    @Test func thatHasTooManyValuesIsRefused() {
        #expect(answer(Self.zeros(20 << 20)).error?.hasPrefix("the job is not a JSON object: It has too many values.") == true)
        let many = answer(Self.zeros(1 << 20))
        #expect(many.error == nil)
    }

    @Test(arguments: [40, 100, 150, 250, 350]) func isRefusedAndTheNextOneAnswered(megabytes: Int) async {
        await #expect(processExitsWith: .success) { [megabytes] in
            let messages = JobMessages()
            let job = MemoryTests.zeros(15 << 20)
            // All that is needed later is there already.
            #expect(answer(#"{"hpcs_action":"DISCOVER"}"#, by: messages).error == nil)
            try limitMemory(toMore: megabytes << 20)
            let error = answer(job, by: messages).error
            #expect(error == nil || error?.contains("There is not enough memory to read it.") == true)
            #expect(megabytes > 40 || error != nil)
            #expect(answer(#"{"hpcs_action":"DISCOVER"}"#, by: messages).error == nil)
        }
    }
}

/// Lets this process have so many bytes of memory more than it has, for a process of its own.
private func limitMemory(toMore bytes: Int) throws {
    let file = try #require(fopen("/proc/self/statm", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    try #require(fgets(&line, Int32(line.count), file) != nil)
    let pages = try #require(strtoul(line, nil, 10) as UInt?)
    let size = Int(pages) * Int(sysconf(Int32(_SC_PAGESIZE))) + bytes
    var limit = rlimit(rlim_cur: rlim_t(size), rlim_max: rlim_t(size))
    try #require(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
}
