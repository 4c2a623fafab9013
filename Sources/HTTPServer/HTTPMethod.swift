/// The methods that routes can have.
package enum HTTPMethod: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
    case options = "OPTIONS"
    /// No route has it: it is here to be answered with 405 and the methods that a path has.
    case trace = "TRACE"
}
