import Glibc
import JobMessages
import TestSupport
import Testing

/// A job that there is no memory for is answered.
@Suite struct MemoryTests {
    @Test func thatHasTooManyValuesIsRefused() {
        #expect(answer(jobOfZeros(20 << 20)).error?.hasPrefix("the job is not a JSON object: It has too many values.") == true)
        let many = answer(jobOfZeros(1 << 20))
        #expect(many.error == nil)
    }

    @Test(arguments: [40, 100, 150, 250, 350]) func isRefusedAndTheNextOneAnswered(megabytes: Int) async {
        await #expect(processExitsWith: .success) { [megabytes] in
            let messages = JobMessages()
            let job = jobOfZeros(15 << 20)
            // All that is needed later is there already.
            #expect(answer(#"{"hpcs_action":"DISCOVER"}"#, by: messages).error == nil)
            try limitMemory(of: getpid(), toMore: megabytes << 20)
            let error = answer(job, by: messages).error
            #expect(error == nil || error?.contains("There is not enough memory to read it.") == true)
            #expect(megabytes > 40 || error != nil)
            #expect(answer(#"{"hpcs_action":"DISCOVER"}"#, by: messages).error == nil)
        }
    }
}
