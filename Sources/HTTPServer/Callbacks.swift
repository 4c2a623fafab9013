import CMicrohttpd
import Glibc

// What the library calls, on the thread of the listener. The context is a Listener, that of a connection is a Connection, and that of a request
// an Exchange. Each of the latter two has one reference, which is made at the beginning and taken over at the end.

/// The first line of a request is there.
let beginRequest: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
    _, target, handle in
    guard let handle = unsafe handle, let context = unsafe mhd_connection_context(handle) else { return nil }
    let connection = unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue()
    let exchange = unsafe Exchange(connection, ConnectionHandle(handle), target: target)
    unsafe hideQuery(of: target)
    connection.begin(exchange)
    return unsafe Unmanaged.passRetained(exchange).toOpaque()
}

/// Writes over the query of a target in the library's own buffer, once `Exchange` has read it. The library would copy each name of it into
/// the memory of the connection, and never answers where a few hundred names do not fit in there.
private func hideQuery(of target: UnsafePointer<CChar>?) {
    guard let target = unsafe target, var next = unsafe strchr(target, Int32(UInt8(ascii: "?"))) else { return }
    while unsafe next.pointee != 0 {
        unsafe next.pointee = CChar(UInt8(ascii: "/"))
        unsafe next += 1
    }
}

/// The head of a request is there, or a part of its body, or all of it.
let proceedWithRequest: MHD_AccessHandlerCallback = { _, _, _, method, version, data, size, context in
    guard let method = unsafe method, let version = unsafe version, let size = unsafe size, let exchange = unsafe context?.pointee else {
        return .NO
    }
    return unsafe Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue().proceed(
        method: method, version: version, data: data, size: size)
}

/// A request is over.
let endRequest: MHD_RequestCompletedCallback = { _, _, context, _ in
    guard let exchange = unsafe context?.pointee else { return }
    unsafe context?.pointee = nil
    unsafe Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue().end()
}

/// A connection is taken, or closed.
let changeConnection: MHD_NotifyConnectionCallback = { listener, handle, context, change in
    guard let listener = unsafe listener, let handle = unsafe handle, let context = unsafe context else { return }
    switch change {
    case .CONNECTION_NOTIFY_STARTED:
        let listener = unsafe Unmanaged<Listener>.fromOpaque(listener).takeUnretainedValue()
        let connection = unsafe Connection(listener, descriptor: mhd_connection_socket(handle))
        listener.context.table.add(connection)
        unsafe context.pointee = Unmanaged.passRetained(connection).toOpaque()
    case .CONNECTION_NOTIFY_CLOSED:
        guard let pointer = unsafe context.pointee else { return }
        unsafe context.pointee = nil
        let connection = unsafe Unmanaged<Connection>.fromOpaque(pointer).takeRetainedValue()
        connection.listener.context.table.remove(connection)
    default: return
    }
}

/// A field of a head, for a HeadReader.
let readHeader: MHD_KeyValueIteratorN = { context, _, name, nameSize, value, valueSize in
    guard let context = unsafe context else { return .NO }
    unsafe context.assumingMemoryBound(to: HeadReader.self).pointee.add(
        name: UnsafeRawBufferPointer(start: name, count: nameSize), value: UnsafeRawBufferPointer(start: value, count: valueSize))
    return .YES
}

/// A field of a head, for a HeadComparison.
let compareHeader: MHD_KeyValueIteratorN = { context, _, name, nameSize, value, valueSize in
    guard let context = unsafe context else { return .NO }
    unsafe context.assumingMemoryBound(to: HeadComparison.self).pointee.add(
        name: UnsafeRawBufferPointer(start: name, count: nameSize), value: UnsafeRawBufferPointer(start: value, count: valueSize))
    return .YES
}

/// There is room for events, for an EventClient.
let readEvents: MHD_ContentReaderCallback = { context, _, buffer, size in
    guard let context = unsafe context else { return mhd_end_of_stream }
    return unsafe Unmanaged<EventClient>.fromOpaque(context).takeUnretainedValue().read(
        into: UnsafeMutableRawBufferPointer(start: buffer, count: size))
}

/// An event stream is over.
let endEvents: MHD_ContentReaderFreeCallback = { context in
    guard let context = unsafe context else { return }
    unsafe Unmanaged<EventClient>.fromOpaque(context).takeRetainedValue().close()
}

/// There is room for a part of a body, for a LargeBody.
let readBody: MHD_ContentReaderCallback = { context, offset, buffer, size in
    guard let context = unsafe context else { return mhd_end_of_stream }
    return unsafe Unmanaged<LargeBody>.fromOpaque(context).takeUnretainedValue().read(
        from: Int(clamping: offset), into: UnsafeMutableRawBufferPointer(start: buffer, count: size))
}

/// A body is sent, or will not be.
let endBody: MHD_ContentReaderFreeCallback = { context in
    guard let context = unsafe context else { return }
    unsafe Unmanaged<LargeBody>.fromOpaque(context).release()
}
