import Glibc

/// Who may put files into a folder.
package enum FolderAccess {
    /// The mode of a folder that every user may write to, in octal digits: they could put a file of their own in place. nil for any other
    /// folder, and for one that is not there.
    package static func modeOpenToAll(_ folder: String) -> String? {
        var status = stat()
        guard unsafe stat(folder, &status) == 0, status.st_mode & S_IWOTH != 0 else { return nil }
        return String(status.st_mode & 0o7777, radix: 8)
    }

    /// What keeps this process from making files in a folder, as a sentence; nil where nothing does that can be told.
    package static func hindrance(to folder: String) -> String? {
        var status = stat()
        if unsafe stat(folder, &status) != 0 { return unsafe "\(folder): \(String(cString: strerror(errno)))" }
        if status.st_mode & S_IFMT != S_IFDIR { return "\(folder) is no folder" }
        if unsafe access(folder, W_OK | X_OK) == 0 { return nil }
        return unsafe "\(folder): \(String(cString: strerror(errno))) for the user with the number \(geteuid()); look at its owner and mode"
    }
}
