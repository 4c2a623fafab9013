/// What `--driver` needs to know of a driver: its name, the keys of its section in the configuration file, and how to make it.
public struct DriverRegistration: Sendable {
    /// The name that `--driver` knows, lower-case.
    public let name: String
    /// What it drives, in a few words.
    public let summary: String
    /// The keys of its section `[worker:NAME]`, with what they mean.
    public let keys: [(name: String, meaning: String)]
    /// Makes the driver.
    public let make: @Sendable (DriverConfiguration, Log) throws(DriverConfiguration.Failure) -> any LoadBalancerDriver

    /// A driver of this name.
    public init(
        name: String, summary: String, keys: [(name: String, meaning: String)],
        make: @escaping @Sendable (DriverConfiguration, Log) throws(DriverConfiguration.Failure) -> any LoadBalancerDriver
    ) {
        self.name = name
        self.summary = summary
        self.keys = keys
        self.make = make
    }
}

/// The keys and values of a driver's section of the configuration file.
public struct DriverConfiguration: Sendable {
    /// A value that the driver does not accept.
    public struct Failure: Error, Sendable {
        /// The key.
        public let key: String
        /// What is wrong with its value, and what is right.
        public let message: String

        /// A value that is not accepted.
        public init(key: String, message: String) {
            self.key = key
            self.message = message
        }
    }

    private let values: [String: String]

    /// A section with these values.
    public init(_ values: [String: String] = [:]) { self.values = values }

    /// The value of a key; nil where the section has none.
    public subscript(key: String) -> String? { values[key] }

    /// The words of a value, separated by commas or blanks; none where the section has none.
    public func list(_ key: String) -> [String] {
        (values[key] ?? "").split { $0 == "," || $0.isWhitespace }.map(String.init)
    }
}
