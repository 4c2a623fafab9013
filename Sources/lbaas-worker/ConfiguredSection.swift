import DaemonSupport
import LBaaS

/// A section of the configuration file whose keys are read one by one, so that all that is wrong is told.
protocol ConfiguredSection {
    /// Its name.
    var name: String { get }
    /// What it says.
    var section: Section { get }
    /// The file.
    var path: String { get }
}

extension ConfiguredSection {
    /// The value of a key that must be there; nil where it is not, or wrong.
    func needed<Value>(_ key: String, _ form: ValueForm<Value>, _ mistakes: inout Mistakes) -> Value? {
        if section.values[key] == nil { mistakes.add(failure("\(key) is missing", at: key)) }
        return value(key, form, &mistakes)
    }

    /// The value of a key; nil where it is not there, or wrong.
    func value<Value>(_ key: String, _ form: ValueForm<Value>, _ mistakes: inout Mistakes) -> Value? {
        guard let text = section.values[key]?.text else { return nil }
        do throws(BadValue) {
            return try form.read(text)
        } catch {
            mistakes.add(failure("\(key): \(error.sentence)", at: key))
            return nil
        }
    }

    /// The values of a key that has several, separated by commas or blanks; none where it is not there, or one is wrong.
    func values<Value>(_ key: String, _ form: ValueForm<Value>, _ mistakes: inout Mistakes) -> [Value] {
        let words = (section.values[key]?.text ?? "").split { $0 == "," || $0.isWhitespace }
        do throws(BadValue) {
            var values: [Value] = []
            for word in words { values.append(try form.read(String(word))) }
            return values
        } catch {
            mistakes.add(failure("\(key): \(error.sentence)", at: key))
            return []
        }
    }

    /// What is wrong with a key or, where the section lacks it, with the section.
    func failure(_ sentence: String, at key: String) -> StartupFailure {
        let line = section.values[key]?.line ?? section.line
        return StartupFailure(.config, "\(path):\(line): [\(name)] \(sentence)\(commentHint(section.values[key]?.text ?? ""))")
    }
}

extension ValueForm where Value == IPAddress {
    /// An IPv4 or IPv6 address.
    static var ipAddress: Self {
        Self { text throws(BadValue) in
            guard let address = IPAddress(text) else {
                throw BadValue("'\(text)' is not an IPv4 or IPv6 address, which is written without a prefix length")
            }
            return address
        } write: {
            $0.description
        }
    }
}
