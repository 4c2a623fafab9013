import FleetModel
import HTTPServer
import LBaaS

/// Which objects of a list are asked for, in which order, and what of them.
struct ListQuery {
    var filters: [(name: String, value: String)] = []
    var limit: Int?
    var marker: String?
    var isReversed = false
    var sort: [(name: String, isDescending: Bool)] = []
    var fields: [String]?
    private var tags: [String] = []
    private var anyTags: [String] = []
    private var notTags: [String] = []
    private var notAnyTags: [String] = []
    /// The members of links.
    private var linked: [(name: String, value: String)] = []

    init(_ request: HTTPRequest) throws(OctaviaFault) {
        for (name, value) in request.query {
            switch name {
            case "limit": limit = try Self.limit(value)
            case "marker": marker = value
            case "page_reverse": isReversed = value.lowercased() == "true"
            case "fields": fields = (fields ?? []) + Self.parts(value)
            case "sort", "sort_key", "sort_dir": break
            case "tags": tags += Self.parts(value)
            case "tags-any": anyTags += Self.parts(value)
            case "not-tags": notTags += Self.parts(value)
            case "not-tags-any": notAnyTags += Self.parts(value)
            default: filters.append((name, value))
            }
            if !["marker", "limit", "page_reverse"].contains(name) { linked.append((name, value)) }
        }
        try readSort(request)
    }

    private static func parts(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    /// The most objects of a page that is asked for: more than there can be.
    private static let mostOfPage = 1_000_000

    private static func limit(_ text: String) throws(OctaviaFault) -> Int? {
        if text == "infinite" { return nil }
        guard let number = Int(text) else { throw OctaviaFault(400, "Supplied pagination limit '\(text.prefix(100))' is not valid.") }
        return number < 1 ? nil : min(number, mostOfPage)
    }

    private mutating func readSort(_ request: HTTPRequest) throws(OctaviaFault) {
        func isDescending(_ word: String) throws(OctaviaFault) -> Bool {
            switch word.lowercased() {
            case "asc": return false
            case "desc": return true
            default: throw OctaviaFault(400, "Supplied sort direction '\(word.prefix(100))' is not valid.")
            }
        }
        if let text = request.query("sort") {
            for part in Self.parts(text) {
                let words = part.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
                guard words.count <= 2 else { throw Self.badKey(part) }
                sort.append((words[0], words.count == 2 ? try isDescending(words[1]) : false))
            }
        } else if let text = request.query("sort_key") {
            let directions = Self.parts(request.query("sort_dir") ?? "")
            for (place, key) in Self.parts(text).enumerated() {
                sort.append((key, place < directions.count ? try isDescending(directions[place]) : false))
            }
        }
        if sort.count > 10 { throw OctaviaFault(400, "a list is sorted by 10 keys at most") }
    }

    static func badKey(_ key: String) -> OctaviaFault { OctaviaFault(400, "Supplied sort key '\(key.prefix(100))' is not valid.") }

    /// Whether an object has the tags that are asked for.
    func admits(tags own: [String]) -> Bool {
        if !tags.allSatisfy(own.has) { return false }
        if !anyTags.isEmpty, !anyTags.contains(where: own.has) { return false }
        if !notTags.isEmpty, notTags.allSatisfy(own.has) { return false }
        return !notAnyTags.contains(where: own.has)
    }

    /// Whether an object can be in the list, by what costs little to look at.
    func mayAdmit(_ head: ObjectHead) -> Bool {
        for (name, value) in filters {
            switch name {
            case "id": if head.id != value { return false }
            case "name": if !head.name.hasBytes(of: value) { return false }
            case "project_id", "tenant_id": if head.project != value { return false }
            default: break
            }
        }
        return admits(tags: head.tags)
    }

    /// The part of a list that has to be looked at.
    var window: ListWindow {
        let isPlain = sort.isEmpty && !isReversed && filters.allSatisfy { ["id", "name", "project_id", "tenant_id"].contains($0.name) }
        return isPlain ? ListWindow(marker: marker, limit: limit) : ListWindow(marker: nil, limit: nil)
    }
}

/// The part of a list that a page is in: from its marker on, as many as it has. Where objects are sorted or filtered by more than their heads,
/// all have to be looked at.
struct ListWindow {
    private var marker: String?
    private let most: Int?

    init(marker: String?, limit: Int?) {
        self.marker = marker
        // The marker itself is found too.
        most = limit.map { $0 + (marker == nil ? 0 : 1) }
    }

    /// Whether an object is at the marker or behind it. The objects are asked for in their order.
    mutating func reaches(_ id: String) -> Bool {
        if marker == id { marker = nil }
        return marker == nil
    }

    /// Whether there are enough.
    func isFull(_ count: Int) -> Bool { most.map { count >= $0 } ?? false }
}

extension ListQuery {
    /// Takes the objects that are asked for, in their order.
    ///
    /// - Parameter views: in the order in which they were made.
    func apply<View: ObjectView>(to views: [View]) throws(OctaviaFault) -> [View] {
        var wanted: [(field: Field<View>, value: String)] = []
        for (name, value) in filters {
            guard let field = View.fields.first(where: { $0.isNamed(name) }) else {
                throw OctaviaFault(400, "One or more arguments are either duplicate or invalid")
            }
            wanted.append((field, value))
        }
        var found = wanted.isEmpty ? views : views.filter { view in wanted.allSatisfy { $0.field.value(view).matches($0.value) } }
        try order(&found)
        return try page(found)
    }

    private func order<View: ObjectView>(_ views: inout [View]) throws(OctaviaFault) {
        if sort.isEmpty { return }
        var keys: [(field: Field<View>, isDescending: Bool)] = []
        for (name, isDescending) in sort {
            guard let field = View.fields.first(where: { $0.isNamed(name) }) else { throw Self.badKey(name) }
            if let first = views.first, field.value(first).order == nil { throw Self.badKey(name) }
            keys.append((field, isDescending))
        }
        // The values are made once for each object, and what is equal stays in its order.
        let decorated = views.enumerated().map { place, view in (place, view, keys.map { $0.field.value(view).order ?? (0, "") }) }
        views = decorated.sorted { left, right in
            for (place, key) in keys.enumerated() where left.2[place] != right.2[place] {
                return (left.2[place] < right.2[place]) != key.isDescending
            }
            return left.0 < right.0
        }.map(\.1)
    }

    private func page<View: ObjectView>(_ views: [View]) throws(OctaviaFault) -> [View] {
        var rest = views[...]
        if let marker {
            guard let place = views.firstIndex(where: { $0.head.id == marker }) else {
                throw OctaviaFault(400, "Supplied pagination marker '\(marker.prefix(100))' is not valid.")
            }
            rest = isReversed ? views[..<place] : views[(place + 1)...]
        }
        guard let limit else { return Array(rest) }
        return Array(isReversed ? rest.suffix(limit) : rest.prefix(limit))
    }

    /// The response with a page of objects and its links.
    func response<View: ObjectView>(_ views: [View], _ request: HTTPRequest) -> HTTPResponse {
        var links: [(rel: String, href: String)] = []
        if let limit, let first = views.first, let last = views.last {
            let common = [("limit", "\(limit)")] + linked
            if marker != nil { links.append(("previous", link(request, common + [("marker", first.head.id), ("page_reverse", "True")]))) }
            if views.count >= limit { links.append(("next", link(request, common + [("marker", last.head.id)]))) }
        }
        let bytes = ObjectWriter.object(capacity: 256 + views.count * 1024) { writer in
            writer.list(View.names.many) { list in for view in views { list.element { view.write(to: &$0, fields) } } }
            writer.list(View.names.links) { list in
                for link in links {
                    list.element {
                        $0.text("rel", link.rel)
                        $0.text("href", link.href)
                    }
                }
            }
        }
        return .octavia(200, bytes)
    }

    private func link(_ request: HTTPRequest, _ query: [(String, String)]) -> String {
        request.baseURL + request.path + "?" + query.map { "\(Self.escaped($0))=\(Self.escaped($1))" }.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += Array("%\([byte].hexadecimal.uppercased())".utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension HTTPResponse {
    /// A response with a JSON body.
    static func octavia(_ status: Int, _ bytes: [UInt8]) -> HTTPResponse {
        HTTPResponse(status: status, type: "application/json", bytes + [UInt8(ascii: "\n")])
    }

    /// A response with one object.
    static func octavia<View: ObjectView>(_ status: Int, _ view: View, fields: [String]? = nil) -> HTTPResponse {
        octavia(status, ObjectWriter.object(capacity: 1024) { $0.object(View.names.one) { view.write(to: &$0, fields) } })
    }
}
