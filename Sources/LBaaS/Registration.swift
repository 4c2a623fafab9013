/// What `--driver` needs to know of a driver. The keys are those of its section `[worker:NAME]`.
public typealias DriverRegistration = Registration<any LoadBalancerDriver>

/// What the configuration needs to know of a notifier. The keys are those of its section `[notifier:NAME]`.
public typealias NotifierRegistration = Registration<Notifier>

/// Something that is chosen by name: the keys of its section in the configuration file, and how to make it.
public struct Registration<Product>: Sendable {
    /// The name that it is chosen by, lower-case.
    public let name: String
    /// What it is, in a few words.
    public let summary: String
    /// The keys of its section, with what they mean.
    public let keys: [(name: String, meaning: String)]
    /// Makes it.
    public let make: @Sendable (DriverConfiguration, Log) throws(DriverConfiguration.Failure) -> Product
    /// Finds mistakes of its section that only the program finds which it stands for. It changes nothing, and can take seconds.
    public let check: @Sendable (DriverConfiguration) throws(DriverConfiguration.Failure) -> Void

    /// Something of this name.
    public init(
        name: String, summary: String, keys: [(name: String, meaning: String)],
        make: @escaping @Sendable (DriverConfiguration, Log) throws(DriverConfiguration.Failure) -> Product,
        check: @escaping @Sendable (DriverConfiguration) throws(DriverConfiguration.Failure) -> Void = {
            _ throws(DriverConfiguration.Failure) in
        }
    ) {
        self.name = name
        self.summary = summary
        self.keys = keys
        self.make = make
        self.check = check
    }
}

/// The keys and values of the section that a driver or a notifier has in the configuration file.
public struct DriverConfiguration: Sendable {
    /// A value that is not accepted.
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

    /// The number that a value is; nil where the section has none.
    ///
    /// - Throws: where it is not in the range.
    public func number(_ key: String, _ range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = values[key] else { return nil }
        guard let number = Int(text), range ~= number else {
            throw Failure(key: key, message: "\(quoted(text)) is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Whether a value is `yes` or `no`, in any case; nil where the section has none.
    ///
    /// - Throws: where it is neither.
    public func yesNo(_ key: String) throws(Failure) -> Bool? {
        switch values[key]?.lowercased() {
        case nil: return nil
        case "yes": return true
        case "no": return false
        default: throw Failure(key: key, message: "\(quoted(values[key] ?? "")) is neither yes nor no")
        }
    }
}
