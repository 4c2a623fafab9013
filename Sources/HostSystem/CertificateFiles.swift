import LBaaS
import Synchronization

/// Files of PEM certificates that clients name.
package enum CertificateFiles {
    /// The most bytes that such a file may have.
    package static let largest = 1 << 20

    /// Why a file cannot be used.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// It cannot be read.
        case file(RegularFile.Failure)
        /// What it has cannot be used.
        case certificates(CertificateStore.Failure)
        /// It was not read in this time.
        case late(Duration)

        /// What is wrong, in words for the log: they are not for clients, who could ask by them which files there are.
        package var description: String {
            switch self {
            case .file(.unreadable(let code)): errorText(code)
            case .file(.notRegular): "it is not a regular file"
            case .file(.tooLarge(let limit)): "it has more than \(limit) bytes"
            case .certificates(.noCertificate): "it has no certificate in PEM"
            case .certificates(.damaged(let place)): "its certificate \(place + 1) is damaged"
            case .certificates(.noMemory): "there is no memory for its certificates"
            case .late(let limit): "it was not read within \(limit.seconds) s"
            }
        }
    }

    /// Reads and parses a file. It can block where the file system does.
    package static func read(_ path: String) throws(Failure) -> (store: CertificateStore, identity: RegularFile.Identity) {
        let (store, file) = try parse(path)
        return (store, file.identity)
    }

    /// The bytes of a file that can be used.
    ///
    /// - Parameter limit: the longest wait. The file is read on a thread of its own.
    package static func contents(of path: String, within limit: Duration) -> Result<[UInt8], Failure> {
        BlockingCall.run(within: limit) { () -> Result<[UInt8], Failure> in
            do throws(Failure) { return .success(try parse(path).file.bytes) } catch { return .failure(error) }
        } ?? .failure(.late(limit))
    }

    private static func parse(
        _ path: String
    ) throws(Failure) -> (store: CertificateStore, file: (bytes: [UInt8], identity: RegularFile.Identity)) {
        let file: (bytes: [UInt8], identity: RegularFile.Identity)
        do throws(RegularFile.Failure) {
            file = try RegularFile.read(path, limit: largest)
        } catch {
            throw .file(error)
        }
        do throws(CertificateStore.Failure) {
            return (try CertificateStore(pem: file.bytes), file)
        } catch {
            throw .certificates(error)
        }
    }

    /// Why a file of authorities that a client names cannot be used, in words that follow a colon; nil where it can.
    ///
    /// The words are the same whatever is wrong, so that a client cannot find out by them which files this host has. An answer holds for a
    /// second, so that many load balancers with the same file cost one reading.
    ///
    /// - Parameter limit: the longest wait. The file is read on a thread of its own.
    package static func refusal(of path: String, within limit: Duration = .seconds(2)) -> String? {
        failure(of: path, within: limit) == nil ? nil : sentence(about: path)
    }

    /// That a file cannot be used, in words for clients that follow a colon.
    package static func sentence(about path: String) -> String {
        "\(quoted(path)) is not a file of PEM certificates that this worker can read (a regular file of at most 1 MiB)"
    }

    /// Why a file cannot be used; nil where it can.
    package static func failure(of path: String, within limit: Duration = .seconds(2)) -> Failure? {
        let now = ContinuousClock.now
        if let answer = answers.withLock({ $0[path] }), now - answer.time < .seconds(1) { return answer.failure }
        let found = BlockingCall.run(within: limit) { () -> Failure? in
            do throws(Failure) {
                _ = try read(path)
                return nil
            } catch {
                return error
            }
        }
        let failure = found ?? .late(limit)
        answers.withLock { answers in
            if answers.count >= 256 { answers = [:] }
            answers[path] = Answer(failure: failure, time: .now)
        }
        return failure
    }

    private struct Answer: Sendable {
        let failure: Failure?
        let time: ContinuousClock.Instant
    }

    private static let answers = Mutex<[String: Answer]>([:])
}
