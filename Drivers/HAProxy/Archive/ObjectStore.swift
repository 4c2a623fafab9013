import LBaaS

/// An OpenStack Swift object store, or one that takes the same requests.
struct ObjectStore: ~Copyable {
    private let address: ServerAddress
    private let container: String
    private let prefix: [String]
    private let token: String
    private let endpoints: ArchiveEndpoints
    private let patience: Patience
    private let deadline: ContinuousClock.Instant
    private let connection: HTTPConnection

    /// The store that an order names. Nothing is sent.
    ///
    /// - Throws: where endpoint, base path or token cannot be any.
    static func of(
        _ order: ArchiveOrder, endpoints: ArchiveEndpoints, patience: Patience, deadline: ContinuousClock.Instant
    ) throws(DriverError) -> ObjectStore {
        guard let address = ServerAddress(order.endpoint) else {
            throw DriverError(
                "hpcs_object_store_endpoint is not the address of an object store: use http:// or https://, host and path, as in 'https://swift.example/v1/AUTH_account'"
            )
        }
        guard let parts = StorePath.parts(order.basePath) else {
            throw DriverError(
                "hpcs_object_store_basepath: \(quoted(order.basePath)) is not the name of a container: use one such as 'logs'")
        }
        guard !order.token.isEmpty, order.token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw DriverError("hpcs_object_store_token is no token: it has characters that no token has; get a fresh one")
        }
        do throws(HTTPConnection.Failure) {
            return ObjectStore(
                address: address, container: parts[0], prefix: parts + [StorePath.part(order.clientID.text)], token: order.token,
                endpoints: endpoints, patience: patience, deadline: deadline, connection: try HTTPConnection.make())
        } catch {
            throw DriverError("the log cannot be archived: \(error.reason)")
        }
    }

    private init(
        address: ServerAddress, container: String, prefix: [String], token: String, endpoints: ArchiveEndpoints,
        patience: Patience, deadline: ContinuousClock.Instant, connection: consuming HTTPConnection
    ) {
        self.address = address
        self.container = container
        self.prefix = prefix
        self.token = token
        self.endpoints = endpoints
        self.patience = patience
        self.deadline = deadline
        self.connection = connection
    }

    /// Makes the container, or finds that it is there.
    func makeContainer() throws(DriverError) {
        try put([container], headers: [], body: GzipStream(nil), length: 0)
    }

    /// Stores the bytes of a file, gzipped.
    ///
    /// - Parameters:
    ///   - file: the file; nil for an object of no bytes.
    ///   - begun: the time in the object's name.
    /// - Returns: the path of the object and how many bytes it has.
    func store(_ file: Descriptor?, begun: Timestamp) throws(DriverError) -> (path: String, length: Int) {
        let body = GzipStream(file)
        guard let digest = Digest.begin(.md5) else {
            throw DriverError("the log cannot be archived: this system's OpenSSL makes no MD5, which Swift compares objects with")
        }
        var length = 0
        while true {
            let bytes = body.next(atMost: .max)
            if bytes.isEmpty { break }
            digest.update(bytes)
            length += bytes.count
        }
        if let failure = body.failure { throw DriverError("the log cannot be archived: \(failure.message); look at the disk") }
        body.restart()
        let path = prefix + ["haproxy-\(begun.compactText).log.gz"]
        try put(path, headers: ["ETag: \(digest.finish())", "Content-Type: application/gzip"], body: body, length: length)
        return (path.joined(separator: "/"), length)
    }

    private func put(_ path: [String], headers: [String], body: GzipStream, length: Int) throws(DriverError) {
        let place = "\(quoted(path.joined(separator: "/"))) in the object store at \(address.text)"
        let status: Int
        do throws(HTTPConnection.Failure) {
            status = try connection.put(
                address.text + "/" + StorePath.urlPath(path), of: address, allowed: endpoints,
                headers: ["X-Auth-Token: \(token)"] + headers, body: body, length: length,
                patience: patience, deadline: deadline)
        } catch  where error.isRefused {
            throw DriverError(
                "hpcs_object_store_endpoint: nothing is sent to \(address.text): \(error.reason). Where logs may go there, name it with archive_endpoints in the section of the driver"
            )
        } catch {
            throw DriverError("no answer to storing \(place): \(error.reason). \(Self.kept)")
        }
        if 200..<300 ~= status { return }
        throw DriverError("storing \(place) was refused with \(status): \(Self.meaning(of: status)). \(Self.kept)")
    }

    private static let kept = "The log is kept for the next ARCHIVE"

    /// What a status means and what to do, as Swift uses it.
    private static func meaning(of status: Int) -> String {
        switch status {
        case 300..<400: "it is somewhere else, and redirects are not followed, for they would get the token; name the right endpoint"
        case 401: "the token was refused; get a fresh one"
        case 403: "the token may not write there; use one of a user who may"
        case 404: "there is no such account; check the endpoint, which ends in the account"
        case 400, 412: "the name cannot be one; check endpoint and base path"
        case 413, 507: "there is no room; look at the quota and the disks of the store"
        case 422: "other bytes arrived than were sent; send ARCHIVE again"
        case 429, 498: "there were too many requests; send ARCHIVE again later"
        case 500...: "the store has a fault; look at its logs, and send ARCHIVE again later"
        default: "that is no answer of an object store; check the endpoint"
        }
    }
}

extension Timestamp {
    /// Such as `20140109T151145.704754Z`.
    fileprivate var compactText: String {
        var bytes: [UInt8] = []
        append(to: &bytes, separator: "T", fractionDigits: 6)
        return String(decoding: bytes.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ":") } + "Z".utf8, as: UTF8.self)
    }
}
