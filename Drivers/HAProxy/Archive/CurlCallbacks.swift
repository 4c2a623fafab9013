import CCurl

// What libcurl calls during a transfer. The pointer that it hands over is a `GzipStream`, which `HTTPConnection.put` keeps alive
// until the transfer is over.

/// Hands the next bytes of the body over.
let readBody: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = { buffer, size, count, body in
    guard let buffer = unsafe buffer, let body = unsafe body else { return Int(CURL_READFUNC_ABORT) }
    let stream = unsafe Unmanaged<GzipStream>.fromOpaque(body).takeUnretainedValue()
    let bytes = stream.next(atMost: size * count)
    if stream.failure != nil { return Int(CURL_READFUNC_ABORT) }
    unsafe UnsafeMutableRawBufferPointer(start: buffer, count: size * count).copyBytes(from: bytes)
    return bytes.count
}

/// Goes back in the body: to its beginning, for a request that is sent again over a new connection.
let seekBody: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, Int32) -> Int32 = { body, offset, origin in
    guard let body = unsafe body, offset == 0, origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
    unsafe Unmanaged<GzipStream>.fromOpaque(body).takeUnretainedValue().restart()
    return CURL_SEEKFUNC_OK
}

/// Passes over the answer's body: its status says all.
let dropAnswer: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = { _, size, count, _ in
    size * count
}
