import JSON
public import LBaaS

/// The text in which a virtual IP is kept and told to other hosts: what a job would say to create it.
public enum StoredVirtualIP {
    /// A text that is not, or no longer, a virtual IP.
    public struct Damage: Error, Sendable {
        /// What is wrong with it.
        public let reason: String

        /// A text with this wrong.
        public init(reason: String) { self.reason = reason }
    }

    /// The text of a virtual IP.
    public static func text(of virtualIP: VirtualIP) -> String {
        "{\"address\": \"\(virtualIP.address)\", \(members(of: virtualIP))}"
    }

    /// The members of a virtual IP as a job has them, but for the address.
    package static func members(of virtualIP: VirtualIP) -> String {
        var members = [
            "\"interface\": \(JSONWriting.string(virtualIP.interface))", "\"policy\": \"\(virtualIP.policyName.rawValue)\"",
        ]
        if let fence = virtualIP.fence { members.append("\"fence\": \"\(fence.rawValue)\"") }
        members.append("\"priority\": \(virtualIP.priority)")
        switch virtualIP.preemption {
        case .no: members.append("\"preempt\": false")
        case .after(.zero): members.append("\"preempt\": true")
        case .after(let time): members.append("\"preempt\": \(seconds(time))")
        }
        members.append("\"follow_services\": \(virtualIP.followsServices)")
        members.append("\"checks\": \(JSONWriting.list(virtualIP.checks.map(text)))")
        return members.joined(separator: ", ")
    }

    private static func text(of check: VirtualIP.Check) -> String {
        JSONWriting.object([
            "type": "\"TCP\"", "host": "\"\(check.host)\"", "port": "\(check.port)", "interval": seconds(check.interval),
            "timeout": seconds(check.timeout), "fall": "\(check.fall)", "rise": "\(check.rise)",
        ])
    }

    /// The virtual IP of a text.
    ///
    /// - Throws: what is wrong with the text.
    public static func virtualIP(from text: String) throws(Damage) -> VirtualIP {
        guard let tokenizer = JSONTokenizer() else { throw Damage(reason: "there is no memory to read it") }
        let result: Result<VirtualIP, Damage>
        do throws(JSONTextError) {
            result = try unsafe tokenizer.withDocument(Array(text.utf8).span.bytes) { document in
                do throws(FieldError) {
                    return .success(try VirtualIPDecoder.virtualIP(try document.root.object()))
                } catch {
                    return .failure(Damage(reason: error.sentence))
                }
            }
        } catch {
            throw Damage(reason: error.reason)
        }
        return try result.get()
    }

    /// A time in seconds, with as many digits behind the point as it has, three at most.
    private static func seconds(_ time: Duration) -> String {
        let milliseconds = Int(time / .milliseconds(1))
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)" : "\(Double(milliseconds) / 1000)"
    }
}

extension FieldError {
    /// The error as one sentence.
    package var sentence: String {
        switch self {
        case .invalid(let sentence): sentence
        case .invalidObject(let message, let path): "\(path): \(message)"
        }
    }
}
