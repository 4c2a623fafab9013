package import DaemonSupport
import HostSystem
import LBaaS

/// A file whose first line is a password.
package enum PasswordFile {
    /// The most bytes that it may have.
    private static let longest = 4096

    /// The first line of the file.
    ///
    /// - Parameter setting: what names the file, for the sentences.
    package static func read(_ path: String, of setting: String) throws(StartupFailure) -> String {
        let bytes: [UInt8]
        do throws(RegularFile.Failure) {
            bytes = try RegularFile.read(path, limit: longest).bytes
        } catch {
            throw StartupFailure(.config, "\(setting): \(quoted(path)) cannot be used: \(CertificateFiles.Failure.file(error))")
        }
        guard let password = firstLine(of: bytes) else {
            throw StartupFailure(
                .config, "\(setting): the first line of \(quoted(path)) is no password: it is empty, or no text in UTF-8")
        }
        return password
    }

    /// The first line of a text; nil where it is empty, or no text.
    package static func firstLine(of bytes: [UInt8]) -> String? {
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty, !line.contains(0) else { return nil }
        return String(validating: line, as: UTF8.self)
    }
}
