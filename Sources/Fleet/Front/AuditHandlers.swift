import Authorization
import FleetAuth
import HTTPServer
import JSON
import LBaaS

extension FrontAPI {
    /// Who did what, the oldest first.
    func listAudit(_ call: Call) throws(FrontFailure) -> HTTPResponse {
        var since = Timestamp(microseconds: 0)
        if let word = call.request.query("since") {
            guard let time = Timestamp(rfc3339: word) else {
                throw .invalid("since: '\(word.shortened)' is not a time in UTC, such as 2026-11-30T08:15:00Z")
            }
            since = time
        }
        var limit = 100
        if let word = call.request.query("limit") {
            guard let number = Int(word), (1...1000).contains(number), word.utf8.first != UInt8(ascii: "+") else {
                throw .invalid("limit: '\(word.shortened)' is not a number from 1 to 1000")
            }
            limit = number
        }
        let records = try onAccounts { () throws(AuthError) in try accounts.audit(since: since, most: limit) }
        return .json(JSONWriting.object(["audit": JSONWriting.list(records.map(FrontText.audit))]))
    }
}

extension Timestamp {
    /// A time in UTC as RFC 3339 has it, `2026-11-30T08:15:00Z`, with up to six digits behind the seconds; nil for anything else.
    init?(rfc3339 text: String) {
        // Only ASCII: there are digits of other scripts, whose bytes are more than they are.
        let form = /([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?[Zz]/
        guard text.utf8.count <= 32, text.utf8.allSatisfy({ $0 < 0x80 }), let match = text.wholeMatch(of: form), let year = Int64(match.1),
            let month = Int64(match.2),
            let day = Int64(match.3), let hour = Int64(match.4), let minute = Int64(match.5), let second = Int64(match.6),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        let fraction = match.7.map { Int64($0 + String(repeating: "0", count: 6 - $0.utf8.count)) ?? 0 } ?? 0
        // Days since 1970 in the Gregorian calendar, with years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1 - 719_468
        self.init(microseconds: ((days * 24 + hour) * 3600 + minute * 60 + second) * 1_000_000 + fraction)
    }
}
