package import JSON
import LBaaS

/// What the reply changes of the request: everything else goes back byte for byte.
package struct ReplyEdits {
    private enum Replacement {
        case text(Range<Int>)
        case newCondition(Node.Condition)
        case condition(Node.Condition)
    }

    private struct Edit {
        let range: Range<Int>
        let replacement: Replacement
    }

    private var edits: [Edit] = []
    /// True while each edit was noted behind the one before; only members of the job itself come late.
    private var areInOrder = true
    /// Where the last of them begins.
    private var lastStart = 0
    /// The texts put in, one after the other.
    private var texts: [UInt8] = []
    /// True where no node of the job came into service, whatever was noted for it before.
    package var noNodeIsInService = false

    /// No edits.
    package init() {}

    /// Makes room for so many more edits.
    mutating func reserve(_ count: Int) { edits.reserveCapacity(edits.count + count + 4) }

    /// Adds a member, `"name": value`, behind the others of an object.
    ///
    /// - Parameter isFirst: whether there are no others.
    package mutating func addMember(_ member: String, to object: JSONValue, isFirst: Bool) {
        let end = object.range.upperBound - 1
        note(end..<end, .text(store(isFirst ? member : ", \(member)")))
    }

    /// Puts a text in the place of a value.
    package mutating func replace(_ value: JSONValue, with text: String) {
        note(value.range, .text(store(text)))
    }

    /// Takes members out of an object.
    ///
    /// - Parameter isRemoved: whether a member, given its place among the members, is taken out.
    /// - Returns: whether none is left.
    package mutating func removeMembers(of object: JSONValue, where isRemoved: (Int) -> Bool) -> Bool {
        var lastKept: JSONValue?
        var firstRemoved: JSONValue?
        for (place, member) in object.members.enumerated() {
            if isRemoved(place) {
                if firstRemoved == nil { firstRemoved = member.name }
                continue
            }
            if let removed = firstRemoved { note(removed.range.lowerBound..<member.name.range.lowerBound, .text(0..<0)) }
            firstRemoved = nil
            lastKept = member.value
        }
        if let removed = firstRemoved {
            let start = lastKept.map { $0.range.upperBound } ?? removed.range.lowerBound
            note(start..<object.range.upperBound - 1, .text(0..<0))
        }
        return lastKept == nil
    }

    /// Tells the client what became of a node.
    mutating func setCondition(_ condition: Node.Condition, of node: JSONValue, existing: JSONValue?) {
        if let existing {
            note(existing.range, .condition(condition))
        } else {
            let end = node.range.upperBound - 1
            note(end..<end, .newCondition(condition))
        }
    }

    /// Writes the request with all of this done to it.
    ///
    /// - Parameter member: a member, `"name": value`, that is added behind the others of the request.
    package func apply(to document: JSONDocument, adding member: StaticString? = nil) -> [UInt8] {
        var output = ByteWriter(capacity: document.length + texts.count + edits.count * 32)
        var position = 0
        for edit in areInOrder ? edits : edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            document.withBytes(position..<edit.range.lowerBound) { output.append($0) }
            append(edit.replacement, to: &output)
            position = edit.range.upperBound
        }
        if let member {
            let end = document.root.range.upperBound - 1
            document.withBytes(position..<end) { output.append($0) }
            if !document.root.isEmpty { output.append(", ") }
            output.append(member)
            position = end
        }
        document.withBytes(position..<document.length) { output.append($0) }
        return output.bytes
    }

    private mutating func note(_ range: Range<Int>, _ replacement: Replacement) {
        if range.lowerBound < lastStart { areInOrder = false }
        lastStart = range.lowerBound
        edits.append(Edit(range: range, replacement: replacement))
    }

    private func append(_ replacement: Replacement, to output: inout ByteWriter) {
        switch replacement {
        case .text(let range):
            output.append(unsafe texts.span.bytes.extracting(range))
        case .newCondition(let condition):
            output.append((noNodeIsInService ? .disabled : condition).member)
        case .condition(let condition):
            output.append((noNodeIsInService ? .disabled : condition).quotedName)
        }
    }

    private mutating func store(_ text: String) -> Range<Int> {
        let start = texts.count
        texts.append(contentsOf: text.utf8)
        return start..<texts.count
    }
}

extension Node.Condition {
    /// As the last member of a node.
    fileprivate var member: StaticString {
        switch self {
        case .enabled: #", "condition": "ENABLED""#
        case .disabled: #", "condition": "DISABLED""#
        case .draining: #", "condition": "DRAINING""#
        }
    }

    fileprivate var quotedName: StaticString {
        switch self {
        case .enabled: #""ENABLED""#
        case .disabled: #""DISABLED""#
        case .draining: #""DRAINING""#
        }
    }
}
