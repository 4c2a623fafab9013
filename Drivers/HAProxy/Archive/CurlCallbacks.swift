import CCurl
import Glibc

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

/// Passes over a piece of the answer, header or body: its status says all.
let dropAnswer: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = { _, size, count, context in
    guard let context = unsafe context else { return 0 }
    let exchange = unsafe Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue()
    // Fewer than there are end the transfer.
    return exchange.take(size * count) ? size * count : 0
}

/// Opens a socket to an address, where that is allowed.
let openAllowedSocket: @convention(c) (UnsafeMutableRawPointer?, curlsocktype, UnsafeMutablePointer<curl_sockaddr>?) -> curl_socket_t = {
    context, _, address in
    guard let context = unsafe context, let address = unsafe address else { return CURL_SOCKET_BAD }
    let exchange = unsafe Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue()
    guard unsafe exchange.allows(address) else { return CURL_SOCKET_BAD }
    return unsafe socket(address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}

/// Ends a transfer whose answer takes too long.
let watchAnswer: @convention(c) (UnsafeMutableRawPointer?, curl_off_t, curl_off_t, curl_off_t, curl_off_t) -> Int32 = {
    context, _, _, _, sent in
    guard let context = unsafe context else { return 1 }
    return unsafe Unmanaged<HTTPExchange>.fromOpaque(context).takeUnretainedValue().isLate(sent: Int(sent)) ? 1 : 0
}
