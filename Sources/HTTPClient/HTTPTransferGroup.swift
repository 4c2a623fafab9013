package import CCurl
package import HostSystem

/// Transfers that are under way at the same time, on one thread, with the connections that they keep.
///
/// It is safe to share: one thread uses it; the others only call `wake`, which libcurl allows at any time. The handle lives as long as this
/// object, and that of each open transfer too.
@safe package final class HTTPTransferGroup: @unchecked Sendable {
    private let multi: UnsafeMutableRawPointer
    private var transfers: [HTTPTransfer] = []

    /// A group without transfers; nil where there is no memory for one.
    package init?() {
        guard let multi = unsafe curl_multi_init() else { return nil }
        unsafe self.multi = multi
    }

    deinit {
        for transfer in transfers { unsafe curl_multi_remove_handle(multi, transfer.pointer) }
        unsafe curl_multi_cleanup(multi)
    }

    /// Begins the request that was prepared for a transfer.
    package func open(_ transfer: HTTPTransfer) {
        close(transfer)
        unsafe curl_multi_add_handle(multi, transfer.pointer)
        transfers.append(transfer)
    }

    /// Ends a transfer. One that is not over takes its connection with it.
    package func close(_ transfer: HTTPTransfer) {
        guard let place = transfers.firstIndex(where: { $0 === transfer }) else { return }
        transfers.remove(at: place)
        unsafe curl_multi_remove_handle(multi, transfer.pointer)
    }

    /// Reads what is there into the bodies of the transfers.
    ///
    /// - Returns: the transfers that ended, and how. They stay open until they are closed.
    package func advance() -> [(transfer: HTTPTransfer, code: CURLcode)] {
        var running: Int32 = 0
        unsafe curl_multi_perform(multi, &running)
        var left: Int32 = 0
        var ended: [(transfer: HTTPTransfer, code: CURLcode)] = []
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            let pointer = unsafe message.pointee.easy_handle
            if let transfer = transfers.first(where: { unsafe $0.pointer == pointer }) {
                ended.append((transfer, unsafe curl_message_result(message)))
            }
        }
        return ended
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
