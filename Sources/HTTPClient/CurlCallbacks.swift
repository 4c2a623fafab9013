import CCurl

// What libcurl calls during a transfer, from within a function of its own that the thread of the transfer called. The context is the
// `HTTPTransfer` of the transfer, which is there longer than its easy handle. The memory that is handed over lives until the callback returns.

/// C's `curl_piece_function`. Spelled out, because the extraction of documentation of Swift 6.3 fails where a type of C is in a variable's type.
typealias PieceFunction = @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int

/// A piece of the body came. A number that is not its size ends the transfer.
let takeBody: PieceFunction = { piece, size, count, context in
    guard let piece = unsafe piece, let context = unsafe context else { return 0 }
    let transfer = unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
    return transfer.take(unsafe UnsafeRawBufferPointer(start: piece, count: size * count)) ? size * count : 0
}

/// A line of the header came: only its size counts.
let takeHeader: PieceFunction = { _, size, count, context in
    guard let context = unsafe context else { return 0 }
    return unsafe Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue().takeHeader(size * count) ? size * count : 0
}
