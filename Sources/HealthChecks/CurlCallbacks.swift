import CCurl
import Glibc
import HostSystem

// What libcurl calls, on the engine's thread and only from within a function of its own that was called there.
//
// - The context of the first two is the `Transfers` that owns the multi handle, and so is there longer than any call.
// - The context of the others is the `EasyHandle` whose transfer it is. A transfer under way is owned by its `Transfer`, which takes the
//   handle out of the multi handle before it lets go of it.
// - Memory that is handed over is libcurl's, and lives until the callback returns.

/// A socket is to be waited for in this way, or no more. `socketContext` is null for a socket that is not known yet.
let watchSocket: curl_socket_watcher = { _, socket, what, context, socketContext in
    guard let context = unsafe context else { return 0 }
    unsafe Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().watch(socket, what, isKnown: socketContext != nil)
    return 0
}

/// libcurl wants to be called in so many milliseconds, or not at all where that is less than 0.
let setTimer: curl_timer_setter = { _, milliseconds, context in
    guard let context = unsafe context else { return 0 }
    unsafe Unmanaged<Transfers>.fromOpaque(context).takeUnretainedValue().noteTimer(milliseconds: milliseconds)
    return 0
}

/// A socket is to be made.
let openSocket: curl_socket_maker = { context, _, destination in
    guard let context = unsafe context, let destination = unsafe destination else { return CURL_SOCKET_BAD }
    return unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue().makeSocket(destination)
}

/// A TLS connection is to begin: it verifies certificates by the authorities that its transfer was given.
let setAuthorities: curl_ssl_ctx_callback = { _, sslContext, context in
    guard let context = unsafe context, let sslContext = unsafe sslContext else { return CURLE_SSL_CONNECT_ERROR }
    unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue().authorities?.use(in: sslContext)
    return CURLE_OK
}

/// A line of a header came. The status line is all that a check wants: the transfer is given up there by taking nothing.
let takeHeader: curl_piece_function = { _, size, count, context in
    guard let context = unsafe context else { return 0 }
    return unsafe Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue().noteStatus() ? 0 : size * count
}

/// A piece of a body came: there is none without a status line before.
let takeBody: curl_piece_function = { _, _, _, _ in 0 }
