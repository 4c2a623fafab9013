// The path of a value in its document. It is only needed in errors, so it is found then, from the top down.

extension JSONValue {
    /// `loadBalancers[0].nodes[2].port`; `job` for the root.
    package var path: String {
        var path = ""
        var value = document.root
        while value.index != index, let (step, next) = value.step(towards: index) {
            path += step
            value = next
        }
        return path.isEmpty ? "job" : String(path.drop { $0 == "." })
    }

    /// Where a field of this object stands, or would.
    package func path(of field: String) -> String { index == 0 ? field : "\(path).\(field)" }

    /// The element or member with the value of this index in it, and what the path gets for it.
    private func step(towards target: Int) -> (step: String, next: JSONValue)? {
        if isArray {
            for (place, element) in elements.enumerated() where element.contains(target) { return ("[\(place)]", element) }
        } else if isObject {
            for (name, value) in members where value.contains(target) { return (".\(name.string ?? "")", value) }
        }
        return nil
    }
}
