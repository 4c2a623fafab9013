import Glibc

/// The system's words for an error code. glibc answers from memory of the calling thread, so no other thread changes them meanwhile.
package func errorText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
