import Glibc

// What libinih calls during `ini_parse_stream`. Both get a pointer to the `IniScan` that started it, which outlives the call and owns
// everything but the buffer of the line. They stay file-scope values: a closure written in main.swift would belong to the main actor.

/// How libinih asks for a line: a buffer, its size, and what `ini_parse_stream` was given as the stream.
typealias IniReader = @convention(c) (UnsafeMutablePointer<CChar>?, Int32, UnsafeMutableRawPointer?) -> UnsafeMutablePointer<CChar>?

/// How libinih hands a key over: what `ini_parse_stream` was given for it, the section, the key and the value.
typealias IniHandler =
    @convention(c) (
        UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?
    ) -> Int32

/// Copies the next line into libinih's buffer, as `fgets` does, and answers null at the end.
let readIniLine: IniReader = { buffer, size, context in
    guard let buffer = unsafe buffer, let context = unsafe context else { return nil }
    let scan = unsafe Unmanaged<IniScan>.fromOpaque(context).takeUnretainedValue()
    // `nextLine` refuses lines that are longer than the buffer that `IniScan` told libinih to allocate.
    guard let line = scan.nextLine(), line.count < Int(size) else { return nil }
    for (offset, byte) in line.enumerated() { unsafe buffer[offset] = CChar(bitPattern: byte) }
    unsafe buffer[line.count] = 0
    return unsafe buffer
}

/// Takes a key and its value, whose texts are libinih's and only valid during the call. Answers that all is well: what the value means
/// is looked at afterwards.
let takeIniKey: IniHandler = { context, section, key, value in
    guard let context = unsafe context, let section = unsafe section, let key = unsafe key, let value = unsafe value else { return 0 }
    let scan = unsafe Unmanaged<IniScan>.fromOpaque(context).takeUnretainedValue()
    unsafe scan.take(section: String(cString: section), key: String(cString: key), value: String(cString: value))
    return 1
}
