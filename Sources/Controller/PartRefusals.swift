import Requests

/// Why parts of a request are refused. All parts are looked at, so that a client which leaves out what is refused need not ask for each.
struct PartRefusals {
    private var all: [Refusal] = []

    /// Decides on a part, and notes why it is refused; nil then.
    mutating func part<Value>(_ decide: () throws(Refusal) -> Value?) -> Value? {
        do throws(Refusal) {
            return try decide()
        } catch {
            all.append(error)
            return nil
        }
    }

    /// Notes why a part is refused.
    mutating func add(_ refusal: Refusal) { all.append(refusal) }

    /// Throws the first, which has the sentences of all others with it.
    func check() throws(Refusal) {
        guard let first = all.first else { return }
        throw Refusal(first.code, first.sentence, frontRevision: first.frontRevision, others: all.dropFirst().map(\.sentence))
    }
}
