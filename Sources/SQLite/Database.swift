import CSQLite
import LBaaS

/// An SQLite connection. Owns the handle; one user at a time. It waits up to a second for a lock of others, where nothing else is set.
@safe package struct Database: ~Copyable {
    private let handle: OpaquePointer

    /// A failure as SQLite tells it.
    package struct Failure: Error {
        /// The primary result code.
        package let code: Int32
        /// Its words.
        package let message: String

        /// A failure in words.
        package init(code: Int32, message: String) {
            self.code = code
            self.message = message
        }
    }

    /// Opens a file for reading and writing.
    package init(path: String, create: Bool) throws(Failure) {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0)
        let code = unsafe sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let opened = unsafe handle else {
            let message = unsafe handle.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            unsafe sqlite3_close_v2(handle)
            throw Failure(code: code, message: message)
        }
        unsafe self.handle = opened
        unsafe sqlite3_busy_timeout(opened, 1000)
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    /// Whether closing leaves file and log as they are, instead of merging the log into the file.
    package func keepLogOnClose(_ keep: Bool) { unsafe sqlite3_keep_log_on_close(handle, keep ? 1 : 0) }

    /// Sets how long a statement waits for a lock of others, in milliseconds.
    package func setLockLimit(_ milliseconds: Int32) { unsafe sqlite3_busy_timeout(handle, milliseconds) }

    /// Runs statements that return nothing.
    package func execute(_ sql: String) throws(Failure) {
        guard unsafe sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
    }

    /// The first column of the first row, as an integer.
    package func integer(_ sql: String) throws(Failure) -> Int64 {
        let statement = try prepare(sql)
        guard try statement.step() else { return 0 }
        return statement.integer(0)
    }

    /// The first column of the first row, as text.
    package func text(_ sql: String) throws(Failure) -> String {
        let statement = try prepare(sql)
        guard try statement.step() else { return "" }
        return statement.text(0)
    }

    /// Compiles a statement, to be run any number of times while the connection is open.
    package func prepare(_ sql: String) throws(Failure) -> Statement {
        var statement: OpaquePointer?
        guard unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK,
            let prepared = unsafe statement
        else { throw failure() }
        return unsafe Statement(handle: prepared)
    }

    private func failure() -> Failure {
        unsafe Failure(code: sqlite3_errcode(handle), message: String(cString: sqlite3_errmsg(handle)))
    }
}

/// A compiled statement. Owns the handle; SQLite keeps the connection alive until the last of its statements is gone.
@safe package final class Statement {
    /// As much memory for values is kept, in bytes.
    private static let mostKept = 64 << 10

    private let handle: OpaquePointer
    /// The texts and bytes that are bound: one copy of all of them is cheaper than one of each by SQLite.
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 1)

    fileprivate init(handle: OpaquePointer) { unsafe self.handle = handle }

    deinit {
        unsafe sqlite3_finalize(handle)
        unsafe memory.deallocate()
    }

    /// A value bound to a parameter.
    package enum Value: Sendable {
        /// A number.
        case integer(Int64)
        /// A text in UTF-8.
        case text(String)
        /// Bytes.
        case bytes([UInt8])
        /// NULL.
        case null

        /// The bytes that a copy of it takes.
        fileprivate var size: Int {
            switch self {
            case .text(let text): text.utf8.count
            case .bytes(let bytes): bytes.count
            case .integer, .null: 0
            }
        }
    }

    /// Runs a statement that returns nothing, with a value for each of its parameters.
    package func run(_ values: Value...) throws(Database.Failure) { try run(values) }

    /// Runs a statement that returns nothing, with a value for each of its parameters.
    ///
    /// - Returns: how many rows it has changed.
    @discardableResult package func run(_ values: [Value]) throws(Database.Failure) -> Int {
        try bind(values)
        let code = unsafe sqlite3_step(handle)
        guard code == SQLITE_DONE || code == SQLITE_ROW else {
            let failure = failure()
            unsafe sqlite3_reset(handle)
            throw failure
        }
        unsafe sqlite3_reset(handle)
        return unsafe Int(sqlite3_changes(sqlite3_db_handle(handle)))
    }

    /// Reads the rows of a query, with a value for each of its parameters.
    ///
    /// - Parameter row: takes a row, and answers whether it wants the next one.
    package func query(_ values: [Value], _ row: (Statement) -> Bool) throws(Database.Failure) {
        try bind(values)
        defer { unsafe _ = sqlite3_reset(handle) }
        while try step(), row(self) {}
    }

    private func bind(_ values: [Value]) throws(Database.Failure) {
        makeRoom(for: values)
        var end = 0
        for (index, value) in values.enumerated() {
            guard bind(value, to: Int32(index + 1), &end) == SQLITE_OK else { throw failure() }
        }
    }

    /// Binds a value to a parameter. Texts and bytes are copied behind those that are bound already, and SQLite reads them there.
    ///
    /// - Parameter end: where those end; then where this one does.
    private func bind(_ value: Value, to parameter: Int32, _ end: inout Int) -> Int32 {
        switch value {
        case .integer(let number): return unsafe sqlite3_bind_int64(handle, parameter, number)
        case .null: return unsafe sqlite3_bind_null(handle, parameter)
        case .text(let text):
            let copy = unsafe text.withBytes { unsafe keep(UnsafeRawBufferPointer($0), &end) }
            return unsafe sqlite3_bind_text(handle, parameter, copy.assumingMemoryBound(to: CChar.self), Int32(text.utf8.count), nil)
        case .bytes(let bytes):
            let copy = unsafe bytes.withUnsafeBytes { unsafe keep($0, &end) }
            return unsafe sqlite3_bind_blob64(handle, parameter, copy, UInt64(bytes.count), nil)
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, _ end: inout Int) -> UnsafeMutableRawPointer {
        let start = unsafe memory.baseAddress.unsafelyUnwrapped + end
        unsafe UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyMemory(from: bytes)
        end += bytes.count
        return unsafe start
    }

    /// Makes room for the texts and bytes of all values. What was bound before is not read any more.
    private func makeRoom(for values: [Value]) {
        let size = values.reduce(0) { $0 + $1.size }
        // Large ones are rare, and their memory is not kept for the next.
        if unsafe size <= memory.count && (memory.count <= Self.mostKept || size > Self.mostKept) { return }
        unsafe memory.deallocate()
        unsafe memory = .allocate(byteCount: max(size, 256), alignment: 1)
    }

    /// Goes to the next row; false behind the last.
    package func step() throws(Database.Failure) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure()
        }
    }

    /// Whether a column of the row is NULL.
    package func isNull(_ column: Int32) -> Bool { unsafe sqlite3_column_type(handle, column) == SQLITE_NULL }

    /// A column of the row as an integer; 0 for NULL.
    package func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    /// A column of the row as text.
    package func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    /// A column of the row as bytes; none for NULL.
    package func bytes(_ column: Int32) -> [UInt8] {
        let start = unsafe sqlite3_column_blob(handle, column)
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    private func failure() -> Database.Failure {
        let connection = unsafe sqlite3_db_handle(handle)
        return unsafe Database.Failure(code: sqlite3_errcode(connection), message: String(cString: sqlite3_errmsg(connection)))
    }
}
