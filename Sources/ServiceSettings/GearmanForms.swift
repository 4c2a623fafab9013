package import DaemonSupport
package import JobQueue

extension ValueForm where Value == String {
    /// The name of a Gearman function, which gearmand limits to 512 bytes.
    package static var function: Self {
        Self { text throws(BadValue) in
            guard text.utf8.count <= 512 else {
                throw BadValue("the name of a function has at most 512 bytes, and this one has \(text.utf8.count)")
            }
            return try Self.text.read(text)
        } write: {
            $0
        }
    }
}

extension ValueForm where Value == JobServer {
    /// Host and port.
    package static func address(defaultPort: UInt16? = nil) -> ValueForm<JobServer> {
        ValueForm<JobServer> { text throws(BadValue) in
            try JobServer(text, defaultPort: defaultPort)
        } write: {
            $0.description
        }
    }
}
