import CCurl
import LBaaS

/// libcurl's transfers under way, which wait on the engine's poller (its multi interface).
///
/// Everything is called on the engine's thread, callbacks included: libcurl calls them from within its own functions only.
@safe final class Transfers {
    /// When libcurl wants to be called even where nothing is ready; nil for never.
    private(set) var due: ContinuousClock.Instant?

    /// libcurl's handle; nil until there is a transfer, for many workers never have one.
    private var multi: UnsafeMutableRawPointer?
    private let poller: Poller
    /// Handles for transfers to come: to make one costs more than to use it again.
    private var spare: [EasyHandle] = []
    private let mostSpare = 256

    /// libcurl is set up once in a process.
    private static let isSetUp = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

    init(poller: Poller) { self.poller = poller }

    deinit { if let multi = unsafe multi { unsafe curl_multi_cleanup(multi) } }

    private func setUp() throws(HealthCheckError) {
        if unsafe multi != nil { return }
        guard Self.isSetUp, let multi = unsafe curl_multi_init() else { throw HealthCheckError(.system, "libcurl cannot be set up") }
        unsafe self.multi = multi
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe curl_multi_set_context(multi, CURLMOPT_SOCKETDATA, context)
        unsafe curl_multi_set_socket_watcher(multi, watchSocket)
        unsafe curl_multi_set_context(multi, CURLMOPT_TIMERDATA, context)
        unsafe curl_multi_set_timer_setter(multi, setTimer)
    }

    /// The file of certificates of authorities that the system's libcurl uses.
    static var systemAuthorities: String? {
        unsafe curl_authorities().map { unsafe String(cString: $0) }
    }

    /// A handle that nobody uses, as good as new.
    func handle() throws(HealthCheckError) -> EasyHandle {
        try setUp()
        if let handle = spare.popLast() { return handle }
        guard let handle = EasyHandle() else { throw HealthCheckError(.exhausted, "no memory for a transfer") }
        return handle
    }

    /// Lets a transfer begin.
    func add(_ handle: EasyHandle) throws(HealthCheckError) {
        let code = unsafe curl_multi_add_handle(multi, handle.pointer)
        guard code == CURLM_OK else {
            throw HealthCheckError(.exhausted, "libcurl takes no transfer: \(unsafe String(cString: curl_multi_strerror(code)))")
        }
    }

    /// Ends a transfer, whatever it is doing.
    func remove(_ handle: EasyHandle) {
        unsafe curl_multi_remove_handle(multi, handle.pointer)
        guard spare.count < mostSpare else { return }
        handle.reset()
        spare.append(handle)
    }

    /// Goes on with a transfer whose socket is ready.
    func proceed(_ socket: Int32, _ readiness: Readiness) {
        var what: UInt32 = 0
        if readiness.contains(.input) { what |= UInt32(CURL_CSELECT_IN) }
        if readiness.contains(.output) { what |= UInt32(CURL_CSELECT_OUT) }
        if !readiness.isDisjoint(with: .failure) { what |= UInt32(CURL_CSELECT_ERR) }
        var running: Int32 = 0
        unsafe curl_multi_socket_action(multi, socket, Int32(what), &running)
    }

    /// Goes on with what libcurl wanted to do by now: new transfers begin so.
    func proceed(now: ContinuousClock.Instant) {
        guard let due, due <= now else { return }
        self.due = nil
        var running: Int32 = 0
        unsafe curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    /// The next transfer that is over.
    func nextFinished() -> (ticket: Ticket, code: CURLcode)? {
        guard let multi = unsafe multi else { return nil }
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE else { continue }
            return unsafe (EasyHandle.ticket(of: message.pointee.easy_handle), curl_message_result(message))
        }
        return nil
    }
}

extension Transfers {
    /// Lets the poller wait for a socket as libcurl wants it.
    func watch(_ socket: Int32, _ what: Int32, isKnown: Bool) {
        if what == CURL_POLL_REMOVE {
            poller.forget(socket)
            return
        }
        var readiness: Readiness = []
        if what & CURL_POLL_IN != 0 { readiness.insert(.input) }
        if what & CURL_POLL_OUT != 0 { readiness.insert(.output) }
        do throws(SystemFailure) {
            if isKnown {
                try poller.change(socket, to: readiness, as: .transfer(socket))
            } else {
                try poller.add(socket, for: readiness, as: .transfer(socket))
                // Anything but null tells from now on that it is known.
                unsafe curl_multi_assign(multi, socket, Unmanaged.passUnretained(self).toOpaque())
            }
        } catch {
            // There is no memory for it. The transfer then ends when its time is up.
        }
    }

    /// Notes when libcurl wants to be called; less than 0 for never.
    func noteTimer(milliseconds: Int) { due = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds) }
}
