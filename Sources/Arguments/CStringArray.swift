import Glibc

/// Strings as C wants them, null-terminated and with a null behind the last, for as long as this value lives.
@safe
struct CStringArray: ~Copyable {
    /// The array of pointers, which a C function may reorder.
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    /// Copies the strings.
    init(_ strings: [String]) {
        count = strings.count
        unsafe pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() {
            unsafe (pointers + index).initialize(to: strdup(string))
        }
        unsafe (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }

    /// The string that is at a place now; nil where there is none.
    func string(at index: Int) -> String? {
        guard (0..<count).contains(index), let pointer = unsafe pointers[index] else { return nil }
        return unsafe String(cString: pointer)
    }
}
