package import CCurl
package import HostSystem

/// An answer that is read as it comes.
///
/// It is safe to share: one thread uses it; the others only call `wake`, which libcurl allows at any time. Both handles live as long as this
/// object.
@safe package final class HTTPStream: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer
    private var isOpen = false

    /// The request and what came of its answer. It is prepared before `open`.
    package let transfer: HTTPTransfer
    /// How the transfer ended; nil while it goes on.
    package private(set) var end: CURLcode?

    /// A stream without a connection; nil where there is no memory for one.
    package init?(_ options: HTTPClientOptions) {
        guard let transfer = HTTPTransfer(options), let multi = unsafe curl_multi_init() else { return nil }
        self.transfer = transfer
        unsafe self.multi = multi
    }

    deinit {
        if isOpen { unsafe curl_multi_remove_handle(multi, transfer.pointer) }
        unsafe curl_multi_cleanup(multi)
    }

    /// Begins the request that was prepared, over a new connection.
    package func open() {
        close()
        unsafe curl_multi_add_handle(multi, transfer.pointer)
        isOpen = true
    }

    /// Closes the connection.
    package func close() {
        // A transfer that is not over takes its connection with it.
        if isOpen { unsafe curl_multi_remove_handle(multi, transfer.pointer) }
        (isOpen, end) = (false, nil)
    }

    /// Reads what is there into the body of the transfer.
    package func advance() {
        var running: Int32 = 0
        unsafe curl_multi_perform(multi, &running)
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            if unsafe message.pointee.msg == CURLMSG_DONE { end = unsafe curl_message_result(message) }
        }
    }

    /// Waits until there may be something to read, or a time has come, or somebody calls `wake`.
    ///
    /// - Parameter descriptors: ends the wait as well where one of them can be read, or has an error.
    package func wait(until deadline: Deadline, watching descriptors: [Int32] = []) {
        var others = descriptors.map { curl_waitfd(fd: $0, events: Int16(CURL_WAIT_POLLIN), revents: 0) }
        unsafe curl_multi_poll(multi, &others, UInt32(others.count), deadline.milliseconds, nil)
    }

    /// Ends a wait, the present one or the next.
    package func wake() { unsafe curl_multi_wakeup(multi) }
}
