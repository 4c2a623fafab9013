package import Glibc

/// The users and groups of this system. A number stands for itself, whether the database has it or not.
package enum AccountDatabase {
    /// A user by name or number, with its own group where the database has it.
    static func user(_ text: String) throws(StartupFailure) -> (user: Privileges.User, group: gid_t?) {
        let number = uid_t(text)
        let found: (Privileges.User, gid_t)? = unsafe try entry("--user", text) { buffer, size in
            var record = unsafe passwd()
            var result: UnsafeMutablePointer<passwd>?
            let code =
                if let number {
                    unsafe getpwuid_r(number, &record, buffer, size, &result)
                } else {
                    unsafe getpwnam_r(text, &record, buffer, size, &result)
                }
            guard unsafe result != nil else { return (code, nil) }
            return unsafe (code, (Privileges.User(id: record.pw_uid, name: String(cString: record.pw_name)), record.pw_gid))
        }
        if let found { return found }
        guard let number else { throw unknown("user", text, "--user") }
        return (Privileges.User(id: number, name: nil), nil)
    }

    /// A group by name or number.
    ///
    /// - Parameter setting: what names it, for the sentence.
    package static func group(_ text: String, of setting: String = "--group") throws(StartupFailure) -> gid_t {
        if let number = gid_t(text) { return number }
        let found: gid_t? = unsafe try entry(setting, text) { buffer, size in
            var record = unsafe Glibc.group()
            var result: UnsafeMutablePointer<Glibc.group>?
            let code = unsafe getgrnam_r(text, &record, buffer, size, &result)
            return unsafe (code, result == nil ? nil : record.gr_gid)
        }
        guard let found else { throw unknown("group", text, setting) }
        return found
    }

    private static func unknown(_ kind: String, _ name: String, _ setting: String) -> StartupFailure {
        StartupFailure(.noUser, "\(setting): there is no \(kind) '\(name)'; create it, for instance with systemd-sysusers")
    }

    /// Looks an entry up, with a buffer that grows until the entry fits. The look-up answers with an error number, or 0, and the entry.
    private static func entry<Entry>(
        _ option: String, _ text: String, lookUp: (UnsafeMutablePointer<CChar>, Int) -> (code: Int32, entry: Entry?)
    ) throws(StartupFailure) -> Entry? {
        var size = 1024
        while true {
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { unsafe buffer.deallocate() }
            let answer = unsafe lookUp(buffer, size)
            switch answer.code {
            // The codes besides 0 by which systems say that there is no such entry, as in getpwnam(3).
            case 0, ENOENT, ESRCH, EBADF, EPERM: return answer.entry
            case ERANGE where size < 1 << 20: size *= 2
            case EINTR: continue
            default: throw StartupFailure(.osError, "\(option): '\(text)' cannot be looked up: \(systemError(answer.code))")
            }
        }
    }
}
